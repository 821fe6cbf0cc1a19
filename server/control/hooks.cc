#include "server/control/hooks.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "server/base/status_macros.h"
#include "server/control/fields.h"

namespace tlsd::control {
namespace {

constexpr absl::Duration kTimeoutMax = absl::Hours(1);

bool FailsWithoutAnswer(tls::HookType type) {
  return type == tls::HookType::kVerifyPeer || type == tls::HookType::kSign;
}

// A client has no other questions.
bool IsForConnect(tls::HookType type) {
  return type == tls::HookType::kVerifyPeer || type == tls::HookType::kSign;
}

absl::StatusOr<bool> ToFailsWithoutAnswer(tls::HookType type,
                                          const v1::Hook& proto) {
  switch (proto.without_answer()) {
    case v1::Hook::WITHOUT_ANSWER_UNSPECIFIED:
      return FailsWithoutAnswer(type);
    case v1::Hook::WITHOUT_ANSWER_FAIL:
      return true;
    case v1::Hook::WITHOUT_ANSWER_CONTINUE:
      if (type != tls::HookType::kSign) return false;
      return FieldError(Reason::kFieldInvalid, "without_answer",
                        "WITHOUT_ANSWER_CONTINUE",
                        "WITHOUT_ANSWER_FAIL, as there is no handshake without "
                        "the signature");
    default:
      return FieldError(Reason::kFieldInvalid, "without_answer",
                        absl::StrCat(proto.without_answer()),
                        "WITHOUT_ANSWER_CONTINUE or _FAIL");
  }
}

absl::StatusOr<tls::Hook> ToHook(const v1::Hook& proto, HookPlace place) {
  tls::Hook hook;
  TLSD_ASSIGN_OR_RETURN(hook.type, ToHookType("type", proto.type()));
  if (place == HookPlace::kConnect && !IsForConnect(hook.type)) {
    return FieldError(Reason::kFieldInvalid, "type",
                      v1::DecisionType_Name(proto.type()),
                      "DECISION_TYPE_VERIFY_PEER and _SIGN in a client");
  }
  if (proto.has_timeout()) {
    TLSD_ASSIGN_OR_RETURN(hook.timeout,
                          ToDuration("timeout", proto.timeout(),
                                     absl::Nanoseconds(1), kTimeoutMax));
  }
  TLSD_ASSIGN_OR_RETURN(hook.fails_without_answer,
                        ToFailsWithoutAnswer(hook.type, proto));
  hook.skip_without_handler = proto.skip_without_handler();
  return hook;
}

// One without the other could find nothing, or keep what nobody looks for.
absl::Status CheckSessionHooks(absl::string_view field,
                               const tls::Hooks& hooks) {
  const bool looks = FindHook(hooks, tls::HookType::kSessionLookup) != nullptr;
  const bool stores = FindHook(hooks, tls::HookType::kSessionStore) != nullptr;
  if (looks == stores) return absl::OkStatus();
  return FieldError(
      Reason::kFieldInvalid, field,
      looks ? "DECISION_TYPE_SESSION_LOOKUP" : "DECISION_TYPE_SESSION_STORE",
      "DECISION_TYPE_SESSION_LOOKUP and _STORE together");
}

}  // namespace

absl::StatusOr<tls::Hooks> ToHooks(
    absl::string_view field,
    const google::protobuf::RepeatedPtrField<v1::Hook>& hooks,
    HookPlace place) {
  tls::Hooks converted;
  for (const v1::Hook& proto : hooks) {
    const std::string element =
        absl::StrCat(field, "[", converted.size(), "].");
    const absl::StatusOr<tls::Hook> hook = ToHook(proto, place);
    if (!hook.ok()) return PrefixField(hook.status(), element);
    if (FindHook(converted, hook->type) != nullptr) {
      return FieldError(Reason::kFieldInvalid, absl::StrCat(element, "type"),
                        v1::DecisionType_Name(proto.type()), "each type once");
    }
    converted.push_back(*hook);
  }
  TLSD_RETURN_IF_ERROR(CheckSessionHooks(field, converted));
  return converted;
}

void ToProto(const tls::Hooks& hooks,
             google::protobuf::RepeatedPtrField<v1::Hook>* proto) {
  proto->Clear();
  for (const tls::Hook& hook : hooks) {
    v1::Hook& added = *proto->Add();
    added.set_type(ToProto(hook.type));
    ToProto(hook.timeout, *added.mutable_timeout());
    added.set_without_answer(hook.fails_without_answer
                                 ? v1::Hook::WITHOUT_ANSWER_FAIL
                                 : v1::Hook::WITHOUT_ANSWER_CONTINUE);
    added.set_skip_without_handler(hook.skip_without_handler);
  }
}

absl::StatusOr<tls::HookType> ToHookType(absl::string_view field, int type) {
  switch (type) {
    case v1::DECISION_TYPE_CLIENT_HELLO:
      return tls::HookType::kClientHello;
    case v1::DECISION_TYPE_OCSP_STAPLE:
      return tls::HookType::kOcspStaple;
    case v1::DECISION_TYPE_SESSION_LOOKUP:
      return tls::HookType::kSessionLookup;
    case v1::DECISION_TYPE_SESSION_STORE:
      return tls::HookType::kSessionStore;
    case v1::DECISION_TYPE_VERIFY_PEER:
      return tls::HookType::kVerifyPeer;
    case v1::DECISION_TYPE_SIGN:
      return tls::HookType::kSign;
    default:
      return FieldError(
          Reason::kFieldInvalid, field, absl::StrCat(type),
          "DECISION_TYPE_CLIENT_HELLO and the other DECISION_TYPE_ names");
  }
}

v1::DecisionType ToProto(tls::HookType type) {
  switch (type) {
    case tls::HookType::kClientHello:
      return v1::DECISION_TYPE_CLIENT_HELLO;
    case tls::HookType::kOcspStaple:
      return v1::DECISION_TYPE_OCSP_STAPLE;
    case tls::HookType::kSessionLookup:
      return v1::DECISION_TYPE_SESSION_LOOKUP;
    case tls::HookType::kSessionStore:
      return v1::DECISION_TYPE_SESSION_STORE;
    case tls::HookType::kVerifyPeer:
      return v1::DECISION_TYPE_VERIFY_PEER;
    case tls::HookType::kSign:
      return v1::DECISION_TYPE_SIGN;
  }
  return v1::DECISION_TYPE_UNSPECIFIED;
}

}  // namespace tlsd::control
