#include "server/control/secure_pair_service.h"

#include <string>
#include <utility>

#include "proto/status/error.h"
#include "proto/status/rpc_status.h"
#include "server/control/convert.h"
#include "server/control/unary_call.h"

namespace tlsd::control {

SecurePairService::SecurePairService(
    worker::WorkerPool& pool, const worker::ContextTable& contexts,
    const worker::ListenerTable& listeners,
    std::shared_ptr<const tls::SecureContext> default_context)
    : pool_(pool),
      listeners_(listeners),
      options_(contexts, std::move(default_context)) {}

grpc::ServerUnaryReactor* SecurePairService::CreateSecurePair(
    grpc::CallbackServerContext* /*context*/,
    const v1::CreateSecurePairRequest* request, v1::SecurePair* response) {
  const std::shared_ptr<UnaryCall> call = UnaryCall::Start();
  absl::StatusOr<conn::ConnectionOptions> options =
      options_.ReadRole(*request, listeners_);
  if (!options.ok()) {
    call->Answer(options.status());
    return call.get();
  }
  pool_.CreatePair(
      *std::move(options),
      [this, call, response](absl::StatusOr<worker::PairFacts> pair) {
        if (!call->Claim()) return;
        if (pair.ok()) {
          ToProto(pair->cleartext, *response->mutable_cleartext());
          ToProto(pair->encrypted, *response->mutable_encrypted());
          // Nobody would know its names; when one goes, so does the other.
          call->OnUndelivered([this, name = pair->encrypted.name] {
            pool_.Visit(name, [](absl::StatusOr<conn::Connection*> encrypted) {
              if (encrypted.ok()) (*encrypted)->Reset();
            });
          });
        }
        call->Finish(ToRpcStatus(pair.status()));
      });
  return call.get();
}

}  // namespace tlsd::control
