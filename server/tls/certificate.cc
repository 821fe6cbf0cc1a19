#include "server/tls/certificate.h"

#include <openssl/bn.h>
#include <openssl/digest.h>
#include <openssl/mem.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "proto/status/error.h"
#include "server/tls/certificate_extensions.h"
#include "server/tls/certificate_names.h"
#include "server/tls/pem.h"
#include "server/tls/public_key_facts.h"
#include "server/tls/ssl_error.h"

namespace tlsd::tls {
namespace {

std::string DescribeSerialNumber(const X509* certificate) {
  bssl::UniquePtr<BIGNUM> number(
      ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  if (number == nullptr) return "";
  bssl::UniquePtr<char> hex(BN_bn2hex(number.get()));
  return hex == nullptr ? "" : absl::AsciiStrToUpper(hex.get());
}

std::string DescribeSignatureAlgorithm(const X509* certificate) {
  const X509_ALGOR* algorithm = nullptr;
  X509_get0_signature(/*out_sig=*/nullptr, &algorithm, certificate);
  const ASN1_OBJECT* object = nullptr;
  X509_ALGOR_get0(&object, /*out_param_type=*/nullptr,
                  /*out_param_value=*/nullptr, algorithm);
  return DescribeObject(object);
}

std::string Fingerprint(absl::string_view der, const EVP_MD* algorithm) {
  uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (!EVP_Digest(der.data(), der.size(), digest, &size, algorithm, nullptr)) {
    return "";
  }
  return absl::StrJoin(absl::MakeConstSpan(digest, size), ":",
                       [](std::string* out, uint8_t byte) {
                         absl::StrAppendFormat(out, "%02X", byte);
                       });
}

absl::Time ToTime(const ASN1_TIME* time, absl::Time fallback) {
  int64_t seconds = 0;
  if (!ASN1_TIME_to_posix(time, &seconds)) return fallback;
  return absl::FromUnixSeconds(seconds);
}

}  // namespace

CertificateFacts DescribeCertificate(X509* certificate) {
  // What cannot be read leaves entries in the queue.
  const ErrorQueueGuard guard;
  CertificateFacts facts;
  facts.subject = DescribeName(X509_get_subject_name(certificate));
  facts.issuer = DescribeName(X509_get_issuer_name(certificate));
  facts.subject_attributes =
      DescribeAttributes(X509_get_subject_name(certificate));
  facts.issuer_attributes =
      DescribeAttributes(X509_get_issuer_name(certificate));
  facts.not_before = NotBefore(certificate);
  facts.not_after = NotAfter(certificate);
  facts.valid_from = DescribeTime(X509_get0_notBefore(certificate));
  facts.valid_to = DescribeTime(X509_get0_notAfter(certificate));
  facts.serial_number = DescribeSerialNumber(certificate);
  facts.signature_algorithm = DescribeSignatureAlgorithm(certificate);
  DescribePublicKey(certificate, facts);
  DescribeExtensions(certificate, facts);
  facts.der = EncodeDer(certificate);
  facts.sha1_fingerprint = Fingerprint(facts.der, EVP_sha1());
  facts.sha256_fingerprint = Fingerprint(facts.der, EVP_sha256());
  facts.sha512_fingerprint = Fingerprint(facts.der, EVP_sha512());
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
  const ErrorQueueGuard guard;
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

absl::StatusOr<bssl::UniquePtr<X509>> ReadCertificate(absl::string_view field,
                                                      absl::string_view der) {
  const ErrorQueueGuard guard;
  const auto* data = reinterpret_cast<const uint8_t*>(der.data());
  const uint8_t* const end = data + der.size();
  bssl::UniquePtr<X509> certificate(
      d2i_X509(nullptr, &data, static_cast<long>(der.size())));
  if (certificate == nullptr) {
    return PemError(field, "is no certificate in DER");
  }
  if (data != end) {
    return PemError(field, absl::StrCat("holds ", end - data,
                                        " bytes behind the certificate"));
  }
  return certificate;
}

std::string EncodeDer(X509* certificate) {
  uint8_t* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  if (size < 0) return "";
  const bssl::UniquePtr<uint8_t> owner(der);
  return std::string(reinterpret_cast<const char*>(der), size);
}

}  // namespace tlsd::tls
