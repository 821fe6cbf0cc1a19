#include "server/tls/client_fingerprint.h"

#include <openssl/md5.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstddef>
#include <iterator>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "server/tls/sha256.h"

namespace tlsd::tls {
namespace {

using Numbers = std::vector<uint16_t>;

constexpr size_t kJa4CountMax = 99;
constexpr size_t kJa4HashDigits = 12;
// JA4 writes this for a hash of nothing.
constexpr char kJa4NoHash[] = "000000000000";

struct Ja4Version {
  uint16_t version;
  absl::string_view code;
};

constexpr Ja4Version kJa4Versions[] = {
    {0x0304, "13"}, {0x0303, "12"}, {0x0302, "11"},
    {0x0301, "10"}, {0x0300, "s3"}, {0x0002, "s2"},
    {0xfeff, "d1"}, {0xfefd, "d2"}, {0xfefc, "d3"},
};

absl::string_view Ja4VersionCode(const Numbers& versions) {
  const auto highest = absl::c_max_element(versions);
  if (highest == versions.end()) return "00";
  for (const Ja4Version& row : kJa4Versions) {
    if (row.version == *highest) return row.code;
  }
  return "00";
}

std::string Ja4Count(const Numbers& numbers) {
  return absl::StrFormat("%02d", std::min(numbers.size(), kJa4CountMax));
}

std::string Ja4AlpnCode(absl::string_view protocol) {
  if (protocol.empty()) return "00";
  if (absl::ascii_isalnum(static_cast<unsigned char>(protocol.front())) &&
      absl::ascii_isalnum(static_cast<unsigned char>(protocol.back()))) {
    return {protocol.front(), protocol.back()};
  }
  const std::string hex = absl::BytesToHexString(protocol);
  return {hex.front(), hex.back()};
}

std::string JoinHex(const Numbers& numbers) {
  return absl::StrJoin(numbers, ",", [](std::string* out, uint16_t number) {
    absl::StrAppendFormat(out, "%04x", number);
  });
}

std::string JoinDecimal(const Numbers& numbers) {
  return absl::StrJoin(numbers, "-");
}

std::string Ja4Hash(absl::string_view text) {
  return absl::BytesToHexString(Sha256(text)).substr(0, kJa4HashDigits);
}

std::string Ja4CipherSuites(Numbers suites) {
  if (suites.empty()) return kJa4NoHash;
  absl::c_sort(suites);
  return Ja4Hash(JoinHex(suites));
}

std::string Ja4Extensions(const ClientHelloNumbers& hello) {
  Numbers extensions;
  // Server name and ALPN vary with where the client goes, not with what it is.
  absl::c_copy_if(
      hello.extensions, std::back_inserter(extensions), [](uint16_t extension) {
        return extension != TLSEXT_TYPE_server_name &&
               extension != TLSEXT_TYPE_application_layer_protocol_negotiation;
      });
  if (extensions.empty()) return kJa4NoHash;
  absl::c_sort(extensions);
  std::string text = JoinHex(extensions);
  if (!hello.signature_algorithms.empty()) {
    absl::StrAppend(&text, "_", JoinHex(hello.signature_algorithms));
  }
  return Ja4Hash(text);
}

}  // namespace

std::string Ja3(const ClientHelloNumbers& hello) {
  return absl::StrCat(
      hello.legacy_version, ",", JoinDecimal(hello.cipher_suites), ",",
      JoinDecimal(hello.extensions), ",", JoinDecimal(hello.groups), ",",
      JoinDecimal(hello.point_formats));
}

std::string Ja3Hash(absl::string_view ja3) {
  std::string digest(MD5_DIGEST_LENGTH, '\0');
  MD5(reinterpret_cast<const uint8_t*>(ja3.data()), ja3.size(),
      reinterpret_cast<uint8_t*>(digest.data()));
  return absl::BytesToHexString(digest);
}

std::string Ja4(const ClientHelloNumbers& hello) {
  const bool has_server_name =
      absl::c_linear_search(hello.extensions, TLSEXT_TYPE_server_name);
  return absl::StrCat(
      "t", Ja4VersionCode(hello.versions), has_server_name ? "d" : "i",
      Ja4Count(hello.cipher_suites), Ja4Count(hello.extensions),
      Ja4AlpnCode(hello.first_alpn_protocol), "_",
      Ja4CipherSuites(hello.cipher_suites), "_", Ja4Extensions(hello));
}

}  // namespace tlsd::tls
