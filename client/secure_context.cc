#include "client/secure_context.h"

#include <utility>

#include "client/control_channel.h"

namespace tlsd::client {

SecureContext::SecureContext(std::shared_ptr<ControlChannel> channel,
                             SecureContextFacts facts)
    : channel_(std::move(channel)), facts_(std::move(facts)) {}

absl::Status SecureContext::Delete() {
  v1::DeleteSecureContextRequest request;
  request.set_name(name());
  return channel_
      ->Call(&v1::SecureContextService::Stub::DeleteSecureContext, request,
             kCallTimeout)
      .status();
}

}  // namespace tlsd::client
