#include "client/detached_connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "client/client.h"
#include "proto/status/error.h"
#include "tests/unit/client/fake_daemon.h"

namespace tlsd::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// DetachedConnectionTest has a daemon with one connection, "connections/c",
// whose peer sends `incoming_`, and then ends.
class DetachedConnectionTest : public ::testing::Test {
 protected:
  DetachedConnectionTest() {
    daemon_.on.connect = [this](const auto& request, auto& connection) {
      connected_ = request;
      connection.set_name("connections/c");
      return absl::OkStatus();
    };
    daemon_.on.get_connection = [](const auto& request, auto& connection) {
      connection.set_name(request.name());
      return absl::OkStatus();
    };
    daemon_.on.read = [this](const auto& request, auto& response) {
      EXPECT_EQ(request.name(), "connections/c");
      absl::MutexLock lock(&mutex_);
      if (incoming_.empty()) {
        response.set_end(true);
        return absl::OkStatus();
      }
      const size_t size =
          std::min<size_t>(incoming_.size(), request.max_bytes());
      response.set_data(incoming_.substr(0, size));
      incoming_.erase(0, size);
      return absl::OkStatus();
    };
    daemon_.on.write = [this](const auto& request, auto&) {
      EXPECT_EQ(request.name(), "connections/c");
      absl::MutexLock lock(&mutex_);
      outgoing_ += request.data();
      write_sizes_.push_back(request.data().size());
      return absl::OkStatus();
    };
    daemon_.on.close = [this](const auto& request, auto&) {
      absl::MutexLock lock(&mutex_);
      closed_.push_back(request.name());
      return absl::OkStatus();
    };
    daemon_.on.upgrade = [this](const auto& request, auto& connection) {
      upgraded_ = request;
      connection.set_name("connections/tls");
      return absl::OkStatus();
    };
    daemon_.on.stream = [this](const v1::StreamAttach& attach,
                               testing::CleartextStream& stream) {
      {
        absl::MutexLock lock(&mutex_);
        attached_ = attach;
      }
      testing::ReadAll(stream);
      stream.Write(testing::End());
      return absl::OkStatus();
    };
  }

  Client Open() {
    absl::StatusOr<Client> client = Client::Open(daemon_.address());
    EXPECT_TRUE(client.ok()) << client.status();
    return *std::move(client);
  }

  DetachedConnection Connect(DetachPolicy policy = DetachPolicy::kClose) {
    absl::StatusOr<DetachedConnection> connection =
        Open().ConnectDetached({.address = "h:1",
                                .protection = Protection::kNone,
                                .detach_policy = policy});
    EXPECT_TRUE(connection.ok()) << connection.status();
    return *std::move(connection);
  }

  absl::Mutex mutex_;
  std::string incoming_;
  std::string outgoing_;
  std::vector<size_t> write_sizes_;
  std::vector<std::string> closed_;
  v1::ConnectRequest connected_;
  v1::UpgradeRequest upgraded_;
  // Read it when its stream has ended.
  v1::StreamAttach attached_;
  testing::FakeDaemon daemon_;
};

TEST_F(DetachedConnectionTest, ConnectsWithoutAttaching) {
  daemon_.on.stream = nullptr;

  const DetachedConnection connection = Connect();

  EXPECT_EQ(connection.name(), "connections/c");
  EXPECT_EQ(connected_.address(), "h:1");
  EXPECT_EQ(connected_.protection(), v1::PROTECTION_NONE);
}

TEST_F(DetachedConnectionTest, TellsWhyItCannotConnect) {
  daemon_.on.connect = [](const auto&, auto&) {
    return MakeError(Reason::kConnectRefused, "refused");
  };

  EXPECT_TRUE(HasReason(Open().ConnectDetached({.address = "h:1"}).status(),
                        Reason::kConnectRefused));
  EXPECT_THAT(closed_, IsEmpty());
}

