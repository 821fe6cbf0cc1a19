// Fingerprints of clients, made of the numbers in a ClientHello: JA3
// (github.com/salesforce/ja3) and JA4 (github.com/FoxIO-LLC/ja4,
// "technical_details/JA4.md").
//
// Clients with the same TLS library and the same settings have the same one. It
// is no proof of anything: any client can imitate another. Pure functions; any
// thread may call them.
#ifndef TLSD_SERVER_TLS_CLIENT_FINGERPRINT_H_
#define TLSD_SERVER_TLS_CLIENT_FINGERPRINT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace tlsd::tls {

// ClientHelloNumbers is what fingerprints are made of: in the client's order,
// without the values of GREASE (RFC 8701).
struct ClientHelloNumbers {
  // What all that came before TLS 1.3 take for the version.
  uint16_t legacy_version = 0;
  // Those of the extension supported_versions; without one, `legacy_version`.
  std::vector<uint16_t> versions;
  std::vector<uint16_t> cipher_suites;
  std::vector<uint16_t> extensions;
  std::vector<uint16_t> groups;
  std::vector<uint16_t> point_formats;
  std::vector<uint16_t> signature_algorithms;
  // The client's favourite; empty if it offers none.
  std::string first_alpn_protocol;
};

// Ja3 returns what the fingerprint JA3 is made of, e.g.
// "769,47-53-5-10,0-10-11,23-24-25,0".
std::string Ja3(const ClientHelloNumbers& hello);

// Ja3Hash returns the MD5 of `ja3` in hexadecimal.
std::string Ja3Hash(absl::string_view ja3);

// Ja4 returns the fingerprint JA4 of a client that came over TCP, e.g.
// "t13d1516h2_8daaf6152771_e5627efa2ab1".
std::string Ja4(const ClientHelloNumbers& hello);

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_CLIENT_FINGERPRINT_H_
