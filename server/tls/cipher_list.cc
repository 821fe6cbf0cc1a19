#include "server/tls/cipher_list.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "proto/status/error.h"
#include "server/base/status_macros.h"
#include "server/tls/cipher_name.h"
#include "server/tls/policy.h"
#include "server/tls/ssl_error.h"

namespace tlsd::tls {
namespace {

constexpr absl::string_view kField = "ciphers";
constexpr size_t kTextBytesMax = 4096;

constexpr absl::string_view kAes128 = "TLS_AES_128_GCM_SHA256";
constexpr absl::string_view kAes256 = "TLS_AES_256_GCM_SHA384";
constexpr absl::string_view kChaCha20 = "TLS_CHACHA20_POLY1305_SHA256";
constexpr uint16_t kTls13Values[] = {0x1301, 0x1302, 0x1303};

// What OpenSSL's syntax can remove and BoringSSL has never had, or has dropped.
constexpr absl::string_view kAbsent[] = {"ADH",
                                         "AECDH",
                                         "aDH",
                                         "aDSS",
                                         "aECDH",
                                         "aGOST",
                                         "aNULL",
                                         "ARIA",
                                         "CAMELLIA",
                                         "COMPLEMENTOFALL",
                                         "COMPLEMENTOFDEFAULT",
                                         "DES",
                                         "DH",
                                         "DHE",
                                         "DSS",
                                         "EDH",
                                         "eNULL",
                                         "EXP",
                                         "EXPORT",
                                         "GOST",
                                         "IDEA",
                                         "kDHE",
                                         "kEDH",
                                         "kGOST",
                                         "kSRP",
                                         "LOW",
                                         "MD5",
                                         "MEDIUM",
                                         "NULL",
                                         "RC2",
                                         "RC4",
                                         "SEED",
                                         "SRP",
                                         "SSLv2",
                                         "DHEPSK",
                                         "kDHEPSK",
                                         "kRSAPSK",
                                         "AESCCM",
                                         "AESCCM8"};

// How the default list is written where a list begins with "DEFAULT".
constexpr absl::string_view kDefault = "DEFAULT";

std::vector<std::string> SplitTokens(absl::string_view text) {
  return absl::StrSplit(text, absl::ByAnyChar(": ,;"), absl::SkipEmpty());
}

absl::Status CiphersError(absl::string_view got, absl::string_view allowed) {
  return FieldError(Reason::kCiphersInvalid, kField, got, allowed);
}

// Scratch is where lists are tried out.
bssl::UniquePtr<SSL_CTX> NewScratch() {
  return bssl::UniquePtr<SSL_CTX>(SSL_CTX_new(TLS_method()));
}

bool IsGroup(absl::string_view token) {
  return absl::StrContains(token, '[') || absl::StrContains(token, ']') ||
         absl::StrContains(token, '|');
}

// IsTls13Rule reports whether `token` is a rule on a suite of TLS 1.3, which
// BoringSSL parses and does not follow.
bool IsTls13Rule(absl::string_view token) {
  token = token.substr(std::min(token.find_first_not_of("!-+"), token.size()));
  return absl::c_any_of(kTls13Values, [token](uint16_t value) {
    const SSL_CIPHER* cipher = SSL_get_cipher_by_value(value);
    return token == SSL_CIPHER_get_name(cipher) ||
           token == SSL_CIPHER_standard_name(cipher);
  });
}

bool IsKnown(absl::string_view token) {
  if (token == "@STRENGTH") return true;
  if (IsTls13Rule(token)) return false;
  const bssl::UniquePtr<SSL_CTX> scratch = NewScratch();
  const std::string rules =
      IsGroup(token) ? std::string(token) : absl::StrCat("ALL:", token);
  // A known rule may leave nothing, which is an error too.
  if (SSL_CTX_set_strict_cipher_list(scratch.get(), rules.c_str())) return true;
  return TakeLibraryError().reason == SSL_R_NO_CIPHER_MATCH;
}

// AddsNothing reports whether `rule` is about suites that others have added.
bool AddsNothing(absl::string_view rule) {
  return absl::StrContains("!-+@", rule.substr(0, 1));
}

bool RemovesWhatIsAbsent(absl::string_view token) {
  return (absl::ConsumePrefix(&token, "!") ||
          absl::ConsumePrefix(&token, "-")) &&
         absl::c_any_of(absl::StrSplit(token, '+'), [](absl::string_view part) {
           return absl::c_linear_search(kAbsent, part);
         });
}

absl::StatusOr<CipherList::Tls13Suites> ChooseTls13Suites(
    const std::set<std::string>& named) {
  if (named.empty() || named.size() == 3) {
    return CipherList::Tls13Suites::kAll;
  }
  const bool has_aes256 = named.count(std::string(kAes256)) > 0;
  const bool has_chacha20 = named.count(std::string(kChaCha20)) > 0;
  if (has_aes256 && !has_chacha20) {
    return named.size() == 1 ? CipherList::Tls13Suites::kAes256Gcm
                             : CipherList::Tls13Suites::kAesGcm;
  }
  return CiphersError(
      absl::StrJoin(named, ":"),
      absl::StrCat("of TLS 1.3's suites all three, ", kAes128, " and ", kAes256,
                   ", or ", kAes256,
                   " alone, because the library has no other choices"));
}

bool IsPsk(const SSL_CIPHER* cipher) {
  return SSL_CIPHER_get_kx_nid(cipher) == NID_kx_psk ||
         SSL_CIPHER_get_auth_nid(cipher) == NID_auth_psk;
}

bool IsTripleDes(const SSL_CIPHER* cipher) {
  return SSL_CIPHER_get_cipher_nid(cipher) == NID_des_ede3_cbc;
}

// Reader takes a list apart, token by token.
class Reader {
 public:
  explicit Reader(bool strict) : strict_(strict) {}

