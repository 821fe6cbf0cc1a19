#include "client/detached_connection.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/control_channel.h"
#include "client/convert.h"
#include "client/role.h"
#include "proto/status/error.h"

namespace tlsd::client {
namespace {

using Service = v1::ConnectionService::Stub;

// EndedEarly is the error of a peer that has ended before it has said all.
absl::Status EndedEarly(const std::string& name, size_t size) {
  return MakeError(Reason::kConnectionClosed,
                   absl::StrCat("the peer of ", name, " has ended after ", size,
                                " bytes of what was to come"),
                   {{"connection", name}});
}

}  // namespace

DetachedConnection::DetachedConnection(std::shared_ptr<ControlChannel> channel,
                                       std::string name, DetachPolicy policy)
    : ConnectionControls(std::move(channel), std::move(name)),
      policy_(policy) {}

DetachedConnection::DetachedConnection(DetachedConnection&& other) noexcept
    : ConnectionControls(std::move(other)),
      policy_(other.policy_),
      is_owned_(std::exchange(other.is_owned_, false)) {}

DetachedConnection& DetachedConnection::operator=(
    DetachedConnection&& other) noexcept {
  if (this == &other) return *this;
  CloseIfOwned();
  ConnectionControls::operator=(std::move(other));
  policy_ = other.policy_;
  is_owned_ = std::exchange(other.is_owned_, false);
  return *this;
}

DetachedConnection::~DetachedConnection() { CloseIfOwned(); }

absl::StatusOr<std::string> DetachedConnection::Read(size_t max_bytes,
                                                     absl::Duration timeout) {
  return ReadBefore(absl::Now() + timeout, max_bytes);
}

absl::StatusOr<std::string> DetachedConnection::ReadExactly(
    size_t size, absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  std::string cleartext;
  while (cleartext.size() < size) {
    const absl::StatusOr<std::string> piece =
        ReadBefore(deadline, std::min(size - cleartext.size(), kReadBytesMax));
    if (!piece.ok()) return piece.status();
    if (piece->empty()) return EndedEarly(name(), cleartext.size());
    cleartext += *piece;
  }
  return cleartext;
}

absl::StatusOr<std::string> DetachedConnection::ReadThrough(
    absl::string_view end, size_t max_bytes, absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  std::string cleartext;
  while (cleartext.empty() || !absl::EndsWith(cleartext, end)) {
    if (cleartext.size() >= max_bytes) {
      return MakeError(
          Reason::kPeerMisbehaved,
          absl::StrCat("the peer of ", name(), " has sent ", cleartext.size(),
                       " bytes without ", QuoteForMessage(end)),
          {{"connection", name()}});
    }
    const absl::StatusOr<std::string> byte = ReadBefore(deadline, 1);
    if (!byte.ok()) return byte.status();
    if (byte->empty()) return EndedEarly(name(), cleartext.size());
    cleartext += *byte;
  }
  return cleartext;
}

absl::StatusOr<std::string> DetachedConnection::ReadBefore(absl::Time deadline,
                                                           size_t max_bytes) {
  v1::ReadRequest request;
  request.set_name(name());
  request.set_max_bytes(static_cast<int32_t>(max_bytes));
  const absl::Duration timeout =
      std::max(deadline - absl::Now(), absl::ZeroDuration());
  if (timeout != absl::InfiniteDuration()) {
    *request.mutable_timeout() = ToProto(timeout);
  }
  // The daemon keeps the time, and the call gets longer: were the call to end
  // first, the cleartext of its answer would be lost.
  absl::StatusOr<v1::ReadResponse> response =
      channel()->Call(&Service::Read, request, timeout + kAnswerGrace);
  if (!response.ok()) return response.status();
  return std::move(*response->mutable_data());
}

absl::Status DetachedConnection::Write(absl::string_view cleartext) {
  while (!cleartext.empty()) {
    const absl::string_view piece =
        cleartext.substr(0, kWrittenMessageBytesMax);
    v1::WriteRequest request;
    request.set_name(name());
    request.set_data(piece.data(), piece.size());
    const absl::Status written =
        channel()->Call(&Service::Write, request, kCallTimeout).status();
    if (!written.ok()) return written;
    cleartext.remove_prefix(piece.size());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> DetachedConnection::CallUpgrade(
    const RoleOptions& options) {
  const absl::Status checked = CheckRole(options);
  if (!checked.ok()) return checked;
  const absl::StatusOr<v1::Connection> connection =
      channel()->Call(&Service::Upgrade, UpgradeRequest(name(), options),
                      HandshakeTimeMax(options) + kAnswerGrace);
  if (!connection.ok()) return connection.status();
  Release();
  return connection->name();
}

absl::StatusOr<Connection> DetachedConnection::Upgrade(
    const RoleOptions& options) {
  const absl::StatusOr<std::string> upgraded = CallUpgrade(options);
  if (!upgraded.ok()) return upgraded.status();
  return Connection::AttachNew(channel(), *upgraded, PolicyOf(options));
}

absl::StatusOr<DetachedConnection> DetachedConnection::UpgradeDetached(
    const RoleOptions& options) {
  const absl::StatusOr<std::string> upgraded = CallUpgrade(options);
  if (!upgraded.ok()) return upgraded.status();
  return DetachedConnection(channel(), *upgraded, PolicyOf(options));
}

absl::StatusOr<Connection> DetachedConnection::Attach() {
  absl::StatusOr<Connection> connection =
      Connection::Attach(channel(), name(), policy_);
  if (connection.ok()) Release();
  return connection;
}

absl::Status DetachedConnection::Close() {
  Release();
  v1::CloseRequest request;
  request.set_name(name());
  return channel()->Call(&Service::Close, request, kCallTimeout).status();
}

void DetachedConnection::Release() { is_owned_ = false; }

void DetachedConnection::CloseIfOwned() {
  if (!is_owned_ || policy_ == DetachPolicy::kKeep) return;
  Close().IgnoreError();
}

}  // namespace tlsd::client
