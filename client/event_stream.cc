#include "client/event_stream.h"

#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "client/control_channel.h"
#include "client/convert.h"
#include "client/stream_call.h"
#include "proto/status/error.h"

namespace tlsd::client {

// Watch is the call under an EventStream.
class EventStream::Watch final
    : public StreamCall<grpc::ClientReadReactor<v1::WatchEventsResponse>,
                        v1::WatchEventsResponse> {
 public:
  Watch(std::shared_ptr<ControlChannel> channel, const WatchOptions& options)
      : StreamCall(std::move(channel)), request_(ToProto(options)) {}

  ~Watch() override {
    if (started_) End();
  }

  // Open returns when the first bookmark has come: the watch is on.
  absl::Status Open() {
    this->channel().stub<v1::EventService::Stub>().async()->WatchEvents(
        &context(), &request_, this);
    started_ = true;
    Start();
    absl::StatusOr<std::optional<v1::WatchEventsResponse>> first =
        StreamCall::Next(absl::Now() + kCallTimeout);
    if (!first.ok()) return first.status();
    if (!first->has_value() || !(*first)->has_bookmark()) {
      return MakeError(Reason::kInternal,
                       "the first message of a watch is not a bookmark");
    }
    SetResumeToken((*first)->bookmark().resume_token());
    return absl::OkStatus();
  }

  absl::StatusOr<Event> NextEvent(absl::Time deadline) {
    while (true) {
      const absl::StatusOr<std::optional<v1::WatchEventsResponse>> message =
          StreamCall::Next(deadline);
      if (!message.ok()) return message.status();
      if (!message->has_value()) {
        return MakeError(Reason::kShuttingDown, "the daemon ended the watch");
      }
      const v1::WatchEventsResponse& response = **message;
      if (response.has_bookmark()) {
        SetResumeToken(response.bookmark().resume_token());
      } else if (response.has_event()) {
        SetResumeToken(response.event().resume_token());
        return FromProto(response.event());
      } else if (response.has_gap()) {
        return GapEvent(response.gap());
      }
    }
  }

  std::string resume_token() const {
    absl::MutexLock lock(&token_mutex_);
    return resume_token_;
  }

 private:
  void SetResumeToken(const std::string& token) {
    absl::MutexLock lock(&token_mutex_);
    resume_token_ = token;
  }

  Event GapEvent(const v1::EventGap& gap) const {
    Event event;
    event.type = EventType::kEventsDropped;
    event.time = absl::Now();
    event.resume_token = resume_token();
    event.dropped_count = gap.dropped_count();
    return event;
  }

  bool started_ = false;
  const v1::WatchEventsRequest request_;
  mutable absl::Mutex token_mutex_;
  std::string resume_token_ ABSL_GUARDED_BY(token_mutex_);
};

absl::StatusOr<EventStream> EventStream::Open(
    std::shared_ptr<ControlChannel> channel, const WatchOptions& options) {
  auto watch = std::make_unique<Watch>(std::move(channel), options);
  const absl::Status opened = watch->Open();
  if (!opened.ok()) return opened;
  return EventStream(std::move(watch));
}

EventStream::EventStream(std::unique_ptr<Watch> watch)
    : watch_(std::move(watch)) {}
EventStream::EventStream(EventStream&& other) noexcept = default;
EventStream& EventStream::operator=(EventStream&& other) noexcept = default;
EventStream::~EventStream() = default;

absl::StatusOr<Event> EventStream::Next(absl::Duration timeout) {
  return watch_->NextEvent(absl::Now() + timeout);
}

void EventStream::Cancel() { watch_->Cancel(); }

std::string EventStream::resume_token() const { return watch_->resume_token(); }

}  // namespace tlsd::client
