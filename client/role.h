// What RoleOptions mean for a call: whether they can be sent at all, how long
// the handshake may take, and what becomes of the connection.
//
// It is internal to client/: the classes that play a role over what exists
// share it. It holds no state.
#ifndef TLSD_CLIENT_ROLE_H_
#define TLSD_CLIENT_ROLE_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/connection_options.h"

namespace tlsd::client {

// CheckRole fails with FIELD_REQUIRED if no role is set, and with
// FIELDS_CONFLICT if both are: a request has room for one.
absl::Status CheckRole(const RoleOptions& options);

// HandshakeTimeMax returns how long the daemon may take for the handshake.
absl::Duration HandshakeTimeMax(const RoleOptions& options);

// PolicyOf returns the policy of the role that is set.
DetachPolicy PolicyOf(const RoleOptions& options);

}  // namespace tlsd::client

#endif  // TLSD_CLIENT_ROLE_H_
