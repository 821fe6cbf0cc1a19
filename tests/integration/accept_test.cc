// Accept: each connection goes to one caller, in order, and none is lost.
#include <future>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::testing {
namespace {

using ::testing::AnyOf;

class AcceptTest : public DaemonTest {
 protected:
  static absl::StatusOr<v1::Connection> AcceptWithin(
      const std::string& listener, absl::Duration timeout) {
    v1::AcceptRequest request;
    request.set_listener(listener);
    *request.mutable_timeout() = ToProto(timeout);
    return client().Call(request);
  }

  static absl::Status Delete(const std::string& listener) {
    v1::DeleteListenerRequest request;
    request.set_name(listener);
    return client().Call(request).status();
  }
};

TEST_F(AcceptTest, WaitsForAConnection) {
  const v1::Listener listener = Listen();
  auto accepting = InBackground([&] { return Accept(listener.name()); });

  const v1::Connection connection = Connect(listener);

  ASSERT_OK_AND_ASSIGN(const v1::Connection accepted, accepting.get());
  EXPECT_EQ(accepted.remote_address().port(),
            connection.local_address().port());
  EXPECT_EQ(accepted.state(), v1::Connection::STATE_OPEN);
}

TEST_F(AcceptTest, KeepsTheOrderOfHandshakes) {
  const v1::Listener listener = Listen();
  const std::unique_ptr<EventWatch> watch = Watch(listener.name());
  std::vector<std::string> opened;
  for (int i = 0; i < 5; ++i) {
    Connect(listener);
    ASSERT_OK_AND_ASSIGN(const v1::Event event,
                         watch->WaitFor(v1::EVENT_TYPE_SECURE_CONNECTION));
    opened.push_back(event.subject());
  }

  for (const std::string& name : opened) {
    ASSERT_OK_AND_ASSIGN(const v1::Connection accepted,
                         Accept(listener.name()));
    EXPECT_EQ(accepted.name(), name);
  }
}

TEST_F(AcceptTest, TimesOutAndLosesNothing) {
  const v1::Listener listener = Listen();

  EXPECT_THAT(AcceptWithin(listener.name(), absl::ZeroDuration()),
              FailsWith(Reason::kWaitTimeout));
  EXPECT_THAT(AcceptWithin(listener.name(), absl::Milliseconds(50)),
              FailsWith(Reason::kWaitTimeout));

  const Pair pair = Open(listener);
  EXPECT_EQ(pair.server.listener(), listener.name());
}

TEST_F(AcceptTest, TakesAtOnceWhatIsThereWithoutWaiting) {
  const v1::Listener listener = Listen();
  const std::unique_ptr<EventWatch> watch = Watch(listener.name());
  Connect(listener);
  ASSERT_OK_AND_ASSIGN(const v1::Event event,
                       watch->WaitFor(v1::EVENT_TYPE_SECURE_CONNECTION));

  // The event comes right before the connection is offered.
  absl::StatusOr<v1::Connection> accepted =
      AcceptWithin(listener.name(), absl::ZeroDuration());
  while (!accepted.ok() &&
         accepted.status().code() == absl::StatusCode::kDeadlineExceeded) {
    accepted = AcceptWithin(listener.name(), absl::ZeroDuration());
  }

  ASSERT_THAT(accepted, IsOk());
  EXPECT_EQ(accepted->name(), event.subject());
}

TEST_F(AcceptTest, GivesAConnectionToOneCallerOnly) {
  constexpr int kCount = 8;
  const v1::Listener listener = Listen();
  std::vector<std::future<absl::StatusOr<v1::Connection>>> accepting;
  for (int i = 0; i < kCount; ++i) {
    accepting.push_back(InBackground([&] { return Accept(listener.name()); }));
  }

  for (int i = 0; i < kCount; ++i) Connect(listener);

  std::set<std::string> names;
  for (auto& accept : accepting) {
    ASSERT_OK_AND_ASSIGN(const v1::Connection accepted, accept.get());
    names.insert(accepted.name());
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(kCount));
}

TEST_F(AcceptTest, LosesNothingWhenACallerLeaves) {
  const v1::Listener listener = Listen();
  for (int i = 0; i < 5; ++i) {
    CallContext context;
    auto accepting =
        InBackground([&] { return Accept(listener.name(), &context); });
    HasResult(accepting, absl::Milliseconds(10));
    context.Cancel();
    ASSERT_EQ(accepting.get().status().code(), absl::StatusCode::kCancelled);

    const Pair pair = Open(listener);
    EXPECT_EQ(pair.server.remote_address().port(),
              pair.client.local_address().port());
  }
}

TEST_F(AcceptTest, SkipsWhatAnotherCallHasTaken) {
  const v1::Listener listener = Listen();
  const std::unique_ptr<EventWatch> watch = Watch(listener.name());
  Connect(listener);
  ASSERT_OK_AND_ASSIGN(const v1::Event event,
                       watch->WaitFor(v1::EVENT_TYPE_SECURE_CONNECTION));
  const std::unique_ptr<StreamClient> stream = Attach(event.connection());

  EXPECT_THAT(AcceptWithin(listener.name(), absl::Milliseconds(50)),
              FailsWith(Reason::kWaitTimeout));

  EXPECT_NE(Open(listener).server.name(), event.subject());
}

TEST_F(AcceptTest, HandsOutConnectionsThatHaveEndedWithTheirBytes) {
  const v1::Listener listener = Listen();
  const v1::Connection connection = Connect(listener);
  ASSERT_THAT(Write(connection, "famous last words"), IsOk());
  v1::CloseRequest close;
  close.set_name(connection.name());
  ASSERT_THAT(client().Call(close), IsOk());

  ASSERT_OK_AND_ASSIGN(const v1::Connection accepted, Accept(listener.name()));

  ASSERT_OK_AND_ASSIGN(const std::string bytes, ReadAll(accepted));
  EXPECT_EQ(bytes, "famous last words");
}

TEST_F(AcceptTest, EndsWhenTheListenerIsDeleted) {
  const v1::Listener listener = Listen();
  // Keeps the listener draining, whichever call is first.
  const Pair open = Open(listener);
  auto accepting = InBackground([&] { return Accept(listener.name()); });

  ASSERT_THAT(Delete(listener.name()), IsOk());

  EXPECT_THAT(accepting.get(), FailsWith(Reason::kListenerClosing));
  EXPECT_THAT(Accept(listener.name()), FailsWith(Reason::kListenerClosing));
}

TEST_F(AcceptTest, WantsAListenerThatGivesConnectionsAway) {
  const v1::Listener echo = ListenEcho();

  EXPECT_THAT(Accept(echo.name()), FailsWith(Reason::kHandlerMismatch));
  EXPECT_THAT(Accept("listeners/nobody"), FailsWith(Reason::kListenerNotFound));
  EXPECT_THAT(Accept(""), FailsWith(Reason::kFieldRequired, "listener"));
  EXPECT_THAT(Accept("connections/x"),
              FailsWith(Reason::kNameInvalid, "listener"));
  EXPECT_THAT(AcceptWithin(Listen().name(), -absl::Seconds(1)),
              FailsWith(Reason::kFieldInvalid, "timeout"));
}

}  // namespace
}  // namespace tlsd::testing
