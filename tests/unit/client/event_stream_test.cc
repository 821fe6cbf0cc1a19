#include "client/event_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <thread>

#include "absl/synchronization/notification.h"
#include "client/client.h"
#include "proto/status/error.h"
#include "tests/unit/client/fake_daemon.h"

namespace tlsd::client {
namespace {

using Writer = grpc::ServerWriter<v1::WatchEventsResponse>;

v1::WatchEventsResponse Bookmark(const std::string& token) {
  v1::WatchEventsResponse response;
  response.mutable_bookmark()->set_resume_token(token);
  return response;
}

v1::WatchEventsResponse EventOf(const std::string& token,
                                const std::string& subject) {
  v1::WatchEventsResponse response;
  response.mutable_event()->set_resume_token(token);
  response.mutable_event()->set_subject(subject);
  response.mutable_event()->set_type(v1::EVENT_TYPE_LISTENING);
  return response;
}

class EventStreamTest : public ::testing::Test {
 protected:
  ~EventStreamTest() override {
    if (!finish_.HasBeenNotified()) finish_.Notify();
  }

  // Watch opens a watch on which the daemon does what `script` says, then
  // nothing until the test ends.
  absl::StatusOr<EventStream> Watch(
      std::function<absl::Status(const v1::WatchEventsRequest&, Writer&)>
          script,
      const WatchOptions& options = {}) {
    daemon_.on.watch_events = [this, script](
                                  const v1::WatchEventsRequest& request,
                                  grpc::ServerContext&, Writer& writer) {
      const absl::Status status = script(request, writer);
      if (status.ok()) finish_.WaitForNotification();
      return status;
    };
    const absl::StatusOr<Client> client = Client::Open(daemon_.address());
    EXPECT_TRUE(client.ok()) << client.status();
    return client->Watch(options);
  }

  absl::Notification finish_;
  testing::FakeDaemon daemon_;
};

TEST_F(EventStreamTest, IsOnWhenTheFirstBookmarkHasCome) {
  const auto events = Watch(
      [](const v1::WatchEventsRequest& request, Writer& writer) {
        EXPECT_EQ(request.subjects(0), "listeners/a");
        writer.Write(Bookmark("t0"));
        return absl::OkStatus();
      },
      {.subjects = {"listeners/a"}});

  ASSERT_TRUE(events.ok()) << events.status();
  EXPECT_EQ(events->resume_token(), "t0");
  finish_.Notify();
}

TEST_F(EventStreamTest, RefusesAWatchWithoutABookmark) {
  const auto events = Watch([](const auto&, Writer& writer) {
    writer.Write(EventOf("t", "listeners/a"));
    return absl::OkStatus();
  });

  EXPECT_TRUE(HasReason(events.status(), Reason::kInternal));
  finish_.Notify();
}

TEST_F(EventStreamTest, GivesTheErrorOfAWatchThatIsRefused) {
  const auto events = Watch([](const auto&, Writer&) {
    return MakeError(Reason::kEventsCompacted, "too old");
  });

  EXPECT_TRUE(HasReason(events.status(), Reason::kEventsCompacted));
}

TEST_F(EventStreamTest, GivesEventsInOrderAndKeepsBookmarksToItself) {
  auto events = Watch([](const auto&, Writer& writer) {
    writer.Write(Bookmark("t0"));
    writer.Write(EventOf("t1", "listeners/a"));
    writer.Write(Bookmark("t2"));
    writer.Write(EventOf("t3", "listeners/b"));
    return absl::OkStatus();
  });
  ASSERT_TRUE(events.ok()) << events.status();

  const absl::StatusOr<Event> first = events->Next();
  const absl::StatusOr<Event> second = events->Next();

  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->subject, "listeners/a");
  EXPECT_EQ(first->type, EventType::kListening);
  EXPECT_EQ(second->subject, "listeners/b");
  EXPECT_EQ(events->resume_token(), "t3");
  finish_.Notify();
}

TEST_F(EventStreamTest, ShowsAGapAsAnEvent) {
  auto events = Watch([](const auto&, Writer& writer) {
    writer.Write(Bookmark("t0"));
    v1::WatchEventsResponse response;
    response.mutable_gap()->set_dropped_count(12);
    writer.Write(response);
    return absl::OkStatus();
  });
  ASSERT_TRUE(events.ok()) << events.status();

  const absl::StatusOr<Event> gap = events->Next();

  ASSERT_TRUE(gap.ok()) << gap.status();
  EXPECT_EQ(gap->type, EventType::kEventsDropped);
  EXPECT_EQ(gap->dropped_count, 12);
  finish_.Notify();
}

TEST_F(EventStreamTest, LosesNothingToATimeout) {
  absl::Notification timed_out;
  auto events = Watch([&](const auto&, Writer& writer) {
    writer.Write(Bookmark("t0"));
    timed_out.WaitForNotification();
    writer.Write(EventOf("t1", "listeners/a"));
    return absl::OkStatus();
  });
  ASSERT_TRUE(events.ok()) << events.status();

  EXPECT_TRUE(HasReason(events->Next(absl::Milliseconds(5)).status(),
                        Reason::kWaitTimeout));
  timed_out.Notify();

  EXPECT_EQ(events->Next()->subject, "listeners/a");
  finish_.Notify();
}

TEST_F(EventStreamTest, CancelWakesNextInAnotherThread) {
  auto events = Watch([](const auto&, Writer& writer) {
    writer.Write(Bookmark("t0"));
    return absl::OkStatus();
  });
  ASSERT_TRUE(events.ok()) << events.status();
  absl::Status status;
  std::thread reader([&] { status = events->Next().status(); });

  events->Cancel();
  reader.join();
  finish_.Notify();

  EXPECT_TRUE(HasReason(status, Reason::kCallCancelled));
}

TEST_F(EventStreamTest, GivesTheErrorThatEndsAWatch) {
  auto events = Watch([](const auto&, Writer& writer) {
    writer.Write(Bookmark("t0"));
    return MakeError(Reason::kConsumerTooSlow, "too slow");
  });
  ASSERT_TRUE(events.ok()) << events.status();

  EXPECT_TRUE(HasReason(events->Next().status(), Reason::kConsumerTooSlow));
}

}  // namespace
}  // namespace tlsd::client
