// What transport_pair.h promises of two ends on one loop.

#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "server/base/byte_queue.h"
#include "server/net/transport_pair.h"
#include "tests/unit/net/net_testing.h"

namespace tlsd::net {
namespace {

// Both ends on one loop.
class TransportPairOnOneLoopTest : public testing::Test {
 protected:
  TransportPairOnOneLoopTest() {
    TransportPair pair =
        MakeTransportPair(*home_.loop, home_.pool, *home_.loop, home_.pool);
    near_ = std::move(pair.first);
    far_ = std::move(pair.second);
  }

  void Start() {
    near_->Start(near_seen_);
    far_->Start(far_seen_);
  }

  LoopFixture home_;
  Recorder near_seen_;
  Recorder far_seen_;
  std::unique_ptr<Transport> near_;
  std::unique_ptr<Transport> far_;
};

TEST_F(TransportPairOnOneLoopTest, MovesBytesBothWaysInOneTurn) {
  Start();
  far_seen_.on_event = [this] {
    if (far_seen_.event_count == 1) WriteText(home_, *far_, "answer");
  };
  WriteText(home_, *near_, "question");
  EXPECT_EQ(far_seen_.event_count, 0);
  EXPECT_EQ(near_->unsent_size(), 8);

  home_.RunOnce();

  EXPECT_EQ(far_seen_.received, "question");
  EXPECT_EQ(near_seen_.received, "answer");
  EXPECT_EQ(near_seen_.drained_count, 1);
  EXPECT_EQ(far_seen_.drained_count, 1);
  EXPECT_EQ(near_->unsent_size(), 0);
}

// Knows where the bytes were that it was given.
class PlaceRecorder : public Recorder {
 public:
  void OnBytes(absl::Span<const uint8_t> bytes) override {
    place = bytes.data();
    Recorder::OnBytes(bytes);
  }
  const uint8_t* place = nullptr;
};

TEST_F(TransportPairOnOneLoopTest, HandsAChunkOverWithoutACopy) {
  PlaceRecorder seen;
  near_->Start(near_seen_);
  far_->Start(seen);
  base::ByteQueue bytes(home_.pool);
  bytes.Append(base::AsBytes("moved"));
  const uint8_t* const place = bytes.Front().data();

  near_->Write(bytes);
  home_.RunOnce();

  EXPECT_EQ(seen.received, "moved");
  EXPECT_EQ(seen.place, place);
  EXPECT_EQ(home_.pool.lent_count(), 0);
  far_ = nullptr;
}

TEST_F(TransportPairOnOneLoopTest, GivesAllThatWaitsInOneCall) {
  Start();
  far_->PauseReading();
  const std::string text = Noise(60'000);
  for (size_t at = 0; at < text.size(); at += 20'000) {
    WriteText(home_, *near_, absl::string_view(text).substr(at, 20'000));
  }
  home_.RunOnce();
  EXPECT_EQ(far_seen_.event_count, 0);
  EXPECT_EQ(near_->unsent_size(), text.size());

  far_->ResumeReading();
  home_.RunOnce();

  EXPECT_EQ(far_seen_.event_count, 1);
  EXPECT_TRUE(far_seen_.received == text);
}

TEST_F(TransportPairOnOneLoopTest, HoldsManySmallWritesInFewChunks) {
  Start();
  far_->PauseReading();
  for (int i = 0; i < 10'000; ++i) WriteText(home_, *near_, "x");

  EXPECT_LE(home_.pool.lent_count(), 1);
  far_->ResumeReading();
  home_.RunOnce();

  EXPECT_EQ(far_seen_.received, std::string(10'000, 'x'));
}

TEST_F(TransportPairOnOneLoopTest, KeepsWhatComesBeforeTheStart) {
  near_->Start(near_seen_);
  WriteText(home_, *near_, "early ");
  home_.RunOnce();
  far_->Start(far_seen_);
  WriteText(home_, *near_, "and late");
  near_->EndWriting();
  EXPECT_EQ(far_seen_.event_count, 0);

  home_.RunOnce();

  EXPECT_EQ(far_seen_.received, "early and late");
  EXPECT_TRUE(far_seen_.has_ended);
}

TEST_F(TransportPairOnOneLoopTest, DeliversWhatIsOnItsWayWhenAnEndGoes) {
  Start();
  far_->PauseReading();
  WriteText(home_, *near_, "last");
  near_ = nullptr;
  home_.RunOnce();
  EXPECT_EQ(far_seen_.event_count, 0);

  far_->ResumeReading();
  home_.RunOnce();

  EXPECT_EQ(far_seen_.received, "last");
  EXPECT_FALSE(far_seen_.has_ended);
  EXPECT_TRUE(HasReason(far_seen_.error, Reason::kTransportReset));
}

TEST_F(TransportPairOnOneLoopTest, HasTimeToTakeWhatAGentleEndHasLeft) {
  Start();
  far_->PauseReading();
  WriteText(home_, *near_, "last");
  Transport::CloseGently(std::move(near_));
  bool is_over = false;
  const auto timer =
      home_.loop->After(1.2 * Transport::kLingerTime, [&] { is_over = true; });
  home_.RunUntil([&] { return is_over; });

  far_->ResumeReading();
  home_.RunOnce();

  EXPECT_EQ(far_seen_.received, "last");
  EXPECT_TRUE(far_seen_.has_ended);
  EXPECT_TRUE(far_seen_.error.ok()) << far_seen_.error;
}

TEST_F(TransportPairOnOneLoopTest, HearsOfAnEndThatAnotherThreadHasDropped) {
  near_->Start(near_seen_);
  WriteText(home_, *near_, "x");

  std::thread([this] { far_ = nullptr; }).join();
  home_.RunOnce();

  EXPECT_TRUE(HasReason(near_seen_.error, Reason::kTransportReset));
}

TEST_F(TransportPairOnOneLoopTest, MayLoseEitherEndInEveryCall) {
  for (const bool loses_itself : {true, false}) {
    TransportPair pair =
        MakeTransportPair(*home_.loop, home_.pool, *home_.loop, home_.pool);
    Recorder near_seen;
    Recorder far_seen;
    far_seen.on_event = [&] {
      (loses_itself ? pair.second : pair.first) = nullptr;
    };
    pair.first->Start(near_seen);
    pair.second->Start(far_seen);
    WriteText(home_, *pair.first, std::string(600'000, 'x'));

    home_.RunOnce();
    home_.RunOnce();

    EXPECT_EQ(far_seen.error.ok(), loses_itself);
    EXPECT_EQ(near_seen.error.ok(), !loses_itself);
    EXPECT_EQ(home_.pool.lent_count(), 0);
  }
}

}  // namespace
}  // namespace tlsd::net
