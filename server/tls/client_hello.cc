#include "server/tls/client_hello.h"

#include <openssl/bytestring.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "server/tls/client_fingerprint.h"
#include "server/tls/version_range.h"

namespace tlsd::tls {
namespace {

using Numbers = std::vector<uint16_t>;

// What one peer says may wait long, beside that of many others. Real ones have
// fewer than a hundred of anything.
constexpr size_t kToldCountMax = 256;
constexpr size_t kToldJa3BytesMax = 4096;

struct Extension {
  uint16_t number = 0;
  CBS body;
};

absl::string_view TextOf(const CBS& bytes) {
  return absl::string_view(reinterpret_cast<const char*>(CBS_data(&bytes)),
                           CBS_len(&bytes));
}

// RFC 8701: 0x0A0A, 0x1A1A, ... 0xFAFA.
bool IsGrease(uint16_t number) {
  return (number & 0x0f0f) == 0x0a0a && number >> 8 == (number & 0xff);
}

// Clients grease ALPN with the same two bytes.
bool IsGreaseProtocol(absl::string_view protocol) {
  return protocol.size() == 2 &&
         IsGrease(static_cast<uint16_t>(static_cast<uint8_t>(protocol[0]) << 8 |
                                        static_cast<uint8_t>(protocol[1])));
}

std::vector<Extension> ListExtensions(const SSL_CLIENT_HELLO& hello) {
  std::vector<Extension> extensions;
  CBS rest;
  CBS_init(&rest, hello.extensions, hello.extensions_len);
  Extension extension;
  while (CBS_get_u16(&rest, &extension.number) &&
         CBS_get_u16_length_prefixed(&rest, &extension.body)) {
    extensions.push_back(extension);
  }
  return extensions;
}

const Extension* FindExtension(const std::vector<Extension>& extensions,
                               uint16_t number) {
  const auto found =
      absl::c_find_if(extensions, [number](const Extension& extension) {
        return extension.number == number;
      });
  return found != extensions.end() ? &*found : nullptr;
}

// BodyOf returns nothing if there is no such extension.
CBS BodyOf(const std::vector<Extension>& extensions, uint16_t number) {
  const Extension* extension = FindExtension(extensions, number);
  if (extension != nullptr) return extension->body;
  CBS nothing;
  CBS_init(&nothing, nullptr, 0);
  return nothing;
}

// ReadNumbers returns the numbers in `list`, without GREASE; none if a half is
// left over.
Numbers ReadNumbers(CBS list) {
  Numbers numbers;
  uint16_t number = 0;
  while (CBS_get_u16(&list, &number)) {
    if (!IsGrease(number)) numbers.push_back(number);
  }
  return CBS_len(&list) == 0 ? numbers : Numbers();
}

// The lists of most extensions have two bytes of length before them, and are
// all that is in the extension.
Numbers ReadNumberList(CBS body) {
  CBS list;
  if (!CBS_get_u16_length_prefixed(&body, &list) || CBS_len(&body) != 0) {
    return {};
  }
  return ReadNumbers(list);
}

// RFC 8446 section 4.2.1.
Numbers ReadVersions(const SSL_CLIENT_HELLO& hello,
                     const std::vector<Extension>& extensions) {
  const Extension* extension =
      FindExtension(extensions, TLSEXT_TYPE_supported_versions);
  if (extension == nullptr) return {hello.version};
  CBS body = extension->body;
  CBS list;
  if (!CBS_get_u8_length_prefixed(&body, &list) || CBS_len(&body) != 0) {
    return {};
  }
  return ReadNumbers(list);
}

// RFC 8422 section 5.1.2.
Numbers ReadPointFormats(CBS body) {
  CBS list;
  if (!CBS_get_u8_length_prefixed(&body, &list) || CBS_len(&body) != 0) {
    return {};
  }
  return Numbers(CBS_data(&list), CBS_data(&list) + CBS_len(&list));
}

// RFC 6066 section 3; as BoringSSL, which takes one name and no other kind.
std::string ReadServerName(CBS body) {
  CBS list;
  CBS name;
  uint8_t type = 0;
  if (!CBS_get_u16_length_prefixed(&body, &list) || CBS_len(&body) != 0 ||
      !CBS_get_u8(&list, &type) || type != TLSEXT_NAMETYPE_host_name ||
      !CBS_get_u16_length_prefixed(&list, &name) || CBS_len(&list) != 0 ||
      CBS_contains_zero_byte(&name)) {
    return "";
  }
  return absl::AsciiStrToLower(absl::StripSuffix(TextOf(name), "."));
}

// RFC 7301 section 3.1.
std::vector<std::string> ReadProtocols(CBS body) {
  CBS list;
  if (!CBS_get_u16_length_prefixed(&body, &list) || CBS_len(&body) != 0) {
    return {};
  }
  std::vector<std::string> protocols;
  while (CBS_len(&list) != 0) {
    CBS protocol;
    if (!CBS_get_u8_length_prefixed(&list, &protocol) ||
        CBS_len(&protocol) == 0) {
      return {};
    }
    if (IsGreaseProtocol(TextOf(protocol))) continue;
    if (protocols.size() < kToldCountMax) {
      protocols.emplace_back(TextOf(protocol));
    }
  }
  return protocols;
}

std::string Hexadecimal(uint16_t number) {
  return absl::StrFormat("0x%04X", number);
}

std::string VersionText(uint16_t version) {
  if (version == SSL3_VERSION) return "SSLv3";
  if (version < TLS1_VERSION || version > TLS1_3_VERSION) {
    return Hexadecimal(version);
  }
  return std::string(VersionName(FromProtocolVersion(version)));
}

std::string CipherSuiteText(uint16_t suite) {
  const SSL_CIPHER* cipher = SSL_get_cipher_by_value(suite);
  return cipher != nullptr ? SSL_CIPHER_standard_name(cipher)
                           : Hexadecimal(suite);
}

std::string GroupText(uint16_t group) {
  const char* name = SSL_get_curve_name(group);
  return name != nullptr ? name : Hexadecimal(group);
}

std::string SignatureAlgorithmText(uint16_t algorithm) {
  const char* name =
      SSL_get_signature_algorithm_name(algorithm, /*include_curve=*/1);
  return name != nullptr ? name : Hexadecimal(algorithm);
}

template <typename Name>
std::vector<std::string> NameAll(const Numbers& numbers, Name name) {
  std::vector<std::string> names;
  for (const uint16_t number : numbers) {
    if (names.size() == kToldCountMax) break;
    names.push_back(name(number));
  }
  return names;
}

ClientHelloNumbers ReadAllNumbers(const SSL_CLIENT_HELLO& hello,
                                  const std::vector<Extension>& extensions) {
  ClientHelloNumbers numbers;
  numbers.legacy_version = hello.version;
  numbers.versions = ReadVersions(hello, extensions);
  CBS suites;
  CBS_init(&suites, hello.cipher_suites, hello.cipher_suites_len);
  numbers.cipher_suites = ReadNumbers(suites);
  for (const Extension& extension : extensions) {
    if (!IsGrease(extension.number)) {
      numbers.extensions.push_back(extension.number);
    }
  }
  numbers.groups =
      ReadNumberList(BodyOf(extensions, TLSEXT_TYPE_supported_groups));
  numbers.point_formats =
      ReadPointFormats(BodyOf(extensions, TLSEXT_TYPE_ec_point_formats));
  numbers.signature_algorithms =
      ReadNumberList(BodyOf(extensions, TLSEXT_TYPE_signature_algorithms));
  return numbers;
}

}  // namespace

ClientHelloFacts DescribeClientHello(const SSL_CLIENT_HELLO& hello) {
  const std::vector<Extension> extensions = ListExtensions(hello);
  ClientHelloNumbers numbers = ReadAllNumbers(hello, extensions);
  ClientHelloFacts facts;
  facts.server_name =
      ReadServerName(BodyOf(extensions, TLSEXT_TYPE_server_name));
  facts.alpn_protocols = ReadProtocols(
      BodyOf(extensions, TLSEXT_TYPE_application_layer_protocol_negotiation));
  facts.versions = NameAll(numbers.versions, VersionText);
  facts.cipher_suites = NameAll(numbers.cipher_suites, CipherSuiteText);
  facts.groups = NameAll(numbers.groups, GroupText);
  facts.signature_algorithms =
      NameAll(numbers.signature_algorithms, SignatureAlgorithmText);
  facts.raw.assign(reinterpret_cast<const char*>(hello.client_hello),
                   hello.client_hello_len);
  if (!facts.alpn_protocols.empty()) {
    numbers.first_alpn_protocol = facts.alpn_protocols.front();
  }
  facts.ja3 = Ja3(numbers);
  facts.ja3_hash = Ja3Hash(facts.ja3);
  if (facts.ja3.size() > kToldJa3BytesMax) facts.ja3.clear();
  facts.ja4 = Ja4(numbers);
  facts.extensions = std::move(numbers.extensions);
  if (facts.extensions.size() > kToldCountMax) {
    facts.extensions.resize(kToldCountMax);
  }
  return facts;
}

ClientHelloFacts DescribeServerName(const SSL_CLIENT_HELLO& hello) {
  ClientHelloFacts facts;
  facts.server_name =
      ReadServerName(BodyOf(ListExtensions(hello), TLSEXT_TYPE_server_name));
  return facts;
}

}  // namespace tlsd::tls
