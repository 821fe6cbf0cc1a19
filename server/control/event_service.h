// EventService is the adapter of the proto service of that name; `WatchCall` is
// its streaming method. The control server owns it; gRPC's threads call it.
#ifndef TLSD_SERVER_CONTROL_EVENT_SERVICE_H_
#define TLSD_SERVER_CONTROL_EVENT_SERVICE_H_

#include "absl/status/statusor.h"
#include "server/worker/event_hub.h"
#include "tlsd/v1/event_service.grpc.pb.h"

namespace tlsd::control {

class EventService final : public v1::EventService::CallbackService {
 public:
  // `events` must outlive the service.
  explicit EventService(worker::EventHub& events);

  grpc::ServerWriteReactor<v1::WatchEventsResponse>* WatchEvents(
      grpc::CallbackServerContext* context,
      const v1::WatchEventsRequest* request) override;
  grpc::ServerUnaryReactor* ListEvents(
      grpc::CallbackServerContext* context,
      const v1::ListEventsRequest* request,
      v1::ListEventsResponse* response) override;

 private:
  worker::EventHub& events_;
};

}  // namespace tlsd::control

#endif  // TLSD_SERVER_CONTROL_EVENT_SERVICE_H_
