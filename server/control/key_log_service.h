// KeyLogService is the adapter of the proto service of that name; `KeyLogCall`
// is its method. The control server owns it; gRPC's threads call it.
#ifndef TLSD_SERVER_CONTROL_KEY_LOG_SERVICE_H_
#define TLSD_SERVER_CONTROL_KEY_LOG_SERVICE_H_

#include "server/net/event_loop.h"
#include "server/worker/key_log.h"
#include "tlsd/v1/key_log_service.grpc.pb.h"

namespace tlsd::control {

class KeyLogService final : public v1::KeyLogService::CallbackService {
 public:
  // `key_log` is null if the daemon has none. It and `loop`, on which the calls
  // run, must outlive the service.
  KeyLogService(worker::KeyLog* key_log, net::EventLoop& loop);

  grpc::ServerWriteReactor<v1::WatchKeyLogResponse>* WatchKeyLog(
      grpc::CallbackServerContext* context,
      const v1::WatchKeyLogRequest* request) override;

 private:
  worker::KeyLog* const key_log_;
  net::EventLoop& loop_;
};

}  // namespace tlsd::control

#endif  // TLSD_SERVER_CONTROL_KEY_LOG_SERVICE_H_
