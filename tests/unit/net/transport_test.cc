#include "server/net/transport.h"

#include <cstddef>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace tlsd::net {
namespace {

enum class Ending { kNone, kLinger, kReset };

// Writes down how it was given up, and hands itself on to `kept`.
class GivenUpTransport : public Transport {
 public:
  GivenUpTransport(Ending& ending, absl::Status& reason,
                   std::unique_ptr<Transport>& kept)
      : ending_(ending), reason_(reason), kept_(kept) {}

  void Start(TransportObserver&) override {}
  void PauseReading() override {}
  void ResumeReading() override {}
  void Write(base::ByteQueue&) override {}
  size_t unsent_size() const override { return 0; }
  void EndWriting() override {}
  void SetOptions(const SocketOptions&) override {}
  const SocketAddress& local_address() const override { return address_; }
  const SocketAddress& remote_address() const override { return address_; }

 private:
  void BeginLinger(std::unique_ptr<Transport> self) override {
    ending_ = Ending::kLinger;
    kept_ = std::move(self);
  }
  void BeginReset(std::unique_ptr<Transport> self,
                  const absl::Status& reason) override {
    ending_ = Ending::kReset;
    reason_ = reason;
    kept_ = std::move(self);
  }

  Ending& ending_;
  absl::Status& reason_;
  std::unique_ptr<Transport>& kept_;
  const SocketAddress address_;
};

class TransportTest : public testing::Test {
 protected:
  Ending ending_ = Ending::kNone;
  absl::Status reason_;
  std::unique_ptr<Transport> kept_;
  std::unique_ptr<Transport> transport_ =
      std::make_unique<GivenUpTransport>(ending_, reason_, kept_);
};

TEST_F(TransportTest, KeepsItselfWhileItLingers) {
  Transport* const lingering = transport_.get();

  Transport::CloseGently(std::move(transport_));

  EXPECT_EQ(ending_, Ending::kLinger);
  EXPECT_EQ(kept_.get(), lingering);
}

TEST_F(TransportTest, KeepsItselfWhileItResets) {
  Transport* const resetting = transport_.get();

  Transport::Reset(std::move(transport_), absl::CancelledError("why"));

  EXPECT_EQ(ending_, Ending::kReset);
  EXPECT_EQ(reason_, absl::CancelledError("why"));
  EXPECT_EQ(kept_.get(), resetting);
}

}  // namespace
}  // namespace tlsd::net
