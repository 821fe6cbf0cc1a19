#include "tests/testing/fake_transport.h"

#include <algorithm>
#include <utility>

#include "gtest/gtest.h"
#include "server/base/byte_queue.h"

namespace tlsd::testing {

class FakeWire::FakeTransport final : public net::Transport {
 public:
  explicit FakeTransport(FakeWire& wire) : wire_(wire) {
    local_.family = remote_.family = net::SocketAddress::Family::kIpv4;
    local_.text = "192.0.2.1";
    local_.port = 443;
    remote_.text = "192.0.2.2";
    remote_.port = 50000;
  }

  ~FakeTransport() override {
    wire_.observer_ = nullptr;
    if (wire_.ending_ == Ending::kNone) wire_.ending_ = Ending::kDestroyed;
    if (wire_.ending_ != Ending::kGentle) wire_.unsent_.clear();
  }

  void Start(net::TransportObserver& observer) override {
    wire_.observer_ = &observer;
  }
  void PauseReading() override { wire_.is_paused_ = true; }
  void ResumeReading() override { wire_.is_paused_ = false; }

  void Write(base::ByteQueue& bytes) override {
    if (wire_.has_ended_writing_) ADD_FAILURE() << "written after the end";
    wire_.unsent_ += bytes.TakeText(bytes.size());
    wire_.Send();
  }
  size_t unsent_size() const override { return wire_.unsent_.size(); }
  void EndWriting() override { wire_.has_ended_writing_ = true; }
  void SetOptions(const net::SocketOptions& options) override {
    wire_.options_ = options;
  }

  const net::SocketAddress& local_address() const override { return local_; }
  const net::SocketAddress& remote_address() const override { return remote_; }

 private:
  void BeginLinger(std::unique_ptr<Transport> /*self*/) override {
    wire_.ending_ = Ending::kGentle;
  }
  void BeginReset(std::unique_ptr<Transport> /*self*/,
                  const absl::Status& reason) override {
    wire_.ending_ = Ending::kReset;
    wire_.reset_reason_ = reason;
  }

  FakeWire& wire_;
  net::SocketAddress local_;
  net::SocketAddress remote_;
};

std::unique_ptr<net::Transport> FakeWire::MakeTransport() {
  return std::make_unique<FakeTransport>(*this);
}

void FakeWire::Arrive(absl::string_view bytes) {
  arrived_.append(bytes.data(), bytes.size());
}

bool FakeWire::Deliver() {
  if (observer_ == nullptr || is_paused_) return false;
  if (arrived_.empty()) {
    if (!end_has_arrived_ || std::exchange(end_is_delivered_, true)) {
      return false;
    }
    observer_->OnEnd();
    return true;
  }
  const size_t size = std::min(arrived_.size(), delivery_size);
  // A copy of its own size, so that a sanitizer sees who keeps it too long.
  const std::string bytes = arrived_.substr(0, size);
  arrived_.erase(0, size);
  observer_->OnBytes(base::AsBytes(bytes));
  return true;
}

void FakeWire::Fail(const absl::Status& error) {
  if (observer_ != nullptr) observer_->OnError(error);
}

void FakeWire::MakeRoom(size_t count) {
  const bool had_unsent = !unsent_.empty();
  room = count > std::numeric_limits<size_t>::max() - room
             ? std::numeric_limits<size_t>::max()
             : room + count;
  Send();
  if (had_unsent && unsent_.empty() && observer_ != nullptr) {
    observer_->OnDrained();
  }
}

std::string FakeWire::TakeSent() { return std::exchange(sent_, {}); }

void FakeWire::Send() {
  const size_t size = std::min(unsent_.size(), room);
  if (room != std::numeric_limits<size_t>::max()) room -= size;
  sent_.append(unsent_, 0, size);
  unsent_.erase(0, size);
}

}  // namespace tlsd::testing
