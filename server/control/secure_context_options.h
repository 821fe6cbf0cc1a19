// The fields of a secure context that callers set: from proto to the core and
// back, and which of them an update names.
//
// Pure functions; any thread may call them.
#ifndef TLSD_SERVER_CONTROL_SECURE_CONTEXT_OPTIONS_H_
#define TLSD_SERVER_CONTROL_SECURE_CONTEXT_OPTIONS_H_

#include <google/protobuf/field_mask.pb.h>

#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/tls/secure_context.h"
#include "server/tls/secure_context_options.h"
#include "tlsd/v1/secure_context_service.pb.h"

namespace tlsd::control {

// ToSecureContextOptions reads the fields of `proto` that a caller may set. It
// fails with FIELD_REQUIRED or FIELD_INVALID; `tls::SecureContext` checks the
// rest.
absl::StatusOr<tls::SecureContextOptions> ToSecureContextOptions(
    const v1::SecureContext& proto);

// ToProto writes them back, without secrets.
void ToProto(const tls::SecureContextOptions& options,
             v1::SecureContext& proto);

// ToClientCertificateMode reads what says how a server asks for certificates;
// nothing if it is left to somebody else. It fails with FIELD_INVALID, naming
// `field`.
absl::StatusOr<std::optional<tls::ClientCertificateMode>>
ToClientCertificateMode(absl::string_view field,
                        v1::ClientCertificateMode mode);

// ContextChange is what an update asks for.
struct ContextChange {
  // All of the context as it shall be; what is `kept` is not looked at.
  tls::SecureContextOptions options;
  tls::SecureContext::Kept kept;
};

// ApplyUpdate returns `present` changed by the fields of `update` that `mask`
// names; an empty mask names those that are set. It fails with FIELD_INVALID,
// naming "update_mask", for a field that cannot be changed, and as
// ToSecureContextOptions does.
absl::StatusOr<ContextChange> ApplyUpdate(
    const tls::SecureContextOptions& present, const v1::SecureContext& update,
    const google::protobuf::FieldMask& mask);

}  // namespace tlsd::control

#endif  // TLSD_SERVER_CONTROL_SECURE_CONTEXT_OPTIONS_H_
