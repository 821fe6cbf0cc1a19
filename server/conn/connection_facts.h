// ConnectionFacts is what can be told of a connection at one moment: plain data
// that any thread may hold.
#ifndef TLSD_SERVER_CONN_CONNECTION_FACTS_H_
#define TLSD_SERVER_CONN_CONNECTION_FACTS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/conn/connection_options.h"
#include "server/net/proxy_header.h"
#include "server/net/socket_address.h"
#include "server/tls/handshake_facts.h"
#include "server/tls/tls_engine.h"

namespace tlsd::conn {

enum class ConnectionState {
  // The handshake is not complete.
  kHandshaking,
  // Cleartext can flow.
  kOpen,
  // It has ended. Cleartext that came before can still be read.
  kClosed,
};

// What came with a PROXY header.
struct ProxyFacts {
  net::ProxyHeader header;
  // The peer of the socket, if the header claims another.
  net::SocketAddress address;
};

struct ConnectionFacts {
  // "connections/ID".
  std::string name;
  tls::Role role = tls::Role::kServer;
  ConnectionState state = ConnectionState::kHandshaking;
  // Whether TLS protects it, or will.
  bool encrypted = true;
  // "listeners/ID"; empty if none has accepted it.
  std::string listener;
  // "secureContexts/ID"; empty for the daemon's default.
  std::string secure_context;
  net::SocketAddress local_address;
  // What the PROXY header claims, if it has addresses.
  net::SocketAddress remote_address;
  // Null if there was no PROXY header.
  std::shared_ptr<const ProxyFacts> proxy;
  SocketOptions socket_options;
  // "connections/ID" whose cleartext is this one's ciphertext; and the one that
  // has its cleartext. Empty if there is none.
  std::string carrier;
  std::string piped_with;
  // Where it is forwarded to; empty if it is not.
  std::string upstream;
  // Null before the handshake is complete.
  std::shared_ptr<const tls::HandshakeFacts> handshake;
  // What the client asked for (SNI), as far as it is known, also without
  // `handshake`.
  std::string server_name;
  // What a server has stapled for a client; null if nothing.
  std::shared_ptr<const tls::OcspResponseFacts> ocsp_response;
  // Whether there is a session to resume.
  bool has_session = false;

  int64_t cleartext_bytes_received = 0;
  int64_t cleartext_bytes_sent = 0;
  int64_t wire_bytes_received = 0;
  int64_t wire_bytes_sent = 0;
  // The first so many bytes of cleartext can be a replay.
  int64_t early_bytes_received = 0;
  int renegotiation_count = 0;
  // 0 if it is not open, or plain.
  size_t max_send_fragment = 0;

  // Whether the peer, and we, have ended a direction.
  bool peer_closed = false;
  bool shut_down = false;

  absl::Time create_time;
  // Infinite future as long as it has not happened.
  absl::Time open_time = absl::InfiniteFuture();
  absl::Time close_time = absl::InfiniteFuture();
  // Why it ended; OK if cleanly, or not yet.
  absl::Status failure;
};

}  // namespace tlsd::conn

#endif  // TLSD_SERVER_CONN_CONNECTION_FACTS_H_
