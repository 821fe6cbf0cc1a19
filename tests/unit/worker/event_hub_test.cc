#include "server/worker/event_hub.h"

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::worker {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::MetadataOf;

constexpr size_t kRing = 4;

ListenerFacts ListenerNamed(const std::string& name) {
  ListenerFacts facts;
  facts.name = name;
  return facts;
}

conn::ConnectionFacts ConnectionNamed(const std::string& name,
                                      const std::string& listener) {
  conn::ConnectionFacts facts;
  facts.name = name;
  facts.listener = listener;
  return facts;
}

std::vector<std::string> SubjectsOf(const EventHub::Batch& batch) {
  std::vector<std::string> subjects;
  for (const auto& event : batch.events) subjects.push_back(event->subject());
  return subjects;
}

class EventHubTest : public ::testing::Test {
 protected:
  void Publish(int count) {
    for (int i = 0; i < count; ++i) {
      hub_->Publish(EventType::kListening,
                    PayloadOf(ListenerNamed(absl::StrCat("l", ++published_))));
    }
  }

  // Runs on the hub's thread, after all that was posted before.
  void OnLoop(const std::function<void()>& task) {
    absl::Notification done;
    hub_->loop().Post([&] {
      task();
      done.Notify();
    });
    done.WaitForNotification();
  }

  int published_ = 0;
  std::unique_ptr<EventHub> hub_ = EventHub::Create(kRing).value();
};

TEST_F(EventHubTest, KeepsEventsInTheirOrder) {
  Publish(3);

  const EventHub::Batch batch = hub_->Read(0, {}, 10);

  EXPECT_THAT(SubjectsOf(batch), ElementsAre("l1", "l2", "l3"));
  EXPECT_EQ(batch.cursor, 3u);
  EXPECT_EQ(batch.lost_count, 0u);
  EXPECT_EQ(batch.events[0]->sequence, 1u);
  EXPECT_EQ(batch.events[2]->sequence, 3u);
  EXPECT_LE(batch.events[0]->time, batch.events[2]->time);
}

TEST_F(EventHubTest, ReadsOnFromACursor) {
  Publish(3);
  const EventHub::Batch first = hub_->Read(0, {}, 2);
  const EventHub::Batch second = hub_->Read(first.cursor, {}, 2);
  const EventHub::Batch third = hub_->Read(second.cursor, {}, 2);

  EXPECT_THAT(SubjectsOf(first), ElementsAre("l1", "l2"));
  EXPECT_THAT(SubjectsOf(second), ElementsAre("l3"));
  EXPECT_THAT(SubjectsOf(third), IsEmpty());
  EXPECT_EQ(third.cursor, 3u);
}

TEST_F(EventHubTest, KeepsAsManyAsItsRingHolds) {
  Publish(kRing);
  EXPECT_EQ(hub_->oldest_cursor(), 0u);
  EXPECT_EQ(hub_->Read(0, {}, 10).lost_count, 0u);

  Publish(1);
  EXPECT_EQ(hub_->oldest_cursor(), 1u);
  EXPECT_EQ(hub_->newest_cursor(), kRing + 1);
  const EventHub::Batch batch = hub_->Read(0, {}, 10);
  EXPECT_EQ(batch.lost_count, 1u);
  EXPECT_THAT(SubjectsOf(batch), ElementsAre("l2", "l3", "l4", "l5"));
}

TEST_F(EventHubTest, KeepsNothingInARingOfNone) {
  hub_ = EventHub::Create(0).value();
  Publish(2);

  const EventHub::Batch batch = hub_->Read(0, {}, 10);

  EXPECT_THAT(SubjectsOf(batch), IsEmpty());
  EXPECT_EQ(batch.lost_count, 2u);
  EXPECT_EQ(batch.cursor, 2u);
}

TEST_F(EventHubTest, ReadsNothingFromAPlaceToCome) {
  Publish(1);
  const EventHub::Batch batch = hub_->Read(5, {}, 10);

  EXPECT_THAT(SubjectsOf(batch), IsEmpty());
  EXPECT_EQ(batch.cursor, 5u);
}

TEST_F(EventHubTest, TurnsTokensBackIntoCursors) {
  Publish(3);
  for (const uint64_t cursor : {0u, 1u, 3u}) {
    const absl::StatusOr<uint64_t> back =
        hub_->FromToken(hub_->ToToken(cursor));
    ASSERT_THAT(back, IsOk());
    EXPECT_EQ(*back, cursor);
  }
}

TEST_F(EventHubTest, RefusesTokensWhosePlaceIsGone) {
  const std::string oldest = hub_->ToToken(0);
  Publish(kRing);
  EXPECT_THAT(hub_->FromToken(oldest), IsOk());
  Publish(1);

  const absl::Status status = hub_->FromToken(oldest).status();

  EXPECT_THAT(status, FailsWith(Reason::kEventsCompacted, "resume_token"));
  const std::string kept = MetadataOf(status, "oldest_token");
  ASSERT_THAT(hub_->FromToken(kept), IsOk());
  EXPECT_EQ(*hub_->FromToken(kept), 1u);
}

TEST_F(EventHubTest, RefusesTokensOfAnotherLife) {
  Publish(1);
  const auto other = EventHub::Create().value();

  EXPECT_THAT(hub_->FromToken(other->ToToken(0)),
              FailsWith(Reason::kEventsCompacted, "resume_token"));
}

TEST_F(EventHubTest, RefusesTokensOfTheFuture) {
  Publish(1);
  EXPECT_THAT(hub_->FromToken(hub_->ToToken(1)), IsOk());
  EXPECT_THAT(hub_->FromToken(hub_->ToToken(2)),
              FailsWith(Reason::kResumeTokenInvalid, "resume_token"));
}

TEST_F(EventHubTest, RefusesGarbageForATokenWithoutACrash) {
  const std::string token = hub_->ToToken(0);
  const std::string life = token.substr(0, token.find('.'));
  for (const std::string& garbage :
       {std::string(), std::string("."), std::string("0"), life, life + ".",
        life + ".x", life + ".-1", life + ".18446744073709551616",
        life + ".0.0", std::string("UPPER.0"), std::string("\xff\0.1", 4),
        std::string(100'000, '.')}) {
    EXPECT_THAT(hub_->FromToken(garbage),
                FailsWith(Reason::kResumeTokenInvalid, "resume_token"))
        << garbage.substr(0, 100);
  }
}

TEST_F(EventHubTest, FiltersByType) {
  hub_->Publish(EventType::kListening, PayloadOf(ListenerNamed("l")));
  hub_->Publish(EventType::kListenerClosed, PayloadOf(ListenerNamed("l")));
  EventFilter filter;
  filter.types = {EventType::kListenerClosed};

  const EventHub::Batch batch = hub_->Read(0, filter, 10);

  ASSERT_EQ(batch.events.size(), 1u);
  EXPECT_EQ(batch.events[0]->type, EventType::kListenerClosed);
  EXPECT_EQ(batch.cursor, 2u);
}

TEST_F(EventHubTest, MovesOnOverEventsThatDoNotMatch) {
  Publish(3);
  EventFilter filter;
  filter.types = {EventType::kClientError};

  EXPECT_EQ(hub_->Read(0, filter, 1).cursor, 3u);
}

TEST_F(EventHubTest, FiltersBySubject) {
  EventFilter filter;
  filter.subjects = {"connections/c1", "listeners/l2"};
  Event event;

  event.payload = PayloadOf(ConnectionNamed("connections/c1", "listeners/l1"));
  EXPECT_TRUE(filter.Matches(event));
  event.payload = PayloadOf(ConnectionNamed("connections/c2", "listeners/l2"));
  EXPECT_TRUE(filter.Matches(event)) << "its listener stands for it";
  event.payload = PayloadOf(ConnectionNamed("connections/c3", "listeners/l1"));
  EXPECT_FALSE(filter.Matches(event));
  event.payload = PayloadOf(ConnectionNamed("connections/c4", ""));
  EXPECT_FALSE(filter.Matches(event));
  event.payload = PayloadOf(ListenerNamed("listeners/l2"));
  EXPECT_TRUE(filter.Matches(event));
  event.payload = PayloadOf(ListenerNamed("listeners/l1"));
  EXPECT_FALSE(filter.Matches(event));
}

TEST_F(EventHubTest, FiltersByTypeAndSubjectTogether) {
  EventFilter filter;
  filter.types = {EventType::kSecureConnection};
  filter.subjects = {"listeners/l1"};
  Event event;
  event.type = EventType::kSecureConnection;
  event.payload = PayloadOf(ConnectionNamed("connections/c1", "listeners/l1"));
  EXPECT_TRUE(filter.Matches(event));
  EXPECT_TRUE(EventFilter().Matches(event));

  event.type = EventType::kConnectionClosed;
  EXPECT_FALSE(filter.Matches(event));
}

TEST_F(EventHubTest, WakesSubscribersAfterEachPublish) {
  int wake_count = 0;
  hub_->Subscribe([&] { ++wake_count; });
  OnLoop([] {});
  EXPECT_EQ(wake_count, 0);

  Publish(1);
  OnLoop([&] { EXPECT_EQ(wake_count, 1); });
  Publish(1);
  OnLoop([&] { EXPECT_EQ(wake_count, 2); });
}

TEST_F(EventHubTest, WakesOnceForSeveralEvents) {
  int wake_count = 0;
  hub_->Subscribe([&] { ++wake_count; });

  OnLoop([&] { Publish(3); });
  OnLoop([&] { EXPECT_EQ(wake_count, 1); });
}

TEST_F(EventHubTest, CallsNobodyWhoHasUnsubscribed) {
  int wake_count = 0;
  const int64_t subscription = hub_->Subscribe([&] { ++wake_count; });
  OnLoop([&] {
    Publish(1);
    hub_->Unsubscribe(subscription);
    hub_->Unsubscribe(subscription);
    hub_->Unsubscribe(999);
  });

  OnLoop([&] { EXPECT_EQ(wake_count, 0); });
}

TEST_F(EventHubTest, LetsASubscriberEndItselfAndOthers) {
  std::vector<std::string> calls;
  std::vector<int64_t> subscriptions(3);
  subscriptions[0] = hub_->Subscribe([&] {
    calls.push_back("first");
    hub_->Unsubscribe(subscriptions[0]);
    hub_->Unsubscribe(subscriptions[1]);
  });
  subscriptions[1] = hub_->Subscribe([&] { calls.push_back("second"); });
  subscriptions[2] = hub_->Subscribe([&] { calls.push_back("third"); });

  Publish(1);
  OnLoop([&] { EXPECT_THAT(calls, ElementsAre("first", "third")); });
  Publish(1);
  OnLoop([&] { EXPECT_THAT(calls, ElementsAre("first", "third", "third")); });
}

TEST_F(EventHubTest, LetsASubscriberSubscribePublishAndRead) {
  int second_count = 0;
  bool is_first = true;
  hub_->Subscribe([&] {
    if (!std::exchange(is_first, false)) return;
    EXPECT_EQ(hub_->Read(0, {}, 10).events.size(), 1u);
    hub_->Subscribe([&] { ++second_count; });
    Publish(1);
  });

  Publish(1);
  OnLoop([] {});
  OnLoop([&] { EXPECT_EQ(second_count, 1); });
}

// What a callback holds may use the hub when it goes.
TEST_F(EventHubTest, FreesACallbackWithoutItsLock) {
  uint64_t seen = 0;
  std::shared_ptr<int> held(new int(0), [&](int* number) {
    seen = hub_->newest_cursor();
    delete number;
  });
  const int64_t subscription = hub_->Subscribe([held] {});
  held.reset();
  Publish(2);

  OnLoop([&] { hub_->Unsubscribe(subscription); });

  EXPECT_EQ(seen, 2u);
}

TEST_F(EventHubTest, OrdersWhatManyThreadsPublish) {
  hub_ = EventHub::Create(10'000).value();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 500; ++i) {
        hub_->Publish(EventType::kListening,
                      PayloadOf(ListenerNamed(absl::StrCat(t, "-", i))));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  const EventHub::Batch batch = hub_->Read(0, {}, 10'000);

  ASSERT_EQ(batch.events.size(), 2000u);
  for (size_t i = 0; i < batch.events.size(); ++i) {
    EXPECT_EQ(batch.events[i]->sequence, i + 1);
  }
}

}  // namespace
}  // namespace tlsd::worker
