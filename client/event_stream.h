// EventStream is a watch of what happens in the daemon, in its one order.
//
// A watch is on when `Client::Watch` returns: whatever the program does after
// that has its events here, so watch, then act. It is not a log: the daemon
// keeps the newest 65536 events, and `WatchOptions::resume_token` goes on where
// another watch ended. No cleartext and no key is ever in an event.
//
// Who holds the object owns the watch; destroying it ends the call. One thread
// calls `Next`; `Cancel` and `resume_token` may be called from any.
#ifndef TLSD_CLIENT_EVENT_STREAM_H_
#define TLSD_CLIENT_EVENT_STREAM_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/facts.h"

namespace tlsd::client {

class ControlChannel;

// EventType says what happened. See proto/tlsd/v1/event_service.proto.
enum class EventType {
  kUnknown,               // an event of a newer daemon
  kListening,             // a listener accepts connections
  kSecureConnection,      // a handshake as server is complete
  kClientError,           // an accepted connection failed before that
  kSecureConnect,         // a handshake as client is complete
  kConnectionClosed,      // a connection has ended
  kListenerClosed,        // a listener and its last connection are gone
  kConnectionRejected,    // a listener was at its limit
  kSecureContextUpdated,  // a secure context was changed
  kCertificateExpiring,   // an own certificate ends soon, or has ended
  kSession,               // a client has got a session that can be resumed
  kOcspResponse,          // a server has stapled, and is not accepted yet
  kConnection,            // a plain connection was accepted or made
  kRenegotiated,          // a client has answered a server's request for it
  kEventsDropped,         // events are missing here: see `dropped_count`
};

// Event is one thing that happened. `listener`, `connection` or
// `secure_context` is the resource as it was at that moment, by the type of the
// event; that of kCertificateExpiring has `certificate_expiry`.
struct Event {
  std::string resume_token;  // where to resume after this event; opaque
  absl::Time time;
  std::string subject;  // e.g. "connections/c-7f3a"
  EventType type = EventType::kUnknown;
  std::optional<ListenerFacts> listener;
  std::optional<ConnectionFacts> connection;
  std::optional<SecureContextFacts> secure_context;
  std::optional<CertificateExpiry> certificate_expiry;
  int64_t dropped_count = 0;  // of kEventsDropped alone
};

// OverflowPolicy says what becomes of a watch that falls behind by more than
// 8192 events: `kDisconnect` ends it with CONSUMER_TOO_SLOW, and a new one can
// resume; `kDropOldest` drops events and says so with kEventsDropped.
enum class OverflowPolicy { kDisconnect, kDropOldest };

// WatchOptions is what Client::Watch takes.
struct WatchOptions {
  // Start after this event. Default: now.
  std::string resume_token = {};
  // Only these types. Default: all.
  std::vector<EventType> types = {};
  // Only about these resources: a connection, a listener, or, named by the
  // listener, all its connections. Default: all. At most 100.
  std::vector<std::string> subjects = {};
  OverflowPolicy overflow_policy = OverflowPolicy::kDisconnect;
};

class EventStream {
 public:
  // Moving leaves `other` good for destruction and assignment only.
  EventStream(EventStream&& other) noexcept;
  EventStream& operator=(EventStream&& other) noexcept;
  ~EventStream();

  // Next waits for the next event. It fails with WAIT_TIMEOUT after `timeout`,
  // nothing lost; CALL_CANCELLED after `Cancel`; CONSUMER_TOO_SLOW if events
  // were not taken in time; and SHUTTING_DOWN or UNAVAILABLE when the daemon
  // ends. Errors but WAIT_TIMEOUT are final.
  absl::StatusOr<Event> Next(absl::Duration timeout = absl::InfiniteDuration());

  // Cancel ends the watch.
  void Cancel();

  // resume_token returns where another watch would go on after what `Next` has
  // returned so far.
  std::string resume_token() const;

 private:
  friend class Client;

  class Watch;

  static absl::StatusOr<EventStream> Open(
      std::shared_ptr<ControlChannel> channel, const WatchOptions& options);

  explicit EventStream(std::unique_ptr<Watch> watch);

  std::unique_ptr<Watch> watch_;
};

}  // namespace tlsd::client

#endif  // TLSD_CLIENT_EVENT_STREAM_H_
