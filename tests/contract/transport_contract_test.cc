// What every Transport promises (server/net/transport.h), tested on each of
// them. A new transport joins with one more Carrier.

#include <cstddef>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "server/base/byte_queue.h"
#include "server/net/event_loop.h"
#include "server/net/transport.h"
#include "tests/unit/net/net_testing.h"

namespace tlsd::net {
namespace {

// How a pair of transports of one kind is made.
struct Carrier {
  std::string name;
  std::function<TransportPair(LoopFixture&, const TempFolder&)> connect;
  // Whether the peer can tell a reset from an end.
  bool shows_resets = false;
};

void PrintTo(const Carrier& carrier, std::ostream* out) {
  *out << carrier.name;
}

std::vector<Carrier> AllCarriers() {
  return {
      {"Tcp",
       [](LoopFixture& fixture, const TempFolder&) {
         return ConnectedPair(fixture, LoopbackEndpoint());
       },
       /*shows_resets=*/true},
      {"Unix",
       [](LoopFixture& fixture, const TempFolder& folder) {
         return ConnectedPair(fixture, {"", 0, folder.Path("socket")});
       }},
  };
}

// More than any carrier buffers on the way.
constexpr size_t kMuch = 8 << 20;

const std::string& MuchNoise() {
  static const std::string* const noise = new std::string(Noise(kMuch));
  return *noise;
}

// The transport under test is `near_`; what it did is seen at `far_`.
class TransportContractTest
    : public testing::TestWithParam<std::tuple<Carrier, bool>> {
 protected:
  TransportContractTest() {
    TransportPair pair = carrier().connect(fixture_, folder_);
    near_ = std::move(pair.client);
    far_ = std::move(pair.server);
    if (std::get<1>(GetParam())) near_.swap(far_);
  }

  void SetUp() override {
    ASSERT_NE(near_, nullptr);
    ASSERT_NE(far_, nullptr);
    near_->Start(near_seen_);
    far_->Start(far_seen_);
  }

  const Carrier& carrier() const { return std::get<0>(GetParam()); }

  void Write(Transport& transport, absl::string_view text) {
    WriteText(fixture_, transport, text);
  }

  bool RunUntil(const std::function<bool()>& condition) {
    return fixture_.RunUntil(condition);
  }

  // Handles all that is ready or becomes so in a short time.
  void RunForAWhile() {
    bool is_over = false;
    const auto timer =
        fixture_.loop->After(absl::Milliseconds(20), [&] { is_over = true; });
    RunUntil([&] { return is_over; });
  }

  // Writes to `near_` until some of it stays unsent.
  std::string Fill() {
    const std::string& text = MuchNoise();
    Write(*near_, text);
    EXPECT_GT(near_->unsent_size(), 0);
    return text;
  }

  TempFolder folder_;
  LoopFixture fixture_;
  Recorder near_seen_;
  Recorder far_seen_;
  std::unique_ptr<Transport> near_;
  std::unique_ptr<Transport> far_;
};

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
    fixture_.RunOnce();
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
  near_ = nullptr;
  RunForAWhile();
  EXPECT_FALSE(far_seen_.has_ended);

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
  call([&] { Transport::Reset(std::move(far_)); });
  call([&] { Write(*near_, "x"); });

