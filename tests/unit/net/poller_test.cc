#include "server/net/poller.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/net/descriptor.h"

namespace tlsd::net {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Writes down what it is told, and shows what objects of server/net can call.
class Listening final : public LoopObject {
 public:
  Listening(Poller& poller, int& alive_count)
      : LoopObject(poller), alive_count_(alive_count) {
    ++alive_count_;
  }
  ~Listening() override { --alive_count_; }

  using LoopObject::AskForNextTurn;
  using LoopObject::AskForTurn;
  using LoopObject::has_asked;
  using LoopObject::TakeWatch;
  using LoopObject::Unwatch;
  using LoopObject::Watch;
  using LoopObject::WatchFor;

  bool is_abandoned() const override { return is_left; }
  const char* kind() const override { return "test object"; }

  bool is_left = false;
  std::vector<uint32_t> events;
  int turn_count = 0;
  std::function<void()> on_call = [] {};
  std::function<void()> on_close = [] {};

 private:
  void OnReady(uint32_t what) override {
    events.push_back(what);
    on_call();
  }
  void OnTurn() override {
    ++turn_count;
    on_call();
  }
  void OnClose() override { on_close(); }

  int& alive_count_;
};

class PollerTest : public testing::Test {
 protected:
  PollerTest()
      : poller_(std::make_unique<Poller>(
            Descriptor(epoll_create1(EPOLL_CLOEXEC)))) {}

  // The poller frees it; AddressSanitizer sees if it does not.
  Listening* Make() {
    return std::make_unique<Listening>(*poller_, alive_count_).release();
  }

  void Poll() {
    poller_->Wait(0);
    poller_->Dispatch();
  }

  static Descriptor Readable() { return Descriptor(eventfd(1, EFD_CLOEXEC)); }

