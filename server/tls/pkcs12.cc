#include "server/tls/pkcs12.h"

#include <openssl/bytestring.h>
#include <openssl/digest.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/pkcs8.h>

#include <string>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "server/base/status_macros.h"
#include "server/base/utf8.h"
#include "server/tls/private_key.h"
#include "server/tls/ssl_error.h"

namespace tlsd::tls {
namespace {

constexpr absl::string_view kField = "pfx";
constexpr size_t kBytesMax = 1024 * 1024;
constexpr size_t kPassphraseBytesMax = 1024;

// IsBasicText reports whether `text` is UTF-8 without characters of four bytes:
// the passphrase is hashed in UCS-2.
bool IsBasicText(absl::string_view text) {
  return base::IsValidUtf8(text) &&
         absl::c_all_of(text, [](unsigned char byte) { return byte < 0xf0; });
}

absl::Status CheckInput(absl::string_view pfx, absl::string_view passphrase) {
  if (pfx.empty()) return FieldRequired(kField);
  if (pfx.size() > kBytesMax) {
    return ProblemError(
        Reason::kFieldInvalid, kField,
        absl::StrCat("got ", pfx.size(), " bytes; allowed: ", kBytesMax));
  }
  if (passphrase.size() > kPassphraseBytesMax) {
    return ProblemError(Reason::kFieldInvalid, "passphrase",
                        absl::StrCat("got ", passphrase.size(),
                                     " bytes; allowed: ", kPassphraseBytesMax));
  }
  if (passphrase.find('\0') != absl::string_view::npos) {
    return ProblemError(Reason::kFieldInvalid, "passphrase",
                        "holds a zero byte, which PKCS#12 cannot take");
  }
  if (!IsBasicText(passphrase)) {
    return ProblemError(
        Reason::kFieldInvalid, "passphrase",
        "holds what is not UTF-8, or a character beyond U+FFFF, "
        "which the library cannot take");
  }
  return absl::OkStatus();
}

absl::Status ExplainFailure(absl::string_view pfx, bool has_passphrase) {
  const LibraryError error = TakeLibraryError();
  if (IsUnsupportedEncryption(error) ||
      (error.library == ERR_LIB_DIGEST &&
       error.reason == DIGEST_R_UNKNOWN_HASH)) {
    return UnsupportedKey(
        kField,
        absl::StrCat("a file encrypted in a way that is not supported (",
                     error.reason_name, ")"));
  }
  if (error.library == ERR_LIB_PKCS8 && error.reason == PKCS8_R_DECODE_ERROR &&
      HasUnreadKeyDerivation(pfx)) {
    return UnsupportedKey(kField, kUnreadKeyDerivation);
  }
  if (error.library == ERR_LIB_PKCS8) {
    switch (error.reason) {
      case PKCS8_R_INCORRECT_PASSWORD:
        return has_passphrase
                   ? ProblemError(Reason::kPassphraseWrong, "passphrase",
                                  "the file does not open with it")
                   : ProblemError(Reason::kPassphraseRequired, "passphrase",
                                  "the file is encrypted");
      case PKCS8_R_MULTIPLE_PRIVATE_KEYS_IN_PKCS12:
        return ProblemError(Reason::kKeyAmbiguous, kField,
                            "holds several private keys; one is allowed");
      case PKCS8_R_MISSING_MAC:
        return ProblemError(Reason::kPkcs12Invalid, kField,
                            "has no MAC, so that its content cannot be relied "
                            "on; export it again with one");
      case PKCS8_R_PKCS12_PUBLIC_KEY_INTEGRITY_NOT_SUPPORTED:
        return ProblemError(Reason::kPkcs12Invalid, kField,
                            "is signed instead of having a MAC, which is not "
                            "supported");
      default:
        break;
    }
  }
  if (IsUnsupportedKind(error)) {
    return UnsupportedKey(kField, absl::StrCat("a key of another kind (",
                                               error.reason_name, ")"));
  }
  return MakeError(Reason::kPkcs12Invalid,
                   absl::StrCat(kField, ": is not PKCS#12, or malformed"),
                   {{"field", std::string(kField)},
                    {"library", error.library_name},
                    {"library_reason", error.reason_name}});
}

bool Parse(absl::string_view pfx, const char* passphrase,
           Pkcs12Contents& contents) {
  CBS cbs;
  CBS_init(&cbs, reinterpret_cast<const uint8_t*>(pfx.data()), pfx.size());
  EVP_PKEY* key = nullptr;
  const bssl::UniquePtr<STACK_OF(X509)> certificates(sk_X509_new_null());
  if (certificates == nullptr ||
      !PKCS12_get_key_and_certs(&key, certificates.get(), &cbs, passphrase)) {
    return false;
  }
  contents.key.reset(key);
  for (X509* certificate : certificates.get()) {
    contents.certificates.push_back(bssl::UpRef(certificate));
  }
  return true;
}

bool ParseWith(absl::string_view pfx, absl::string_view passphrase,
               Pkcs12Contents& contents) {
  std::string terminated(passphrase);
  const bool parsed = Parse(pfx, terminated.c_str(), contents);
  OPENSSL_cleanse(terminated.data(), terminated.size());
  return parsed;
}

}  // namespace

absl::StatusOr<Pkcs12Contents> ReadPkcs12(absl::string_view pfx,
                                          absl::string_view passphrase) {
  TLSD_RETURN_IF_ERROR(CheckInput(pfx, passphrase));
  const ErrorQueueGuard guard;
  Pkcs12Contents contents;
  if (!ParseWith(pfx, passphrase, contents)) {
    return ExplainFailure(pfx, !passphrase.empty());
  }
  if (contents.key == nullptr) {
    return ProblemError(Reason::kKeyRequired, kField, "holds no private key");
  }
  TLSD_RETURN_IF_ERROR(CheckKeySupported(kField, contents.key.get()));
  if (contents.certificates.empty()) {
    return ProblemError(Reason::kPkcs12Invalid, kField, "holds no certificate");
  }
  return contents;
}

}  // namespace tlsd::tls
