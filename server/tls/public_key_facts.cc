#include "server/tls/public_key_facts.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/obj.h>
#include <openssl/rsa.h>

#include <cstdint>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/tls/certificate_names.h"
#include "server/tls/sha256.h"

namespace tlsd::tls {
namespace {

std::string Hex(const BIGNUM* number) {
  const bssl::UniquePtr<char> hex(BN_bn2hex(number));
  return hex != nullptr ? hex.get() : "";
}

std::string HexWithPrefix(const BIGNUM* number) {
  const std::string hex = Hex(number);
  const size_t first = hex.find_first_not_of('0');
  return absl::StrCat("0x",
                      first == std::string::npos ? "0" : hex.substr(first));
}

void DescribeRsa(const RSA* key, CertificateFacts& facts) {
  facts.public_key_type = "RSA";
  facts.public_key = absl::StrCat("RSA ", facts.public_key_bits);
  facts.modulus = absl::AsciiStrToUpper(Hex(RSA_get0_n(key)));
  facts.exponent = HexWithPrefix(RSA_get0_e(key));
}

void DescribeEc(const EC_KEY* key, CertificateFacts& facts) {
  const int nid = EC_GROUP_get_curve_name(EC_KEY_get0_group(key));
  const char* curve = EC_curve_nid2nist(nid);
  const char* asn1_curve = OBJ_nid2sn(nid);
  facts.public_key_type = "EC";
  if (curve != nullptr) facts.curve = curve;
  if (asn1_curve != nullptr) facts.asn1_curve = asn1_curve;
  facts.public_key =
      absl::StrCat("EC ", facts.curve.empty() ? facts.asn1_curve : facts.curve);
}

// The key has a type, or a curve, that BoringSSL does not know.
void DescribeUnknown(X509_PUBKEY* key, CertificateFacts& facts) {
  ASN1_OBJECT* type = nullptr;
  X509_ALGOR* algorithm = nullptr;
  if (!X509_PUBKEY_get0_param(&type, /*out_key=*/nullptr,
                              /*out_key_len=*/nullptr, &algorithm, key)) {
    return;
  }
  if (OBJ_obj2nid(type) == NID_rsaEncryption) {
    facts.public_key_type = "RSA";
  } else if (OBJ_obj2nid(type) == NID_X9_62_id_ecPublicKey) {
    facts.public_key_type = "EC";
    int parameter_type = V_ASN1_UNDEF;
    const void* parameter = nullptr;
    X509_ALGOR_get0(/*out_obj=*/nullptr, &parameter_type, &parameter,
                    algorithm);
    if (parameter_type == V_ASN1_OBJECT) {
      facts.asn1_curve =
          DescribeObject(static_cast<const ASN1_OBJECT*>(parameter));
    }
  } else {
    facts.public_key_type = DescribeObject(type);
  }
  facts.public_key = facts.public_key_type;
  if (!facts.asn1_curve.empty()) {
    absl::StrAppend(&facts.public_key, " ", facts.asn1_curve);
  }
}

}  // namespace

std::string PublicKeyDer(X509* certificate) {
  uint8_t* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (size < 0) return "";
  const bssl::UniquePtr<uint8_t> owner(der);
  return std::string(reinterpret_cast<const char*>(der), size);
}

void DescribePublicKey(X509* certificate, CertificateFacts& facts) {
  X509_PUBKEY* info = X509_get_X509_PUBKEY(certificate);
  facts.public_key_der = PublicKeyDer(certificate);
  facts.public_key_pin = absl::Base64Escape(Sha256(facts.public_key_der));
  const bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(certificate));
  if (key == nullptr) return DescribeUnknown(info, facts);
  facts.public_key_bits = EVP_PKEY_bits(key.get());
  switch (EVP_PKEY_id(key.get())) {
    case EVP_PKEY_RSA:
      return DescribeRsa(EVP_PKEY_get0_RSA(key.get()), facts);
    case EVP_PKEY_EC:
      return DescribeEc(EVP_PKEY_get0_EC_KEY(key.get()), facts);
    case EVP_PKEY_ED25519:
      facts.public_key_type = "Ed25519";
      break;
    default:
      facts.public_key_type = OBJ_nid2sn(EVP_PKEY_id(key.get()));
      break;
  }
  facts.public_key = facts.public_key_type;
}

}  // namespace tlsd::tls
