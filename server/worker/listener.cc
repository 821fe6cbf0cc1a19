#include "server/worker/listener.h"

#include <utility>

#include "absl/time/clock.h"
#include "proto/status/error.h"
#include "server/base/names.h"
#include "server/base/status_macros.h"

namespace tlsd::worker {
namespace {

constexpr absl::Duration kReportInterval = absl::Seconds(1);

}  // namespace

absl::Status ListenerNotFound(const std::string& name) {
  return MakeError(Reason::kListenerNotFound,
                   "there is no listener " + QuoteForMessage(name),
                   {{"listener", name}});
}

Listener::Listener(ListenerOptions options,
                   std::shared_ptr<ServerNameTable> contexts,
                   net::SocketAddress bound_address, int acceptor_count,
                   OnClosed on_closed)
    : options_(std::move(options)),
      bound_address_(std::move(bound_address)),
      create_time_(absl::Now()),
      contexts_(std::move(contexts)),
      etag_(base::RandomId('e')),
      acceptor_count_(acceptor_count),
      on_closed_(std::move(on_closed)) {}

ListenerFacts Listener::facts() const {
  absl::MutexLock lock(&mutex_);
  return FactsLocked();
}

ListenerFacts Listener::FactsLocked() const {
  ListenerFacts facts;
  facts.name = options_.name;
  facts.address = options_.endpoint.ToString();
  if (options_.secure_context != nullptr) {
    facts.secure_context = options_.secure_context->name();
  }
  facts.handler = options_.handler;
  facts.forward = options_.forward;
  facts.backlog = options_.backlog;
  facts.ipv6_only = options_.ipv6_only;
  facts.protection = options_.protection;
  facts.socket_options = options_.socket_options;
  facts.accept_proxy_header = options_.accept_proxy_header;
  facts.handshake_timeout = options_.handshake_timeout;
  facts.connection_count_max = options_.connection_count_max;
  facts.bound_address = bound_address_;
  facts.strict_server_names = options_.strict_server_names;
  facts.hooks = options_.hooks;
  facts.context_count = static_cast<int64_t>(contexts_->size());
  facts.create_time = create_time_;
  facts.etag = etag_;
  facts.state = state_;
  facts.connection_count = connection_count_;
  facts.accepted_count = accepted_count_;
  facts.rejected_count = rejected_count_;
  return facts;
}

std::shared_ptr<const ContextRecord> Listener::secure_context_record() const {
  return options_.secure_context == nullptr ? nullptr
                                            : options_.secure_context->record();
}

absl::StatusOr<ListenerFacts> Listener::AddContext(
    const ServerNameContext& context) {
  return ChangeContexts([&] { return contexts_->Add(context); });
}

absl::StatusOr<ListenerFacts> Listener::RemoveContext(
    absl::string_view server_name) {
  return ChangeContexts([&] { return contexts_->Remove(server_name); });
}

absl::StatusOr<ListenerFacts> Listener::ChangeContexts(
    absl::FunctionRef<absl::Status()> change) {
  std::string etag = base::RandomId('e');
  absl::MutexLock lock(&mutex_);
  // What came after the end would be noted as used for ever.
  if (state_ == ListenerState::kClosed) return ListenerNotFound(options_.name);
  TLSD_RETURN_IF_ERROR(change());
  etag_ = std::move(etag);
  return FactsLocked();
}

Listener::Admission Listener::Admit(absl::Time now) {
  absl::MutexLock lock(&mutex_);
  if (state_ == ListenerState::kActive &&
      connection_count_ < options_.connection_count_max) {
    ++connection_count_;
    ++accepted_count_;
    return Admission::kAdmitted;
  }
  ++rejected_count_;
  if (now - report_time_ < kReportInterval) return Admission::kRejected;
  report_time_ = now;
  return Admission::kRejectedReport;
}

void Listener::Leave() {
  {
    absl::MutexLock lock(&mutex_);
    --connection_count_;
  }
  CloseIfDone();
}

void Listener::BeginDrain() {
  {
    absl::MutexLock lock(&mutex_);
    if (state_ != ListenerState::kActive) return;
    state_ = ListenerState::kDraining;
  }
  accept_queue_.Close(MakeError(Reason::kListenerClosing,
                                options_.name + " is being deleted",
                                {{"listener", options_.name}}));
  // Acceptors that could not be made have stopped already.
  CloseIfDone();
}

void Listener::AcceptorStopped() {
  {
    absl::MutexLock lock(&mutex_);
    --acceptor_count_;
  }
  CloseIfDone();
}

void Listener::CloseIfDone() {
  OnClosed on_closed;
  {
    absl::MutexLock lock(&mutex_);
    if (state_ != ListenerState::kDraining || acceptor_count_ > 0 ||
        connection_count_ > 0) {
      return;
    }
    state_ = ListenerState::kClosed;
    contexts_->Clear();
    on_closed = std::move(on_closed_);
  }
  std::move(on_closed)(*this);
}

}  // namespace tlsd::worker
