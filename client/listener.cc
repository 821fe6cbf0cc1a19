#include "client/listener.h"

#include <utility>

#include "client/control_channel.h"
#include "client/convert.h"
#include "client/list_all.h"

namespace tlsd::client {

Listener::Listener(std::shared_ptr<ControlChannel> channel, ListenerFacts facts)
    : channel_(std::move(channel)), facts_(std::move(facts)) {}

absl::StatusOr<ListenerFacts> Listener::GetFacts() const {
  v1::GetListenerRequest request;
  request.set_name(name());
  const absl::StatusOr<v1::Listener> listener = channel_->Call(
      &v1::ListenerService::Stub::GetListener, request, kCallTimeout);
  if (!listener.ok()) return listener.status();
  return FromProto(*listener);
}

absl::StatusOr<std::string> Listener::TakeNext(absl::Duration timeout) const {
  v1::AcceptRequest request;
  request.set_listener(name());
  if (timeout != absl::InfiniteDuration()) {
    *request.mutable_timeout() = ToProto(timeout);
  }
  // The daemon keeps the time, and the call gets longer: were the call to end
  // first, it could end just when the daemon had handed out a connection.
  const absl::StatusOr<v1::Connection> connection = channel_->Call(
      &v1::ConnectionService::Stub::Accept, request, timeout + kAnswerGrace);
  if (!connection.ok()) return connection.status();
  return connection->name();
}

absl::StatusOr<Connection> Listener::Accept(absl::Duration timeout,
                                            DetachPolicy policy) const {
  const absl::StatusOr<std::string> connection = TakeNext(timeout);
  if (!connection.ok()) return connection.status();
  return Connection::AttachNew(channel_, *connection, policy);
}

absl::StatusOr<DetachedConnection> Listener::AcceptDetached(
    absl::Duration timeout, DetachPolicy policy) const {
  const absl::StatusOr<std::string> connection = TakeNext(timeout);
  if (!connection.ok()) return connection.status();
  return DetachedConnection(channel_, *connection, policy);
}

absl::StatusOr<ListenerFacts> Listener::AddContext(
    const std::string& server_name, const std::string& secure_context) const {
  v1::AddContextRequest request;
  request.set_listener(name());
  request.set_server_name(server_name);
  request.set_secure_context(secure_context);
  const absl::StatusOr<v1::Listener> listener = channel_->Call(
      &v1::ListenerService::Stub::AddContext, request, kCallTimeout);
  if (!listener.ok()) return listener.status();
  return FromProto(*listener);
}

absl::StatusOr<ListenerFacts> Listener::RemoveContext(
    const std::string& server_name) const {
  v1::RemoveContextRequest request;
  request.set_listener(name());
  request.set_server_name(server_name);
  const absl::StatusOr<v1::Listener> listener = channel_->Call(
      &v1::ListenerService::Stub::RemoveContext, request, kCallTimeout);
  if (!listener.ok()) return listener.status();
  return FromProto(*listener);
}

absl::StatusOr<std::vector<ServerNameContext>> Listener::ListContexts() const {
  v1::ListContextsRequest request;
  request.set_listener(name());
  std::vector<ServerNameContext> contexts;
  const absl::Status listed =
      ListAll(*channel_, &v1::ListenerService::Stub::ListContexts, request,
              [&](const v1::ListContextsResponse& page) {
                for (const v1::ServerNameContext& context : page.contexts()) {
                  contexts.push_back(FromProto(context));
                }
              });
  if (!listed.ok()) return listed;
  return contexts;
}

absl::Status Listener::Close(absl::Duration drain) const {
  v1::DeleteListenerRequest request;
  request.set_name(name());
  if (drain != absl::InfiniteDuration()) {
    *request.mutable_drain_timeout() = ToProto(drain);
  }
  return channel_
      ->Call(&v1::ListenerService::Stub::DeleteListener, request, kCallTimeout)
      .status();
}

}  // namespace tlsd::client
