// How the workers end.
#include <unistd.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/conn/stream_sink.h"
#include "server/worker/worker_pool.h"
#include "tests/testing/status_matchers.h"
#include "tests/unit/net/net_testing.h"
#include "tests/unit/worker/data_plane.h"

namespace tlsd::worker {
namespace {

using testing::FailsWith;
using testing::IsOk;
using Connected = absl::StatusOr<conn::ConnectionFacts>;

TEST(WorkerPoolEndTest, AnswersAConnectThatIsNotDone) {
  const auto silent = net::BindOne(net::LoopbackEndpoint());
  Answer<Connected> dialling;
  Answer<Connected> shaking;
  {
    DataPlane plane(1);
    const std::string name = plane.pool().Connect(
        DataPlane::DialTo(silent->address()),
        [&](Connected facts) { shaking.Set(std::move(facts)); });
    while (!plane.Visit(name, [](conn::Connection&) {}).ok()) {
    }
    plane.pool().Connect(
        DataPlane::DialTo(silent->address()),
        [&](Connected facts) { dialling.Set(std::move(facts)); });
  }
  EXPECT_THAT(shaking.Get(), FailsWith(Reason::kShuttingDown));
  EXPECT_THAT(dialling.Get(), FailsWith(Reason::kShuttingDown));
}

// What a caller does when its call ends: it looks for the connection.
TEST(WorkerPoolEndTest, AnswersReadsOfConnectionsThatCannotBeFoundAnyMore) {
  int answer_count = 0;
  int found_count = 0;
  {
    DataPlane plane(1);
    Worker& worker = plane.pool().worker(0);
    const ListenerFacts listener = plane.Listen("l1", Handler::kEcho);
    for (int i = 0; i < 40; ++i) {
      const Connected facts = plane.Connect(listener);
      ASSERT_THAT(facts, IsOk());
      ASSERT_THAT(
          plane.Visit(facts->name,
                      [&, name = facts->name](conn::Connection& connection) {
                        static_cast<conn::StreamSink*>(connection.sink())
                            ->Read(connection, 1, [&, name](auto) {
                              ++answer_count;
                              if (worker.Find(name)) ++found_count;
                            });
                      }),
          IsOk());
    }
  }
  EXPECT_EQ(answer_count, 40);
  EXPECT_EQ(found_count, 0);
}

// Connections of a listener that drains end while the workers do: each tells
// the others.
TEST(WorkerPoolEndTest, EndsWhileConnectionsClose) {
  for (int round = 0; round < 20; ++round) {
    auto plane = std::make_unique<DataPlane>(3);
    std::vector<int> sockets;
    for (int i = 0; i < 6; ++i) {
      const ListenerFacts listener =
          plane->Listen(absl::StrCat("l", i), Handler::kEcho);
      sockets.push_back(net::ConnectTo(listener.bound_address));
      while ((*plane->listeners().Get(listener.name))->facts().accepted_count ==
             0) {
        plane->OnWorker(0, [](Worker&) {});
      }
      ASSERT_THAT(plane->Delete(listener.name, std::nullopt), IsOk());
    }
    // They end on their workers' threads, some before the pool goes, some
    // meanwhile.
    std::thread closer([&] {
      for (const int socket : sockets) close(socket);
    });
    plane.reset();
    closer.join();
  }
}

}  // namespace
}  // namespace tlsd::worker
