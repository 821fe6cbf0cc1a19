// ConnectionOptions says what a connection is for. Plain data; any thread may
// hold it.
#ifndef TLSD_SERVER_CONN_CONNECTION_OPTIONS_H_
#define TLSD_SERVER_CONN_CONNECTION_OPTIONS_H_

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "server/net/socket_address.h"
#include "server/net/socket_options.h"
#include "server/tls/secure_context.h"
#include "server/tls/tls_engine.h"

namespace tlsd::conn {

// What protects the bytes of a connection.
enum class Protection {
  kTls,
  // Nothing: cleartext is what the transport carries.
  kNone,
  // Servers: what the first byte says.
  kDetect,
};

// SocketOptions is how the transport of a connection is treated.
struct SocketOptions {
  // Without a byte in either direction for so long, the connection ends.
  absl::Duration idle_timeout = absl::InfiniteDuration();
  net::SocketOptions socket;

  friend bool operator==(const SocketOptions&, const SocketOptions&) = default;
};

// How many renegotiations a client answers, see RenegotiationLimit in
// proto/tlsd/v1/transport.proto.
struct RenegotiationLimit {
  int count = 3;
  absl::Duration window = absl::Seconds(600);
};

struct ConnectionOptions {
  std::string name;
  tls::Role role = tls::Role::kServer;
  Protection protection = Protection::kTls;
  // The peer begins with a PROXY header.
  bool accept_proxy_header = false;
  // Sent before all else: a PROXY header.
  std::string preamble;
  SocketOptions socket_options;

  // Null if nothing protects it.
  std::shared_ptr<const tls::SecureContext> secure_context;
  tls::EngineOptions engine;
  // From Start until the handshake is complete.
  absl::Duration handshake_timeout = absl::Seconds(120);
  RenegotiationLimit renegotiation_limit;

  // For the facts.
  std::string listener;
  std::string secure_context_name;
  // The connection whose cleartext is this one's ciphertext, and its addresses.
  std::string carrier;
  net::SocketAddress carrier_local_address;
  net::SocketAddress carrier_remote_address;
  // How many connections carry each other below it.
  int depth = 0;
};

}  // namespace tlsd::conn

#endif  // TLSD_SERVER_CONN_CONNECTION_OPTIONS_H_
