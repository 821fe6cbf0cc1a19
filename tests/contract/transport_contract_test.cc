// What every Transport promises of bytes (server/net/transport.h), tested on
// each of them. How they end is in transport_ending_test.cc.

#include "tests/contract/transport_contract.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "server/net/event_loop.h"
#include "server/net/socket_address.h"
#include "server/net/transport.h"
#include "tests/unit/net/net_testing.h"

namespace tlsd::net {
namespace {

TEST_P(TransportContractTest, CarriesBytesInOrderBothWays) {
  const std::string& text = MuchNoise();
  const std::string other(kMuch / 2, 'o');
  Write(*near_, text);
  Write(*far_, other);

  EXPECT_TRUE(RunUntil([&] {
    return far_seen_.received.size() == text.size() &&
           near_seen_.received.size() == other.size();
  }));
  EXPECT_TRUE(far_seen_.received == text);
  EXPECT_TRUE(near_seen_.received == other);
}

TEST_P(TransportContractTest, CarriesSingleBytes) {
  const std::string text = Noise(300);
  for (const char c : text) {
    Write(*near_, {&c, 1});
    RunOnce();
  }

  EXPECT_TRUE(RunUntil([&] { return far_seen_.received.size() == 300; }));
  EXPECT_TRUE(far_seen_.received == text);
}

TEST_P(TransportContractTest, WritesNothingForAnEmptyQueue) {
  Write(*near_, "");
  RunForAWhile();

  EXPECT_EQ(far_seen_.event_count, 0);
  EXPECT_EQ(near_seen_.event_count, 0);
}

TEST_P(TransportContractTest, KeepsWhatIsUnsentInOrder) {
  far_->PauseReading();
  std::string text = Fill();
  Write(*near_, "more");
  text += "more";

  far_->ResumeReading();

  EXPECT_TRUE(
      RunUntil([&] { return far_seen_.received.size() == text.size(); }));
  EXPECT_TRUE(far_seen_.received == text);
}

TEST_P(TransportContractTest, TellsOnceThatAllIsSent) {
  Fill();

  EXPECT_TRUE(RunUntil([&] { return near_seen_.drained_count > 0; }));
  EXPECT_EQ(near_->unsent_size(), 0);
  RunForAWhile();
  EXPECT_EQ(near_seen_.drained_count, 1);
}

TEST_P(TransportContractTest, DoesNotTellThatAllIsSentWhenItWasAtOnce) {
  if (carrier().is_pair) GTEST_SKIP() << "nothing is sent before it is taken";
  Write(*near_, "little");

  EXPECT_EQ(near_->unsent_size(), 0);
  EXPECT_TRUE(RunUntil([&] { return far_seen_.received == "little"; }));
  EXPECT_EQ(near_seen_.drained_count, 0);
}

TEST_P(TransportContractTest, HoldsThePeerWhileReadingIsPaused) {
  far_->PauseReading();
  Fill();
  RunForAWhile();

  EXPECT_EQ(far_seen_.event_count, 0);
  EXPECT_GT(near_->unsent_size(), 0);
  EXPECT_EQ(near_seen_.drained_count, 0);
}

TEST_P(TransportContractTest, HidesTheEndWhileReadingIsPaused) {
  far_->PauseReading();
  near_->EndWriting();
  RunForAWhile();
  EXPECT_EQ(far_seen_.event_count, 0);

  far_->ResumeReading();

  EXPECT_TRUE(RunUntil([&] { return far_seen_.has_ended; }));
}

TEST_P(TransportContractTest, ToleratesPausingAndResumingTwice) {
  far_->PauseReading();
  far_->PauseReading();
  far_->ResumeReading();
  far_->ResumeReading();
  Write(*near_, "x");

  EXPECT_TRUE(RunUntil([&] { return far_seen_.received == "x"; }));
}

TEST_P(TransportContractTest, StopsReadingInTheMiddleOfACallback) {
  far_seen_.on_event = [&] { far_->PauseReading(); };
  Fill();
  EXPECT_TRUE(RunUntil([&] { return !far_seen_.received.empty(); }));

  const size_t size = far_seen_.received.size();
  RunForAWhile();

  EXPECT_EQ(far_seen_.received.size(), size);
}

TEST_P(TransportContractTest, CallsTheObserverFromTheLoopOnly) {
  bool is_in_call = false;
  const auto expect_loop = [&] { EXPECT_FALSE(is_in_call); };
  near_seen_.on_event = expect_loop;
  far_seen_.on_event = expect_loop;
  const auto call = [&](const std::function<void()>& action) {
    is_in_call = true;
    action();
    is_in_call = false;
  };

  call([&] { Write(*near_, "x"); });
  call([&] { far_->PauseReading(); });
  call([&] { Fill(); });
  call([&] { far_->ResumeReading(); });
  call([&] { near_->SetOptions({absl::Seconds(1), true}); });
  call([&] { near_->EndWriting(); });
  call([&] { Transport::Reset(std::move(far_), ResetReason()); });
  call([&] { Write(*near_, "x"); });

  EXPECT_TRUE(RunUntil([&] { return !near_seen_.error.ok(); }));
  call([&] { Write(*near_, "x"); });
  call([&] { near_->ResumeReading(); });
  call([&] { near_ = nullptr; });
}

TEST_P(TransportContractTest, MovesAllForAWriterThatWaitsUntilAllIsSent) {
  const std::string& text = MuchNoise();
  size_t written = 0;
  const auto write_on = [&] {
    while (near_->unsent_size() < 64 * 1024 && written < text.size()) {
      const size_t count = std::min<size_t>(20'000, text.size() - written);
      Write(*near_, absl::string_view(text).substr(written, count));
      written += count;
    }
  };
  near_seen_.on_event = write_on;
  // The reader stops now and then.
  std::unique_ptr<Timer> timer;
  int pause_count = 0;
  far_seen_.on_event = [&] {
    if (far_seen_.event_count % 8 != 0) return;
    far_->PauseReading();
    ++pause_count;
    timer = far_home_->loop->After(absl::ZeroDuration(),
                                   [&] { far_->ResumeReading(); });
  };
  write_on();

  // A carrier that has sent all at once tells nothing: the writer looks itself.
  EXPECT_TRUE(RunUntil([&] {
    write_on();
    return far_seen_.received.size() == text.size();
  }));
  EXPECT_TRUE(far_seen_.received == text);
  EXPECT_GT(pause_count, 0);
}

TEST_P(TransportContractTest, CarriesBytesWithAllOptions) {
  near_->SetOptions({absl::Seconds(5), /*delay_small_writes=*/true});
  near_->SetOptions({absl::ZeroDuration(), /*delay_small_writes=*/false});
  Write(*near_, "x");

  EXPECT_TRUE(RunUntil([&] { return far_seen_.received == "x"; }));
}

TEST_P(TransportContractTest, TakesAllBytesOfTheQueueAndReturnsTheirMemory) {
  const std::string text = Fill();
  EXPECT_TRUE(
      RunUntil([&] { return far_seen_.received.size() == text.size(); }));

  EXPECT_TRUE(RunUntil([&] { return near_->unsent_size() == 0; }));
  EXPECT_EQ(LentCount(), 0);
}

TEST_P(TransportContractTest, HasTheAddressesOfBothEnds) {
  if (carrier().is_pair) {
    EXPECT_EQ(near_->local_address(), SocketAddress());
    EXPECT_EQ(near_->remote_address(), SocketAddress());
    return;
  }
  EXPECT_EQ(near_->local_address(), far_->remote_address());
  EXPECT_EQ(near_->remote_address(), far_->local_address());
  EXPECT_NE(near_->local_address().family, SocketAddress::Family::kNone);
  EXPECT_NE(near_->remote_address().family, SocketAddress::Family::kNone);
}

INSTANTIATE_TEST_SUITE_P(AllCarriers, TransportContractTest,
                         testing::Combine(testing::ValuesIn(AllCarriers()),
                                          testing::Bool()),
                         NameOfRun);

}  // namespace
}  // namespace tlsd::net
