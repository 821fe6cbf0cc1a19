#include "client/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "client/client.h"
#include "proto/status/error.h"
#include "tests/unit/client/fake_daemon.h"

namespace tlsd::client {
namespace {

using testing::CleartextStream;
using testing::Data;
using testing::End;
using testing::ReadAll;

using StreamScript =
    std::function<absl::Status(const v1::StreamAttach&, CleartextStream&)>;

class ConnectionTest : public ::testing::Test {
 protected:
  // Attach returns a connection whose daemon's side does what `script` says.
  Connection Attach(StreamScript script,
                    DetachPolicy policy = DetachPolicy::kClose) {
    daemon_.on.stream = std::move(script);
    const absl::StatusOr<Client> client = Client::Open(daemon_.address());
    EXPECT_TRUE(client.ok()) << client.status();
    absl::StatusOr<Connection> connection =
        client->Attach("connections/c", policy);
    EXPECT_TRUE(connection.ok()) << connection.status();
    return *std::move(connection);
  }

  testing::FakeDaemon daemon_;
};

// Echo sends back what it gets, and ends when the client does.
absl::Status Echo(const v1::StreamAttach&, CleartextStream& stream) {
  v1::StreamRequest request;
  while (stream.Read(&request)) stream.Write(Data(request.data()));
  stream.Write(End());
  return absl::OkStatus();
}

TEST_F(ConnectionTest, CarriesCleartextBothWays) {
  Connection connection = Attach(Echo);
  const std::string binary("\0\xff\r\n", 4);

  ASSERT_TRUE(connection.Write(binary).ok());
  const absl::StatusOr<std::string> echoed = connection.Read();

  ASSERT_TRUE(echoed.ok()) << echoed.status();
  EXPECT_EQ(*echoed, binary);
}

TEST_F(ConnectionTest, AttachesByNameWithItsPolicy) {
  v1::StreamAttach seen;
  Connection connection = Attach(
      [&](const v1::StreamAttach& attach, CleartextStream& stream) {
        seen = attach;
        return Echo(attach, stream);
      },
      DetachPolicy::kKeep);
  ASSERT_TRUE(connection.Close().ok());

  EXPECT_EQ(connection.name(), "connections/c");
  EXPECT_EQ(seen.connection(), "connections/c");
  EXPECT_EQ(seen.detach_policy(), v1::DETACH_POLICY_KEEP);
}

TEST_F(ConnectionTest, GetsThePeersCertificate) {
  Connection connection = Attach(Echo);
  daemon_.on.get_peer_certificate = [](const auto& request, auto& response) {
    EXPECT_EQ(request.name(), "connections/c");
    response.mutable_certificate()->set_subject("CN=p");
    if (request.detailed()) response.add_sent()->set_subject("CN=p");
    return absl::OkStatus();
  };

  const auto certificate = connection.GetPeerCertificate();
  const auto chain = connection.GetPeerCertificate(ChainDetail::kChain);

  ASSERT_TRUE(certificate.ok()) << certificate.status();
  EXPECT_EQ(certificate->certificate->subject, "CN=p");
  EXPECT_TRUE(certificate->sent.empty());
  ASSERT_TRUE(chain.ok()) << chain.status();
  EXPECT_EQ(chain->sent.size(), 1u);
}

TEST_F(ConnectionTest, HasNoPeersCertificateBeforeTheHandshakeIsComplete) {
  Connection connection = Attach(Echo);
  daemon_.on.get_peer_certificate = [](const auto&, auto&) {
    return MakeError(Reason::kHandshakeNotComplete, "not yet");
  };

  EXPECT_TRUE(HasReason(connection.GetPeerCertificate().status(),
                        Reason::kHandshakeNotComplete));
}

TEST_F(ConnectionTest, SplitsLargeWrites) {
  std::vector<size_t> sizes;
  Connection connection =
      Attach([&](const v1::StreamAttach&, CleartextStream& stream) {
        v1::StreamRequest request;
        while (stream.Read(&request)) sizes.push_back(request.data().size());
        stream.Write(End());
        return absl::OkStatus();
      });

  ASSERT_TRUE(
      connection.Write(std::string(2 * kWrittenMessageBytesMax + 1, 'x')).ok());
  ASSERT_TRUE(connection.Close().ok());

  EXPECT_THAT(sizes, ::testing::ElementsAre(kWrittenMessageBytesMax,
                                            kWrittenMessageBytesMax, 1));
}

TEST_F(ConnectionTest, SendsNothingForAnEmptyWrite) {
  std::string got = "?";
  Connection connection =
      Attach([&](const v1::StreamAttach&, CleartextStream& stream) {
        got = ReadAll(stream);
        stream.Write(End());
        return absl::OkStatus();
      });

  EXPECT_TRUE(connection.Write("").ok());
  ASSERT_TRUE(connection.Close().ok());

  EXPECT_EQ(got, "");
}

TEST_F(ConnectionTest, ReadsOnAfterShutdown) {
  Connection connection =
      Attach([](const v1::StreamAttach&, CleartextStream& stream) {
        const std::string got = ReadAll(stream);
        stream.Write(Data("got " + got));
        stream.Write(End());
        return absl::OkStatus();
      });

  ASSERT_TRUE(connection.Write("abc").ok());
  ASSERT_TRUE(connection.Shutdown().ok());

  EXPECT_EQ(connection.Read().value_or("error"), "got abc");
  EXPECT_EQ(connection.Read().value_or("error"), "");
  EXPECT_EQ(connection.Read().value_or("error"), "");
}

TEST_F(ConnectionTest, WritesOnAfterThePeerHasEnded) {
  std::string got;
  Connection connection =
      Attach([&](const v1::StreamAttach&, CleartextStream& stream) {
        stream.Write(End());
        got = ReadAll(stream);
        return absl::OkStatus();
      });

  EXPECT_EQ(connection.Read().value_or("error"), "");
  EXPECT_TRUE(connection.Write("late").ok());
  ASSERT_TRUE(connection.Close().ok());

  EXPECT_EQ(got, "late");
}

TEST_F(ConnectionTest, RefusesToWriteAfterShutdown) {
  Connection connection = Attach(Echo);
  ASSERT_TRUE(connection.Shutdown().ok());

  EXPECT_TRUE(connection.Shutdown().ok());
  EXPECT_TRUE(HasReason(connection.Write("x"), Reason::kWriteAfterShutdown));
}

TEST_F(ConnectionTest, DeliversWhatCameBeforeATruncation) {
  Connection connection =
      Attach([](const v1::StreamAttach&, CleartextStream& stream) {
        stream.Write(Data("abc"));
        stream.Write(Data("def"));
        return MakeError(Reason::kTlsTruncated, "no close_notify");
      });

  EXPECT_EQ(connection.Read().value_or("error"), "abc");
  EXPECT_EQ(connection.Read().value_or("error"), "def");
  EXPECT_TRUE(HasReason(connection.Read().status(), Reason::kTlsTruncated));
  EXPECT_TRUE(HasReason(connection.Read().status(), Reason::kTlsTruncated));
}

TEST_F(ConnectionTest, TellsAWriterThatTheConnectionHasEnded) {
  Connection connection = Attach([](const v1::StreamAttach&, CleartextStream&) {
    return MakeError(Reason::kPeerAlert, "alert");
  });

  absl::Status written;
  while (written.ok()) written = connection.Write("x");

  EXPECT_TRUE(HasReason(written, Reason::kConnectionClosed));
  EXPECT_TRUE(HasReason(connection.Read().status(), Reason::kPeerAlert));
}

TEST_F(ConnectionTest, LosesNothingToATimeout) {
  absl::Notification timed_out;
  Connection connection =
      Attach([&](const v1::StreamAttach& attach, CleartextStream& stream) {
        timed_out.WaitForNotification();
        stream.Write(Data("late"));
        return Echo(attach, stream);
      });

  EXPECT_TRUE(HasReason(connection.Read(absl::Milliseconds(5)).status(),
                        Reason::kWaitTimeout));
  timed_out.Notify();

  EXPECT_EQ(connection.Read().value_or("error"), "late");
}

TEST_F(ConnectionTest, CancelWakesAReaderInAnotherThread) {
  Connection connection = Attach(Echo);
  absl::Status status;
  std::thread reader([&] { status = connection.Read().status(); });

  connection.Cancel();
  reader.join();

  EXPECT_TRUE(HasReason(status, Reason::kCallCancelled));
}

TEST_F(ConnectionTest, HoldsAWriterWhileTheDaemonDoesNotReadAndCancelWakesIt) {
  absl::Notification attached;
  absl::Notification finish;
  Connection connection =
      Attach([&](const v1::StreamAttach&, CleartextStream&) {
        attached.Notify();
        finish.WaitForNotification();
        return absl::OkStatus();
      });
  constexpr int64_t kFarMoreThanIsQueued = int64_t{4} << 30;
  const std::string piece(kWrittenMessageBytesMax, 'x');
  int64_t written = 0;
  std::thread writer([&] {
    while (written < kFarMoreThanIsQueued && connection.Write(piece).ok()) {
      written += piece.size();
    }
  });

  attached.WaitForNotification();
  connection.Cancel();
  writer.join();
  finish.Notify();

  EXPECT_LT(written, kFarMoreThanIsQueued);
}

TEST_F(ConnectionTest, ReadsAndWritesInTwoThreads) {
  Connection connection = Attach(Echo);
  constexpr int kPieces = 200;
  const std::string piece(10000, 'x');
  std::thread writer([&] {
    for (int i = 0; i < kPieces; ++i) connection.Write(piece).IgnoreError();
    connection.Shutdown().IgnoreError();
  });

  size_t received = 0;
  absl::StatusOr<std::string> cleartext = connection.Read();
  while (cleartext.ok() && !cleartext->empty()) {
    received += cleartext->size();
    cleartext = connection.Read();
  }
  writer.join();

  EXPECT_TRUE(cleartext.ok()) << cleartext.status();
  EXPECT_EQ(received, kPieces * piece.size());
}

TEST_F(ConnectionTest, DestroyingItEndsTheStream) {
  absl::Notification ended;
  {
    Connection connection =
        Attach([&](const v1::StreamAttach&, CleartextStream& stream) {
          ReadAll(stream);
          ended.Notify();
          return absl::OkStatus();
        });
  }
  ended.WaitForNotification();
}

TEST_F(ConnectionTest, DestroyingItWithCleartextUnreadIsFine) {
  absl::Notification ended;
  {
    Connection connection =
        Attach([&](const v1::StreamAttach&, CleartextStream& stream) {
          stream.Write(Data("abc"));
          stream.Write(Data("def"));
          ReadAll(stream);
          ended.Notify();
          return absl::OkStatus();
        });
    EXPECT_EQ(connection.Read().value_or("error"), "abc");
  }
  ended.WaitForNotification();
}

TEST_F(ConnectionTest, CloseDropsWhatThePeerStillSends) {
  Connection connection =
      Attach([](const v1::StreamAttach&, CleartextStream& stream) {
        stream.Write(Data("unread"));
        ReadAll(stream);
        stream.Write(End());
        return absl::OkStatus();
      });

  EXPECT_TRUE(connection.Close().ok());
}

TEST_F(ConnectionTest, CloseTakesATruncatedEndForAnEnd) {
  Connection connection =
      Attach([](const v1::StreamAttach&, CleartextStream& stream) {
        ReadAll(stream);
        return MakeError(Reason::kTlsTruncated, "no close_notify");
      });

  EXPECT_TRUE(connection.Close().ok());
}

TEST_F(ConnectionTest, CloseTellsOfAFailure) {
  Connection connection =
      Attach([](const v1::StreamAttach&, CleartextStream& stream) {
        ReadAll(stream);
        return MakeError(Reason::kTransportReset, "reset");
      });

  EXPECT_TRUE(HasReason(connection.Close(), Reason::kTransportReset));
}

TEST_F(ConnectionTest, CloseWaitsNoLongerThanItLingers) {
  std::atomic<bool> closed = false;
  absl::Notification finish;
  daemon_.on.close = [&](const v1::CloseRequest& request, v1::Connection&) {
    closed = request.name() == "connections/c";
    return absl::OkStatus();
  };
  Connection connection =
      Attach([&](const v1::StreamAttach&, CleartextStream& stream) {
        ReadAll(stream);
        finish.WaitForNotification();
        return absl::OkStatus();
      });

  EXPECT_TRUE(connection.Close(absl::Milliseconds(5)).ok());
  finish.Notify();

  EXPECT_TRUE(closed);
}

TEST_F(ConnectionTest, TellsWhenItsDaemonIsGone) {
  auto doomed = std::make_unique<testing::FakeDaemon>();
  doomed->on.stream = Echo;
  const absl::StatusOr<Client> client = Client::Open(doomed->address());
  ASSERT_TRUE(client.ok());
  absl::StatusOr<Connection> connection = client->Attach("connections/c");
  ASSERT_TRUE(connection.ok());

  doomed.reset();

  EXPECT_FALSE(connection->Read().ok());
  EXPECT_TRUE(IsDaemonUnreachable(client->GetDaemonFacts().status()));
}

}  // namespace
}  // namespace tlsd::client
