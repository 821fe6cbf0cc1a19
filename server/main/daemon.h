// Daemon is the whole of tlsd in one object: it makes the parts in the order in
// which they need each other, and ends them in the reverse.
//
// It knows no flags and no signals. One thread starts and stops it; tests can
// run several in one process.
#ifndef TLSD_SERVER_MAIN_DAEMON_H_
#define TLSD_SERVER_MAIN_DAEMON_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/control/control_server.h"
#include "server/tls/development_authority.h"
#include "server/worker/client_sessions.h"
#include "server/worker/context_table.h"
#include "server/worker/decision_hub.h"
#include "server/worker/event_hub.h"
#include "server/worker/expiry_watch.h"
#include "server/worker/key_log.h"
#include "server/worker/listener_table.h"
#include "server/worker/worker_pool.h"

namespace tlsd {

// DaemonOptions is what the flags say.
struct DaemonOptions {
  // See control::ControlServer::Start.
  std::string control_address;
  control::TcpControl tcp_control = control::TcpControl::kRefuse;
  // Threads of the data plane; 0 means one for each processor.
  int worker_count = 0;
  // Tell the secrets of connections to whoever asks, see worker::KeyLog.
  bool key_log = false;
};

class Daemon {
 public:
  // Start returns when the control address serves.
  static absl::StatusOr<std::unique_ptr<Daemon>> Start(
      const DaemonOptions& options);

  // Closes listeners, then connections with close_notify, then the control
  // address, then the threads.
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  const std::string& control_address() const { return control_->address(); }

 private:
  Daemon() = default;

  tls::DevelopmentAuthority authority_;
  worker::ContextTable contexts_;
  std::unique_ptr<worker::EventHub> events_;
  // Workers ask it until they end.
  worker::DecisionHub decisions_;
  worker::ClientSessions sessions_;
  std::unique_ptr<worker::ExpiryWatch> expiry_watch_;
  // Null unless the options ask for it.
  std::unique_ptr<worker::KeyLog> key_log_;
  std::unique_ptr<worker::WorkerPool> pool_;
  std::unique_ptr<worker::ListenerTable> listeners_;
  std::unique_ptr<control::ControlServer> control_;
};

}  // namespace tlsd

#endif  // TLSD_SERVER_MAIN_DAEMON_H_
