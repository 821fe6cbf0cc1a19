#include "client/connection_controls.h"

#include <utility>

#include "client/control_channel.h"
#include "client/convert.h"

namespace tlsd::client {
namespace {

using Service = v1::ConnectionService::Stub;

// CallForFacts makes a call that answers with the connection.
template <typename Request>
absl::StatusOr<ConnectionFacts> CallForFacts(
    ControlChannel& channel,
    grpc::Status (Service::*method)(grpc::ClientContext*, const Request&,
                                    v1::Connection*),
    const Request& request) {
  const absl::StatusOr<v1::Connection> connection =
      channel.Call(method, request, kCallTimeout);
  if (!connection.ok()) return connection.status();
  return FromProto(*connection);
}

}  // namespace

ConnectionControls::ConnectionControls(std::shared_ptr<ControlChannel> channel,
                                       std::string name)
    : channel_(std::move(channel)), name_(std::move(name)) {}

absl::StatusOr<ConnectionFacts> ConnectionControls::GetFacts() const {
  v1::GetConnectionRequest request;
  request.set_name(name());
  return CallForFacts(*channel_, &Service::GetConnection, request);
}

absl::StatusOr<PeerCertificateFacts> ConnectionControls::GetPeerCertificate(
    ChainDetail detail) const {
  const absl::StatusOr<v1::GetPeerCertificateResponse> response =
      channel_->Call(&Service::GetPeerCertificate,
                     PeerCertificateRequest(name(), detail), kCallTimeout);
  if (!response.ok()) return response.status();
  return FromProto(*response);
}

absl::StatusOr<SessionFacts> ConnectionControls::GetSession() const {
  v1::GetSessionRequest request;
  request.set_name(name());
  const absl::StatusOr<v1::GetSessionResponse> response =
      channel_->Call(&Service::GetSession, request, kCallTimeout);
  if (!response.ok()) return response.status();
  return FromProto(*response);
}

absl::StatusOr<std::string> ConnectionControls::GetTlsTicket() const {
  v1::GetTlsTicketRequest request;
  request.set_name(name());
  const absl::StatusOr<v1::GetTlsTicketResponse> response =
      channel_->Call(&Service::GetTlsTicket, request, kCallTimeout);
  if (!response.ok()) return response.status();
  return response->ticket();
}

absl::StatusOr<ConnectionFacts> ConnectionControls::SetSocketOptions(
    const SocketOptions& options) const {
  v1::SetSocketOptionsRequest request;
  request.set_name(name());
  *request.mutable_socket_options() = ToProto(options);
  return CallForFacts(*channel_, &Service::SetSocketOptions, request);
}

absl::StatusOr<ConnectionFacts> ConnectionControls::SetMaxSendFragment(
    int size) const {
  v1::SetMaxSendFragmentRequest request;
  request.set_name(name());
  request.set_size(size);
  return CallForFacts(*channel_, &Service::SetMaxSendFragment, request);
}

absl::StatusOr<std::string> ConnectionControls::ExportKeyingMaterial(
    const std::string& label, int length,
    const std::optional<std::string>& context) const {
  v1::ExportKeyingMaterialRequest request;
  request.set_name(name());
  request.set_label(label);
  request.set_length(length);
  request.set_context(context.value_or(""));
  request.set_without_context(!context.has_value());
  const absl::StatusOr<v1::ExportKeyingMaterialResponse> response =
      channel_->Call(&Service::ExportKeyingMaterial, request, kCallTimeout);
  if (!response.ok()) return response.status();
  return response->keying_material();
}

absl::StatusOr<ChannelBindings> ConnectionControls::GetChannelBindings() const {
  v1::GetChannelBindingsRequest request;
  request.set_name(name());
  const absl::StatusOr<v1::GetChannelBindingsResponse> response =
      channel_->Call(&Service::GetChannelBindings, request, kCallTimeout);
  if (!response.ok()) return response.status();
  return FromProto(*response);
}

absl::StatusOr<ConnectionFacts> ConnectionControls::UpdateKeys(
    KeyUpdate update) const {
  v1::UpdateKeysRequest request;
  request.set_name(name());
  request.set_request_peer(update == KeyUpdate::kBoth);
  return CallForFacts(*channel_, &Service::UpdateKeys, request);
}

absl::Status ConnectionControls::Renegotiate() const {
  v1::RenegotiateRequest request;
  request.set_name(name());
  return channel_->Call(&Service::Renegotiate, request, kCallTimeout).status();
}

absl::Status ConnectionControls::Reset() const {
  v1::ResetRequest request;
  request.set_name(name());
  return channel_->Call(&Service::Reset, request, kCallTimeout).status();
}

}  // namespace tlsd::client
