#include "server/tls/key_exchange.h"

#include <openssl/dh.h>
#include <openssl/pem.h>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "proto/status/error.h"
#include "server/tls/pem.h"
#include "server/tls/policy.h"
#include "server/tls/ssl_error.h"

namespace tlsd::tls {
namespace {

constexpr int kDhBitsMin = 1024;
constexpr size_t kDhBytesMax = 64 * 1024;
constexpr absl::string_view kAuto = "auto";

struct Group {
  // BoringSSL's name, and those that others use.
  absl::string_view name;
  absl::string_view aliases[3];
};

// Not all that BoringSSL parses: P256KYBER is a stub, and a handshake with it
// dies without an error; X25519KYBER is a draft that peers have left.
constexpr Group kGroups[] = {
    {"X25519", {"x25519"}},   {"P-256", {"prime256v1", "secp256r1"}},
    {"P-384", {"secp384r1"}}, {"P-521", {"secp521r1"}},
    {"P-224", {"secp224r1"}},
};

const Group* FindGroup(absl::string_view name) {
  for (const Group& group : kGroups) {
    if (group.name == name) return &group;
    for (const absl::string_view alias : group.aliases) {
      if (!alias.empty() && alias == name) return &group;
    }
  }
  return nullptr;
}

std::string Allowed(absl::string_view name) {
  std::string allowed =
      absl::StrCat(absl::StrJoin(SupportedGroups(), ", "), " or \"auto\"");
  if (absl::EqualsIgnoreCase(name, "false") || name.empty()) {
    absl::StrAppend(&allowed,
                    "; to do without ECDHE set max_version to TLS 1.2 and "
                    "ciphers to \"kRSA\"");
  }
  if (absl::StrContains(absl::AsciiStrToLower(name), "mlkem") ||
      absl::StrContains(absl::AsciiStrToLower(name), "kyber")) {
    absl::StrAppend(&allowed, "; the library has no final post-quantum group");
  }
  return allowed;
}

std::string Warning(absl::string_view what) {
  return absl::StrCat("dh_params: ", what,
                      ", without effect: the library has no DHE key exchange, "
                      "only ECDHE");
}

}  // namespace

std::vector<std::string> SupportedGroups() {
  std::vector<std::string> names;
  for (const Group& group : kGroups) names.emplace_back(group.name);
  return names;
}

absl::StatusOr<std::string> ParseGroups(
    const std::vector<std::string>& groups) {
  if (groups.empty() || (groups.size() == 1 && groups[0] == kAuto)) {
    return std::string(kGroupList);
  }
  std::vector<absl::string_view> names;
  for (size_t i = 0; i < groups.size(); ++i) {
    const std::string field = absl::StrCat("groups[", i, "]");
    for (absl::string_view name : absl::StrSplit(groups[i], ':')) {
      const Group* group = FindGroup(name);
      if (group == nullptr) {
        return FieldError(Reason::kGroupUnsupported, field, name,
                          Allowed(name));
      }
      if (absl::c_linear_search(names, group->name)) {
        return FieldError(Reason::kGroupUnsupported, field, name,
                          "each group once");
      }
      names.push_back(group->name);
    }
  }
  return absl::StrJoin(names, ":");
}

absl::StatusOr<std::optional<std::string>> CheckDhParams(
    absl::string_view pem) {
  if (pem.empty()) return std::optional<std::string>();
  if (pem == kAuto) return std::optional<std::string>(Warning("accepted"));
  if (pem.size() > kDhBytesMax) {
    return FieldError(Reason::kFieldInvalid, "dh_params",
                      absl::StrCat(pem.size(), " bytes"),
                      absl::StrCat(kDhBytesMax, " bytes"));
  }
  const ErrorQueueGuard guard;
  const bssl::UniquePtr<BIO> bio = OpenForRead(pem);
  const bssl::UniquePtr<DH> dh(PEM_read_bio_DHparams(
      bio.get(), /*out=*/nullptr, /*callback=*/nullptr, /*arg=*/nullptr));
  if (dh == nullptr) {
    return std::optional<std::string>(Warning("not understood and dropped"));
  }
  const int bits = static_cast<int>(DH_num_bits(dh.get()));
  if (bits < kDhBitsMin) {
    return FieldError(Reason::kDhParamsTooSmall, "dh_params",
                      absl::StrCat(bits, " bits"),
                      absl::StrCat("at least ", kDhBitsMin, " bits"));
  }
  return std::optional<std::string>(
      Warning(absl::StrCat("accepted (", bits, " bits)")));
}

}  // namespace tlsd::tls
