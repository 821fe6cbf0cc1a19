#include "client/listener.h"

#include <utility>

#include "client/control_channel.h"
#include "client/convert.h"

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

absl::StatusOr<Connection> Listener::Accept(absl::Duration timeout,
                                            DetachPolicy policy) const {
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
  return Connection::AttachNew(channel_, connection->name(), policy);
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
