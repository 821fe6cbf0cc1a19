#include "server/net/socket_transport.h"

#include <utility>

namespace tlsd::net {

SocketTransport::~SocketTransport() {
  if (stream_ != nullptr) stream_->Close();
}

void SocketTransport::Start(TransportObserver& observer) {
  stream_->Start(observer);
}

void SocketTransport::PauseReading() { stream_->PauseReading(); }

void SocketTransport::ResumeReading() { stream_->ResumeReading(); }

void SocketTransport::Write(base::ByteQueue& bytes) { stream_->Write(bytes); }

void SocketTransport::WriteLast(base::ByteQueue& bytes) {
  stream_->Write(bytes, SocketStream::Then::kEnd);
}

size_t SocketTransport::unsent_size() const { return stream_->unsent_size(); }

void SocketTransport::EndWriting() { stream_->EndWriting(); }

void SocketTransport::SetOptions(const SocketOptions& options) {
  stream_->SetOptions(options);
}

const SocketAddress& SocketTransport::local_address() const {
  return stream_->local_address();
}

const SocketAddress& SocketTransport::remote_address() const {
  return stream_->remote_address();
}

void SocketTransport::BeginLinger(std::unique_ptr<Transport>) {
  std::exchange(stream_, nullptr)->Linger();
}

void SocketTransport::BeginReset(std::unique_ptr<Transport>,
                                 const absl::Status&) {
  std::exchange(stream_, nullptr)->Reset();
}

}  // namespace tlsd::net
