// What a worker needs to connect: for callers, and for listeners that forward.
// Plain data; any thread may hold it.
#ifndef TLSD_SERVER_WORKER_DIAL_OPTIONS_H_
#define TLSD_SERVER_WORKER_DIAL_OPTIONS_H_

#include <memory>
#include <string>

#include "server/conn/connection_options.h"
#include "server/conn/forward_header.h"
#include "server/net/socket_address.h"
#include "server/worker/live_context.h"

namespace tlsd::worker {

// DialOptions says whom to connect to, and how.
struct DialOptions {
  net::Endpoint endpoint;
  // Where to connect from; family kNone: the system chooses.
  net::SocketAddress local_address;
  // Without a name. Its handshake timeout is for resolving, dialling and the
  // handshake together.
  conn::ConnectionOptions connection;
  // Under what ClientSessions has sessions to resume, and keeps those of this
  // connection. Empty: it is not used.
  std::string session_key;
  // The connection that is forwarded to this one, which alone gets its
  // cleartext. Empty: callers do.
  std::string upstream_of;
};

// ForwardOptions says where connections of a listener go.
struct ForwardOptions {
  DialOptions upstream;
  // The context of `upstream`, as it is when a connection is forwarded. Null:
  // the one that is in `upstream`.
  std::shared_ptr<LiveContext> secure_context;
  conn::ForwardHeader header = conn::ForwardHeader::kNone;
};

}  // namespace tlsd::worker

#endif  // TLSD_SERVER_WORKER_DIAL_OPTIONS_H_
