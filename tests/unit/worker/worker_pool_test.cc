#include "server/worker/worker_pool.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "server/base/byte_queue.h"
#include "server/conn/stream_sink.h"
#include "tests/testing/status_matchers.h"
#include "tests/unit/net/net_testing.h"
#include "tests/unit/worker/data_plane.h"

namespace tlsd::worker {
namespace {

using testing::FailsWith;
using testing::IsOk;
using Connected = absl::StatusOr<conn::ConnectionFacts>;

class WorkerPoolTest : public ::testing::Test {
 protected:
  // Starts a Connect, and returns its name.
  std::string Start(DialOptions options, Answer<Connected>& answer) {
    return plane_.pool().Connect(
        std::move(options),
        [&answer](Connected facts) { answer.Set(std::move(facts)); });
  }

  // Our ends: those of listeners hear of the end later.
  int CountClients() {
    Worker::ListOptions options;
    options.count_max = 1000;
    int count = 0;
    for (const conn::ConnectionFacts& facts : plane_.List(options)) {
      if (facts.role == tls::Role::kClient) ++count;
    }
    return count;
  }

  DataPlane plane_;
  WorkerPool& pool_ = plane_.pool();
};

TEST_F(WorkerPoolTest, ConnectsAndTellsTheFacts) {
  const ListenerFacts listener = plane_.Listen("l1", Handler::kEcho);

  const Connected facts = plane_.Connect(listener);

  ASSERT_THAT(facts, IsOk());
  EXPECT_EQ(facts->role, tls::Role::kClient);
  EXPECT_EQ(facts->state, conn::ConnectionState::kOpen);
  EXPECT_EQ(facts->listener, "");
  EXPECT_EQ(facts->secure_context, "secureContexts/client");
  EXPECT_EQ(facts->remote_address, listener.bound_address);
  ASSERT_NE(facts->handshake, nullptr);
  EXPECT_TRUE(facts->handshake->authorized);
  plane_.Await(EventType::kSecureConnect, facts->name);
}

TEST_F(WorkerPoolTest, SpreadsConnectsOverItsWorkers) {
  const ListenerFacts listener = plane_.Listen("l1", Handler::kEcho);
  std::set<std::optional<int>> workers;
  for (int i = 0; i < 4; ++i) {
    const Connected facts = plane_.Connect(listener);
    ASSERT_THAT(facts, IsOk());
    workers.insert(WorkerIndex(facts->name));
  }

  EXPECT_EQ(workers, (std::set<std::optional<int>>{0, 1}));
}

TEST_F(WorkerPoolTest, PassesOnWhyItCannotConnect) {
  const ListenerFacts listener = plane_.Listen("l1", Handler::kEcho);
  ASSERT_THAT(plane_.Delete(listener.name, absl::ZeroDuration()), IsOk());

  EXPECT_THAT(plane_.Connect(listener), FailsWith(Reason::kConnectRefused));
  EXPECT_EQ(CountClients(), 0);
}

TEST_F(WorkerPoolTest, PassesOnWhyTheHandshakeFailed) {
  const ListenerFacts listener = plane_.Listen("l1", Handler::kEcho);
  DialOptions options = DataPlane::DialTo(listener.bound_address);
  options.connection.engine.server_name = "other.test";

  EXPECT_THAT(plane_.Connect(options),
              FailsWith(Reason::kPeerCertificateNameMismatch));

  const auto error = plane_.Await(EventType::kClientError, listener.name);
  EXPECT_THAT(error->about<conn::ConnectionFacts>().failure,
              FailsWith(Reason::kPeerAlert));
  EXPECT_EQ(plane_.CountOf(EventType::kSecureConnect, ""), 0u);
}

TEST_F(WorkerPoolTest, PassesOnThatAClientCannotBegin) {
  const ListenerFacts listener = plane_.Listen("l1", Handler::kEcho);
  DialOptions options = DataPlane::DialTo(listener.bound_address);
  options.connection.engine.server_name = "no name";

  EXPECT_THAT(plane_.Connect(options), FailsWith(Reason::kServerNameInvalid));
  EXPECT_EQ(CountClients(), 0);
}

// It accepts, by the kernel, and says nothing.
TEST_F(WorkerPoolTest, GivesAPeerThatDoesNotAnswerUp) {
  const auto silent = net::BindOne(net::LoopbackEndpoint());
  DialOptions options = DataPlane::DialTo(silent->address());
  options.connection.handshake_timeout = absl::Milliseconds(20);

  EXPECT_THAT(plane_.Connect(options), FailsWith(Reason::kHandshakeTimeout));
  EXPECT_EQ(CountClients(), 0);
}

TEST_F(WorkerPoolTest, CancelsAConnectDuringItsHandshake) {
  const auto silent = net::BindOne(net::LoopbackEndpoint());
  Answer<Connected> answer;
  const std::string name = Start(DataPlane::DialTo(silent->address()), answer);
  while (!plane_.Visit(name, [](conn::Connection&) {}).ok()) {
  }
  EXPECT_FALSE(answer.has_come());

  pool_.CancelConnect(name);

  EXPECT_THAT(answer.Get(), FailsWith(Reason::kCallCancelled));
}

TEST_F(WorkerPoolTest, CancelsAConnectBeforeItDials) {
  const ListenerFacts listener = plane_.Listen("l1", Handler::kEcho);
  absl::Notification go_on;
  for (int index : {0, 1}) {
    pool_.worker(index).Post([&] { go_on.WaitForNotification(); });
  }
  Answer<Connected> answer;
  pool_.CancelConnect(Start(DataPlane::DialTo(listener.bound_address), answer));
  go_on.Notify();

  EXPECT_THAT(answer.Get(), FailsWith(Reason::kCallCancelled));
  EXPECT_EQ(CountClients(), 0);
}

// The cancellation and the end of the dial come in the same turn of the loop,
// in this order.
TEST_F(WorkerPoolTest, CancelsAConnectWhoseDialIsJustDone) {
  const auto silent = net::BindOne(net::LoopbackEndpoint());
  const std::string name = MakeConnectionName(0);
  Worker& worker = pool_.worker(0);
  absl::Notification dialled;
  absl::Notification cancelled;
  Answer<Connected> answer;
  worker.Post([&] {
    worker.Connect(name, DataPlane::DialTo(silent->address()),
                   [&](Connected facts) { answer.Set(std::move(facts)); });
    dialled.Notify();
    cancelled.WaitForNotification();
  });
  dialled.WaitForNotification();
  pool_.CancelConnect(name);
  cancelled.Notify();

  EXPECT_THAT(answer.Get(), FailsWith(Reason::kCallCancelled));
  plane_.OnWorker(0, [&](Worker& w) { EXPECT_EQ(w.Find(name), nullptr); });
  EXPECT_EQ(CountClients(), 0);
}

TEST_F(WorkerPoolTest, CancelsNothingThatIsDoneOrUnknown) {
  const ListenerFacts listener = plane_.Listen("l1", Handler::kEcho);
  const Connected facts = plane_.Connect(listener);
  ASSERT_THAT(facts, IsOk());

  pool_.CancelConnect(facts->name);
  pool_.CancelConnect("connections/c-unknown-0");
  pool_.CancelConnect("connections/c-unknown-77");
  pool_.CancelConnect("connections/c--1");

  EXPECT_THAT(plane_.Visit(facts->name,
                           [](conn::Connection& connection) {
                             EXPECT_EQ(connection.state(),
                                       conn::ConnectionState::kOpen);
                           }),
              IsOk());
}

TEST_F(WorkerPoolTest, VisitsOnlyConnectionsThatExist) {
  for (const std::string& name :
       {MakeConnectionName(0), MakeConnectionName(2), MakeConnectionName(-1),
        std::string("connections/c"), std::string("connections/c-x-1"),
        std::string("connections/c-99999999999999999999"), std::string()}) {
    EXPECT_THAT(plane_.Visit(name, [](conn::Connection&) { FAIL(); }),
                FailsWith(Reason::kConnectionNotFound))
        << name;
  }
}

TEST_F(WorkerPoolTest, EchoesThroughALoopback) {
  const ListenerFacts listener = plane_.Listen("l1", Handler::kEcho);
  const Connected facts = plane_.Connect(listener);
  ASSERT_THAT(facts, IsOk());
  const std::string sent = net::Noise(2'000'000);
  std::string received;
  Answer<absl::Status> answer;
  std::function<void(conn::Connection&, conn::StreamSink&)> read =
      [&](conn::Connection& connection, conn::StreamSink& sink) {
        sink.Read(connection, 65536,
                  [&](absl::StatusOr<conn::StreamSink::Cleartext> result) {
                    if (!result.ok() || result->end) {
                      answer.Set(result.status());
                      return;
                    }
                    received += result->bytes;
                    read(connection, sink);
                  });
      };

  ASSERT_THAT(plane_.Visit(facts->name,
                           [&](conn::Connection& connection) {
                             auto& sink = *static_cast<conn::StreamSink*>(
                                 connection.sink());
                             read(connection, sink);
                             sink.Write(connection, sent, /*shut_down=*/true,
                                        [](absl::Status) {});
                           }),
              IsOk());

  EXPECT_THAT(answer.Get(), IsOk());
  EXPECT_TRUE(received == sent) << received.size();
  const auto closed = plane_.Await(EventType::kConnectionClosed, listener.name);
  const auto& ended = closed->about<conn::ConnectionFacts>();
  EXPECT_THAT(ended.failure, IsOk());
  EXPECT_EQ(ended.cleartext_bytes_sent, 2'000'000);
}

TEST_F(WorkerPoolTest, OffersConnectionsOfStreamListeners) {
  const ListenerFacts stream = plane_.Listen("stream", Handler::kStream);
  const ListenerFacts echo = plane_.Listen("echo", Handler::kEcho);
  Answer<absl::StatusOr<std::string>> from_stream;
  Answer<absl::StatusOr<std::string>> from_echo;
  (*plane_.listeners().Get(stream.name))->accept_queue().Wait([&](auto name) {
    from_stream.Set(std::move(name));
  });
  (*plane_.listeners().Get(echo.name))->accept_queue().Wait([&](auto name) {
    from_echo.Set(std::move(name));
  });
  ASSERT_THAT(plane_.Connect(echo), IsOk());
  ASSERT_THAT(plane_.Connect(stream), IsOk());

  const absl::StatusOr<std::string> name = from_stream.Get();

  ASSERT_THAT(name, IsOk());
  EXPECT_THAT(plane_.Visit(*name, [](conn::Connection&) {}), IsOk());
  EXPECT_FALSE(from_echo.has_come());
  ASSERT_THAT(plane_.Delete(echo.name, absl::ZeroDuration()), IsOk());
  EXPECT_THAT(from_echo.Get(), FailsWith(Reason::kListenerClosing));
}

TEST_F(WorkerPoolTest, ListsPagesOverAllWorkers) {
  const ListenerFacts listener = plane_.Listen("l1", Handler::kEcho);
  std::set<std::string> names;
  for (int i = 0; i < 5; ++i) {
    const Connected facts = plane_.Connect(listener);
    ASSERT_THAT(facts, IsOk());
    names.insert(facts->name);
  }

  std::vector<std::string> listed;
  Worker::ListOptions options;
  options.count_max = 3;
  while (true) {
    const std::vector<conn::ConnectionFacts> page = plane_.List(options);
    EXPECT_LE(page.size(), options.count_max);
    if (page.empty()) break;
    for (const auto& facts : page) listed.push_back(facts.name);
    options.after = listed.back();
  }

  EXPECT_TRUE(std::is_sorted(listed.begin(), listed.end()));
  EXPECT_EQ(listed.size(), 10u) << "both ends of each";
  for (const std::string& name : names) {
    EXPECT_EQ(std::count(listed.begin(), listed.end(), name), 1);
  }
}

TEST_F(WorkerPoolTest, ListsTheConnectionsOfOneListener) {
  const ListenerFacts first = plane_.Listen("l1", Handler::kEcho);
  const ListenerFacts second = plane_.Listen("l2", Handler::kEcho);
  ASSERT_THAT(plane_.Connect(first), IsOk());
  ASSERT_THAT(plane_.Connect(second), IsOk());
  plane_.Await(EventType::kSecureConnection, second.name);

  Worker::ListOptions options;
  options.count_max = 10;
  options.listener = second.name;
  const std::vector<conn::ConnectionFacts> listed = plane_.List(options);

  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].listener, second.name);
  EXPECT_EQ(listed[0].role, tls::Role::kServer);
}

TEST_F(WorkerPoolTest, ListsConnectionsThatHaveEndedIfAsked) {
  const ListenerFacts listener = plane_.Listen("l1", Handler::kEcho);
  const Connected facts = plane_.Connect(listener);
  ASSERT_THAT(facts, IsOk());
  EXPECT_EQ(plane_.CountOpen(), 2);
  ASSERT_THAT(plane_.Visit(facts->name, [](conn::Connection& c) { c.Reset(); }),
              IsOk());
  plane_.Await(EventType::kConnectionClosed, listener.name);

  Worker::ListOptions options;
  options.count_max = 10;
  EXPECT_EQ(plane_.List(options).size(), 0u);
  options.closed = true;
  EXPECT_EQ(plane_.List(options).size(), 2u);
  EXPECT_EQ(plane_.CountOpen(), 0);
}

TEST_F(WorkerPoolTest, RunsATaskOnAllWorkersAndThenTheLast) {
  std::set<const Worker*> seen;
  Answer<size_t> answer;
  pool_.OnAll([&](Worker& worker) { seen.insert(&worker); },
              [&] { answer.Set(seen.size()); });

  EXPECT_EQ(answer.Get(), 2u);
}

}  // namespace
}  // namespace tlsd::worker
