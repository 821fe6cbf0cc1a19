#include "server/main/daemon.h"

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "server/base/status_macros.h"
#include "server/net/transport.h"
#include "server/tls/secure_context.h"

namespace tlsd {
namespace {

// Calls end by themselves when their connections do.
constexpr absl::Duration kCallGrace = absl::Seconds(1);

int WorkerCount(int asked) {
  if (asked > 0) return asked;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Daemon>> Daemon::Start(
    const DaemonOptions& options) {
  std::unique_ptr<Daemon> daemon(new Daemon);
  TLSD_ASSIGN_OR_RETURN(daemon->events_, worker::EventHub::Create());
  if (options.key_log) daemon->key_log_ = std::make_unique<worker::KeyLog>();
  TLSD_ASSIGN_OR_RETURN(
      daemon->pool_,
      worker::WorkerPool::Create(WorkerCount(options.worker_count),
                                 {*daemon->events_, daemon->decisions_,
                                  daemon->sessions_, daemon->key_log_.get()}));
  daemon->expiry_watch_ = std::make_unique<worker::ExpiryWatch>(
      daemon->contexts_, *daemon->events_);
  daemon->expiry_watch_->Start();
  daemon->listeners_ =
      std::make_unique<worker::ListenerTable>(*daemon->pool_, *daemon->events_);
  tls::SecureContextOptions default_options;
  default_options.key_log = options.key_log;
  TLSD_ASSIGN_OR_RETURN(
      std::shared_ptr<const tls::SecureContext> default_context,
      tls::SecureContext::Create(default_options, daemon->authority_,
                                 absl::Now()));
  TLSD_ASSIGN_OR_RETURN(
      daemon->control_,
      control::ControlServer::Start(
          options.control_address, options.tcp_control,
          {*daemon->pool_, daemon->contexts_, *daemon->listeners_,
           *daemon->events_, daemon->decisions_, *daemon->expiry_watch_,
           daemon->key_log_.get(), daemon->authority_,
           std::move(default_context)}));
  return daemon;
}

Daemon::~Daemon() {
  if (control_ == nullptr) return;
  std::string after;
  for (const worker::ListenerFacts& listener :
       listeners_->List("", worker::ListenerTable::kCountMax)) {
    listeners_->Delete(listener.name, "", absl::ZeroDuration(), [](auto) {});
  }
  absl::Notification closed;
  int64_t open_count = 0;
  pool_->CountOpen([&](int64_t count) {
    open_count = count;
    closed.Notify();
  });
  closed.WaitForNotification();
  pool_->OnAll([](worker::Worker& worker) { worker.CloseAll(); }, [] {});
  control_->Stop(kCallGrace);
  // Else the peers' last bytes would turn close_notify into a reset.
  if (open_count > 0) absl::SleepFor(net::Transport::kLingerTime);
  control_.reset();
  pool_.reset();
}

}  // namespace tlsd
