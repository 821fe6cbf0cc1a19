// Hooks from protos and back. Pure functions; any thread may call them.
#ifndef TLSD_SERVER_CONTROL_HOOKS_H_
#define TLSD_SERVER_CONTROL_HOOKS_H_

#include <google/protobuf/repeated_field.h>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/tls/hook.h"
#include "tlsd/v1/types.pb.h"

namespace tlsd::control {

// Where hooks are armed.
enum class HookPlace {
  kSecureContext,
  kListener,
  // Only hooks that a client can have.
  kConnect,
};

// ToHooks returns what `hooks` ask for. It fails with FIELD_INVALID, naming
// e.g. "`field`[0].timeout", if one has a type that `place` has not or that
// another has, a timeout beyond an hour, or goes on without a signature; and,
// naming `field`, if only one of SESSION_LOOKUP and SESSION_STORE is there.
absl::StatusOr<tls::Hooks> ToHooks(
    absl::string_view field,
    const google::protobuf::RepeatedPtrField<v1::Hook>& hooks, HookPlace place);

// ToProto says what holds, defaults included.
void ToProto(const tls::Hooks& hooks,
             google::protobuf::RepeatedPtrField<v1::Hook>* proto);

// ToHookType fails with FIELD_INVALID, naming `field`. `type` is a
// v1::DecisionType as it came.
absl::StatusOr<tls::HookType> ToHookType(absl::string_view field, int type);
v1::DecisionType ToProto(tls::HookType type);

}  // namespace tlsd::control

#endif  // TLSD_SERVER_CONTROL_HOOKS_H_
