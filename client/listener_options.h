// What a program can say of a listener that starts.
//
// These are plain values that nothing has checked: the daemon does. Their
// fields mirror the message Listener of proto/tlsd/v1, where each is documented
// at length. Anybody may own them.
#ifndef TLSD_CLIENT_LISTENER_OPTIONS_H_
#define TLSD_CLIENT_LISTENER_OPTIONS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "client/connection_options.h"
#include "client/facts.h"
#include "client/hook.h"
#include "client/transport.h"

namespace tlsd::client {

// ListenerOptions is what Listen takes.
struct ListenerOptions {
  // The last part of the name, e.g. "web". Default: the daemon picks one.
  std::string id = {};
  // Required. "127.0.0.1:8443", "[::1]:8443", ":8443" for every interface, or
  // "unix:/path". Port 0 picks a free port: see `ListenerFacts::bound_address`.
  std::string address = {};
  // The name of a context with credentials. Required, unless `protection` is
  // kNone.
  std::string secure_context = {};
  // What happens to the cleartext.
  Handler handler = Handler::kStream;
  // How long a handshake may take, at most one hour. 0: the default, 120 s.
  absl::Duration handshake_timeout = absl::ZeroDuration();
  // How many connections may be open at once. 0: the default, 10000.
  int max_connections = 0;
  // Contexts by server name (SNI) that are there from the first connection on,
  // as `Listener::AddContext` would add them one after the other. At most
  // 10000.
  std::vector<ServerNameContext> contexts = {};
  // Turn away, with the alert unrecognized_name, clients that ask for a name
  // without a context, and those that ask for none. Default: they get
  // `secure_context`.
  bool strict_server_names = false;
  // Questions that handshakes ask. They go before hooks of the same type of
  // contexts.
  Hooks hooks = {};
  Protection protection = Protection::kTls;
  // If it is set the handler is kForward, and this says where to.
  std::optional<ForwardOptions> forward = {};
  // Of its connections.
  SocketOptions socket_options = {};
  // Connections begin with a PROXY header, which says where they come from; one
  // without is closed.
  //
  // WARNING: whoever reaches the listener can claim any address.
  bool accept_proxy_header = false;
  // How many connections wait in the system before they are accepted, at most
  // 65535. 0: the default, 4096.
  int backlog = 0;
  // For an IPv6 address: take no IPv4 connections.
  bool ipv6_only = false;
};

}  // namespace tlsd::client

#endif  // TLSD_CLIENT_LISTENER_OPTIONS_H_
