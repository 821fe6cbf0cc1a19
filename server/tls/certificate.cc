#include "server/tls/certificate.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/digest.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/obj.h>
#include <openssl/x509v3.h>

#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "proto/status/error.h"
#include "server/base/utf8.h"
#include "server/tls/pem.h"

namespace tlsd::tls {
namespace {

// RFC 2253 escapes, so that no value can pass for a separator, and UTF-8.
constexpr unsigned long kNameFlags =
    XN_FLAG_SEP_CPLUS_SPC | ASN1_STRFLGS_ESC_2253 | ASN1_STRFLGS_ESC_CTRL |
    ASN1_STRFLGS_UTF8_CONVERT;

std::string PrintName(const X509_NAME* name, unsigned long flags) {
  bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  if (bio == nullptr ||
      X509_NAME_print_ex(bio.get(), name, /*indent=*/0, flags) < 0) {
    return "";
  }
  const uint8_t* data = nullptr;
  size_t size = 0;
  if (!BIO_mem_contents(bio.get(), &data, &size)) return "";
  return std::string(reinterpret_cast<const char*>(data), size);
}

std::string DescribeName(const X509_NAME* name) {
  std::string text = PrintName(name, kNameFlags);
  if (base::IsValidUtf8(text)) return text;
  // A string whose bytes are not what its type says: show them escaped.
  return PrintName(
      name, (kNameFlags & ~ASN1_STRFLGS_UTF8_CONVERT) | ASN1_STRFLGS_ESC_MSB);
}

absl::string_view StringBytes(const ASN1_STRING* value) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
          static_cast<size_t>(ASN1_STRING_length(value))};
}

std::string DescribeIpAddress(absl::string_view bytes) {
  char text[INET6_ADDRSTRLEN];
  const int family = bytes.size() == 4    ? AF_INET
                     : bytes.size() == 16 ? AF_INET6
                                          : AF_UNSPEC;
  if (family == AF_UNSPEC ||
      inet_ntop(family, bytes.data(), text, sizeof(text)) == nullptr) {
    return absl::BytesToHexString(bytes);
  }
  return text;
}

std::string DescribeGeneralName(const GENERAL_NAME* name) {
  switch (name->type) {
    case GEN_DNS:
      return absl::StrCat("DNS:", absl::CHexEscape(StringBytes(name->d.ia5)));
    case GEN_EMAIL:
      return absl::StrCat("email:", absl::CHexEscape(StringBytes(name->d.ia5)));
    case GEN_URI:
      return absl::StrCat("URI:", absl::CHexEscape(StringBytes(name->d.ia5)));
    case GEN_IPADD:
      return absl::StrCat("IP:", DescribeIpAddress(StringBytes(name->d.ip)));
    case GEN_DIRNAME:
      return absl::StrCat("DirName:", DescribeName(name->d.directoryName));
    default:
      return "";
  }
}

std::vector<std::string> DescribeAlternativeNames(const X509* certificate) {
  std::vector<std::string> result;
  bssl::UniquePtr<GENERAL_NAMES> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(
          certificate, NID_subject_alt_name, /*out_critical=*/nullptr,
          /*out_idx=*/nullptr)));
  if (names == nullptr) return result;
  for (const GENERAL_NAME* name : names.get()) {
    std::string text = DescribeGeneralName(name);
    if (!text.empty()) result.push_back(std::move(text));
  }
  return result;
}

std::string DescribePublicKey(X509* certificate) {
  bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(certificate));
  if (key == nullptr) return "unsupported";
  switch (EVP_PKEY_id(key.get())) {
    case EVP_PKEY_RSA:
      return absl::StrCat("RSA ", EVP_PKEY_bits(key.get()));
    case EVP_PKEY_EC: {
      const EC_KEY* ec_key = EVP_PKEY_get0_EC_KEY(key.get());
      const char* curve =
          EC_curve_nid2nist(EC_GROUP_get_curve_name(EC_KEY_get0_group(ec_key)));
      return absl::StrCat("EC ", curve != nullptr ? curve : "unknown");
    }
    case EVP_PKEY_ED25519:
      return "Ed25519";
    default:
      return OBJ_nid2sn(EVP_PKEY_id(key.get()));
  }
}

