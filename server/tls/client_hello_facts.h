// ClientHelloFacts is what a client has said in its ClientHello (RFC 8446
// section 4.1.2): plain data, with no BoringSSL in it.
//
// It judges nothing. Any thread may read it.
#ifndef TLSD_SERVER_TLS_CLIENT_HELLO_FACTS_H_
#define TLSD_SERVER_TLS_CLIENT_HELLO_FACTS_H_

#include <cstdint>
#include <string>
#include <vector>

namespace tlsd::tls {

// Lists are in the client's order, without the values of GREASE (RFC 8701), and
// end after 256.
struct ClientHelloFacts {
  // As it came, but in lower case and without a dot at its end; empty if none.
  std::string server_name;
  std::vector<std::string> alpn_protocols;
  // "TLSv1.3"; "0x0305" where there is no name.
  std::vector<std::string> versions;
  // "TLS_AES_128_GCM_SHA256"; "0x00FF" where the library has no name.
  std::vector<std::string> cipher_suites;
  // "X25519"; "0x0200" where the library has no name.
  std::vector<std::string> groups;
  // "ecdsa_secp256r1_sha256"; "0x0808" where the library has no name.
  std::vector<std::string> signature_algorithms;
  // Their numbers.
  std::vector<uint16_t> extensions;
  // The message without the four bytes of its header; with GREASE.
  std::string raw;
  // What the fingerprint JA3 is made of, if that has at most 4096 bytes, and
  // its MD5 in hexadecimal.
  std::string ja3;
  std::string ja3_hash;
  // "t13d1516h2_8daaf6152771_e5627efa2ab1".
  std::string ja4;
};

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_CLIENT_HELLO_FACTS_H_
