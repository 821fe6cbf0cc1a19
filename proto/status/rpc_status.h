// absl::Status to grpc::Status and back, with the detail kept.
//
// It is the only place that knows how an error travels: code and message as
// gRPC carries them, and a google.rpc.Status with one google.rpc.ErrorInfo in
// the details. It holds no state and may be used from any thread.
#ifndef TLSD_PROTO_STATUS_RPC_STATUS_H_
#define TLSD_PROTO_STATUS_RPC_STATUS_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace tlsd {

// ToRpcStatus returns `status` as gRPC sends it.
grpc::Status ToRpcStatus(const absl::Status& status);

// FromRpcStatus returns what `status` says, with the ErrorInfo it carries, if
// there is one of the domain "tlsd".
absl::Status FromRpcStatus(const grpc::Status& status);

}  // namespace tlsd

#endif  // TLSD_PROTO_STATUS_RPC_STATUS_H_