  EXPECT_TRUE(RunUntil([&] { return !near_seen_.error.ok(); }));
  call([&] { Write(*near_, "x"); });
  call([&] { near_->ResumeReading(); });
  call([&] { near_ = nullptr; });
}

TEST_P(TransportContractTest, EndsWhenThePeerIsDestroyed) {
  Write(*near_, "last");
  near_ = nullptr;

  EXPECT_TRUE(RunUntil([&] { return far_seen_.has_ended; }));
  EXPECT_EQ(far_seen_.received, "last");
  EXPECT_TRUE(far_seen_.error.ok());
  EXPECT_EQ(near_seen_.event_count, 0);
}

TEST_P(TransportContractTest, DeliversAllBeforeItClosesGently) {
  far_->PauseReading();
  const std::string text = Fill();

  Transport::CloseGently(std::move(near_));
  far_->ResumeReading();

  EXPECT_TRUE(RunUntil([&] { return far_seen_.has_ended; }));
  EXPECT_TRUE(far_seen_.received == text);
  EXPECT_TRUE(far_seen_.error.ok());
  EXPECT_EQ(near_seen_.event_count, 0);
}

TEST_P(TransportContractTest, DeliversTheLastBytesAlthoughInputIsUnread) {
  near_->PauseReading();
  Write(*far_, std::string(100'000, 'u'));
  Write(*near_, "alert");

  Transport::CloseGently(std::move(near_));

  EXPECT_TRUE(RunUntil([&] { return far_seen_.has_ended; }));
  EXPECT_EQ(far_seen_.received, "alert");
  EXPECT_TRUE(far_seen_.error.ok()) << far_seen_.error;
}

TEST_P(TransportContractTest, GoesOnWritingAfterThePeersEnd) {
  Transport::CloseGently(std::move(far_));
  EXPECT_TRUE(RunUntil([&] { return near_seen_.has_ended; }));

  Write(*near_, std::string(100'000, 'x'));
  RunForAWhile();

  EXPECT_TRUE(near_seen_.error.ok()) << near_seen_.error;
  EXPECT_EQ(near_->unsent_size(), 0);
}

TEST_P(TransportContractTest, ClosesGentlyAfterThePeersEnd) {
  Transport::CloseGently(std::move(far_));
  EXPECT_TRUE(RunUntil([&] { return near_seen_.has_ended; }));

  Write(*near_, "late");
  Transport::CloseGently(std::move(near_));
  RunForAWhile();

  EXPECT_EQ(near_seen_.event_count, 1);
}

TEST_P(TransportContractTest, GivesUpAPeerThatSendsOnAndOn) {
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

TEST_P(TransportContractTest, GivesUpAPeerThatDoesNotEnd) {
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

TEST_P(TransportContractTest, ShowsAResetToThePeer) {
  Transport::Reset(std::move(near_));

  if (carrier().shows_resets) {
    EXPECT_TRUE(RunUntil([&] { return !far_seen_.error.ok(); }));
    EXPECT_TRUE(HasReason(far_seen_.error, Reason::kTransportReset))
        << far_seen_.error;
    EXPECT_FALSE(far_seen_.has_ended);
  } else {
    EXPECT_TRUE(RunUntil([&] { return far_seen_.has_ended; }));
  }
}

TEST_P(TransportContractTest, ShowsAResetBehindBytesThatArrived) {
  if (!carrier().shows_resets) GTEST_SKIP() << "a reset is an end here";
  Write(*near_, "last");
  Transport::Reset(std::move(near_));

  EXPECT_TRUE(RunUntil([&] { return !far_seen_.error.ok(); }));
  EXPECT_EQ(far_seen_.received, "last");
  EXPECT_FALSE(far_seen_.has_ended);
}

TEST_P(TransportContractTest, SaysNothingAfterAnError) {
  // Unread input makes every close an error at the other end.
  near_->PauseReading();
  Write(*far_, std::string(100'000, 'x'));
  Transport::Reset(std::move(near_));
  EXPECT_TRUE(RunUntil([&] { return !far_seen_.error.ok(); }));

  const int event_count = far_seen_.event_count;
  Write(*far_, std::string(kMuch, 'x'));
  far_->PauseReading();
  far_->ResumeReading();
  RunForAWhile();

  EXPECT_EQ(far_seen_.event_count, event_count);
}

TEST_P(TransportContractTest, FailsWhileItWaitsToSend) {
  far_->PauseReading();
  Fill();

  Transport::Reset(std::move(far_));

  EXPECT_TRUE(RunUntil([&] { return !near_seen_.error.ok(); }));
  EXPECT_TRUE(HasReason(near_seen_.error, Reason::kTransportReset));
  EXPECT_EQ(near_seen_.drained_count, 0);
}

TEST_P(TransportContractTest, DeliversWhatThePeerSaidBeforeAWriteFails) {
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

TEST_P(TransportContractTest, MayBeClosedInAnyCallback) {
  enum class Event { kBytes, kEnd, kError, kDrained };
  enum class Closing { kDestroy, kGently, kReset };
  for (const Event event :
       {Event::kBytes, Event::kEnd, Event::kError, Event::kDrained}) {
    for (const Closing closing :
         {Closing::kDestroy, Closing::kGently, Closing::kReset}) {
      TempFolder folder;
      TransportPair pair = carrier().connect(fixture_, folder);
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
            Transport::Reset(std::move(pair.client));
        }
      };
      pair.client->Start(seen);
      pair.server->Start(peer_seen);
      switch (event) {
        case Event::kBytes:
          Write(*pair.server, std::string(1 << 20, 'x'));
          break;
        case Event::kEnd:
          Transport::CloseGently(std::move(pair.server));
          break;
        case Event::kError:
          pair.client->PauseReading();
          pair.server->PauseReading();
          Write(*pair.client, "unread");
          pair.server = nullptr;
          pair.client->ResumeReading();
          break;
        case Event::kDrained:
          Write(*pair.client, std::string(kMuch, 'x'));
      }

      EXPECT_TRUE(RunUntil([&] { return pair.client == nullptr; }));
      RunForAWhile();
      EXPECT_EQ(seen.event_count, 1);
    }
  }
}

TEST_P(TransportContractTest, TakesAllBytesOfTheQueueAndReturnsTheirMemory) {
  const std::string text = Fill();
  EXPECT_TRUE(
      RunUntil([&] { return far_seen_.received.size() == text.size(); }));

  EXPECT_TRUE(RunUntil([&] { return near_->unsent_size() == 0; }));
  EXPECT_EQ(fixture_.pool.lent_count(), 0);
}

TEST_P(TransportContractTest, ReturnsItsMemoryWhenItIsDestroyed) {
  far_->PauseReading();
  Fill();
  EXPECT_GT(fixture_.pool.lent_count(), 0);

  near_ = nullptr;

  EXPECT_EQ(fixture_.pool.lent_count(), 0);
}

TEST_P(TransportContractTest, EndsWithItsLoopWhileItLingers) {
  far_->PauseReading();
  Fill();
  Transport::CloseGently(std::move(near_));
  Transport::CloseGently(std::move(far_));
  fixture_.loop->Stop();

  fixture_.loop->Run();

  EXPECT_EQ(fixture_.pool.lent_count(), 0);
}

TEST_P(TransportContractTest, HasTheAddressesOfBothEnds) {
  EXPECT_EQ(near_->local_address(), far_->remote_address());
  EXPECT_EQ(near_->remote_address(), far_->local_address());
  EXPECT_NE(near_->local_address().family, SocketAddress::Family::kNone);
  EXPECT_NE(near_->remote_address().family, SocketAddress::Family::kNone);
}

INSTANTIATE_TEST_SUITE_P(
    AllCarriers, TransportContractTest,
    testing::Combine(testing::ValuesIn(AllCarriers()), testing::Bool()),
    [](const testing::TestParamInfo<TransportContractTest::ParamType>& info) {
      return std::get<0>(info.param).name +
             (std::get<1>(info.param) ? "Accepted" : "Dialled");
    });

}  // namespace
}  // namespace tlsd::net
