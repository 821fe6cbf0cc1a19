#include "client/secure_context.h"

#include <utility>

#include "client/control_channel.h"
#include "client/convert.h"

namespace tlsd::client {
namespace {

absl::StatusOr<SecureContextFacts> CallUpdate(
    ControlChannel& channel, const v1::UpdateSecureContextRequest& request) {
  const absl::StatusOr<v1::SecureContext> context =
      channel.Call(&v1::SecureContextService::Stub::UpdateSecureContext,
                   request, kCallTimeout);
  if (!context.ok()) return context.status();
  return FromProto(*context);
}

}  // namespace

SecureContext::SecureContext(std::shared_ptr<ControlChannel> channel,
                             SecureContextFacts facts)
    : channel_(std::move(channel)), facts_(std::move(facts)) {}

absl::StatusOr<SecureContextFacts> SecureContext::GetFacts() const {
  v1::GetSecureContextRequest request;
  request.set_name(name());
  const absl::StatusOr<v1::SecureContext> context = channel_->Call(
      &v1::SecureContextService::Stub::GetSecureContext, request, kCallTimeout);
  if (!context.ok()) return context.status();
  return FromProto(*context);
}

absl::StatusOr<SecureContextFacts> SecureContext::Update(
    const SecureContextUpdate& update) const {
  return CallUpdate(*channel_, ToProto(name(), update));
}

absl::StatusOr<SecureContextFacts> SecureContext::ValidateUpdate(
    const SecureContextUpdate& update) const {
  v1::UpdateSecureContextRequest request = ToProto(name(), update);
  request.set_validate_only(true);
  return CallUpdate(*channel_, request);
}

absl::StatusOr<int> SecureContext::RotateTicketKeys(
    const std::string& key) const {
  v1::RotateTicketKeysRequest request;
  request.set_name(name());
  request.set_key(key);
  const absl::StatusOr<v1::RotateTicketKeysResponse> response = channel_->Call(
      &v1::SecureContextService::Stub::RotateTicketKeys, request, kCallTimeout);
  if (!response.ok()) return response.status();
  return response->key_count();
}

absl::StatusOr<EchRotation> SecureContext::RotateEchKeys(
    const std::string& public_name, int max_name_length) const {
  v1::RotateEchKeysRequest request;
  request.set_name(name());
  request.set_public_name(public_name);
  request.set_max_name_length(max_name_length);
  const absl::StatusOr<v1::RotateEchKeysResponse> response = channel_->Call(
      &v1::SecureContextService::Stub::RotateEchKeys, request, kCallTimeout);
  if (!response.ok()) return response.status();
  return EchRotation{response->ech_config_list(), response->key_count()};
}

absl::StatusOr<SecureContextFacts> SecureContext::SetOcspResponse(
    const std::string& ocsp_response, int credentials_index) const {
  v1::SetOcspResponseRequest request;
  request.set_name(name());
  request.set_credentials_index(credentials_index);
  request.set_ocsp_response(ocsp_response);
  const absl::StatusOr<v1::SecureContext> context = channel_->Call(
      &v1::SecureContextService::Stub::SetOcspResponse, request, kCallTimeout);
  if (!context.ok()) return context.status();
  return FromProto(*context);
}

absl::Status SecureContext::Delete(const DeleteOptions& options) {
  v1::DeleteSecureContextRequest request;
  request.set_name(name());
  request.set_etag(options.etag);
  request.set_force(options.mode == DeleteMode::kForce);
  return channel_
      ->Call(&v1::SecureContextService::Stub::DeleteSecureContext, request,
             kCallTimeout)
      .status();
}

}  // namespace tlsd::client
