// Decisions to protos, and what callers say to them back. Pure functions; any
// thread may call them.
#ifndef TLSD_SERVER_CONTROL_CONVERT_DECISION_H_
#define TLSD_SERVER_CONTROL_CONVERT_DECISION_H_

#include <google/protobuf/repeated_field.h>

#include <string>

#include "absl/status/statusor.h"
#include "server/tls/question.h"
#include "server/worker/context_table.h"
#include "server/worker/decision.h"
#include "tlsd/v1/decision_service.pb.h"

namespace tlsd::control {

void ToProto(const worker::Decision& decision, v1::Decision& proto);

// ToAnswer returns what `proto` says, with the context that it names. It fails
// with FIELD_REQUIRED, FIELD_INVALID, NAME_INVALID, CONTEXT_NOT_FOUND or
// CREDENTIALS_REQUIRED; whether it fits its decision is the hub's to check.
absl::StatusOr<tls::Answer> ToAnswer(const v1::DecisionAnswer& proto,
                                     const worker::ContextTable& contexts);

// ToDecisionFilter reads the fields that HandlerRegistration and
// WaitDecisionRequest have in common. It fails with FIELD_INVALID and
// NAME_INVALID.
absl::StatusOr<worker::DecisionFilter> ToDecisionFilter(
    const google::protobuf::RepeatedField<int>& types,
    const google::protobuf::RepeatedPtrField<std::string>& subjects);

// WipeSecrets overwrites the sessions in a message.
void WipeSecrets(v1::Decision& proto);
void WipeSecrets(v1::DecisionAnswer& proto);

}  // namespace tlsd::control

#endif  // TLSD_SERVER_CONTROL_CONVERT_DECISION_H_
