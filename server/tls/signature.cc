#include "server/tls/signature.h"

#include <openssl/bytestring.h>
#include <openssl/digest.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "proto/status/error.h"
#include "server/tls/ssl_error.h"

namespace tlsd::tls {
namespace {

const uint8_t* BytesOf(absl::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

absl::Status Unusable(absl::string_view problem) {
  return ProblemError(Reason::kDecisionAnswerInvalid, "sign.signature",
                      problem);
}

bssl::UniquePtr<EVP_PKEY> ReadPublicKey(absl::string_view der) {
  CBS in;
  CBS_init(&in, BytesOf(der), der.size());
  bssl::UniquePtr<EVP_PKEY> key(EVP_parse_public_key(&in));
  if (CBS_len(&in) != 0) key.reset();
  return key;
}

bool Verifies(uint16_t algorithm, EVP_PKEY* key, absl::string_view input,
              absl::string_view signature) {
  bssl::ScopedEVP_MD_CTX context;
  EVP_PKEY_CTX* key_context = nullptr;
  if (!EVP_DigestVerifyInit(context.get(), &key_context,
                            SSL_get_signature_algorithm_digest(algorithm),
                            /*e=*/nullptr, key)) {
    return false;
  }
  if (SSL_is_signature_algorithm_rsa_pss(algorithm) &&
      (!EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING) ||
       !EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context,
                                         /*as the digest*/ -1))) {
    return false;
  }
  // All at once: Ed25519 knows no parts.
  return EVP_DigestVerify(context.get(), BytesOf(signature), signature.size(),
                          BytesOf(input), input.size());
}

}  // namespace

absl::Status CheckSignature(uint16_t algorithm, absl::string_view public_key,
                            absl::string_view input,
                            absl::string_view signature) {
  const ErrorQueueGuard guard;
  const char* name =
      SSL_get_signature_algorithm_name(algorithm, /*include_curve=*/1);
  if (name == nullptr) {
    return Unusable(absl::StrFormat(
        "cannot be checked: there is no algorithm 0x%04X", algorithm));
  }
  const bssl::UniquePtr<EVP_PKEY> key = ReadPublicKey(public_key);
  if (key == nullptr) {
    return Unusable("cannot be checked: the public key is malformed");
  }
  if (EVP_PKEY_id(key.get()) !=
      SSL_get_signature_algorithm_key_type(algorithm)) {
    return Unusable(absl::StrCat(
        "cannot be checked: the public key is not one for ", name));
  }
  if (!Verifies(algorithm, key.get(), input, signature)) {
    return Unusable(absl::StrCat("is no signature of the input by ", name,
                                 " with the key of the credentials"));
  }
  return absl::OkStatus();
}

}  // namespace tlsd::tls
