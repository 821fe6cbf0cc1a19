#include "server/tls/private_key.h"

#include <openssl/bytestring.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/evp_errors.h>
#include <openssl/nid.h>
#include <openssl/obj.h>
#include <openssl/pem.h>
#include <openssl/pkcs8.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "server/base/status_macros.h"
#include "server/tls/pem.h"
#include "server/tls/ssl_error.h"

namespace tlsd::tls {
namespace {

constexpr absl::string_view kField = "private_key";
constexpr size_t kPemBytesMax = 100 * 1024;
constexpr int kRsaBitsMin = 2048;
constexpr int kRsaBitsMax = 8192;
constexpr absl::string_view kSupportedKeys =
    "RSA of 2048 to 8192 bits, EC on P-256, P-384 or P-521, or Ed25519";

// PassphraseRequest is what BoringSSL's callback gets; whether it was called
// tells whether the key is encrypted.
struct PassphraseRequest {
  absl::string_view passphrase;
  bool asked = false;
};

int GivePassphrase(char* buffer, int size, int /*for_writing*/, void* arg) {
  auto* request = static_cast<PassphraseRequest*>(arg);
  request->asked = true;
  if (request->passphrase.size() > static_cast<size_t>(size)) return 0;
  std::copy(request->passphrase.begin(), request->passphrase.end(), buffer);
  return static_cast<int>(request->passphrase.size());
}

// d2i_PrivateKey forgets why it could not parse a key in an older form, because
// it tries PKCS#8 next. ParseAgain asks the older parser alone.
LibraryError ParseAgain(absl::string_view pem) {
  PemReader reader(pem);
  while (const std::optional<PemBlock> block = reader.Next()) {
    CBS cbs;
    CBS_init(&cbs, block->data(), block->size());
    if (block->name() == PEM_STRING_ECPRIVATEKEY) {
      const bssl::UniquePtr<EC_KEY> key(
          EC_KEY_parse_private_key(&cbs, /*group=*/nullptr));
      return TakeLibraryError();
    }
    if (block->name() == PEM_STRING_RSA) {
      const bssl::UniquePtr<RSA> key(RSA_parse_private_key(&cbs));
      return TakeLibraryError();
    }
  }
  return {};
}

// Whether the encrypted key in `pem` is of the kind that HasUnreadKeyDerivation
// knows.
bool HoldsUnreadKeyDerivation(absl::string_view pem) {
  PemReader reader(pem);
  while (const std::optional<PemBlock> block = reader.Next()) {
    if (HasUnreadKeyDerivation(
            {reinterpret_cast<const char*>(block->data()), block->size()})) {
      return true;
    }
  }
  return false;
}

absl::Status ExplainFailure(absl::string_view pem,
                            const PassphraseRequest& request) {
  LibraryError error = TakeLibraryError();
  if (!request.asked && error.library == ERR_LIB_EVP &&
      error.reason == EVP_R_DECODE_ERROR) {
    if (const LibraryError again = ParseAgain(pem); again.library != 0) {
      error = again;
    }
  }
  if (IsUnsupportedEncryption(error)) {
    return UnsupportedKey(
        kField, absl::StrCat("a key encrypted in a way that is not supported (",
                             error.reason_name, ")"));
  }
  if (request.asked && request.passphrase.empty()) {
    return ProblemError(Reason::kPassphraseRequired, "passphrase",
                        "the private key is encrypted");
  }
  if (IsUnsupportedKind(error)) {
    return UnsupportedKey(kField, absl::StrCat("a key of another kind (",
                                               error.reason_name, ")"));
  }
  if (request.asked && HoldsUnreadKeyDerivation(pem)) {
    return UnsupportedKey(kField, kUnreadKeyDerivation);
  }
  // A wrong passphrase decrypts to garbage, which may look like any damage.
  if (request.asked) {
    return ProblemError(Reason::kPassphraseWrong, "passphrase",
                        "the private key does not open with it");
  }
  return MakeError(Reason::kPemInvalid,
                   absl::StrCat(kField, ": the private key is malformed"),
                   {{"field", std::string(kField)},
                    {"library", error.library_name},
                    {"library_reason", error.reason_name}});
}

absl::Status CheckOneKey(absl::string_view pem) {
  PemReader reader(pem);
  int key_count = 0;
  while (const std::optional<PemBlock> block = reader.Next()) {
    if (absl::EndsWith(block->name(), "PRIVATE KEY")) ++key_count;
  }
  if (reader.malformed()) return PemError(kField, "the PEM is malformed");
  if (key_count == 0) {
    return ProblemError(Reason::kKeyRequired, kField,
                        "holds no \"-----BEGIN PRIVATE KEY-----\"");
  }
  if (key_count > 1) {
    return ProblemError(
        Reason::kKeyAmbiguous, kField,
        absl::StrCat("holds ", key_count, " private keys; one is allowed"));
  }
  return absl::OkStatus();
}

}  // namespace

bool IsUnsupportedKind(const LibraryError& error) {
  switch (error.library) {
    case ERR_LIB_EVP:
      return error.reason == EVP_R_UNSUPPORTED_ALGORITHM;
    case ERR_LIB_EC:
      return error.reason == EC_R_UNKNOWN_GROUP ||
             error.reason == EC_R_NON_NAMED_CURVE ||
             error.reason == EC_R_WRONG_CURVE_PARAMETERS;
    case ERR_LIB_RSA:
      return error.reason == RSA_R_MODULUS_TOO_LARGE ||
             error.reason == RSA_R_KEY_SIZE_TOO_SMALL ||
             error.reason == RSA_R_BAD_E_VALUE;
    default:
      return false;
  }
}

bool IsUnsupportedEncryption(const LibraryError& error) {
  switch (error.library) {
    case ERR_LIB_PEM:
      return error.reason == PEM_R_UNSUPPORTED_ENCRYPTION ||
             error.reason == PEM_R_UNSUPPORTED_CIPHER;
    case ERR_LIB_PKCS8:
      return error.reason == PKCS8_R_UNSUPPORTED_PRF ||
             error.reason == PKCS8_R_UNSUPPORTED_CIPHER ||
             error.reason == PKCS8_R_UNSUPPORTED_KEY_DERIVATION_FUNCTION ||
             error.reason == PKCS8_R_UNSUPPORTED_OPTIONS ||
             error.reason == PKCS8_R_UNSUPPORTED_KEYLENGTH ||
             error.reason == PKCS8_R_UNSUPPORTED_SALT_TYPE ||
             error.reason == PKCS8_R_UNKNOWN_ALGORITHM ||
             error.reason == PKCS8_R_UNKNOWN_CIPHER ||
             error.reason == PKCS8_R_UNKNOWN_HASH ||
             error.reason == PKCS8_R_BAD_ITERATION_COUNT;
    default:
      return false;
  }
}

bool HasUnreadKeyDerivation(absl::string_view der) {
  // AlgorithmIdentifier { hmacWithSHA256 }, with nothing behind the identifier.
  constexpr absl::string_view kBare(
      "\x30\x0a\x06\x08\x2a\x86\x48\x86\xf7\x0d\x02\x09", 12);
  return absl::StrContains(der, kBare);
}

absl::Status UnsupportedKey(absl::string_view field, absl::string_view kind) {
  return MakeError(
      Reason::kKeyUnsupported,
      absl::StrCat(field, ": got ", kind, "; allowed: ", kSupportedKeys),
      {{"field", std::string(field)},
       {"got", std::string(kind)},
       {"allowed", std::string(kSupportedKeys)}});
}

absl::Status CheckKeySupported(absl::string_view field, const EVP_PKEY* key) {
  switch (EVP_PKEY_id(key)) {
    case EVP_PKEY_RSA: {
      const int bits = EVP_PKEY_bits(key);
      if (bits >= kRsaBitsMin && bits <= kRsaBitsMax) return absl::OkStatus();
      return UnsupportedKey(field, absl::StrCat("RSA of ", bits, " bits"));
    }
    case EVP_PKEY_EC: {
      const int curve =
          EC_GROUP_get_curve_name(EC_KEY_get0_group(EVP_PKEY_get0_EC_KEY(key)));
      if (curve == NID_X9_62_prime256v1 || curve == NID_secp384r1 ||
          curve == NID_secp521r1) {
        return absl::OkStatus();
      }
      return UnsupportedKey(field, absl::StrCat("EC on ", OBJ_nid2sn(curve)));
    }
    case EVP_PKEY_ED25519:
      return absl::OkStatus();
    default:
      return UnsupportedKey(field, OBJ_nid2sn(EVP_PKEY_id(key)));
  }
}

absl::StatusOr<bssl::UniquePtr<EVP_PKEY>> ParsePrivateKey(
    absl::string_view pem, absl::string_view passphrase) {
  if (pem.empty()) return FieldRequired(kField);
  if (pem.size() > kPemBytesMax) {
    return ProblemError(
        Reason::kFieldInvalid, kField,
        absl::StrCat("got ", pem.size(), " bytes; allowed: ", kPemBytesMax));
  }
  if (passphrase.size() > PEM_BUFSIZE) {
    return ProblemError(Reason::kFieldInvalid, "passphrase",
                        absl::StrCat("got ", passphrase.size(),
                                     " bytes; allowed: ", PEM_BUFSIZE));
  }
  TLSD_RETURN_IF_ERROR(CheckOneKey(pem));
  const ErrorQueueGuard guard;
  const bssl::UniquePtr<BIO> bio = OpenForRead(pem);
  PassphraseRequest request{passphrase};
  bssl::UniquePtr<EVP_PKEY> key(PEM_read_bio_PrivateKey(
      bio.get(), /*x=*/nullptr, GivePassphrase, &request));
  if (key == nullptr) return ExplainFailure(pem, request);
  TLSD_RETURN_IF_ERROR(CheckKeySupported(kField, key.get()));
  return key;
}

}  // namespace tlsd::tls
