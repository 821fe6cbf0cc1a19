// What both sides agree to speak: versions, suites, groups, signatures,
// protocols and session lifetimes, from options into BoringSSL's context.
//
// It configures a context that is being made. Any thread may call it.
#ifndef TLSD_SERVER_TLS_CONTEXT_POLICY_H_
#define TLSD_SERVER_TLS_CONTEXT_POLICY_H_

#include "absl/status/status.h"
#include "server/tls/secure_context_options.h"
#include "server/tls/secure_context_state.h"

namespace tlsd::tls {

// SetPolicy checks these parts of `options` and applies them to
// `state.ssl_context`; it fills `state`'s protocols and signing algorithms, and
// what its facts say of all this. `state` must stay where it is: callbacks of
// the context point into it. Errors are those of SecureContext::Create.
absl::Status SetPolicy(const SecureContextOptions& options,
                       SecureContextState& state);

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_CONTEXT_POLICY_H_
