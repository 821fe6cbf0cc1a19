// ControlServer is the gRPC server: all services on one control address, with
// health, reflection and channelz.
//
// It has no logic of its own. The daemon owns it; it starts and stops it from
// one thread.
#ifndef TLSD_SERVER_CONTROL_CONTROL_SERVER_H_
#define TLSD_SERVER_CONTROL_CONTROL_SERVER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/tls/development_authority.h"
#include "server/tls/secure_context.h"
#include "server/worker/context_table.h"
#include "server/worker/decision_hub.h"
#include "server/worker/event_hub.h"
#include "server/worker/expiry_watch.h"
#include "server/worker/key_log.h"
#include "server/worker/listener_table.h"
#include "server/worker/worker_pool.h"

namespace tlsd::control {

// Core is what the services stand on. All of it must outlive the server.
struct Core {
  worker::WorkerPool& pool;
  worker::ContextTable& contexts;
  worker::ListenerTable& listeners;
  worker::EventHub& events;
  worker::DecisionHub& decisions;
  worker::ExpiryWatch& expiry_watch;
  // Null if the daemon was started without --key_log.
  worker::KeyLog* key_log;
  tls::DevelopmentAuthority& authority;
  // For a Connect that names no context.
  std::shared_ptr<const tls::SecureContext> default_context;
};

// Whether the control address may be a TCP port, which any user of the host can
// reach.
enum class TcpControl { kRefuse, kAllow };

class ControlServer {
 public:
  // Start serves at `address`: "unix:/path", or "127.0.0.1:port" and
  // "[::1]:port" if `tcp` allows it; port 0 picks a free one. Any other address
  // is refused with ADDRESS_DENIED, and the reason. Other errors are those of
  // net::ControlSocket::Create, and ADDRESS_IN_USE.
  static absl::StatusOr<std::unique_ptr<ControlServer>> Start(
      const std::string& address, TcpControl tcp, const Core& core);

  virtual ~ControlServer() = default;

  // The address that it really has, in the form of Start.
  virtual const std::string& address() const = 0;

  // Stop takes no more calls, and ends those that still run after `grace`. To
  // call it twice is no error.
  virtual void Stop(absl::Duration grace) = 0;
};

}  // namespace tlsd::control

#endif  // TLSD_SERVER_CONTROL_CONTROL_SERVER_H_