TEST_F(DetachedConnectionTest, ReadsWhatIsThereAndThenTheEnd) {
  DetachedConnection connection = Connect();
  incoming_ = "hello";

  EXPECT_EQ(connection.Read(2).value_or("error"), "he");
  EXPECT_EQ(connection.Read().value_or("error"), "llo");
  EXPECT_EQ(connection.Read().value_or("error"), "");
}

TEST_F(DetachedConnectionTest, TakesNoMoreThanItIsAskedFor) {
  DetachedConnection connection = Connect();
  incoming_ = "8 bytes.\x16\x03\x01";

  EXPECT_EQ(connection.ReadExactly(8).value_or("error"), "8 bytes.");
  EXPECT_EQ(incoming_, "\x16\x03\x01");
  incoming_ = "STARTTLS\r\n\x16\x03\x01";
  EXPECT_EQ(connection.ReadThrough("\r\n").value_or("error"), "STARTTLS\r\n");
  EXPECT_EQ(incoming_, "\x16\x03\x01");
}

TEST_F(DetachedConnectionTest, ReadsOnUntilAllIsThere) {
  DetachedConnection connection = Connect();
  std::vector<std::string> pieces = {"abc", "de", "f"};
  std::vector<int> asked_for;
  daemon_.on.read = [&](const auto& request, auto& response) {
    asked_for.push_back(request.max_bytes());
    response.set_data(pieces.front());
    pieces.erase(pieces.begin());
    return absl::OkStatus();
  };

  EXPECT_EQ(connection.ReadExactly(6).value_or("error"), "abcdef");
  EXPECT_THAT(asked_for, ElementsAre(6, 3, 1));
}

TEST_F(DetachedConnectionTest, ReadsMoreThanOneReadReturns) {
  DetachedConnection connection = Connect();
  incoming_ = std::string(2 * kReadBytesMax + 1, 'x');

  EXPECT_EQ(connection.ReadExactly(2 * kReadBytesMax + 1)->size(),
            2 * kReadBytesMax + 1);
}

TEST_F(DetachedConnectionTest, SaysWhenThePeerEndsTooSoon) {
  DetachedConnection connection = Connect();
  incoming_ = "abc";
  const absl::Status exactly = connection.ReadExactly(4).status();
  incoming_ = "abc";
  const absl::Status through = connection.ReadThrough("\n").status();

  EXPECT_TRUE(HasReason(exactly, Reason::kConnectionClosed));
  EXPECT_THAT(std::string(exactly.message()), HasSubstr("3 bytes"));
  EXPECT_TRUE(HasReason(through, Reason::kConnectionClosed));
}

TEST_F(DetachedConnectionTest, ReadsNoLongerThanToItsLimit) {
  DetachedConnection connection = Connect();
  incoming_ = "abcd\n";
  EXPECT_EQ(connection.ReadThrough("\n", 5).value_or("error"), "abcd\n");
  incoming_ = "abcde\n";

  const absl::Status status = connection.ReadThrough("\n", 5).status();

  EXPECT_TRUE(HasReason(status, Reason::kPeerMisbehaved));
  EXPECT_EQ(incoming_, "\n");
}

TEST_F(DetachedConnectionTest, SendsItsTimeoutToTheDaemon) {
  DetachedConnection connection = Connect();
  v1::ReadRequest seen;
  daemon_.on.read = [&](const auto& request, auto&) {
    seen = request;
    return MakeError(Reason::kWaitTimeout, "nothing came");
  };

  EXPECT_TRUE(HasReason(connection.Read(9, absl::ZeroDuration()).status(),
                        Reason::kWaitTimeout));
  EXPECT_TRUE(seen.has_timeout());
  EXPECT_EQ(seen.timeout().seconds(), 0);
  EXPECT_EQ(seen.max_bytes(), 9);
  EXPECT_TRUE(HasReason(connection.Read().status(), Reason::kWaitTimeout));
  EXPECT_FALSE(seen.has_timeout());
}

TEST_F(DetachedConnectionTest, WritesInPieces) {
  DetachedConnection connection = Connect();

  ASSERT_TRUE(connection.Write("").ok());
  ASSERT_TRUE(
      connection.Write(std::string(kWrittenMessageBytesMax + 1, 'x')).ok());

  EXPECT_THAT(write_sizes_, ElementsAre(kWrittenMessageBytesMax, 1));
}

