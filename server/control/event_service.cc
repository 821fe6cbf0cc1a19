#include "server/control/event_service.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "proto/status/rpc_status.h"
#include "server/base/names.h"
#include "server/base/status_macros.h"
#include "server/control/convert.h"
#include "server/control/fields.h"
#include "server/control/unary_call.h"
#include "server/control/watch_call.h"

namespace tlsd::control {
namespace {

constexpr int kSubjectCountMax = 100;
constexpr absl::Duration kBookmarkIntervalMin = absl::Milliseconds(100);
constexpr absl::Duration kWaitMax = absl::Hours(24 * 365);

// The collection that `name` seems to be of.
absl::string_view CollectionOf(absl::string_view name) {
  for (const absl::string_view collection :
       {base::kListeners, base::kSecureContexts}) {
    if (absl::StartsWith(name, collection)) return collection;
  }
  return base::kConnections;
}

absl::StatusOr<worker::EventType> ToEventType(int proto) {
  switch (proto) {
    case v1::EVENT_TYPE_LISTENING:
      return worker::EventType::kListening;
    case v1::EVENT_TYPE_SECURE_CONNECTION:
      return worker::EventType::kSecureConnection;
    case v1::EVENT_TYPE_CLIENT_ERROR:
      return worker::EventType::kClientError;
    case v1::EVENT_TYPE_SECURE_CONNECT:
      return worker::EventType::kSecureConnect;
    case v1::EVENT_TYPE_CONNECTION_CLOSED:
      return worker::EventType::kConnectionClosed;
    case v1::EVENT_TYPE_LISTENER_CLOSED:
      return worker::EventType::kListenerClosed;
    case v1::EVENT_TYPE_CONNECTION_REJECTED:
      return worker::EventType::kConnectionRejected;
    case v1::EVENT_TYPE_SECURE_CONTEXT_UPDATED:
      return worker::EventType::kSecureContextUpdated;
    case v1::EVENT_TYPE_CERTIFICATE_EXPIRING:
      return worker::EventType::kCertificateExpiring;
    case v1::EVENT_TYPE_SESSION:
      return worker::EventType::kSession;
    case v1::EVENT_TYPE_OCSP_RESPONSE:
      return worker::EventType::kOcspResponse;
    case v1::EVENT_TYPE_CONNECTION:
      return worker::EventType::kConnection;
    case v1::EVENT_TYPE_RENEGOTIATED:
      return worker::EventType::kRenegotiated;
    default:
      return FieldError(Reason::kFieldInvalid, "types", absl::StrCat(proto),
                        "EVENT_TYPE_LISTENING and the other EVENT_TYPE_ names");
  }
}

// `Request` is WatchEventsRequest or ListEventsRequest.
template <typename Request>
absl::StatusOr<worker::EventFilter> ToFilter(const Request& request) {
  worker::EventFilter filter;
  for (const int type : request.types()) {
    TLSD_ASSIGN_OR_RETURN(const worker::EventType event_type,
                          ToEventType(type));
    filter.types.push_back(event_type);
  }
  if (request.subjects_size() > kSubjectCountMax) {
    return FieldError(Reason::kFieldInvalid, "subjects",
                      absl::StrCat(request.subjects_size(), " names"),
                      absl::StrCat("at most ", kSubjectCountMax));
  }
  for (const std::string& subject : request.subjects()) {
    TLSD_RETURN_IF_ERROR(
        base::CheckName("subjects", CollectionOf(subject), subject));
    filter.subjects.push_back(subject);
  }
  return filter;
}

absl::StatusOr<WatchOptions> ToWatchOptions(
    const v1::WatchEventsRequest& request, const worker::EventHub& events) {
  WatchOptions options;
  TLSD_ASSIGN_OR_RETURN(options.filter, ToFilter(request));
  options.cursor = events.newest_cursor();
  if (!request.resume_token().empty()) {
    TLSD_ASSIGN_OR_RETURN(options.cursor,
                          events.FromToken(request.resume_token()));
  }
  switch (request.overflow_policy()) {
    case v1::OVERFLOW_POLICY_UNSPECIFIED:
    case v1::OVERFLOW_POLICY_DISCONNECT:
      break;
    case v1::OVERFLOW_POLICY_DROP_OLDEST:
      options.drop_oldest = true;
      break;
    default:
      return FieldError(Reason::kFieldInvalid, "overflow_policy",
                        absl::StrCat(request.overflow_policy()),
                        "OVERFLOW_POLICY_DISCONNECT or _DROP_OLDEST");
  }
  if (request.has_bookmark_interval()) {
    TLSD_ASSIGN_OR_RETURN(
        options.bookmark_interval,
        ToDuration("bookmark_interval", request.bookmark_interval(),
                   kBookmarkIntervalMin, kWaitMax));
  }
  return options;
}

// A ListEvents that waits for its first event. It lives on the hub's loop.
struct ListCall : public std::enable_shared_from_this<ListCall> {
  worker::EventHub* events;
  std::shared_ptr<UnaryCall> call;
  v1::ListEventsResponse* response;
  worker::EventFilter filter;
  uint64_t cursor = 0;
  size_t page_size = 0;
  bool resumed = false;
  std::optional<int64_t> subscription;