  int alive_count_ = 0;
  std::unique_ptr<Poller> poller_;
};

TEST_F(PollerTest, TellsAnObjectOfEventsAtItsDescriptor) {
  const Descriptor readable = Readable();
  const Descriptor silent(eventfd(0, EFD_CLOEXEC));
  Listening* const object = Make();
  Listening* const other = Make();
  ASSERT_EQ(object->Watch(readable.get(), EPOLLIN), 0);
  ASSERT_EQ(other->Watch(silent.get(), EPOLLIN), 0);

  Poll();

  EXPECT_THAT(object->events, ElementsAre(EPOLLIN));
  EXPECT_THAT(other->events, IsEmpty());
  object->Close();
  other->Close();
}

TEST_F(PollerTest, ReturnsTheErrnoOfWhatCannotBeWatched) {
  Listening* const object = Make();

  EXPECT_EQ(object->Watch(-1, EPOLLIN), EBADF);

  object->Close();
}

TEST_F(PollerTest, WaitsForOtherEventsWhenItIsTold) {
  const Descriptor readable = Readable();
  Listening* const object = Make();
  ASSERT_EQ(object->Watch(readable.get(), EPOLLIN), 0);

  object->WatchFor(readable.get(), 0);
  Poll();
  EXPECT_THAT(object->events, IsEmpty());
  object->WatchFor(readable.get(), EPOLLIN);
  Poll();
  EXPECT_EQ(object->events.size(), 1);
  object->Unwatch(readable.get());
  Poll();

  EXPECT_EQ(object->events.size(), 1);
  object->Close();
}

TEST_F(PollerTest, CallsNoObjectThatIsClosed) {
  // Both are ready; the first that is called closes the other.
  const Descriptor readable = Readable();
  const Descriptor readable_too = Readable();
  Listening* const object = Make();
  Listening* const other = Make();
  ASSERT_EQ(object->Watch(readable.get(), EPOLLIN), 0);
  ASSERT_EQ(other->Watch(readable_too.get(), EPOLLIN), 0);
  object->on_call = [&] { other->Close(); };
  other->on_call = [&] { object->Close(); };

  Poll();

  EXPECT_EQ(object->events.size() + other->events.size(), 1);
  EXPECT_NE(object->is_closed(), other->is_closed());
  (object->is_closed() ? other : object)->Close();
  // Not before the end of the turn.
  EXPECT_EQ(alive_count_, 2);
  poller_->FreeClosed();
  EXPECT_EQ(alive_count_, 0);
}

TEST_F(PollerTest, TellsTheNextObjectNothingThatWasForAnEarlierOne) {
  // A duplicate keeps the kernel's watch alive, as a child process would.
  Descriptor readable = Readable();
  const Descriptor duplicate(fcntl(readable.get(), F_DUPFD_CLOEXEC, 0));
  Listening* const object = Make();
  ASSERT_EQ(object->Watch(readable.get(), EPOLLIN), 0);
  object->Close();
  readable = Descriptor();
  poller_->FreeClosed();

  Listening* const next = Make();
  Poll();

  EXPECT_THAT(next->events, IsEmpty());
  next->Close();
}

TEST_F(PollerTest, HandsAWatchOver) {
  const Descriptor readable = Readable();
  Listening* const first = Make();
  Listening* const second = Make();
  ASSERT_EQ(first->Watch(readable.get(), EPOLLIN), 0);

  second->TakeWatch(*first);
  Poll();
  EXPECT_THAT(first->events, IsEmpty());
  EXPECT_EQ(second->events.size(), 1);
  first->Close();
  Poll();

  EXPECT_EQ(second->events.size(), 2);
  second->Close();
}

TEST_F(PollerTest, GivesATurnOnceToWhoeverAsks) {
  Listening* const object = Make();
  Listening* const other = Make();
  EXPECT_FALSE(poller_->GiveTurns());

  object->AskForTurn();
  object->AskForTurn();
  EXPECT_TRUE(object->has_asked());
  EXPECT_TRUE(poller_->wants_turns());
  EXPECT_TRUE(poller_->GiveTurns());

  EXPECT_FALSE(object->has_asked());
  EXPECT_FALSE(poller_->wants_turns());
  EXPECT_FALSE(poller_->GiveTurns());
  EXPECT_EQ(object->turn_count, 1);
  EXPECT_EQ(other->turn_count, 0);
  object->Close();
  other->Close();
}

TEST_F(PollerTest, GivesATurnThatIsAskedForInATurnLater) {
  Listening* const object = Make();
  object->on_call = [&] { object->AskForTurn(); };
  object->AskForTurn();

  EXPECT_TRUE(poller_->GiveTurns());
  EXPECT_EQ(object->turn_count, 1);
  EXPECT_TRUE(poller_->GiveTurns());

  EXPECT_EQ(object->turn_count, 2);
  object->Close();
}

TEST_F(PollerTest, GivesTheNextTurnAfterAskingForEvents) {
  Listening* const object = Make();
  object->AskForNextTurn();

  EXPECT_TRUE(poller_->wants_turns());
  EXPECT_FALSE(poller_->GiveTurns());
  Poll();
  EXPECT_TRUE(poller_->GiveTurns());

  EXPECT_EQ(object->turn_count, 1);
  EXPECT_FALSE(poller_->wants_turns());
  object->Close();
}

TEST_F(PollerTest, GivesNoTurnToWhoeverHasClosed) {
  Listening* const object = Make();
  object->AskForTurn();
  object->Close();
  poller_->FreeClosed();
  Listening* const next = Make();

  poller_->GiveTurns();

  EXPECT_EQ(next->turn_count, 0);
  next->Close();
}

TEST_F(PollerTest, ClosesTheAbandonedOnly) {
  Listening* const kept = Make();
  Listening* const left = Make();
  left->is_left = true;

  poller_->CloseAbandoned();

  EXPECT_TRUE(left->is_closed());
  EXPECT_FALSE(kept->is_closed());
  kept->Close();
}

TEST_F(PollerTest, KnowsWhetherAnObjectIsOpen) {
  EXPECT_EQ(poller_->FirstOpen(), nullptr);
  Listening* const object = Make();
  EXPECT_EQ(poller_->FirstOpen(), object);

  object->Close();

  EXPECT_EQ(poller_->FirstOpen(), nullptr);
}

TEST_F(PollerTest, FreesWhatIsClosedWhileOthersAreFreed) {
  Listening* const object = Make();
  Listening* const other = Make();
  object->on_close = [&] { other->Close(); };

  object->Close();
  poller_ = nullptr;

  EXPECT_EQ(alive_count_, 0);
}

TEST_F(PollerTest, TellsOfMoreEventsThanItFetchesAtATime) {
  std::vector<Descriptor> readable;
  std::vector<Listening*> objects;
  for (int i = 0; i < 300; ++i) {
    readable.push_back(Readable());
    objects.push_back(Make());
    ASSERT_EQ(objects.back()->Watch(readable.back().get(), EPOLLIN | EPOLLET),
              0);
  }

  Poll();
  Poll();

  for (Listening* const object : objects) {
    EXPECT_EQ(object->events.size(), 1);
    object->Close();
  }
}

}  // namespace
}  // namespace tlsd::net
