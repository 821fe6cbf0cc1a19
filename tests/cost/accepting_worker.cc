#include "tests/cost/accepting_worker.h"

#include <cstddef>
#include <utility>

#include "server/worker/live_context.h"
#include "tests/cost/require.h"

namespace tlsd::cost {
namespace {

// The ring is full, and what it keeps does not grow, after so few events.
constexpr size_t kRingCount = 4;

}  // namespace

AcceptingWorker::AcceptingWorker(
    std::shared_ptr<const tls::SecureContext> context) {
  auto events = worker::EventHub::Create(kRingCount);
  Require(events.ok(), "there is a hub of events");
  events_ = *std::move(events);
  auto pool = worker::WorkerPool::Create(1, {*events_, decisions_, sessions_});
  Require(pool.ok(), "there is a worker");
  pool_ = *std::move(pool);
  listeners_ = std::make_unique<worker::ListenerTable>(*pool_, *events_);

  worker::ListenerOptions options;
  options.endpoint.host = "127.0.0.1";
  options.handler = worker::Handler::kEcho;
  if (context == nullptr) {
    options.protection = conn::Protection::kNone;
  } else {
    options.secure_context = std::make_shared<worker::LiveContext>(
        "secureContexts/s-0123456789abcdef",
        worker::ContextParts{{}, std::move(context)});
  }
  const auto listener = listeners_->Create("", std::move(options));
  Require(listener.ok(), "there is a listener");
  port_ = listener->bound_address.port;
}

AcceptingWorker::~AcceptingWorker() {
  // Workers tell the table of listeners that close.
  pool_.reset();
}

}  // namespace tlsd::cost
