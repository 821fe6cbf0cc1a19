#include "server/worker/worker.h"

#include <sched.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "server/base/names.h"
#include "server/net/thread_schedule.h"
#include "tests/testing/status_matchers.h"
#include "tests/unit/net/net_testing.h"
#include "tests/unit/worker/data_plane.h"

namespace tlsd::worker {
namespace {

using testing::FailsWith;
using testing::IsOk;

TEST(WorkerNamesTest, FindsTheWorkerInAName) {
  for (const int index : {0, 1, 255}) {
    const std::string name = MakeConnectionName(index);
    EXPECT_THAT(base::CheckName("name", base::kConnections, name), IsOk());
    EXPECT_EQ(WorkerIndex(name), index);
  }
  EXPECT_NE(MakeConnectionName(0), MakeConnectionName(0));
}

TEST(WorkerNamesTest, FindsNoWorkerInNamesThatHaveNone) {
  for (const char* name :
       {"", "-", "connections/", "connections/c", "connections/c-",
        "connections/c-x", "connections/c-1x", "connections/c-0x1",
        "connections/c-99999999999999999999", "connections/c-2147483648"}) {
    EXPECT_EQ(WorkerIndex(name), std::nullopt) << name;
  }
}

// A listener as the table makes it, without the table.
class WorkerTest : public ::testing::Test {
 protected:
  struct Made {
    std::shared_ptr<Listener> listener;
    std::unique_ptr<net::BoundSocket> socket;
  };

  Made Make(const std::string& name) {
    ListenerOptions options = DataPlane::OptionsFor(Handler::kEcho);
    options.name = name;
    Made made;
    made.socket = net::BindOne(options.endpoint);
    made.listener = std::make_shared<Listener>(
        std::move(options),
        std::make_shared<ServerNameTable>(name, UnknownNames::kAccept),
        made.socket->address(), /*acceptor_count=*/1, [](const Listener&) {});
    return made;
  }

  void Add(Made& made) {
    plane_.OnWorker(0, [&](Worker& worker) {
      worker.AddListener(made.listener, std::move(made.socket));
    });
  }

  absl::Status Connect(const Made& made) {
    return plane_.Connect(made.listener->facts()).status();
  }