  // Try answers if there are events, or if `last`.
  void Try(bool last) {
    worker::EventHub::Batch batch = events->Read(cursor, filter, page_size);
    if (batch.lost_count > 0 && resumed) {
      if (subscription.has_value()) events->Unsubscribe(*subscription);
      call->Answer(events->FromToken(events->ToToken(cursor)).status());
      return;
    }
    cursor = batch.cursor;
    if (batch.events.empty() && !last) return;
    if (subscription.has_value()) events->Unsubscribe(*subscription);
    if (!call->Claim()) return;
    for (const std::shared_ptr<const worker::Event>& event : batch.events) {
      ToProto(*event, events->ToToken(event->sequence),
              *response->add_events());
    }
    response->set_next_resume_token(events->ToToken(batch.cursor));
    call->Finish(grpc::Status::OK);
  }

  void Wait() {
    subscription = events->Subscribe(
        [self = shared_from_this()] { self->Try(/*last=*/false); });
    Try(/*last=*/false);
  }
};

}  // namespace

EventService::EventService(worker::EventHub& events) : events_(events) {}

grpc::ServerWriteReactor<v1::WatchEventsResponse>* EventService::WatchEvents(
    grpc::CallbackServerContext* /*context*/,
    const v1::WatchEventsRequest* request) {
  return WatchCall::Start(ToWatchOptions(*request, events_), events_);
}

grpc::ServerUnaryReactor* EventService::ListEvents(
    grpc::CallbackServerContext* /*context*/,
    const v1::ListEventsRequest* request, v1::ListEventsResponse* response) {
  const std::shared_ptr<UnaryCall> call = UnaryCall::Start();
  auto list = std::make_shared<ListCall>();
  list->events = &events_;
  list->call = call;
  list->response = response;
  absl::StatusOr<worker::EventFilter> filter = ToFilter(*request);
  const absl::StatusOr<size_t> page_size = ToPageSize(request->page_size());
  absl::StatusOr<uint64_t> cursor = events_.oldest_cursor();
  if (!request->resume_token().empty()) {
    cursor = events_.FromToken(request->resume_token());
    list->resumed = true;
  }
  absl::StatusOr<absl::Duration> wait =
      ToDuration("timeout", request->timeout(), absl::ZeroDuration(), kWaitMax);
  absl::Status status = filter.status();
  status.Update(page_size.status());
  status.Update(cursor.status());
  status.Update(wait.status());
  if (!status.ok()) {
    call->Answer(status);
    return call.get();
  }
  list->filter = *std::move(filter);
  list->page_size = *page_size;
  list->cursor = *cursor;
  if (*wait == absl::ZeroDuration()) {
    list->Try(/*last=*/true);
    return call.get();
  }
  net::EventLoop& loop = events_.loop();
  loop.Post([list] { list->Wait(); });
  call->OnGiveUp(*wait, [list, &loop](const absl::Status& /*reason*/) {
    // That nothing has happened is no error.
    loop.Post([list] { list->Try(/*last=*/true); });
  });
  return call.get();
}

}  // namespace tlsd::control