std::string DescribeSerialNumber(const X509* certificate) {
  bssl::UniquePtr<BIGNUM> number(
      ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  if (number == nullptr) return "";
  bssl::UniquePtr<char> hex(BN_bn2hex(number.get()));
  return hex == nullptr ? "" : absl::AsciiStrToUpper(hex.get());
}

std::string Sha256Fingerprint(absl::string_view der) {
  uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (!EVP_Digest(der.data(), der.size(), digest, &size, EVP_sha256(),
                  nullptr)) {
    return "";
  }
  return absl::StrJoin(
      absl::MakeConstSpan(digest, size), ":",
      [](std::string* out, uint8_t byte) {
        const char text[] = {static_cast<char>(byte)};
        absl::StrAppend(
            out, absl::AsciiStrToUpper(absl::BytesToHexString({text, 1})));
      });
}

std::string EncodeDer(X509* certificate) {
  uint8_t* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  if (size < 0) return "";
  bssl::UniquePtr<uint8_t> owner(der);
  return std::string(reinterpret_cast<const char*>(der), size);
}

absl::Time ToTime(const ASN1_TIME* time, absl::Time fallback) {
  int64_t seconds = 0;
  if (!ASN1_TIME_to_posix(time, &seconds)) return fallback;
  return absl::FromUnixSeconds(seconds);
}

}  // namespace

CertificateFacts DescribeCertificate(X509* certificate) {
  CertificateFacts facts;
  facts.subject = DescribeName(X509_get_subject_name(certificate));
  facts.issuer = DescribeName(X509_get_issuer_name(certificate));
  facts.subject_alternative_names = DescribeAlternativeNames(certificate);
  facts.not_before = NotBefore(certificate);
  facts.not_after = NotAfter(certificate);
  facts.serial_number = DescribeSerialNumber(certificate);
  facts.public_key = DescribePublicKey(certificate);
  facts.der = EncodeDer(certificate);
  facts.sha256_fingerprint = Sha256Fingerprint(facts.der);
  return facts;
}

// A date that cannot be read is no licence: such a certificate is never valid.
absl::Time NotBefore(const X509* certificate) {
  return ToTime(X509_get0_notBefore(certificate), absl::InfiniteFuture());
}
absl::Time NotAfter(const X509* certificate) {
  return ToTime(X509_get0_notAfter(certificate), absl::InfinitePast());
}

absl::StatusOr<std::vector<bssl::UniquePtr<X509>>> ReadCertificates(
    absl::string_view field, absl::string_view pem) {
  std::vector<bssl::UniquePtr<X509>> certificates;
  PemReader reader(pem);
  while (std::optional<PemBlock> block = reader.Next()) {
    const std::string ordinal =
        absl::StrCat("certificate ", certificates.size() + 1);
    const uint8_t* data = block->data();
    bssl::UniquePtr<X509> certificate;
    if (block->name() == "CERTIFICATE" || block->name() == "X509 CERTIFICATE") {
      certificate.reset(d2i_X509(nullptr, &data, block->size()));
    } else if (block->name() == "TRUSTED CERTIFICATE") {
      certificate.reset(d2i_X509_AUX(nullptr, &data, block->size()));
    } else {
      return PemError(field,
                      absl::StrCat("holds a ", QuoteForMessage(block->name()),
                                   "; only certificates are allowed"));
    }
    if (certificate == nullptr || data != block->data() + block->size()) {
      return PemError(field, absl::StrCat(ordinal, " is malformed"));
    }
    certificates.push_back(std::move(certificate));
  }
  if (reader.malformed()) {
    return PemError(
        field, absl::StrCat("the PEM of certificate ", certificates.size() + 1,
                            " is malformed"));
  }
  if (certificates.empty()) {
    return PemError(field, "holds no \"-----BEGIN CERTIFICATE-----\"");
  }
  return certificates;
}

}  // namespace tlsd::tls