  absl::Status Take(absl::string_view token) {
    if (token == kAes128 || token == kAes256 || token == kChaCha20) {
      tls13_.emplace(token);
      return absl::OkStatus();
    }
    if (RemovesWhatIsAbsent(token)) return absl::OkStatus();
    if (IsKnown(token)) {
      rules_.emplace_back(token);
      return absl::OkStatus();
    }
    if (strict_) {
      return CiphersError(token,
                          "what the library knows; see ListAlgorithms, "
                          "or leave strict_ciphers out");
    }
    list_.ignored_tokens.emplace_back(token);
    return absl::OkStatus();
  }

  absl::StatusOr<CipherList> Finish(absl::string_view text) {
    TLSD_ASSIGN_OR_RETURN(list_.tls13_suites, ChooseTls13Suites(tls13_));
    if (!tls13_.empty() && absl::c_all_of(rules_, AddsNothing)) {
      return std::move(list_);
    }
    list_.rules = absl::StrJoin(rules_, ":");
    TLSD_RETURN_IF_ERROR(CheckRules(text));
    return std::move(list_);
  }

 private:
  absl::Status CheckRules(absl::string_view text) {
    const bssl::UniquePtr<SSL_CTX> scratch = NewScratch();
    if (!SSL_CTX_set_strict_cipher_list(scratch.get(), list_.rules.c_str())) {
      const LibraryError error = TakeLibraryError();
      return error.reason == SSL_R_NO_CIPHER_MATCH
                 ? CiphersError(text, "a list that selects a cipher suite")
                 : CiphersError(text, absl::StrCat("OpenSSL's syntax (",
                                                   error.reason_name, ")"));
    }
    bool is_all_psk = true;
    bool has_triple_des = false;
    for (const SSL_CIPHER* cipher : SSL_CTX_get_ciphers(scratch.get())) {
      is_all_psk = is_all_psk && IsPsk(cipher);
      has_triple_des = has_triple_des || IsTripleDes(cipher);
    }
    if (is_all_psk) {
      return CiphersError(text,
                          "a list that selects more than PSK suites, which "
                          "tlsd has no keys for");
    }
    if (has_triple_des) {
      list_.warnings.push_back(
          "ciphers: 3DES is selected, which is weak (RFC 8429); add \"!3DES\"");
    }
    return absl::OkStatus();
  }

