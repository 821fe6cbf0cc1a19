// Events: watching, resuming, filtering, falling behind.
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "tests/integration/raw_socket.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

class EventsTest : public DaemonTest {
 protected:
  static void Close(const v1::Connection& connection) {
    v1::CloseRequest request;
    request.set_name(connection.name());
    EXPECT_THAT(client().Call(request), IsOk());
  }

  static absl::Status WatchFails(const v1::WatchEventsRequest& request) {
    return EventWatch::Start(client(), request).status();
  }

  static v1::ListEventsRequest EventsOf(const std::string& subject) {
    v1::ListEventsRequest request;
    request.add_subjects(subject);
    return request;
  }
};

TEST_F(EventsTest, TellTheLifeOfAListenerAndItsConnections) {
  v1::WatchEventsRequest request;
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<EventWatch> watch,
                       EventWatch::Start(client(), request));

  const v1::Listener listener = Listen();
  const Pair pair = Open(listener);
  // Tickets come behind the handshake.
  Await(v1::EVENT_TYPE_SESSION, pair.client.name());
  Close(pair.client);
  Close(pair.server);
  v1::DeleteListenerRequest remove;
  remove.set_name(listener.name());
  ASSERT_THAT(client().Call(remove), IsOk());

  ASSERT_OK_AND_ASSIGN(v1::Event event, watch->WaitFor(v1::EVENT_TYPE_LISTENING,
                                                       listener.name()));
  EXPECT_EQ(event.listener().bound_address().port(),
            listener.bound_address().port());
  std::vector<v1::EventType> of_server;
  std::vector<v1::EventType> of_client;
  while (event.type() != v1::EVENT_TYPE_LISTENER_CLOSED) {
    ASSERT_OK_AND_ASSIGN(event, watch->Next());
    if (event.subject() == pair.server.name()) {
      of_server.push_back(event.type());
      EXPECT_EQ(event.connection().listener(), listener.name());
    }
    if (event.subject() == pair.client.name()) {
      of_client.push_back(event.type());
      EXPECT_THAT(event.connection().peer_certificate().subject(),
                  Not(IsEmpty()));
      EXPECT_THAT(event.connection().peer_certificate().der(), IsEmpty());
    }
    EXPECT_THAT(event.resume_token(), Not(IsEmpty()));
    EXPECT_GT(event.time().seconds(), 0);
  }
  EXPECT_EQ(event.subject(), listener.name());
  EXPECT_THAT(of_server, ElementsAre(v1::EVENT_TYPE_SECURE_CONNECTION,
                                     v1::EVENT_TYPE_CONNECTION_CLOSED));
  // A server of TLS 1.3 gives two tickets at once, which are told as one.
  EXPECT_THAT(of_client,
              ElementsAre(v1::EVENT_TYPE_SECURE_CONNECT, v1::EVENT_TYPE_SESSION,
                          v1::EVENT_TYPE_CONNECTION_CLOSED));
}

TEST_F(EventsTest, SayWhyAConnectionEnded) {
  const v1::Listener listener = Listen();
  const Pair pair = Open(listener);
  v1::ResetRequest reset;
  reset.set_name(pair.client.name());
  ASSERT_THAT(client().Call(reset), IsOk());

  EXPECT_EQ(AwaitClosed(pair.client).failure().reason(), "CONNECTION_RESET");
  EXPECT_EQ(AwaitClosed(pair.server).failure().reason(), "TRANSPORT_RESET");
}

TEST_F(EventsTest, CanBeFilteredByTypeAndSubject) {
  const v1::Listener watched = Listen();
  const v1::Listener other = Listen();
  v1::WatchEventsRequest request;
  request.add_types(v1::EVENT_TYPE_CONNECTION_CLOSED);
  request.add_subjects(watched.name());
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<EventWatch> watch,
                       EventWatch::Start(client(), request));

  Close(Open(other).server);
  const Pair pair = Open(watched);
  Close(pair.server);

  ASSERT_OK_AND_ASSIGN(const v1::Event event, watch->Next());
  EXPECT_EQ(event.subject(), pair.server.name());
  EXPECT_EQ(event.type(), v1::EVENT_TYPE_CONNECTION_CLOSED);
}

