#include "client/convert.h"

#include <algorithm>
#include <cstdint>

#include "client/convert_fields.h"

namespace tlsd::client {
namespace {

// google/protobuf/duration.proto: about 10000 years.
constexpr int64_t kDurationSecondsMax = 315576000000;

Handler HandlerOf(const v1::Listener& listener) {
  if (listener.has_forward()) return Handler::kForward;
  return listener.has_echo() ? Handler::kEcho : Handler::kStream;
}

}  // namespace

google::protobuf::Duration ToProto(absl::Duration duration) {
  google::protobuf::Duration result;
  const absl::Duration longest = absl::Seconds(kDurationSecondsMax);
  duration = std::clamp(duration, -longest, longest);
  result.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  result.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration)));
  return result;
}

absl::Duration FromProto(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) +
         absl::Nanoseconds(duration.nanos());
}

absl::Time FromProto(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) +
         absl::Nanoseconds(time.nanos());
}

v1::TlsVersion ToProto(TlsVersion version) {
  return static_cast<v1::TlsVersion>(version);
}

TlsVersion FromProto(v1::TlsVersion version) {
  return EnumFromProto(version, TlsVersion::kTls13);
}

// kEventsDropped is a message of its own on the wire.
v1::EventType ToProto(EventType type) {
  return type == EventType::kEventsDropped ? v1::EVENT_TYPE_UNSPECIFIED
                                           : static_cast<v1::EventType>(type);
}

EventType FromProto(v1::EventType type) {
  return EnumFromProto(type, EventType::kRenegotiated);
}

v1::DetachPolicy ToProto(DetachPolicy policy) {
  return policy == DetachPolicy::kKeep ? v1::DETACH_POLICY_KEEP
                                       : v1::DETACH_POLICY_CLOSE;
}

google::protobuf::RepeatedPtrField<v1::Hook> ToProto(const Hooks& hooks) {
  google::protobuf::RepeatedPtrField<v1::Hook> protos;
  for (const Hook& hook : hooks) {
    v1::Hook& proto = *protos.Add();
    proto.set_type(static_cast<v1::DecisionType>(hook.type));
    if (hook.timeout != absl::ZeroDuration()) {
      *proto.mutable_timeout() = ToProto(hook.timeout);
    }
    proto.set_without_answer(
        static_cast<v1::Hook::WithoutAnswer>(hook.without_answer));
    proto.set_skip_without_handler(hook.skip_without_handler);
  }
  return protos;
}

Hooks FromProto(const google::protobuf::RepeatedPtrField<v1::Hook>& hooks) {
  Hooks result;
  for (const v1::Hook& proto : hooks) {
    Hook& hook = result.emplace_back();
    hook.type = EnumFromProto(proto.type(), DecisionType::kSign);
    hook.timeout = FromProto(proto.timeout());
    hook.without_answer =
        EnumFromProto(proto.without_answer(), WithoutAnswer::kFail);
    hook.skip_without_handler = proto.skip_without_handler();
  }
  return result;
}

v1::CreateListenerRequest ToProto(const ListenerOptions& options) {
  v1::CreateListenerRequest request;
  request.set_listener_id(options.id);
  v1::Listener& listener = *request.mutable_listener();
  listener.set_address(options.address);
  listener.set_secure_context(options.secure_context);
  if (options.forward.has_value()) {
    *listener.mutable_forward() = ToProto(*options.forward);
  } else if (options.handler == Handler::kForward) {
    // Without an upstream the daemon says what is missing.
    listener.mutable_forward();
  } else if (options.handler == Handler::kEcho) {
    listener.mutable_echo();
  } else {
    listener.mutable_stream();
  }
  if (options.handshake_timeout != absl::ZeroDuration()) {
    *listener.mutable_handshake_timeout() = ToProto(options.handshake_timeout);
  }
  listener.set_max_connections(options.max_connections);
  listener.set_strict_server_names(options.strict_server_names);
  *listener.mutable_hooks() = ToProto(options.hooks);
  listener.set_protection(ToProto(options.protection));
  *listener.mutable_socket_options() = ToProto(options.socket_options);
  listener.set_accept_proxy_header(options.accept_proxy_header);
  listener.set_backlog(options.backlog);
  listener.set_ipv6_only(options.ipv6_only);
  for (const ServerNameContext& context : options.contexts) {
    v1::ServerNameContext& proto = *request.add_contexts();
    proto.set_server_name(context.server_name);
    proto.set_secure_context(context.secure_context);
  }
  return request;
}

