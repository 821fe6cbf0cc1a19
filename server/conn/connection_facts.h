// ConnectionFacts is what can be told of a connection at one moment: plain data
// that any thread may hold.
#ifndef TLSD_SERVER_CONN_CONNECTION_FACTS_H_
#define TLSD_SERVER_CONN_CONNECTION_FACTS_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
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

struct ConnectionFacts {
  // "connections/ID".
  std::string name;
  tls::Role role = tls::Role::kServer;
  ConnectionState state = ConnectionState::kHandshaking;
  // "listeners/ID"; empty for a client.
  std::string listener;
  // "secureContexts/ID"; empty for the daemon's default.
  std::string secure_context;
  net::SocketAddress local_address;
  net::SocketAddress remote_address;
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

  // Whether the peer, and we, have sent close_notify.
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
