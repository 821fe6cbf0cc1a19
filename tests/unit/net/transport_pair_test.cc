#include "server/net/transport_pair.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "server/base/byte_queue.h"
#include "tests/unit/net/net_testing.h"

namespace tlsd::net {
namespace {

// Two loops, one for each end, that the test turns in turn. What all transports
// promise is tested in tests/contract.
class TransportPairTest : public testing::Test {
 protected:
  TransportPairTest() { Join(); }

  // Makes a pair of which no end is started.
  void Join() {
    TransportPair pair = MakeTransportPair(*near_home_->loop, near_home_->pool,
                                           *far_home_->loop, far_home_->pool);
    near_ = std::move(pair.first);
    far_ = std::move(pair.second);
  }

  void Start() {
    near_->Start(near_seen_);
    far_->Start(far_seen_);
  }

  bool RunUntil(const std::function<bool()>& condition) {
    return near_home_->RunUntil([&] {
      far_home_->RunOnce();
      return condition();
    });
  }

  // Handles all that is under way.
  void Settle() {
    for (int i = 0; i < 10; ++i) {
      near_home_->RunOnce();
      far_home_->RunOnce();
    }
  }

  void Write(absl::string_view text) { WriteText(*near_home_, *near_, text); }
  void Answer(absl::string_view text) { WriteText(*far_home_, *far_, text); }

