#include "client/role.h"

#include "proto/status/error.h"

namespace tlsd::client {
namespace {

// As proto/tlsd/v1/transport.proto has them.
constexpr absl::Duration kHandshakeTimeout = absl::Seconds(120);
constexpr absl::Duration kHandshakeTimeoutMax = absl::Hours(1);

}  // namespace

absl::Status CheckRole(const RoleOptions& options) {
  if (options.client.has_value() && options.server.has_value()) {
    return ProblemError(Reason::kFieldsConflict, "role",
                        "client and server are set; one is allowed");
  }
  if (!options.client.has_value() && !options.server.has_value()) {
    return FieldRequired("role");
  }
  return absl::OkStatus();
}

absl::Duration HandshakeTimeMax(const RoleOptions& options) {
  if (options.client.has_value()) return options.client->timeout;
  if (!options.server.has_value()) return kHandshakeTimeout;
  if (options.server->handshake_timeout != absl::ZeroDuration()) {
    return options.server->handshake_timeout;
  }
  // That of a listener is the daemon's to know.
  return options.server->listener.empty() ? kHandshakeTimeout
                                          : kHandshakeTimeoutMax;
}

DetachPolicy PolicyOf(const RoleOptions& options) {
  if (options.client.has_value()) return options.client->detach_policy;
  return options.server.has_value() ? options.server->detach_policy
                                    : DetachPolicy::kClose;
}

}  // namespace tlsd::client
