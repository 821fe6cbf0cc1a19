// Read, Write and Shutdown: the unary twins of Stream.
#include <future>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "tests/integration/tls_peer.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::testing {
namespace {

class ReadWriteTest : public VersionTest {
 protected:
  static v1::ReadRequest ReadOf(const v1::Connection& connection) {
    v1::ReadRequest request;
    request.set_name(connection.name());
    return request;
  }

  static absl::Status Shutdown(const v1::Connection& connection) {
    v1::ShutdownRequest request;
    request.set_name(connection.name());
    return client().Call(request).status();
  }
};

INSTANTIATE_IN_BOTH_VERSIONS(ReadWriteTest);

TEST_P(ReadWriteTest, CarriesBytesBothWays) {
  const Pair pair = Open(Listen(), GetParam());

  ASSERT_THAT(Write(pair.client, "ping"), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::ReadResponse ping, Read(pair.server));
  ASSERT_THAT(Write(pair.server, "pong"), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::ReadResponse pong, Read(pair.client));

  EXPECT_EQ(ping.data(), "ping");
  EXPECT_FALSE(ping.end());
  EXPECT_EQ(pong.data(), "pong");
}

TEST_P(ReadWriteTest, WaitsForBytes) {
  const Pair pair = Open(Listen(), GetParam());
  auto reading = InBackground([&] { return Read(pair.server); });

  ASSERT_THAT(Write(pair.client, "at last"), IsOk());

  ASSERT_OK_AND_ASSIGN(const v1::ReadResponse read, reading.get());
  EXPECT_EQ(read.data(), "at last");
}

TEST_P(ReadWriteTest, TimesOutAndLosesNothing) {
  const Pair pair = Open(Listen(), GetParam());
  v1::ReadRequest request = ReadOf(pair.server);
  for (const absl::Duration timeout :
       {absl::ZeroDuration(), absl::Milliseconds(50)}) {
    *request.mutable_timeout() = ToProto(timeout);
    EXPECT_THAT(client().Call(request), FailsWith(Reason::kWaitTimeout));
  }

  ASSERT_THAT(Write(pair.client, "later"), IsOk());

  ASSERT_OK_AND_ASSIGN(const v1::ReadResponse read, Read(pair.server));
  EXPECT_EQ(read.data(), "later");
}

TEST_P(ReadWriteTest, ReadsNoMoreThanAsked) {
  const Pair pair = Open(Listen(), GetParam());
  ASSERT_THAT(Write(pair.client, "abcdef"), IsOk());
  v1::ReadRequest request = ReadOf(pair.server);

  request.set_max_bytes(1);
  ASSERT_OK_AND_ASSIGN(const v1::ReadResponse first, client().Call(request));
  request.set_max_bytes(65536);
  ASSERT_OK_AND_ASSIGN(const v1::ReadResponse second, client().Call(request));

  EXPECT_EQ(first.data(), "a");
  EXPECT_EQ(second.data(), "bcdef");
  for (const int32_t bytes : {-1, 65537}) {
    request.set_max_bytes(bytes);
    EXPECT_THAT(client().Call(request),
                FailsWith(Reason::kFieldInvalid, "max_bytes"));
  }
}

TEST_P(ReadWriteTest, GivesTextWhereItIsText) {
  const Pair pair = Open(Listen(), GetParam());
  v1::ReadRequest request = ReadOf(pair.server);
  request.set_as_text(true);

  v1::WriteRequest write;
  write.set_name(pair.client.name());
  write.set_text("\xe2\x82\xac 5");
  ASSERT_THAT(client().Call(write), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::ReadResponse text, client().Call(request));
  ASSERT_THAT(Write(pair.client, "\xc3("), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::ReadResponse data, client().Call(request));

  EXPECT_EQ(text.text(), "\xe2\x82\xac 5");
  EXPECT_EQ(data.data(), "\xc3(");
}

TEST_P(ReadWriteTest, SendsCloseNotifyAndReadsOn) {
  const Pair pair = Open(Listen(), GetParam());
  v1::WriteRequest last;
  last.set_name(pair.client.name());
  last.set_data("last");
  last.set_shut_down(true);

  ASSERT_THAT(client().Call(last), IsOk());

  ASSERT_OK_AND_ASSIGN(const std::string bytes, ReadAll(pair.server));
  EXPECT_EQ(bytes, "last");
  EXPECT_THAT(client().Call(last), FailsWith(Reason::kWriteAfterShutdown));
  EXPECT_THAT(Shutdown(pair.client), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::Connection half, Get(pair.client));
  EXPECT_EQ(half.state(), v1::Connection::STATE_OPEN);
  EXPECT_TRUE(half.shut_down());
  ASSERT_THAT(Write(pair.server, "answer"), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::ReadResponse read, Read(pair.client));
  EXPECT_EQ(read.data(), "answer");
  ASSERT_THAT(Shutdown(pair.server), IsOk());
  ASSERT_OK_AND_ASSIGN(const std::string nothing, ReadAll(pair.client));
  EXPECT_EQ(nothing, "");
  EXPECT_FALSE(AwaitClosed(pair.client).has_failure());
}

TEST_P(ReadWriteTest, ReadsTheEndAgainAndAgain) {
  const Pair pair = Open(Listen(), GetParam());
  ASSERT_THAT(Shutdown(pair.client), IsOk());

  for (int i = 0; i < 2; ++i) {
    ASSERT_OK_AND_ASSIGN(const v1::ReadResponse read, Read(pair.server));
    EXPECT_TRUE(read.end());
    EXPECT_EQ(read.cleartext_case(), v1::ReadResponse::CLEARTEXT_NOT_SET);
  }
}

TEST_P(ReadWriteTest, TellsTruncationFromACleanEnd) {
  const v1::Listener listener = Listen();
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<TlsPeer> peer,
                       TlsPeer::Connect(AddressOf(listener), GetParam()));
  ASSERT_OK_AND_ASSIGN(const v1::Connection server, Accept(listener.name()));
  ASSERT_TRUE(peer->Send("torn"));