  const bool strict_;
  CipherList list_;
  std::vector<std::string> rules_;
  std::set<std::string> tls13_;
};

}  // namespace

absl::StatusOr<CipherList> ParseCipherList(absl::string_view text,
                                           bool strict) {
  const ErrorQueueGuard guard;
  if (text.empty()) text = kCipherList;
  if (text.size() > kTextBytesMax) {
    return CiphersError(absl::StrCat(text.size(), " bytes"),
                        absl::StrCat(kTextBytesMax, " bytes"));
  }
  Reader reader(strict);
  bool is_first = true;
  for (const std::string& token : SplitTokens(text)) {
    if (is_first && token == kDefault) {
      for (const std::string& part : SplitTokens(kCipherList)) {
        TLSD_RETURN_IF_ERROR(reader.Take(part));
      }
    } else {
      TLSD_RETURN_IF_ERROR(reader.Take(token));
    }
    is_first = false;
  }
  return reader.Finish(text);
}

absl::Status SetCipherList(const CipherList& list, SSL_CTX* context) {
  if (list.tls13_suites == CipherList::Tls13Suites::kAesGcm &&
      !SSL_CTX_set_compliance_policy(context,
                                     ssl_compliance_policy_fips_202205)) {
    return InternalError("SSL_CTX_set_compliance_policy");
  }
  if (list.tls13_suites == CipherList::Tls13Suites::kAes256Gcm &&
      !SSL_CTX_set_compliance_policy(context,
                                     ssl_compliance_policy_wpa3_192_202304)) {
    return InternalError("SSL_CTX_set_compliance_policy");
  }
  // PSK suites would be offered in vain: there are no keys for them. Removed
  // beforehand, because nothing can be removed behind a group.
  const std::string rules =
      absl::StrCat("!PSK:!aPSK:", list.without_rsa_key_exchange ? "!kRSA:" : "",
                   list.rules.empty() ? kCipherList : list.rules);
  if (SSL_CTX_set_strict_cipher_list(context, rules.c_str())) {
    return absl::OkStatus();
  }
  const absl::Status error = InternalError("SSL_CTX_set_strict_cipher_list");
  if (list.without_rsa_key_exchange) {
    return FieldError(Reason::kCiphersInvalid, "ciphers", list.rules,
                      "a suite that exchanges keys otherwise than by RSA "
                      "decryption, because a key is remote");
  }
  return error;
}

std::vector<std::string> EffectiveCiphers(
    const SSL_CTX* context, CipherList::Tls13Suites tls13_suites) {
  std::vector<std::string> names;
  const uint16_t oldest = SSL_CTX_get_min_proto_version(context);
  const uint16_t newest = SSL_CTX_get_max_proto_version(context);
  if (newest >= TLS1_3_VERSION) {
    if (tls13_suites != CipherList::Tls13Suites::kAes256Gcm) {
      names.emplace_back(kAes128);
    }
    names.emplace_back(kAes256);
    if (tls13_suites == CipherList::Tls13Suites::kAll) {
      names.emplace_back(kChaCha20);
    }
  }
  if (oldest >= TLS1_3_VERSION) return names;
  for (const SSL_CIPHER* cipher : SSL_CTX_get_ciphers(context)) {
    if (SSL_CIPHER_get_min_version(cipher) <= newest &&
        SSL_CIPHER_get_max_version(cipher) >= oldest) {
      names.push_back(CipherName(cipher));
    }
  }
  return names;
}

}  // namespace tlsd::tls