  std::unique_ptr<LoopFixture> near_home_ = std::make_unique<LoopFixture>();
  std::unique_ptr<LoopFixture> far_home_ = std::make_unique<LoopFixture>();
  Recorder near_seen_;
  Recorder far_seen_;
  std::unique_ptr<Transport> near_;
  std::unique_ptr<Transport> far_;
};

TEST_F(TransportPairTest, CountsBytesAsUnsentUntilTheyAreTaken) {
  Start();
  far_->PauseReading();
  Write("little");
  Settle();
  EXPECT_EQ(near_->unsent_size(), 6);
  EXPECT_EQ(near_seen_.drained_count, 0);

  far_->ResumeReading();
  Settle();

  EXPECT_EQ(near_->unsent_size(), 0);
  EXPECT_EQ(near_seen_.drained_count, 1);
}

TEST_F(TransportPairTest, HasAtMostTheWindowOnItsWay) {
  Start();
  far_->PauseReading();
  const std::string text = Noise(kPairWindowBytes + 1);
  Write(text);
  Settle();
  EXPECT_EQ(near_->unsent_size(), text.size());

  // What is on its way arrives all the same, and the byte behind it does not.
  near_ = nullptr;
  far_->ResumeReading();
  Settle();

  EXPECT_TRUE(far_seen_.received == text.substr(0, kPairWindowBytes));
  EXPECT_FALSE(far_seen_.error.ok());
}

TEST_F(TransportPairTest, HasAWindowForEachDirection) {
  Start();
  near_->PauseReading();
  far_->PauseReading();
  Write(Noise(2 * kPairWindowBytes));
  Answer(Noise(2 * kPairWindowBytes));
  Settle();

  near_->ResumeReading();
  Settle();

  EXPECT_EQ(near_seen_.received.size(), 2 * kPairWindowBytes);
  EXPECT_EQ(far_seen_.event_count, 1);
  EXPECT_EQ(far_seen_.drained_count, 1);
}

TEST_F(TransportPairTest, DoesNotGoOnInSingleBytesForAReaderOfSingleBytes) {
  Start();
  far_->PauseReading();
  for (size_t i = 0; i < kPairWindowBytes; ++i) Write("x");
  Write(std::string(10 * kPairWindowBytes, 'y'));
  Settle();

  far_->ResumeReading();
  ASSERT_TRUE(RunUntil(
      [&] { return far_seen_.received.size() == 11 * kPairWindowBytes; }));

  // The bytes that were written one by one, and no more than two pieces for
  // each window.
  EXPECT_LE(far_seen_.event_count, kPairWindowBytes + 20);
}

TEST_F(TransportPairTest, KeepsWhatComesBeforeTheStart) {
  near_->Start(near_seen_);
  Write("early");
  near_->EndWriting();
  Settle();
  EXPECT_EQ(near_seen_.event_count, 0);

  far_->Start(far_seen_);
  EXPECT_EQ(far_seen_.event_count, 0);
  Settle();

  EXPECT_EQ(far_seen_.received, "early");
  EXPECT_TRUE(far_seen_.has_ended);
  EXPECT_EQ(near_seen_.drained_count, 1);
}

TEST_F(TransportPairTest, GivesTheReasonOfAResetToThePeer) {
  Start();
  Transport::Reset(std::move(near_), absl::CancelledError("why"));
  Settle();

  EXPECT_EQ(far_seen_.error, absl::CancelledError("why"));
  EXPECT_EQ(far_seen_.event_count, 1);
}

TEST_F(TransportPairTest, GivesTheReasonOfAnEndThatWasNeverStarted) {
  near_->Start(near_seen_);
  Write("early");
  Transport::Reset(std::move(far_), absl::CancelledError("why"));
  Settle();

  EXPECT_EQ(near_seen_.error, absl::CancelledError("why"));
  EXPECT_EQ(near_seen_.event_count, 1);
}

TEST_F(TransportPairTest, TakesAnOkReasonForATransportReset) {
  Start();
  Transport::Reset(std::move(near_), absl::OkStatus());
  Settle();

  EXPECT_TRUE(HasReason(far_seen_.error, Reason::kTransportReset))
      << far_seen_.error;
}

TEST_F(TransportPairTest, TellsAWriterAtOnceThatThePeerIsGone) {
  // It may not read because it waits until all is sent.
  Start();
  near_->PauseReading();
  far_->PauseReading();
  Write("unsent");
  Answer("unread");
  Settle();

  far_ = nullptr;
  Settle();

  EXPECT_FALSE(near_seen_.error.ok());
  EXPECT_EQ(near_seen_.received, "");
  // Nobody has taken it.
  EXPECT_EQ(near_->unsent_size(), 6);
}

TEST_F(TransportPairTest, KeepsAFailureBackUntilBytesAreRead) {
  Start();
  near_->PauseReading();
  Answer("last");
  far_ = nullptr;
  Settle();
  EXPECT_EQ(near_seen_.event_count, 0);

  near_->ResumeReading();
  Settle();

  EXPECT_EQ(near_seen_.received, "last");
  EXPECT_FALSE(near_seen_.error.ok());
}

TEST_F(TransportPairTest, TellsALateWriterThatThePeerIsGone) {
  Start();
  near_->PauseReading();
  Answer("last");
  far_ = nullptr;
  Settle();

  Write("late");
  EXPECT_EQ(near_seen_.event_count, 0);
  Settle();

  EXPECT_FALSE(near_seen_.error.ok());
}

TEST_F(TransportPairTest, TellsThatAPeerIsGoneWhichHadClosedGently) {
  Start();
  const absl::Time start = absl::Now();
  Transport::CloseGently(std::move(far_));
  EXPECT_TRUE(RunUntil([&] { return near_seen_.has_ended; }));

  EXPECT_TRUE(RunUntil([&] { return !near_seen_.error.ok(); }));

  EXPECT_GE(absl::Now() - start, Transport::kLingerTime);
  EXPECT_TRUE(HasReason(near_seen_.error, Reason::kConnectionClosed));
}

TEST_F(TransportPairTest, SaysNothingWhenBothHaveEndedAndOneGoes) {
  Start();
  Transport::CloseGently(std::move(far_));
  EXPECT_TRUE(RunUntil([&] { return near_seen_.has_ended; }));
  near_->EndWriting();

  bool is_over = false;
  const auto timer = near_home_->loop->After(2 * Transport::kLingerTime,
                                             [&] { is_over = true; });
  EXPECT_TRUE(RunUntil([&] { return is_over; }));

  EXPECT_EQ(near_seen_.event_count, 1);
}

TEST_F(TransportPairTest, ClosesGentlyAlthoughItWasNeverStarted) {
  near_->Start(near_seen_);
  Write(std::string(2 * kPairWindowBytes, 'x'));
  Settle();

  Transport::CloseGently(std::move(far_));
  EXPECT_TRUE(RunUntil([&] { return near_seen_.has_ended; }));

  // What had come early is dropped, so that the writer may go on.
  EXPECT_TRUE(RunUntil([&] { return near_seen_.drained_count == 1; }));
  EXPECT_EQ(near_->unsent_size(), 0);
}

TEST_F(TransportPairTest, DropsBytesForAPeerThatIsGone) {
  Start();
  Write("x");
  far_ = nullptr;
  Write("x");
  Settle();
  EXPECT_FALSE(near_seen_.error.ok());
  EXPECT_EQ(near_seen_.drained_count, 0);

  Write("x");
  near_->EndWriting();
  Settle();

  EXPECT_EQ(near_seen_.event_count, 1);
  EXPECT_EQ(near_home_->pool.lent_count(), 0);
}

TEST_F(TransportPairTest, TellsThePeerWhenItsLoopEndsWhileItLingers) {
  Start();
  far_->PauseReading();
  Write(std::string(2 * kPairWindowBytes, 'x'));
  Transport::CloseGently(std::move(near_));

  near_home_->loop->Stop();
  near_home_->loop->Run();
  near_home_ = nullptr;
  far_->ResumeReading();
  far_home_->RunOnce();
  far_home_->RunOnce();

  EXPECT_EQ(far_seen_.received.size(), kPairWindowBytes);
  EXPECT_FALSE(far_seen_.has_ended);
  EXPECT_TRUE(HasReason(far_seen_.error, Reason::kTransportReset));
}

TEST_F(TransportPairTest, OutlivesTheLoopOfItsPeer) {
  Start();
  Write("x");
  far_ = nullptr;
  far_home_ = nullptr;

  Write("x");
  near_->EndWriting();
  near_home_->RunOnce();

  EXPECT_FALSE(near_seen_.error.ok());
  Transport::CloseGently(std::move(near_));
}

TEST_F(TransportPairTest, TellsNobodyOnALoopThatHasStopped) {
  Start();
  far_home_->loop->Stop();

  Write("x");
  near_->EndWriting();
  near_ = nullptr;
  far_home_->loop->Run();

  EXPECT_EQ(far_seen_.event_count, 0);
}

TEST_F(TransportPairTest, TellsThePeerOfAnEndThatWasDroppedWithItsTask) {
  near_->Start(near_seen_);
  Write("x");
  far_home_->loop->Stop();

  far_home_->loop->Post([end = std::move(far_)] {});
  near_home_->RunOnce();

  EXPECT_TRUE(HasReason(near_seen_.error, Reason::kTransportReset));
}

TEST_F(TransportPairTest, MayEndWithTasksAfterTheLoopOfItsPeer) {
  far_home_->loop->Post([end = std::move(far_)] {});
  near_ = nullptr;
  near_home_ = nullptr;

  far_home_ = nullptr;
}

TEST_F(TransportPairTest, TellsAWriterThatItMayGoOnBeforeAllIsTaken) {
  Start();
  far_seen_.on_event = [this] { far_->PauseReading(); };
  far_->PauseReading();
  for (int i = 0; i < 3; ++i) Write(std::string(20'000, 'x'));
  Settle();

  far_->ResumeReading();
  Settle();
  EXPECT_EQ(near_->unsent_size(), 40'000);
  EXPECT_EQ(near_seen_.drained_count, 0);
  far_->ResumeReading();
  Settle();
  EXPECT_EQ(near_->unsent_size(), 20'000);
  EXPECT_EQ(near_seen_.drained_count, 1);
  far_->ResumeReading();
  Settle();

  EXPECT_EQ(near_->unsent_size(), 0);
  EXPECT_EQ(near_seen_.drained_count, 2);
}

// Sends `text` as a connection does, which stops writing at a limit, and waits;
// and takes what comes. It is done when both directions have ended, or failed.
class Mover : public Recorder {
 public:
  Mover(LoopFixture& home, const std::string& text)
      : home_(home), text_(text) {}

  void Begin(std::unique_ptr<Transport> transport,
             std::function<void()> on_done) {
    transport_ = std::move(transport);
    on_done_ = std::move(on_done);
    on_event = [this] { Step(); };
    transport_->Start(*this);
    Step();
  }
  void End() { transport_ = nullptr; }

 private:
  void Step() {
    if (!error.ok()) {
      on_done_();
      return;
    }
    while (written_ < text_.size() &&
           transport_->unsent_size() < kPairWindowBytes) {
      const size_t count = std::min<size_t>(30'000, text_.size() - written_);
      WriteText(home_, *transport_,
                absl::string_view(text_).substr(written_, count));
      written_ += count;
      if (written_ == text_.size()) transport_->EndWriting();
    }
    if (event_count % 16 == 0 && !has_ended) {
      transport_->PauseReading();
      home_.loop->Post([this] { transport_->ResumeReading(); });
    }
    if (has_ended && written_ == text_.size() &&
        transport_->unsent_size() == 0) {
      on_done_();
    }
  }

  LoopFixture& home_;
  const std::string& text_;
  std::unique_ptr<Transport> transport_;
  std::function<void()> on_done_;
  size_t written_ = 0;
};

TEST_F(TransportPairTest, MovesBytesBetweenThreads) {
  const std::string text = Noise(16 << 20);
  Mover near(*near_home_, text);
  Mover far(*far_home_, text);
  const auto run = [](Mover& mover, LoopFixture& home,
                      std::unique_ptr<Transport>& end) {
    home.loop->Post(
        [&] { mover.Begin(std::move(end), [&] { home.loop->Stop(); }); });
    home.loop->Run();
  };

  std::thread other([&] { run(near, *near_home_, near_); });
  run(far, *far_home_, far_);
  other.join();

  EXPECT_TRUE(far.received == text);
  EXPECT_TRUE(near.received == text);
  EXPECT_TRUE(near.error.ok() && far.error.ok());
  near.End();
  far.End();
}

TEST_F(TransportPairTest, MayLoseItsPeerInAnotherThreadAtAnyTime) {
  const std::string text = Noise(4 << 20);
  for (int turn = 0; turn < 50; ++turn) {
    near_ = nullptr;
    far_ = nullptr;
    near_home_ = std::make_unique<LoopFixture>();
    far_home_ = std::make_unique<LoopFixture>();
    Join();
    Mover near(*near_home_, text);
    std::thread other([&] {
      near_home_->loop->Post([&] {
        near.Begin(std::move(near_), [&] { near_home_->loop->Stop(); });
      });
      near_home_->loop->Run();
    });
    far_home_->loop->Post([&] {
      far_->Start(far_seen_);
      far_seen_.received.clear();
      far_seen_.on_event = [&, turn] {
        if (far_ == nullptr ||
            far_seen_.received.size() < static_cast<size_t>(turn) * 10'000) {
          return;
        }
        if (turn % 2 == 0) {
          Transport::CloseGently(std::move(far_));
        } else {
          far_ = nullptr;
        }
        far_home_->loop->Stop();
      };
    });

    far_home_->loop->Run();
    other.join();

    EXPECT_FALSE(near.error.ok());
    near.End();
  }
}

}  // namespace
}  // namespace tlsd::net
