#include "server/worker/event_hub.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "proto/status/error.h"
#include "server/base/names.h"
#include "server/base/status_macros.h"

namespace tlsd::worker {
namespace {

template <typename T>
bool Contains(const std::vector<T>& values, const T& value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

struct Namer {
  const std::string& operator()(
      const std::shared_ptr<const CertificateExpiry>& expiry) {
    return expiry->secure_context;
  }
  template <typename Facts>
  const std::string& operator()(const std::shared_ptr<const Facts>& facts) {
    return facts->name;
  }
};

}  // namespace

const std::string& Event::subject() const {
  return std::visit(Namer(), payload);
}

bool EventFilter::Matches(const Event& event) const {
  if (!types.empty() && !Contains(types, event.type)) return false;
  if (subjects.empty() || Contains(subjects, event.subject())) return true;
  const auto* connection =
      std::get_if<std::shared_ptr<const conn::ConnectionFacts>>(&event.payload);
  return connection != nullptr && Contains(subjects, (*connection)->listener);
}

absl::StatusOr<std::unique_ptr<EventHub>> EventHub::Create(
    size_t ring_count_max) {
  TLSD_ASSIGN_OR_RETURN(std::unique_ptr<LoopThread> thread,
                        LoopThread::Start());
  return std::unique_ptr<EventHub>(
      new EventHub(ring_count_max, std::move(thread)));
}

EventHub::EventHub(size_t ring_count_max, std::unique_ptr<LoopThread> thread)
    : ring_count_max_(ring_count_max),
      life_(base::RandomId('t')),
      thread_(std::move(thread)) {}

void EventHub::Publish(EventType type, EventPayload payload) {
  auto event = std::make_shared<Event>();
  event->time = absl::Now();
  event->type = type;
  event->payload = std::move(payload);
  // Freed without the lock.
  std::shared_ptr<const Event> dropped;
  absl::MutexLock lock(&mutex_);
  event->sequence = ++newest_;
  ring_.push_back(std::move(event));
  if (ring_.size() > ring_count_max_) {
    dropped = std::move(ring_.front());
    ring_.pop_front();
  }
  if (wake_posted_ || subscribers_.empty()) return;
  wake_posted_ = true;
  thread_->loop().Post([this] { WakeSubscribers(); });
}

uint64_t EventHub::newest_cursor() const {
  absl::MutexLock lock(&mutex_);
  return newest_;
}

uint64_t EventHub::oldest_cursor() const {
  absl::MutexLock lock(&mutex_);
  return newest_ - ring_.size();
}

std::string EventHub::ToToken(uint64_t cursor) const {
  return absl::StrCat(life_, ".", cursor);
}

absl::StatusOr<uint64_t> EventHub::FromToken(absl::string_view token) const {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(token, absl::MaxSplits('.', 1));
  uint64_t cursor = 0;
  if (!absl::SimpleAtoi(parts.second, &cursor) ||
      !base::CheckId("", parts.first).ok()) {
    return FieldError(Reason::kResumeTokenInvalid, "resume_token", token,
                      "a token from an event, a bookmark or ListEvents");
  }
  const bool other_life = parts.first != life_;
  if (!other_life && cursor > newest_cursor()) {
    return FieldError(Reason::kResumeTokenInvalid, "resume_token", token,
                      "a token that this daemon has given");
  }
  if (other_life || cursor < oldest_cursor()) {
    return MakeError(Reason::kEventsCompacted,
                     absl::StrCat("resume_token: the events after ",
                                  QuoteForMessage(token), " are gone",
                                  other_life ? " with an earlier life of the "
                                               "daemon"
                                             : "",
                                  "; list what exists and watch from now"),
                     {{"field", "resume_token"},
                      {"oldest_token", ToToken(oldest_cursor())}});
  }
  return cursor;
}

EventHub::Batch EventHub::Read(uint64_t cursor, const EventFilter& filter,
                               size_t count_max) const {
  Batch batch;
  absl::MutexLock lock(&mutex_);
  const uint64_t oldest = newest_ - ring_.size();
  if (cursor < oldest) {
    batch.lost_count = oldest - cursor;
    cursor = oldest;
  }
  while (cursor < newest_ && batch.events.size() < count_max) {
    const std::shared_ptr<const Event>& event = ring_[cursor - oldest];
    ++cursor;
    if (filter.Matches(*event)) batch.events.push_back(event);
  }
  batch.cursor = cursor;
  return batch;
}

int64_t EventHub::Subscribe(OnEvents on_events) {
  absl::MutexLock lock(&mutex_);
  subscribers_.emplace(next_subscription_,
                       std::make_shared<OnEvents>(std::move(on_events)));
  return next_subscription_++;
}

void EventHub::Unsubscribe(int64_t subscription) {
  // Freed without the lock: what it holds may use the hub.
  std::shared_ptr<OnEvents> ended;
  absl::MutexLock lock(&mutex_);
  const auto found = subscribers_.find(subscription);
  if (found == subscribers_.end()) return;
  ended = std::move(found->second);
  subscribers_.erase(found);
}

void EventHub::WakeSubscribers() {
  std::vector<int64_t> subscriptions;
  {
    absl::MutexLock lock(&mutex_);
    wake_posted_ = false;
    for (const auto& [subscription, on_events] : subscribers_) {
      subscriptions.push_back(subscription);
    }
  }
  // A subscriber may unsubscribe another while it runs.
  for (const int64_t subscription : subscriptions) {
    std::shared_ptr<OnEvents> on_events;
    {
      absl::MutexLock lock(&mutex_);
      const auto found = subscribers_.find(subscription);
      if (found != subscribers_.end()) on_events = found->second;
    }
    if (on_events != nullptr) (*on_events)();
  }
}

}  // namespace tlsd::worker