TEST_F(EventsTest, CanBeResumedWithoutLossFromEventAndBookmark) {
  const v1::Listener listener = Listen();
  std::unique_ptr<EventWatch> watch = Watch(listener.name());
  const std::string bookmark = watch->first_bookmark().resume_token();
  const Pair first = Open(listener);
  const Pair second = Open(listener);
  ASSERT_OK_AND_ASSIGN(const v1::Event seen, watch->Next());
  ASSERT_EQ(seen.subject(), first.server.name());
  watch.reset();

  v1::WatchEventsRequest request;
  request.add_subjects(listener.name());
  request.set_resume_token(seen.resume_token());
  ASSERT_OK_AND_ASSIGN(watch, EventWatch::Start(client(), request));
  ASSERT_OK_AND_ASSIGN(const v1::Event after_event, watch->Next());
  EXPECT_EQ(after_event.subject(), second.server.name());
  request.set_resume_token(bookmark);
  ASSERT_OK_AND_ASSIGN(watch, EventWatch::Start(client(), request));
  ASSERT_OK_AND_ASSIGN(const v1::Event after_bookmark, watch->Next());
  EXPECT_EQ(after_bookmark.SerializeAsString(), seen.SerializeAsString());
}

TEST_F(EventsTest, SendBookmarksWhileNothingHappens) {
  v1::WatchEventsRequest request;
  request.add_subjects("listeners/nothing-happens-to-it");
  *request.mutable_bookmark_interval() = ToProto(absl::Milliseconds(100));
  ASSERT_OK_AND_ASSIGN(std::unique_ptr<EventWatch> watch,
                       EventWatch::Start(client(), request));
  const Pair pair = Open(Listen());

  ASSERT_OK_AND_ASSIGN(const v1::WatchEventsResponse response,
                       watch->Receive());

  // It moves on although all that happens is filtered out.
  ASSERT_TRUE(response.has_bookmark());
  request.set_resume_token(response.bookmark().resume_token());
  EXPECT_THAT(WatchFails(request), IsOk());
}

TEST_F(EventsTest, RefuseRequestsThatMakeNoSense) {
  v1::WatchEventsRequest request;
  request.set_resume_token("nonsense");
  EXPECT_THAT(WatchFails(request),
              FailsWith(Reason::kResumeTokenInvalid, "resume_token"));
  request.set_resume_token("");
  request.add_types(static_cast<v1::EventType>(99));
  EXPECT_THAT(WatchFails(request), FailsWith(Reason::kFieldInvalid, "types"));
  request.clear_types();
  request.add_types(v1::EVENT_TYPE_UNSPECIFIED);
  EXPECT_THAT(WatchFails(request), FailsWith(Reason::kFieldInvalid, "types"));
  request.clear_types();
  request.add_subjects("server");
  EXPECT_THAT(WatchFails(request), FailsWith(Reason::kNameInvalid, "subjects"));
  request.clear_subjects();
  for (int i = 0; i < 100; ++i) request.add_subjects("listeners/a");
  EXPECT_THAT(WatchFails(request), IsOk());
  request.add_subjects("listeners/a");
  EXPECT_THAT(WatchFails(request),
              FailsWith(Reason::kFieldInvalid, "subjects"));
  request.clear_subjects();
  *request.mutable_bookmark_interval() = ToProto(absl::Milliseconds(99));
  EXPECT_THAT(WatchFails(request),
              FailsWith(Reason::kFieldInvalid, "bookmark_interval"));
  request.clear_bookmark_interval();
  request.set_overflow_policy(static_cast<v1::OverflowPolicy>(99));
  EXPECT_THAT(WatchFails(request),
              FailsWith(Reason::kFieldInvalid, "overflow_policy"));
}

TEST_F(EventsTest, AreGoneWithTheDaemon) {
  const v1::Listener listener = Listen();
  std::unique_ptr<EventWatch> watch = Watch(listener.name());
  v1::WatchEventsRequest request;
  request.set_resume_token(watch->first_bookmark().resume_token());
  watch.reset();

  RestartDaemon();

  EXPECT_THAT(WatchFails(request), FailsWith(Reason::kEventsCompacted));
  v1::ListEventsRequest list;
  list.set_resume_token(request.resume_token());
  EXPECT_THAT(client().Call(list), FailsWith(Reason::kEventsCompacted));
}

TEST_F(EventsTest, AreListedPageByPage) {
  const v1::Listener listener = Listen();
  for (int i = 0; i < 3; ++i) Open(listener);
  v1::ListEventsRequest request = EventsOf(listener.name());
  request.set_page_size(2);
  std::vector<v1::EventType> types;

  while (true) {
    ASSERT_OK_AND_ASSIGN(const v1::ListEventsResponse page,
                         client().Call(request));
    if (page.events_size() == 0) break;
    EXPECT_LE(page.events_size(), 2);
    for (const v1::Event& event : page.events()) types.push_back(event.type());
    request.set_resume_token(page.next_resume_token());
  }

  EXPECT_THAT(types, ElementsAre(v1::EVENT_TYPE_LISTENING,
                                 v1::EVENT_TYPE_SECURE_CONNECTION,
                                 v1::EVENT_TYPE_SECURE_CONNECTION,
                                 v1::EVENT_TYPE_SECURE_CONNECTION));
  request.set_page_size(-1);
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kFieldInvalid, "page_size"));
}

