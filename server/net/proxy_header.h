// The PROXY header: what a proxy says of its client before all else, versions 1
// and 2 of https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt.
//
// It knows neither sockets nor TLS: bytes in, facts out, and the other way
// round. Values; one thread at a time.
#ifndef TLSD_SERVER_NET_PROXY_HEADER_H_
#define TLSD_SERVER_NET_PROXY_HEADER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/net/socket_address.h"

namespace tlsd::net {

// One type-length-value of version 2 (section 2.2).
struct ProxyField {
  uint8_t type = 0;
  std::string value;

  friend bool operator==(const ProxyField&, const ProxyField&) = default;
};

// What a header says.
struct ProxyHeader {
  int version = 2;
  // The proxy speaks for itself: LOCAL (version 2) or UNKNOWN (version 1), or
  // an address family that is no stream socket. Then there are no addresses.
  bool is_local = false;
  SocketAddress source;
  SocketAddress destination;
  std::vector<ProxyField> fields;

  friend bool operator==(const ProxyHeader&, const ProxyHeader&) = default;
};

// Types of fields (section 2.2.1 and following).
inline constexpr uint8_t kProxyAlpn = 0x01;
inline constexpr uint8_t kProxyAuthority = 0x02;
inline constexpr uint8_t kProxyChecksum = 0x03;
inline constexpr uint8_t kProxySsl = 0x20;

// What TLS has agreed on, for the field kProxySsl (section 2.2.5).
struct ProxySsl {
  // E.g. "TLSv1.3".
  std::string version;
  // Whether the client has shown a certificate, on this connection or, resumed,
  // on an earlier one; and whether it is authorized.
  bool has_client_certificate = false;
  bool is_resumed = false;
  bool is_authorized = false;
  // Of the client's certificate. Empty: left out.
  std::string common_name;
  std::string cipher;
  // Of the certificate that the client was shown.
  std::string signature_algorithm;
  std::string key_algorithm;
  // In DER. Empty: left out.
  std::string client_certificate;
};

// EncodeProxySsl returns the field.
ProxyField EncodeProxySsl(const ProxySsl& ssl);

// EncodeProxyHeader returns the bytes of `header`. What version 1 cannot say
// (fields, unix sockets) is left out, so unix sockets and missing addresses
// become UNKNOWN; in version 2 missing addresses become LOCAL. IPv4 and IPv6
// mixed become IPv6. Fields that do not fit into 65535 bytes are left out.
std::string EncodeProxyHeader(const ProxyHeader& header);

// ProxyHeaderReader finds the header at the front of a stream.
class ProxyHeaderReader {
 public:
  // The longest header that is read; longer ones of version 2 are refused.
  static constexpr size_t kBytesMax = 16 + 32 * 1024;

  // Receive takes the bytes of the header from the front of `bytes` and returns
  // how many those are; all, if the header goes on. It fails, for good, with
  // PROXY_HEADER_INVALID as soon as what has come is no header: that says what
  // was got. A checksum (section 2.2.3) must be right.
  absl::StatusOr<size_t> Receive(absl::Span<const uint8_t> bytes);

  // done reports whether the header is complete; then `header` holds it.
  bool done() const { return done_; }
  const ProxyHeader& header() const { return header_; }

 private:
  absl::Status ReadText();
  absl::Status ReadBinary();

  std::string bytes_;
  bool done_ = false;
  ProxyHeader header_;
};

}  // namespace tlsd::net

#endif  // TLSD_SERVER_NET_PROXY_HEADER_H_
