// EventHub keeps what happened, in one order, and wakes those who watch.
//
// It holds a bounded ring: publishing never waits for a watcher, and a watcher
// that falls behind finds its place gone. The daemon owns one. Any thread may
// use it; watchers are woken on the hub's own thread.
#ifndef TLSD_SERVER_WORKER_EVENT_HUB_H_
#define TLSD_SERVER_WORKER_EVENT_HUB_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/conn/connection_facts.h"
#include "server/tls/certificate_facts.h"
#include "server/worker/listener.h"
#include "server/worker/live_context.h"
#include "server/worker/loop_thread.h"

namespace tlsd::worker {

// See EventType in proto/tlsd/v1/event_service.proto.
enum class EventType {
  kListening,
  kSecureConnection,
  kClientError,
  kSecureConnect,
  kConnectionClosed,
  kListenerClosed,
  kConnectionRejected,
  kSecureContextUpdated,
  kCertificateExpiring,
  kSession,
  kOcspResponse,
  kConnection,
  kRenegotiated,
};

// CertificateExpiry says that an own certificate ends soon, or has ended.
struct CertificateExpiry {
  // "secureContexts/ID".
  std::string secure_context;
  tls::CertificateFacts certificate;
  // Negative if it has ended.
  absl::Duration time_left;
};

// EventPayload is the thing that something happened to, at that moment. It is
// shared, so that the ring keeps none twice.
using EventPayload = std::variant<std::shared_ptr<const ListenerFacts>,
                                  std::shared_ptr<const conn::ConnectionFacts>,
                                  std::shared_ptr<const ContextFacts>,
                                  std::shared_ptr<const CertificateExpiry>>;

// PayloadOf shares `facts`.
template <typename Facts>
EventPayload PayloadOf(Facts facts) {
  return std::make_shared<const Facts>(std::move(facts));
}

// Event is one thing that happened. It does not change.
struct Event {
  // Its place in the order, from 1.
  uint64_t sequence = 0;
  absl::Time time;
  EventType type = EventType::kListening;
  EventPayload payload;

  // about returns the thing, which must be a `Facts`.
  template <typename Facts>
  const Facts& about() const {
    return *std::get<std::shared_ptr<const Facts>>(payload);
  }
  // subject returns the name of the resource it happened to.
  const std::string& subject() const;
};

// EventFilter selects events; what is empty selects all.
struct EventFilter {
  std::vector<EventType> types;
  // Names of connections and listeners; a listener's stands for its connections
  // too.
  std::vector<std::string> subjects;

  bool Matches(const Event& event) const;
};

class EventHub {
 public:
  static constexpr size_t kRingCountMax = 65536;

  // Create starts the hub's thread.
  static absl::StatusOr<std::unique_ptr<EventHub>> Create(
      size_t ring_count_max = kRingCountMax);

  // Publish appends an event that happens now.
  void Publish(EventType type, EventPayload payload);

  // A cursor is the sequence of the last event that was seen; 0 is before the
  // first. newest_cursor is after all that has happened, oldest_cursor before
  // all that is kept.
  uint64_t newest_cursor() const;
  uint64_t oldest_cursor() const;

  // ToToken and FromToken turn a cursor into its opaque form and back.
  // FromToken fails with RESUME_TOKEN_INVALID, and with EVENTS_COMPACTED if the
  // token is of an earlier life of the daemon or its place is gone.
  std::string ToToken(uint64_t cursor) const;
  absl::StatusOr<uint64_t> FromToken(absl::string_view token) const;

  struct Batch {
    std::vector<std::shared_ptr<const Event>> events;
    // After the last event that was looked at, whether it matched or not.
    uint64_t cursor = 0;
    // Events after the given cursor that are no longer kept.
    uint64_t lost_count = 0;
  };
  // Read returns at most `count_max` events after `cursor` that match.
  Batch Read(uint64_t cursor, const EventFilter& filter,
             size_t count_max) const;

  // Subscribe calls `on_events` on `loop()` soon after each Publish; several
  // may share one call. After Unsubscribe, which may only be called on
  // `loop()`, it is not called again.
  using OnEvents = absl::AnyInvocable<void()>;
  int64_t Subscribe(OnEvents on_events);
  void Unsubscribe(int64_t subscription);

  net::EventLoop& loop() { return thread_->loop(); }

 private:
  EventHub(size_t ring_count_max, std::unique_ptr<LoopThread> thread);
  void WakeSubscribers();

  const size_t ring_count_max_;
  // Tells this life of the daemon from others.
  const std::string life_;

  mutable absl::Mutex mutex_;
  std::deque<std::shared_ptr<const Event>> ring_ ABSL_GUARDED_BY(mutex_);
  uint64_t newest_ ABSL_GUARDED_BY(mutex_) = 0;
  bool wake_posted_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t next_subscription_ ABSL_GUARDED_BY(mutex_) = 1;
  std::map<int64_t, std::shared_ptr<OnEvents>> subscribers_
      ABSL_GUARDED_BY(mutex_);

  // Last, so that the thread ends before what it uses.
  std::unique_ptr<LoopThread> thread_;
};

}  // namespace tlsd::worker

#endif  // TLSD_SERVER_WORKER_EVENT_HUB_H_
