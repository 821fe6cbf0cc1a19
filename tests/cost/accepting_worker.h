// AcceptingWorker is one worker as a daemon has it, with a listener, whose
// connections echo.
//
// It is made and destroyed on one thread; the rest is the worker's thread's.
#ifndef TLSD_TESTS_COST_ACCEPTING_WORKER_H_
#define TLSD_TESTS_COST_ACCEPTING_WORKER_H_

#include <memory>

#include "server/tls/secure_context.h"
#include "server/worker/client_sessions.h"
#include "server/worker/decision_hub.h"
#include "server/worker/event_hub.h"
#include "server/worker/listener_table.h"
#include "server/worker/worker.h"
#include "server/worker/worker_pool.h"

namespace tlsd::cost {

class AcceptingWorker {
 public:
  // Its connections are plain without a `context`.
  explicit AcceptingWorker(std::shared_ptr<const tls::SecureContext> context);
  ~AcceptingWorker();

  worker::Worker& worker() { return pool_->worker(0); }
  // The port of 127.0.0.1 that the listener has.
  int port() const { return port_; }

 private:
  std::unique_ptr<worker::EventHub> events_;
  worker::DecisionHub decisions_;
  worker::ClientSessions sessions_;
  std::unique_ptr<worker::WorkerPool> pool_;
  std::unique_ptr<worker::ListenerTable> listeners_;
  int port_ = 0;
};

}  // namespace tlsd::cost

#endif  // TLSD_TESTS_COST_ACCEPTING_WORKER_H_