TEST_F(DetachedConnectionTest, TellsThatAnotherHasTheCleartext) {
  DetachedConnection connection = Connect();
  const auto refuse = [](const auto&, auto&) {
    return MakeError(Reason::kConnectionAttached, "a stream has it");
  };
  daemon_.on.read = refuse;
  daemon_.on.write = refuse;
  daemon_.on.upgrade = refuse;

  EXPECT_TRUE(
      HasReason(connection.Read().status(), Reason::kConnectionAttached));
  EXPECT_TRUE(HasReason(connection.Write("x"), Reason::kConnectionAttached));
  EXPECT_TRUE(
      HasReason(connection.Upgrade({.client = ConnectOptions{}}).status(),
                Reason::kConnectionAttached));
}

TEST_F(DetachedConnectionTest, UpgradesAsClientAfterItHasAskedForTls) {
  {
    // PostgreSQL's SSLRequest.
    DetachedConnection plain = Connect();
    incoming_ = "S";
    const std::string question("\0\0\0\x08\x04\xd2\x16\x2f", 8);
    ASSERT_TRUE(plain.Write(question).ok());
    ASSERT_EQ(plain.ReadExactly(1).value_or("error"), "S");

    auto connection =
        plain.Upgrade({.client = ConnectOptions{.server_name = "db.test"}});

    ASSERT_TRUE(connection.ok()) << connection.status();
    EXPECT_EQ(connection->name(), "connections/tls");
    EXPECT_TRUE(connection->Close().ok());
    EXPECT_EQ(outgoing_, question);
    EXPECT_EQ(upgraded_.name(), "connections/c");
    EXPECT_EQ(upgraded_.client().server_name(), "db.test");
    EXPECT_EQ(attached_.connection(), "connections/tls");
    EXPECT_EQ(attached_.detach_policy(), v1::DETACH_POLICY_CLOSE);
  }
  // The carrier ends with what it carries, and not with the object.
  EXPECT_THAT(closed_, IsEmpty());
}

TEST_F(DetachedConnectionTest, UpgradesAsServerWhatAListenerHasAccepted) {
  daemon_.on.create_listener = [](const auto&, auto& listener) {
    listener.set_name("listeners/l");
    return absl::OkStatus();
  };
  daemon_.on.accept = [](const auto& request, auto& connection) {
    EXPECT_EQ(request.listener(), "listeners/l");
    connection.set_name("connections/c");
    return absl::OkStatus();
  };
  const auto listener = Open().Listen({.protection = Protection::kNone});
  ASSERT_TRUE(listener.ok()) << listener.status();
  // The client sends its handshake along with its question.
  incoming_ = "STARTTLS\r\n\x16\x03\x01";

  auto plain = listener->AcceptDetached();
  ASSERT_TRUE(plain.ok()) << plain.status();
  ASSERT_EQ(plain->ReadThrough("\r\n").value_or("error"), "STARTTLS\r\n");
  ASSERT_TRUE(plain->Write("220 go\r\n").ok());
  auto connection = plain->Upgrade(
      {.server = ServerOptions{.secure_context = "secureContexts/s",
                               .detach_policy = DetachPolicy::kKeep}});

  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_TRUE(connection->Close().ok());
  EXPECT_EQ(incoming_, "\x16\x03\x01");
  EXPECT_EQ(outgoing_, "220 go\r\n");
  EXPECT_EQ(upgraded_.server().secure_context(), "secureContexts/s");
  EXPECT_EQ(attached_.detach_policy(), v1::DETACH_POLICY_KEEP);
}