v1::WatchEventsRequest ToProto(const WatchOptions& options) {
  v1::WatchEventsRequest request;
  request.set_resume_token(options.resume_token);
  for (const EventType type : options.types) request.add_types(ToProto(type));
  request.mutable_subjects()->Add(options.subjects.begin(),
                                  options.subjects.end());
  request.set_overflow_policy(options.overflow_policy ==
                                      OverflowPolicy::kDropOldest
                                  ? v1::OVERFLOW_POLICY_DROP_OLDEST
                                  : v1::OVERFLOW_POLICY_DISCONNECT);
  return request;
}

ServerNameContext FromProto(const v1::ServerNameContext& context) {
  return {context.server_name(), context.secure_context()};
}

ListenerFacts FromProto(const v1::Listener& listener) {
  ListenerFacts facts;
  facts.name = listener.name();
  facts.address = listener.address();
  facts.secure_context = listener.secure_context();
  facts.handler = HandlerOf(listener);
  facts.handshake_timeout = FromProto(listener.handshake_timeout());
  facts.max_connections = listener.max_connections();
  facts.bound_address = FromProto(listener.bound_address());
  facts.state = EnumFromProto(listener.state(), ListenerState::kClosed);
  facts.connection_count = listener.connection_count();
  facts.accepted_count = listener.accepted_count();
  facts.rejected_count = listener.rejected_count();
  facts.create_time =
      TimeIf(listener.has_create_time(), listener.create_time());
  facts.etag = listener.etag();
  facts.strict_server_names = listener.strict_server_names();
  facts.context_count = listener.context_count();
  facts.hooks = FromProto(listener.hooks());
  facts.protection = FromProto(listener.protection());
  if (listener.has_forward()) facts.forward = FromProto(listener.forward());
  facts.socket_options = FromProto(listener.socket_options());
  facts.accept_proxy_header = listener.accept_proxy_header();
  facts.backlog = listener.backlog();
  facts.ipv6_only = listener.ipv6_only();
  return facts;
}

DaemonFacts FromProto(const v1::ServerInfo& info) {
  DaemonFacts facts;
  facts.version = info.version();
  facts.boringssl_revision = info.boringssl_revision();
  facts.grpc_version = info.grpc_version();
  facts.start_time = TimeIf(info.has_start_time(), info.start_time());
  facts.process_id = info.process_id();
  facts.worker_count = info.worker_count();
  facts.secure_context_count = info.secure_context_count();
  facts.listener_count = info.listener_count();
  facts.connection_count = info.connection_count();
  facts.development_root = info.development_root();
  facts.pending_decision_count = info.pending_decision_count();
  facts.key_log_enabled = info.key_log_enabled();
  return facts;
}

Event FromProto(const v1::Event& event) {
  Event result;
  result.resume_token = event.resume_token();
  result.time = FromProto(event.time());
  result.subject = event.subject();
  result.type = FromProto(event.type());
  if (event.has_listener()) result.listener = FromProto(event.listener());
  if (event.has_connection()) result.connection = FromProto(event.connection());
  if (event.has_secure_context()) {
    result.secure_context = FromProto(event.secure_context());
  }
  if (event.has_certificate_expiry()) {
    result.certificate_expiry = FromProto(event.certificate_expiry());
  }
  return result;
}

}  // namespace tlsd::client
