#include "tests/cost/memory_wire.h"

#include <utility>

#include "server/base/byte_queue.h"

namespace tlsd::cost {

class MemoryWire::MemoryTransport final : public net::Transport {
 public:
  explicit MemoryTransport(MemoryWire& wire) : wire_(wire) {
    local_.family = remote_.family = net::SocketAddress::Family::kIpv4;
    local_.text = remote_.text = "127.0.0.1";
    local_.port = 443;
    remote_.port = 50000;
  }
  ~MemoryTransport() override { wire_.observer_ = nullptr; }

  void Start(net::TransportObserver& observer) override {
    wire_.observer_ = &observer;
  }
  void PauseReading() override {}
  void ResumeReading() override {}

  void Write(base::ByteQueue& bytes) override {
    {
      const Meter::Pause pause(wire_.meter_);
      wire_.Keep(bytes);
    }
    bytes.Consume(bytes.size());
  }
  size_t unsent_size() const override { return 0; }
  void EndWriting() override {}
  void SetOptions(const net::SocketOptions& /*options*/) override {}

  const net::SocketAddress& local_address() const override { return local_; }
  const net::SocketAddress& remote_address() const override { return remote_; }

 private:
  // What was written has been sent.
  void BeginLinger(std::unique_ptr<Transport> /*self*/) override {}
  void BeginReset(std::unique_ptr<Transport> /*self*/,
                  const absl::Status& /*reason*/) override {}

  MemoryWire& wire_;
  net::SocketAddress local_;
  net::SocketAddress remote_;
};

std::unique_ptr<net::Transport> MemoryWire::MakeTransport() {
  return std::make_unique<MemoryTransport>(*this);
}

void MemoryWire::Arrive(absl::string_view bytes) {
  if (observer_ == nullptr || bytes.empty()) return;
  const Meter::Section section(meter_);
  observer_->OnBytes(base::AsBytes(bytes));
}

std::string MemoryWire::TakeSent() { return std::exchange(sent_, {}); }

void MemoryWire::Keep(const base::ByteQueue& bytes) {
  // More than any write of the workload has.
  absl::Span<const uint8_t> pieces[64];
  const size_t count = bytes.Pieces(absl::MakeSpan(pieces));
  for (size_t i = 0; i < count; ++i) {
    const absl::string_view text = base::AsText(pieces[i]);
    sent_.append(text.data(), text.size());
  }
}

}  // namespace tlsd::cost