TEST_F(DetachedConnectionTest, AcceptsNothingWhenNobodyComes) {
  daemon_.on.create_listener = [](const auto&, auto& listener) {
    listener.set_name("listeners/l");
    return absl::OkStatus();
  };
  daemon_.on.accept = [](const auto& request, auto&) {
    EXPECT_EQ(request.timeout().nanos(), 1000000);
    return MakeError(Reason::kWaitTimeout, "nobody came");
  };
  const auto listener = Open().Listen({});
  ASSERT_TRUE(listener.ok()) << listener.status();

  EXPECT_TRUE(
      HasReason(listener->AcceptDetached(absl::Milliseconds(1)).status(),
                Reason::kWaitTimeout));
}

TEST_F(DetachedConnectionTest, UpgradesThroughTheProxiesOfHttp) {
  DetachedConnection proxy = Connect();
  incoming_ = "HTTP/1.1 200 OK\r\nVia: x\r\n\r\nrest";

  ASSERT_TRUE(proxy.Write("CONNECT a.test:443 HTTP/1.1\r\n\r\n").ok());
  const auto answer = proxy.ReadThrough("\r\n\r\n");
  const auto connection =
      proxy.Upgrade({.client = ConnectOptions{.server_name = "a.test"}});

  EXPECT_EQ(answer.value_or("error"), "HTTP/1.1 200 OK\r\nVia: x\r\n\r\n");
  EXPECT_EQ(incoming_, "rest");
  EXPECT_TRUE(connection.ok()) << connection.status();
}

TEST_F(DetachedConnectionTest, UpgradesThroughTheProxiesOfSocks) {
  DetachedConnection proxy = Connect();
  incoming_ = std::string("\x05\x00", 2) +
              std::string("\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50", 10);

  // RFC 1928: without authentication; a domain name.
  ASSERT_TRUE(proxy.Write(std::string("\x05\x01\x00", 3)).ok());
  ASSERT_EQ(proxy.ReadExactly(2).value_or("error"), std::string("\x05\x00", 2));
  ASSERT_TRUE(proxy
                  .Write(std::string("\x05\x01\x00\x03\x06"
                                     "a.test\x01\xbb",
                                     13))
                  .ok());
  ASSERT_EQ(proxy.ReadExactly(10).value_or("error")[1], '\0');
  const auto connection =
      proxy.Upgrade({.client = ConnectOptions{.server_name = "a.test"}});

  EXPECT_TRUE(connection.ok()) << connection.status();
  EXPECT_EQ(incoming_, "");
}

TEST_F(DetachedConnectionTest, UpgradesWithoutAttachingToGoOn) {
  DetachedConnection proxy = Connect();

  auto upgraded =
      proxy.UpgradeDetached({.client = ConnectOptions{.server_name = "p"}});

  ASSERT_TRUE(upgraded.ok()) << upgraded.status();
  EXPECT_EQ(upgraded->name(), "connections/tls");
  EXPECT_EQ(attached_.connection(), "");
  EXPECT_TRUE(
      upgraded->Upgrade({.client = ConnectOptions{.server_name = "a.test"}})
          .ok());
  EXPECT_EQ(upgraded_.name(), "connections/tls");
}

TEST_F(DetachedConnectionTest, NeedsOneRoleToUpgrade) {
  DetachedConnection connection = Connect();

  EXPECT_TRUE(
      HasReason(connection.Upgrade({}).status(), Reason::kFieldRequired));
  EXPECT_TRUE(HasReason(connection
                            .UpgradeDetached({.client = ConnectOptions{},
                                              .server = ServerOptions{}})
                            .status(),
                        Reason::kFieldsConflict));
  EXPECT_EQ(upgraded_.name(), "");
}

TEST_F(DetachedConnectionTest, IsClosedWithItsObject) {
  {
    DetachedConnection one = Connect();
    DetachedConnection moved = std::move(one);
    EXPECT_EQ(moved.name(), "connections/c");
    EXPECT_THAT(closed_, IsEmpty());
  }
  EXPECT_THAT(closed_, ElementsAre("connections/c"));
}

TEST_F(DetachedConnectionTest, IsClosedWhenAnotherTakesTheObjectsPlace) {
  DetachedConnection connection = Connect();

  connection = Connect();

  EXPECT_THAT(closed_, ElementsAre("connections/c"));
}

