#include "server/conn/transport_sink.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "server/conn/connection.h"

namespace tlsd::conn {

absl::Status FarEnd::Failed(const absl::Status& cause) const {
  const std::optional<ErrorDetail> detail = GetErrorDetail(cause);
  ErrorMetadata metadata = {
      {"far_end", name},
      {"cause", detail.has_value()
                    ? std::string(GetReasonInfo(detail->reason).name)
                    : ""}};
  if (kind == Kind::kUpstream) {
    return MakeError(
        Reason::kUpstreamFailed,
        absl::StrCat("the upstream ", name, " has failed: ", cause.message()),
        std::move(metadata));
  }
  return MakeError(Reason::kPipeBroken,
                   absl::StrCat("the other connection, ", name,
                                ", has failed: ", cause.message()),
                   std::move(metadata));
}

TransportSink::TransportSink(std::unique_ptr<net::Transport> transport,
                             FarEnd far_end, std::string preamble)
    : transport_(std::move(transport)), far_end_(std::move(far_end)) {
  if (preamble.empty()) return;
  preamble_ = std::make_unique<const std::string>(std::move(preamble));
}

TransportSink::~TransportSink() {
  if (transport_ == nullptr || connection_ == nullptr) return;
  net::Transport::Reset(
      std::move(transport_),
      MakeError(Reason::kTransportReset, "the connection is gone"));
}

void TransportSink::OnProgress(Connection& connection) {
  if (std::exchange(connection_, &connection) == nullptr) Start();
  if (transport_ == nullptr) return;
  if (!connection.Readable().empty() &&
      transport_->unsent_size() < Connection::kQueueBytesMax) {
    connection.DrainTo(*transport_);
  }
  if (connection.at_end()) transport_->EndWriting();
  if (connection.state() == ConnectionState::kClosed) {
    Finish();
  } else if (connection.writable() || transport_has_ended_) {
    // Behind the end comes, at most, that the far end is gone.
    transport_->ResumeReading();
  } else {
    transport_->PauseReading();
  }
}

void TransportSink::Finish() {
  const absl::Status& failure = connection_->failure();
  if (failure.ok() && connection_->at_end()) {
    net::Transport::CloseGently(std::move(transport_));
  } else if (failure.ok() && !connection_->Readable().empty()) {
    // The rest goes first, when there is room.
    transport_->PauseReading();
  } else {
    net::Transport::Reset(std::move(transport_), failure);
  }
}

void TransportSink::Start() {
  transport_->Start(*this);
  if (preamble_ == nullptr) return;
  base::ByteQueue bytes(connection_->pool());
  bytes.Append(base::AsBytes(*std::exchange(preamble_, nullptr)));
  transport_->Write(bytes);
}

void TransportSink::OnBytes(absl::Span<const uint8_t> bytes) {
  // An error has ended the connection, which tells its owner.
  connection_->Write(bytes).IgnoreError();
}

void TransportSink::OnEnd() {
  transport_has_ended_ = true;
  connection_->Shutdown().IgnoreError();
}

void TransportSink::OnError(const absl::Status& error) {
  const bool has_left = transport_has_ended_ &&
                        HasReason(error, Reason::kConnectionClosed) &&
                        transport_->unsent_size() == 0;
  transport_.reset();
  if (has_left &&
      (far_end_.kind == FarEnd::Kind::kCarried || connection_->at_end())) {
    connection_->CloseCleanly();
  } else {
    connection_->Abort(far_end_.Failed(error));
  }
}

void TransportSink::OnDrained() { connection_->Pump(); }

}  // namespace tlsd::conn