TEST_F(EventsTest, CanBeAwaitedByACallWithoutStream) {
  const v1::Listener listener = Listen();
  v1::ListEventsRequest request = EventsOf(listener.name());
  request.add_types(v1::EVENT_TYPE_SECURE_CONNECTION);
  *request.mutable_timeout() = ToProto(absl::Milliseconds(50));
  ASSERT_OK_AND_ASSIGN(const v1::ListEventsResponse none,
                       client().Call(request));
  EXPECT_EQ(none.events_size(), 0);
  request.set_resume_token(none.next_resume_token());
  *request.mutable_timeout() = ToProto(kCallTimeout / 2);

  auto listing = InBackground([&] { return client().Call(request); });
  const Pair pair = Open(listener);

  ASSERT_OK_AND_ASSIGN(const v1::ListEventsResponse some, listing.get());
  ASSERT_EQ(some.events_size(), 1);
  EXPECT_EQ(some.events(0).subject(), pair.server.name());
  *request.mutable_timeout() = ToProto(-absl::Seconds(1));
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kFieldInvalid, "timeout"));
}

// SlowWatcherTest floods with events of peers that send garbage.
class SlowWatcherTest : public EventsTest {
 protected:
  // More than a watcher may be behind, and what gRPC takes on the way.
  static constexpr int kFloodCount = 10000;
  // Sanitizers take their time.
  static constexpr absl::Duration kFloodTimeout = absl::Minutes(2);

  SlowWatcherTest()
      : listener_(ListenUnix()),
        narrow_(control_address(), ControlClient::Window::kSmall) {}

  std::unique_ptr<EventWatch> StartWatch(v1::OverflowPolicy policy,
                                         const std::string& token = "") {
    v1::WatchEventsRequest request;
    request.add_types(v1::EVENT_TYPE_CLIENT_ERROR);
    request.set_overflow_policy(policy);
    request.set_resume_token(token);
    absl::StatusOr<std::unique_ptr<EventWatch>> watch =
        EventWatch::Start(narrow_, request, kFloodTimeout);
    EXPECT_THAT(watch, IsOk());
    return watch.ok() ? *std::move(watch) : nullptr;
  }

  void Flood() {
    const std::string address = AddressOf(listener_);
    for (int i = 0; i < kFloodCount; ++i) {
      ASSERT_OK_AND_ASSIGN(RawSocket peer, RawSocket::Connect(address));
      peer.Send("garbage");
    }
    // All are known once the last has left.
    v1::ListEventsRequest request = EventsOf(listener_.name());
    request.set_page_size(1000);
    *request.mutable_timeout() = ToProto(kCallTimeout / 2);
    int count = -1;  // LISTENING.
    while (count < kFloodCount) {
      ASSERT_OK_AND_ASSIGN(const v1::ListEventsResponse page,
                           client().Call(request));
      ASSERT_GT(page.events_size(), 0) << "after " << count;
      count += page.events_size();
      request.set_resume_token(page.next_resume_token());
    }
  }

  const v1::Listener listener_;
  ControlClient narrow_;
};

TEST_F(SlowWatcherTest, IsSentAwayOrToldOfTheGap) {
  const std::unique_ptr<EventWatch> leaving =
      StartWatch(v1::OVERFLOW_POLICY_DISCONNECT);
  const std::unique_ptr<EventWatch> dropping =
      StartWatch(v1::OVERFLOW_POLICY_DROP_OLDEST);
  ASSERT_NO_FATAL_FAILURE(Flood());

  // One is ended, and resumes without loss.
  int count = 0;
  std::string token = leaving->first_bookmark().resume_token();
  absl::StatusOr<v1::Event> event = leaving->Next();
  for (; event.ok(); event = leaving->Next()) {
    ++count;
    token = event->resume_token();
  }
  EXPECT_THAT(event, FailsWith(Reason::kConsumerTooSlow));
  EXPECT_LT(count, kFloodCount);
  const std::unique_ptr<EventWatch> resumed =
      StartWatch(v1::OVERFLOW_POLICY_DISCONNECT, token);
  for (; count < kFloodCount; ++count) {
    ASSERT_THAT(resumed->Next(), IsOk());
  }

  // The other is told how many it misses.
  int64_t seen = 0;
  int64_t dropped = 0;
  while (seen + dropped < kFloodCount) {
    ASSERT_OK_AND_ASSIGN(const v1::WatchEventsResponse response,
                         dropping->Receive());
    if (response.has_event()) ++seen;
    dropped += response.gap().dropped_count();
  }
  EXPECT_GT(dropped, 0);
  EXPECT_GT(seen, 8000);
  EXPECT_EQ(seen + dropped, kFloodCount);
}

}  // namespace
}  // namespace tlsd::testing
