// What every Transport promises of ends, resets and failures
// (server/net/transport.h), tested on each of them.

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "server/net/event_loop.h"
#include "server/net/transport.h"
#include "tests/contract/transport_contract.h"
#include "tests/unit/net/net_testing.h"

namespace tlsd::net {
namespace {

class TransportEndingTest : public TransportContractTest {};

TEST_P(TransportEndingTest, TellsThatThePeerIsDestroyed) {
  Write(*near_, "last");
  near_ = nullptr;

  if (carrier().is_pair) {
    EXPECT_TRUE(RunUntil([&] { return !far_seen_.error.ok(); }));
    EXPECT_TRUE(HasReason(far_seen_.error, Reason::kTransportReset));
    EXPECT_FALSE(far_seen_.has_ended);
  } else {
    EXPECT_TRUE(RunUntil([&] { return far_seen_.has_ended; }));
    EXPECT_TRUE(far_seen_.error.ok());
  }
  EXPECT_EQ(far_seen_.received, "last");
  EXPECT_EQ(near_seen_.event_count, 0);
}

TEST_P(TransportEndingTest, EndsItsDirectionBehindWhatIsUnsent) {
  far_->PauseReading();
  const std::string text = Fill();

  near_->EndWriting();
  far_->ResumeReading();

  EXPECT_TRUE(RunUntil([&] { return far_seen_.has_ended; }));
  EXPECT_TRUE(far_seen_.received == text);
  EXPECT_TRUE(RunUntil([&] { return near_seen_.drained_count > 0; }));
  EXPECT_EQ(near_->unsent_size(), 0);
  RunForAWhile();
  EXPECT_EQ(near_seen_.drained_count, 1);
  EXPECT_TRUE(far_seen_.error.ok()) << far_seen_.error;
}

TEST_P(TransportEndingTest, GoesOnReadingAfterItsOwnEnd) {
  near_->EndWriting();
  EXPECT_TRUE(RunUntil([&] { return far_seen_.has_ended; }));

  Write(*far_, "answer");

  EXPECT_TRUE(RunUntil([&] { return near_seen_.received == "answer"; }));
  EXPECT_FALSE(near_seen_.has_ended);
}

TEST_P(TransportEndingTest, EndsItsDirectionOnce) {
  Write(*near_, "last");
  near_->EndWriting();
  near_->EndWriting();
  EXPECT_TRUE(RunUntil([&] { return far_seen_.has_ended; }));

  near_->EndWriting();
  Write(*near_, "too late");
  RunForAWhile();

  // The bytes and the end.
  EXPECT_EQ(far_seen_.event_count, 2);
  EXPECT_EQ(far_seen_.received, "last");
  EXPECT_TRUE(near_seen_.error.ok()) << near_seen_.error;
}

TEST_P(TransportEndingTest, MayEndInBothDirections) {
  near_->EndWriting();
  far_->EndWriting();
  EXPECT_TRUE(
      RunUntil([&] { return far_seen_.has_ended && near_seen_.has_ended; }));

  near_ = nullptr;
  RunForAWhile();

  EXPECT_EQ(far_seen_.event_count, 1);
  EXPECT_EQ(near_seen_.event_count, 1);
}

TEST_P(TransportEndingTest, ClosesGentlyAfterItsOwnEnd) {
  far_->PauseReading();
  const std::string text = Fill();
  near_->EndWriting();

  Transport::CloseGently(std::move(near_));
  far_->ResumeReading();
  EXPECT_TRUE(RunUntil([&] { return far_seen_.has_ended; }));
  const int event_count = far_seen_.event_count;
  Transport::CloseGently(std::move(far_));
  RunForAWhile();

  EXPECT_TRUE(far_seen_.received == text);
  EXPECT_EQ(far_seen_.event_count, event_count);
  EXPECT_EQ(near_seen_.event_count, 0);
}

TEST_P(TransportEndingTest, ClosesGentlyAfterBothEnds) {
  near_->EndWriting();
  far_->EndWriting();
  EXPECT_TRUE(
      RunUntil([&] { return far_seen_.has_ended && near_seen_.has_ended; }));

  Transport::CloseGently(std::move(near_));
  RunForAWhile();

  EXPECT_EQ(far_seen_.event_count, 1);
}

TEST_P(TransportEndingTest, TellsThatItsDirectionCannotBeEnded) {
  if (!carrier().shows_resets) GTEST_SKIP() << "a reset is an end here";
  near_->PauseReading();
  Transport::Reset(std::move(far_), ResetReason());
  RunForAWhile();
  EXPECT_EQ(near_seen_.event_count, 0);

  near_->EndWriting();
  near_->ResumeReading();

  EXPECT_TRUE(RunUntil([&] { return !near_seen_.error.ok(); }));
  RunForAWhile();
  EXPECT_EQ(near_seen_.event_count, 1);
}

TEST_P(TransportEndingTest, DeliversAllBeforeItClosesGently) {
  far_->PauseReading();
  const std::string text = Fill();

  Transport::CloseGently(std::move(near_));
  far_->ResumeReading();

  EXPECT_TRUE(RunUntil([&] { return far_seen_.has_ended; }));
  EXPECT_TRUE(far_seen_.received == text);
  EXPECT_TRUE(far_seen_.error.ok());
  EXPECT_EQ(near_seen_.event_count, 0);
}

TEST_P(TransportEndingTest, DeliversTheLastBytesAlthoughInputIsUnread) {
  near_->PauseReading();
  Write(*far_, std::string(100'000, 'u'));
  Write(*near_, "alert");

  Transport::CloseGently(std::move(near_));

  EXPECT_TRUE(RunUntil([&] { return far_seen_.has_ended; }));
  EXPECT_EQ(far_seen_.received, "alert");
  EXPECT_TRUE(far_seen_.error.ok()) << far_seen_.error;
}

TEST_P(TransportEndingTest, GoesOnWritingAfterThePeersEnd) {
  Transport::CloseGently(std::move(far_));
  EXPECT_TRUE(RunUntil([&] { return near_seen_.has_ended; }));

  Write(*near_, std::string(100'000, 'x'));
  RunForAWhile();

  EXPECT_TRUE(near_seen_.error.ok()) << near_seen_.error;
  EXPECT_EQ(near_->unsent_size(), 0);
}

TEST_P(TransportEndingTest, ClosesGentlyAfterThePeersEnd) {
  Transport::CloseGently(std::move(far_));
  EXPECT_TRUE(RunUntil([&] { return near_seen_.has_ended; }));

  Write(*near_, "late");
  Transport::CloseGently(std::move(near_));
  RunForAWhile();

  EXPECT_EQ(near_seen_.event_count, 1);
}

TEST_P(TransportEndingTest, GivesUpAPeerThatSendsOnAndOn) {
  const auto send_on = [&] {
    if (far_seen_.error.ok()) Write(*far_, MuchNoise());
  };
  far_seen_.on_event = send_on;
  send_on();

  Transport::CloseGently(std::move(near_));

  EXPECT_TRUE(RunUntil([&] { return !far_seen_.error.ok(); }));
  // What the carrier holds and kLingerBytes, and not all that the peer could
  // send in kLingerTime.
  EXPECT_LE(far_seen_.drained_count, 1);
}

TEST_P(TransportEndingTest, GivesUpAPeerThatDoesNotEnd) {
  Transport::CloseGently(std::move(near_));
  EXPECT_TRUE(RunUntil([&] { return far_seen_.has_ended; }));
  Write(*far_, "still here");

  std::unique_ptr<Timer> timer;
  const std::function<void()> write_again = [&] {
    Write(*far_, "x");
    timer =
        fixture_.loop->After(absl::Milliseconds(50), [&] { write_again(); });
  };
  write_again();

  EXPECT_TRUE(RunUntil([&] { return !far_seen_.error.ok(); }));
}

TEST_P(TransportEndingTest, ShowsAResetToThePeer) {
  Transport::Reset(std::move(near_), ResetReason());

  if (carrier().shows_resets) {
    EXPECT_TRUE(RunUntil([&] { return !far_seen_.error.ok(); }));
    if (carrier().is_pair) {
      EXPECT_EQ(far_seen_.error, ResetReason());
    } else {
      EXPECT_TRUE(HasReason(far_seen_.error, Reason::kTransportReset))
          << far_seen_.error;
    }
    EXPECT_FALSE(far_seen_.has_ended);
  } else {
    EXPECT_TRUE(RunUntil([&] { return far_seen_.has_ended; }));
  }
}

TEST_P(TransportEndingTest, ShowsAResetBehindBytesThatArrived) {
  if (!carrier().shows_resets) GTEST_SKIP() << "a reset is an end here";
  Write(*near_, "last");
  Transport::Reset(std::move(near_), ResetReason());

  EXPECT_TRUE(RunUntil([&] { return !far_seen_.error.ok(); }));
  EXPECT_EQ(far_seen_.received, "last");
  EXPECT_FALSE(far_seen_.has_ended);
}

TEST_P(TransportEndingTest, SaysNothingAfterAnError) {
  // Unread input makes every close an error at the other end.
  near_->PauseReading();
  Write(*far_, std::string(100'000, 'x'));
  Transport::Reset(std::move(near_), ResetReason());
  EXPECT_TRUE(RunUntil([&] { return !far_seen_.error.ok(); }));

  const int event_count = far_seen_.event_count;
  Write(*far_, std::string(kMuch, 'x'));
  far_->PauseReading();
  far_->ResumeReading();
  RunForAWhile();

  EXPECT_EQ(far_seen_.event_count, event_count);
}

TEST_P(TransportEndingTest, FailsWhileItWaitsToSend) {
  far_->PauseReading();
  Fill();

  Transport::Reset(std::move(far_), ResetReason());

  EXPECT_TRUE(RunUntil([&] { return !near_seen_.error.ok(); }));
  EXPECT_EQ(near_seen_.drained_count, 0);
}

TEST_P(TransportEndingTest, DeliversWhatThePeerSaidBeforeAWriteFails) {
  // The peer speaks and goes, with bytes unread: a write meets the failure
  // before a read has met the bytes.
  far_->PauseReading();
  Write(*near_, "unread");
  Write(*far_, "alert");
  RunForAWhile();
  near_seen_.received.clear();
  near_->PauseReading();
  Write(*far_, "why");
  far_ = nullptr;
  near_->ResumeReading();
  Write(*near_, "x");
  Write(*near_, "x");

  EXPECT_TRUE(RunUntil([&] { return !near_seen_.error.ok(); }));
  EXPECT_EQ(near_seen_.received, "why");
  EXPECT_FALSE(near_seen_.has_ended);
}

TEST_P(TransportEndingTest, MayBeClosedInAnyCallback) {
  enum class Event { kBytes, kEnd, kError, kDrained };
  enum class Closing { kDestroy, kGently, kReset };
  for (const Event event :
       {Event::kBytes, Event::kEnd, Event::kError, Event::kDrained}) {
    for (const Closing closing :
         {Closing::kDestroy, Closing::kGently, Closing::kReset}) {
      TempFolder folder;
      Ends pair = carrier().connect(fixture_, other_, folder);
      Recorder seen;
      Recorder peer_seen;
      seen.on_event = [&] {
        switch (closing) {
          case Closing::kDestroy:
            pair.client = nullptr;
            break;
          case Closing::kGently:
            Transport::CloseGently(std::move(pair.client));
            break;
          case Closing::kReset:
            Transport::Reset(std::move(pair.client), ResetReason());
        }
      };
      pair.client->Start(seen);
      pair.server->Start(peer_seen);
      switch (event) {
        case Event::kBytes:
          WriteText(*pair.server_home, *pair.server, std::string(1 << 20, 'x'));
          break;
        case Event::kEnd:
          Transport::CloseGently(std::move(pair.server));
          break;
        case Event::kError:
          pair.client->PauseReading();
          pair.server->PauseReading();
          WriteText(*pair.client_home, *pair.client, "unread");
          pair.server = nullptr;
          pair.client->ResumeReading();
          break;
        case Event::kDrained:
          WriteText(*pair.client_home, *pair.client, MuchNoise());
      }

      EXPECT_TRUE(RunUntil([&] { return pair.client == nullptr; }));
      RunForAWhile();
      EXPECT_EQ(seen.event_count, 1);
    }
  }
}

TEST_P(TransportEndingTest, ReturnsItsMemoryWhenItIsDestroyed) {
  far_->PauseReading();
  Fill();
  EXPECT_GT(LentCount(), 0);

  near_ = nullptr;
  // What a pair has on its way belongs to the other end.
  if (carrier().is_pair) far_ = nullptr;

  EXPECT_EQ(LentCount(), 0);
}

TEST_P(TransportEndingTest, EndsWithItsLoopWhileItLingers) {
  far_->PauseReading();
  Fill();
  Transport::CloseGently(std::move(near_));
  EXPECT_GT(LentCount(), 0);
  Transport::CloseGently(std::move(far_));

  for (LoopFixture* home : {&fixture_, &other_}) {
    home->loop->Stop();
    home->loop->Run();
  }

  EXPECT_EQ(LentCount(), 0);
}

INSTANTIATE_TEST_SUITE_P(AllCarriers, TransportEndingTest,
                         testing::Combine(testing::ValuesIn(AllCarriers()),
                                          testing::Bool()),
                         NameOfRun);

}  // namespace
}  // namespace tlsd::net