  peer->socket().EndSending();

  // What came before is delivered first.
  ASSERT_OK_AND_ASSIGN(const v1::ReadResponse read, Read(server));
  EXPECT_EQ(read.data(), "torn");
  EXPECT_THAT(Read(server), FailsWith(Reason::kTlsTruncated));
  EXPECT_THAT(Write(server, "x"), FailsWith(Reason::kTlsTruncated));
}

TEST_P(ReadWriteTest, LetsOneCallReadAtATime) {
  const Pair pair = Open(Listen(), GetParam());
  auto one = InBackground([&] { return Read(pair.server); });
  auto other = InBackground([&] { return Read(pair.server); });

  // Whichever comes second is told so; the first waits on.
  while (!HasResult(one, absl::Milliseconds(10)) &&
         !HasResult(other, absl::Milliseconds(10))) {
  }
  // Writing is another direction.
  EXPECT_THAT(Write(pair.server, "x"), IsOk());
  ASSERT_THAT(Write(pair.client, "y"), IsOk());

  std::vector<absl::StatusOr<v1::ReadResponse>> reads;
  reads.push_back(one.get());
  reads.push_back(other.get());
  const size_t first = reads[0].ok() ? 0 : 1;
  ASSERT_THAT(reads[first], IsOk());
  EXPECT_EQ(reads[first]->data(), "y");
  EXPECT_THAT(reads[1 - first], FailsWith(Reason::kConnectionAttached));
}

TEST_F(ReadWriteTest, WantsSomethingToWriteAndNotTooMuch) {
  const Pair pair = Open(ListenUnix());
  v1::WriteRequest request;
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kFieldRequired, "name"));
  request.set_name(pair.client.name());
  EXPECT_THAT(client().Call(request), FailsWith(Reason::kFieldRequired));

  auto reading = InBackground([&] { return ReadAll(pair.server); });
  const std::string bytes(1 << 20, 'w');
  EXPECT_THAT(Write(pair.client, bytes), IsOk());
  EXPECT_THAT(Write(pair.client, bytes + "w"),
              FailsWith(Reason::kFieldInvalid, "data"));
  ASSERT_THAT(Shutdown(pair.client), IsOk());
  ASSERT_OK_AND_ASSIGN(const std::string received, reading.get());
  EXPECT_EQ(received.size(), bytes.size());
}

TEST_F(ReadWriteTest, WantsAConnectionThatIsThere) {
  v1::Connection nobody;
  nobody.set_name("connections/c-0123456789abcdef-1");
  EXPECT_THAT(Read(nobody), FailsWith(Reason::kConnectionNotFound));
  EXPECT_THAT(Write(nobody, "x"), FailsWith(Reason::kConnectionNotFound));
  EXPECT_THAT(Shutdown(nobody), FailsWith(Reason::kConnectionNotFound));
  nobody.set_name("connections/../etc");
  EXPECT_THAT(Read(nobody), FailsWith(Reason::kNameInvalid, "name"));
}

}  // namespace
}  // namespace tlsd::testing