TEST_F(DetachedConnectionTest, IsClosedAfterAHandshakeThatFails) {
  daemon_.on.upgrade = [](const auto&, auto&) {
    return MakeError(Reason::kNotTls, "that is no TLS");
  };
  {
    DetachedConnection connection = Connect();
    EXPECT_TRUE(
        HasReason(connection.Upgrade({.client = ConnectOptions{}}).status(),
                  Reason::kNotTls));
  }
  EXPECT_THAT(closed_, ElementsAre("connections/c"));
}

TEST_F(DetachedConnectionTest, StaysInTheDaemonIfItIsKept) {
  { const DetachedConnection connection = Connect(DetachPolicy::kKeep); }
  {
    const auto connection = Open().GetDetached("connections/c");
    ASSERT_TRUE(connection.ok()) << connection.status();
  }
  EXPECT_THAT(closed_, IsEmpty());
  {
    const auto connection =
        Open().GetDetached("connections/c", DetachPolicy::kClose);
    ASSERT_TRUE(connection.ok()) << connection.status();
  }
  EXPECT_THAT(closed_, ElementsAre("connections/c"));
}

TEST_F(DetachedConnectionTest, IsNotThereIfTheDaemonHasNoneOfThatName) {
  daemon_.on.get_connection = [](const auto&, auto&) {
    return MakeError(Reason::kConnectionNotFound, "none");
  };

  EXPECT_TRUE(HasReason(Open().GetDetached("connections/c").status(),
                        Reason::kConnectionNotFound));
  EXPECT_THAT(closed_, IsEmpty());
}

TEST_F(DetachedConnectionTest, AttachesAndLeavesItToTheStream) {
  {
    DetachedConnection detached = Connect(DetachPolicy::kKeep);
    auto connection = detached.Attach();
    ASSERT_TRUE(connection.ok()) << connection.status();
    EXPECT_TRUE(connection->Close().ok());
    EXPECT_EQ(attached_.connection(), "connections/c");
    EXPECT_EQ(attached_.detach_policy(), v1::DETACH_POLICY_KEEP);
  }
  EXPECT_THAT(closed_, IsEmpty());
}

TEST_F(DetachedConnectionTest, KeepsWhatItCannotAttach) {
  daemon_.on.stream = nullptr;
  {
    DetachedConnection detached = Connect();
    EXPECT_FALSE(detached.Attach().ok());
    EXPECT_THAT(closed_, IsEmpty());
  }
  EXPECT_THAT(closed_, ElementsAre("connections/c"));
}

TEST_F(DetachedConnectionTest, ClosesOnce) {
  {
    DetachedConnection connection = Connect();
    EXPECT_TRUE(connection.Close().ok());
  }
  EXPECT_THAT(closed_, ElementsAre("connections/c"));
}

TEST_F(DetachedConnectionTest, IsLeftToThePipe) {
  v1::PipeRequest seen;
  daemon_.on.pipe = [&](const auto& request, auto&) {
    seen = request;
    return absl::OkStatus();
  };
  {
    DetachedConnection one = Connect();
    DetachedConnection other = Connect();
    EXPECT_TRUE(Open().Pipe(one, other).ok());
    EXPECT_TRUE(Open().Pipe(one, one).ok());
  }
  EXPECT_EQ(seen.name(), "connections/c");
  EXPECT_EQ(seen.peer(), "connections/c");
  EXPECT_THAT(closed_, IsEmpty());
}

TEST_F(DetachedConnectionTest, IsStillOursIfItCannotBePiped) {
  daemon_.on.pipe = [](const auto&, auto&) {
    return MakeError(Reason::kHandlerMismatch, "it echoes");
  };
  {
    DetachedConnection one = Connect();
    DetachedConnection other = Connect();
    EXPECT_TRUE(HasReason(Open().Pipe(one, other), Reason::kHandlerMismatch));
  }
  EXPECT_THAT(closed_, ElementsAre("connections/c", "connections/c"));
}

}  // namespace
}  // namespace tlsd::client
