#include "server/control/listener_service.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "proto/status/rpc_status.h"
#include "server/base/names.h"
#include "server/base/status_macros.h"
#include "server/control/convert.h"
#include "server/control/fields.h"
#include "server/control/hooks.h"
#include "server/control/unary_call.h"

namespace tlsd::control {
namespace {

constexpr absl::Duration kHandshakeTimeoutMax = absl::Hours(1);
constexpr int32_t kConnectionCountMax = 1000000;
constexpr absl::Duration kDrainTimeoutMax = absl::Hours(24 * 365);
constexpr int32_t kBacklogMax = 65535;

// What concerns sockets.
absl::Status ReadTransport(const v1::Listener& proto,
                           worker::ListenerOptions& options) {
  TLSD_ASSIGN_OR_RETURN(
      options.protection,
      ReadProtection(proto.protection(), ProtectionOf::kListener));
  TLSD_ASSIGN_OR_RETURN(
      options.socket_options,
      ReadSocketOptions("socket_options", proto.socket_options()));
  options.accept_proxy_header = proto.accept_proxy_header();
  options.ipv6_only = proto.ipv6_only();
  const std::string& host = options.endpoint.host;
  const bool is_ipv4 =
      net::IsIpAddress(host) && host.find(':') == std::string::npos;
  if (options.ipv6_only && (options.endpoint.is_unix() || is_ipv4)) {
    return FieldError(Reason::kFieldsConflict, "ipv6_only", "true",
                      "an IPv6 address, or none,");
  }
  if (proto.backlog() < 0 || proto.backlog() > kBacklogMax) {
    return FieldError(Reason::kFieldInvalid, "backlog",
                      absl::StrCat(proto.backlog()),
                      "1 to 65535; unset means 4096");
  }
  if (proto.backlog() > 0) options.backlog = proto.backlog();
  return absl::OkStatus();
}

}  // namespace

ListenerService::ListenerService(
    worker::ContextTable& contexts, worker::ListenerTable& listeners,
    std::shared_ptr<const tls::SecureContext> default_context)
    : contexts_(contexts),
      listeners_(listeners),
      upstreams_(contexts, std::move(default_context)) {}

grpc::ServerUnaryReactor* ListenerService::CreateListener(
    grpc::CallbackServerContext* context,
    const v1::CreateListenerRequest* request, v1::Listener* response) {
  return FinishNow(context, Create(*request, *response));
}

absl::Status ListenerService::Create(const v1::CreateListenerRequest& request,
                                     v1::Listener& response) {
  if (!request.listener_id().empty()) {
    TLSD_RETURN_IF_ERROR(base::CheckId("listener_id", request.listener_id()));
  }
  if (!request.has_listener()) return FieldRequired("listener");
  absl::StatusOr<worker::ListenerOptions> options =
      ToOptions(request.listener());
  if (!options.ok()) return PrefixField(options.status(), "listener.");
  TLSD_ASSIGN_OR_RETURN(const std::vector<worker::ServerNameContext> contexts,
                        ToContexts(request));
  TLSD_ASSIGN_OR_RETURN(
      const worker::ListenerFacts facts,
      listeners_.Create(request.listener_id(), *std::move(options), contexts));
  ToProto(facts, response);
  return absl::OkStatus();
}

absl::StatusOr<worker::ListenerOptions> ListenerService::ToOptions(
    const v1::Listener& proto) const {
  worker::ListenerOptions options;
  if (proto.address().empty()) return FieldRequired("address");
  TLSD_ASSIGN_OR_RETURN(options.endpoint,
                        net::ParseEndpoint("address", proto.address()));
  TLSD_RETURN_IF_ERROR(ReadTransport(proto, options));
  if (options.protection != conn::Protection::kNone ||
      !proto.secure_context().empty()) {
    TLSD_RETURN_IF_ERROR(base::CheckName(
        "secure_context", base::kSecureContexts, proto.secure_context()));
    TLSD_ASSIGN_OR_RETURN(options.secure_context,
                          contexts_.Find(proto.secure_context()));
  }
  TLSD_RETURN_IF_ERROR(ReadHandler(proto, options));
  if (proto.has_handshake_timeout()) {
    TLSD_ASSIGN_OR_RETURN(
        options.handshake_timeout,
        ToDuration("handshake_timeout", proto.handshake_timeout(),
                   absl::Milliseconds(1), kHandshakeTimeoutMax));
  }
  if (proto.max_connections() < 0 ||
      proto.max_connections() > kConnectionCountMax) {
    return FieldError(Reason::kFieldInvalid, "max_connections",
                      absl::StrCat(proto.max_connections()),
                      "1 to 1000000; unset means 10000");
  }
  if (proto.max_connections() > 0) {
    options.connection_count_max = proto.max_connections();
  }
  options.strict_server_names = proto.strict_server_names();
  TLSD_ASSIGN_OR_RETURN(options.hooks,
                        ToHooks("hooks", proto.hooks(), HookPlace::kListener));
  return options;
}

absl::Status ListenerService::ReadHandler(
    const v1::Listener& proto, worker::ListenerOptions& options) const {
  options.handler =
      proto.has_echo() ? worker::Handler::kEcho : worker::Handler::kStream;
  if (!proto.has_forward()) return absl::OkStatus();
  options.handler = worker::Handler::kForward;
  absl::StatusOr<worker::ForwardOptions> forward =
      upstreams_.ReadForward(proto.forward());
  if (!forward.ok()) return PrefixField(forward.status(), "forward.");
  options.forward =
      std::make_shared<const worker::ForwardOptions>(*std::move(forward));
  return absl::OkStatus();
}

absl::StatusOr<worker::ServerNameContext> ListenerService::ToContext(
    const std::string& server_name, const std::string& secure_context) const {
  TLSD_RETURN_IF_ERROR(
      base::CheckName("secure_context", base::kSecureContexts, secure_context));
  worker::ServerNameContext context{server_name, nullptr};
  TLSD_ASSIGN_OR_RETURN(context.secure_context, contexts_.Find(secure_context));
  return context;
}

absl::StatusOr<std::vector<worker::ServerNameContext>>
ListenerService::ToContexts(const v1::CreateListenerRequest& request) const {
  std::vector<worker::ServerNameContext> contexts;
  for (const v1::ServerNameContext& proto : request.contexts()) {
    absl::StatusOr<worker::ServerNameContext> context =
        ToContext(proto.server_name(), proto.secure_context());
    if (!context.ok()) {
      return PrefixField(context.status(),
                         absl::StrCat("contexts[", contexts.size(), "]."));
    }
    contexts.push_back(*std::move(context));
  }
  return contexts;
}

absl::StatusOr<std::shared_ptr<worker::Listener>> ListenerService::Find(
    const std::string& listener) const {
  TLSD_RETURN_IF_ERROR(base::CheckName("listener", base::kListeners, listener));
  return listeners_.Get(listener);
}

grpc::ServerUnaryReactor* ListenerService::GetListener(
    grpc::CallbackServerContext* context, const v1::GetListenerRequest* request,
    v1::Listener* response) {
  absl::Status status =
      base::CheckName("name", base::kListeners, request->name());
  if (status.ok()) {
    const absl::StatusOr<std::shared_ptr<worker::Listener>> listener =
        listeners_.Get(request->name());
    status = listener.status();
    if (status.ok()) ToProto((*listener)->facts(), *response);
  }
  return FinishNow(context, status);
}

grpc::ServerUnaryReactor* ListenerService::ListListeners(
    grpc::CallbackServerContext* context,
    const v1::ListListenersRequest* request,
    v1::ListListenersResponse* response) {
  return FinishNow(context, List(*request, *response));
}

absl::Status ListenerService::List(const v1::ListListenersRequest& request,
                                   v1::ListListenersResponse& response) {
  TLSD_ASSIGN_OR_RETURN(const size_t page_size,
                        ToPageSize(request.page_size()));
  TLSD_ASSIGN_OR_RETURN(const std::string after,
                        FromPageToken(request.page_token()));
  // One more than asked tells whether there is a next page.
  const std::vector<worker::ListenerFacts> facts =
      listeners_.List(after, page_size + 1);
  for (size_t i = 0; i < facts.size() && i < page_size; ++i) {
    ToProto(facts[i], *response.add_listeners());
  }
  if (facts.size() > page_size) {
    response.set_next_page_token(ToPageToken(facts[page_size - 1].name));
  }
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* ListenerService::DeleteListener(
    grpc::CallbackServerContext* /*context*/,
    const v1::DeleteListenerRequest* request, v1::Listener* response) {
  const std::shared_ptr<UnaryCall> call = UnaryCall::Start();
  absl::Status status =
      base::CheckName("name", base::kListeners, request->name());
  std::optional<absl::Duration> drain_timeout;
  if (status.ok() && request->has_drain_timeout()) {
    const absl::StatusOr<absl::Duration> timeout =
        ToDuration("drain_timeout", request->drain_timeout(),
                   absl::ZeroDuration(), kDrainTimeoutMax);
    status = timeout.status();
    if (status.ok()) drain_timeout = *timeout;
  }
  if (!status.ok()) {
    call->Answer(status);
    return call.get();
  }
  listeners_.Delete(
      request->name(), request->etag(), drain_timeout,
      [call, response](absl::StatusOr<worker::ListenerFacts> facts) {
        if (!call->Claim()) return;
        if (facts.ok()) ToProto(*facts, *response);
        call->Finish(ToRpcStatus(facts.status()));
      });
  return call.get();
}

grpc::ServerUnaryReactor* ListenerService::AddContext(
    grpc::CallbackServerContext* context, const v1::AddContextRequest* request,
    v1::Listener* response) {
  return FinishNow(context, Add(*request, *response));
}

absl::Status ListenerService::Add(const v1::AddContextRequest& request,
                                  v1::Listener& response) {
  TLSD_ASSIGN_OR_RETURN(const std::shared_ptr<worker::Listener> listener,
                        Find(request.listener()));
  TLSD_ASSIGN_OR_RETURN(
      const worker::ServerNameContext context,
      ToContext(request.server_name(), request.secure_context()));
  TLSD_ASSIGN_OR_RETURN(const worker::ListenerFacts facts,
                        listener->AddContext(context));
  ToProto(facts, response);
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* ListenerService::RemoveContext(
    grpc::CallbackServerContext* context,
    const v1::RemoveContextRequest* request, v1::Listener* response) {
  return FinishNow(context, Remove(*request, *response));
}

absl::Status ListenerService::Remove(const v1::RemoveContextRequest& request,
                                     v1::Listener& response) {
  TLSD_ASSIGN_OR_RETURN(const std::shared_ptr<worker::Listener> listener,
                        Find(request.listener()));
  TLSD_ASSIGN_OR_RETURN(const worker::ListenerFacts facts,
                        listener->RemoveContext(request.server_name()));
  ToProto(facts, response);
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* ListenerService::ListContexts(
    grpc::CallbackServerContext* context,
    const v1::ListContextsRequest* request,
    v1::ListContextsResponse* response) {
  return FinishNow(context, List(*request, *response));
}

absl::Status ListenerService::List(const v1::ListContextsRequest& request,
                                   v1::ListContextsResponse& response) {
  TLSD_ASSIGN_OR_RETURN(const std::shared_ptr<worker::Listener> listener,
                        Find(request.listener()));
  TLSD_ASSIGN_OR_RETURN(const size_t page_size,
                        ToPageSize(request.page_size()));
  TLSD_ASSIGN_OR_RETURN(const std::string after,
                        FromPageToken(request.page_token()));
  // One more than asked tells whether there is a next page.
  const std::vector<worker::ServerNameFacts> facts =
      listener->contexts()->List(after, page_size + 1);
  for (size_t i = 0; i < facts.size() && i < page_size; ++i) {
    v1::ServerNameContext& proto = *response.add_contexts();
    proto.set_server_name(facts[i].server_name);
    proto.set_secure_context(facts[i].secure_context);
  }
  if (facts.size() > page_size) {
    response.set_next_page_token(ToPageToken(facts[page_size - 1].server_name));
  }
  return absl::OkStatus();
}

}  // namespace tlsd::control