  DataPlane plane_{1};
};

TEST(WorkerThreadTest, IsOfTheDataPlaneWhoeverStartsIt) {
  std::thread([] {
    net::ScheduleAs(net::Plane::kControl);
    DataPlane plane(1);
    int policy = -1;
    plane.OnWorker(0, [&](Worker&) { policy = sched_getscheduler(0); });
    EXPECT_EQ(policy, SCHED_OTHER);
  }).join();
}

TEST_F(WorkerTest, AcceptsForAListener) {
  Made made = Make("listeners/l1");
  Add(made);

  EXPECT_THAT(Connect(made), IsOk());
  plane_.Await(EventType::kSecureConnection, "listeners/l1");
  EXPECT_EQ(made.listener->facts().connection_count, 1);
}

TEST_F(WorkerTest, StopsAndCountsAListenerOnce) {
  Made made = Make("listeners/l1");
  Add(made);
  made.listener->BeginDrain();

  plane_.OnWorker(0, [&](Worker& worker) {
    worker.StopListener(made.listener, std::nullopt);
    worker.StopListener(made.listener, std::nullopt);
    worker.ForgetListener(made.listener.get());
    worker.StopListener(made.listener, absl::ZeroDuration());
  });

  EXPECT_EQ(made.listener->facts().state, ListenerState::kClosed);
  EXPECT_THAT(Connect(made), FailsWith(Reason::kConnectRefused));
}

// Deletes of the first may still be on their way when a second one has its
// name.
TEST_F(WorkerTest, StopsNoOtherListenerOfTheSameName) {
  Made first = Make("listeners/l1");
  Made second = Make("listeners/l1");
  Add(first);
  first.listener->BeginDrain();
  plane_.OnWorker(0, [&](Worker& worker) {
    worker.StopListener(first.listener, std::nullopt);
  });
  Add(second);
  ASSERT_THAT(Connect(second), IsOk());

  plane_.OnWorker(0, [&](Worker& worker) {
    worker.StopListener(first.listener, absl::ZeroDuration());
    worker.ForgetListener(first.listener.get());
  });

  EXPECT_THAT(Connect(second), IsOk());
  EXPECT_EQ(second.listener->facts().state, ListenerState::kActive);
  EXPECT_EQ(second.listener->facts().connection_count, 2);
}

TEST_F(WorkerTest, DropsTheDrainTimerOfAListenerWhoseNameIsUsedAgain) {
  Made first = Make("listeners/l1");
  Made second = Make("listeners/l1");
  Add(first);
  plane_.OnWorker(0, [&](Worker& worker) {
    worker.StopListener(first.listener, absl::Milliseconds(300));
  });
  Add(second);
  ASSERT_THAT(Connect(second), IsOk());
  plane_.Await(EventType::kSecureConnection, "listeners/l1");

  // A timer that is set later and is longer fires later.
  absl::Notification later;
  std::unique_ptr<net::Timer> timer;
  plane_.OnWorker(0, [&](Worker& worker) {
    timer =
        worker.loop().After(absl::Milliseconds(310), [&] { later.Notify(); });
  });
  later.WaitForNotification();
  plane_.OnWorker(0, [&](Worker&) { timer.reset(); });

  EXPECT_EQ(second.listener->facts().connection_count, 1);
}

TEST_F(WorkerTest, ForgetsOnlyTheOldestOfManyThatHaveEnded) {
  Made made = Make("listeners/l1");
  Add(made);
  // Each is two connections of this worker.
  const size_t count = Worker::kClosedCountMax / 2 + 20;
  std::string first;
  std::string last;
  for (size_t i = 0; i < count; ++i) {
    const auto client = plane_.Connect(made.listener->facts());
    ASSERT_THAT(client, IsOk());
    if (first.empty()) first = client->name;
    last = client->name;
    ASSERT_THAT(plane_.Visit(last, [](conn::Connection& c) { c.Close(); }),
                IsOk());
  }
  // Echo answers close_notify.
  while (plane_.CountOpen() > 0) {
  }
  plane_.OnWorker(0, [](Worker&) {});

  EXPECT_THAT(plane_.Visit(first, [](conn::Connection&) {}),
              FailsWith(Reason::kConnectionNotFound));
  EXPECT_THAT(plane_.Visit(last, [](conn::Connection&) {}), IsOk());
  Worker::ListOptions all;
  all.count_max = 1'000'000;
  all.closed = true;
  EXPECT_EQ(plane_.List(all).size(), Worker::kClosedCountMax);
  all.closed = false;
  EXPECT_EQ(plane_.List(all).size(), 0u);
  EXPECT_EQ(made.listener->facts().connection_count, 0);
}

// Else a peer that comes and goes would fill the queue of a listener that
// nobody accepts from.
TEST_F(WorkerTest, OffersNoConnectionThatItHasForgotten) {
  const ListenerFacts stream = plane_.Listen("stream", Handler::kStream);
  for (size_t i = 0; i < Worker::kClosedCountMax / 2 + 20; ++i) {
    const auto client = plane_.Connect(stream);
    ASSERT_THAT(client, IsOk());
    ASSERT_THAT(
        plane_.Visit(client->name, [](conn::Connection& c) { c.Reset(); }),
        IsOk());
  }
  while (plane_.CountOpen() > 0) {
  }
  plane_.OnWorker(0, [](Worker&) {});

  Answer<absl::StatusOr<std::string>> answer;
  (*plane_.listeners().Get(stream.name))->accept_queue().Wait([&](auto name) {
    answer.Set(std::move(name));
  });
  const absl::StatusOr<std::string> name = answer.Get();
  ASSERT_THAT(name, IsOk());
  EXPECT_THAT(plane_.Visit(*name, [](conn::Connection&) {}), IsOk());
}

TEST_F(WorkerTest, ReportsPeersThatSayNothingOnlyWhenTheyTakeTooLong) {
  ListenerOptions options = DataPlane::OptionsFor(Handler::kEcho);
  options.handshake_timeout = absl::Milliseconds(20);
  const auto hasty = plane_.listeners().Create("hasty", options);
  ASSERT_THAT(hasty, IsOk());
  const ListenerFacts patient = plane_.Listen("patient", Handler::kEcho);
  const int slow = net::ConnectTo(hasty->bound_address);
  const int scan = net::ConnectTo(patient.bound_address);
  ASSERT_GE(slow, 0);
  ASSERT_GE(scan, 0);
  close(scan);

  const auto error = plane_.Await(EventType::kClientError, hasty->name);

  EXPECT_THAT(error->about<conn::ConnectionFacts>().failure,
              FailsWith(Reason::kHandshakeTimeout));
  while ((*plane_.listeners().Get(patient.name))->facts().accepted_count == 0 ||
         (*plane_.listeners().Get(patient.name))->facts().connection_count >
             0) {
    plane_.OnWorker(0, [](Worker&) {});
  }
  EXPECT_EQ(plane_.CountOf(EventType::kClientError, patient.name), 0u);
  close(slow);
}

TEST_F(WorkerTest, ReportsAPeerThatDoesNotSpeakTls) {
  const ListenerFacts listener = plane_.Listen("l1", Handler::kEcho);
  const int peer = net::ConnectTo(listener.bound_address);
  ASSERT_GE(peer, 0);
  ASSERT_GT(write(peer, "GET / HTTP/1.1\r\n\r\n", 18), 0);

  const auto error = plane_.Await(EventType::kClientError, listener.name);

  const auto& facts = error->about<conn::ConnectionFacts>();
  EXPECT_THAT(facts.failure, FailsWith(Reason::kNotTls));
  EXPECT_EQ(facts.wire_bytes_received, 18);
  EXPECT_EQ(facts.state, conn::ConnectionState::kClosed);
  close(peer);
}

}  // namespace
}  // namespace tlsd::worker
