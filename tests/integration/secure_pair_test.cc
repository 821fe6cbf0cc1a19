// CreateSecurePair: two pairs back to back, joined by this program, complete a
// handshake and carry cleartext.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "tests/integration/carrier_fixture.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::testing {
namespace {

using ::testing::Gt;
using ::testing::Le;

constexpr Joint::How kAll[] = {Joint::How::kStream, Joint::How::kReadWrite,
                               Joint::How::kPipe};
// A queue of the daemon, and what a pair delivers at once.
constexpr int64_t kQueueMax = (64 + 64) * 1024;

INSTANTIATE_IN_BOTH_VERSIONS(SecurePairTest);

TEST_P(SecurePairTest, CompletesAHandshakeHoweverItIsCarried) {
  for (const Joint::How how : kAll) {
    SCOPED_TRACE(HowName(how));
    const Ends ends = MakeEnds();
    const std::unique_ptr<Joint> joint = Join(ends, how);
    AwaitHandshake(ends);

    ExpectCarriesBothWays(ends.client.cleartext(), ends.server.cleartext());

    ASSERT_OK_AND_ASSIGN(const v1::Connection connected,
                         Get(ends.client.cleartext()));
    EXPECT_EQ(connected.handshake().version(), GetParam());
    EXPECT_TRUE(connected.authorized());
    EXPECT_EQ(connected.peer_certificate().subject(), "CN=localhost");
  }
}

TEST_P(SecurePairTest, CarriesOneByteAtATime) {
  for (const Joint::How how : {Joint::How::kStream, Joint::How::kReadWrite}) {
    SCOPED_TRACE(HowName(how));
    const Ends ends = MakeEnds();
    const std::unique_ptr<Joint> joint = Join(ends, how, /*piece_size=*/1);
    AwaitHandshake(ends);

    ExpectCarriesBothWays(ends.client.cleartext(), ends.server.cleartext());
  }
}

TEST_P(SecurePairTest, SaysWhatItIs) {
  const Ends ends = MakeEnds();

  for (const v1::SecurePair& pair : {ends.client, ends.server}) {
    EXPECT_TRUE(pair.cleartext().encrypted());
    EXPECT_EQ(pair.cleartext().state(), v1::Connection::STATE_HANDSHAKING);
    EXPECT_EQ(pair.cleartext().carrier(), pair.encrypted().name());
    EXPECT_FALSE(pair.encrypted().encrypted());
    EXPECT_EQ(pair.encrypted().state(), v1::Connection::STATE_OPEN);
    EXPECT_EQ(pair.encrypted().carrier(), "");
    EXPECT_EQ(pair.encrypted().secure_context(), "");
    for (const v1::Connection& side : {pair.cleartext(), pair.encrypted()}) {
      EXPECT_FALSE(side.has_local_address()) << side.name();
      EXPECT_FALSE(side.has_remote_address()) << side.name();
      EXPECT_EQ(side.listener(), "");
      ASSERT_OK_AND_ASSIGN(const v1::Connection again, Get(side));
      EXPECT_EQ(again.carrier(), side.carrier());
    }
  }
  EXPECT_EQ(ends.client.cleartext().role(), v1::ROLE_CLIENT);
  EXPECT_EQ(ends.server.cleartext().role(), v1::ROLE_SERVER);
  EXPECT_EQ(ends.server.cleartext().secure_context(), "secureContexts/server");
}

TEST_P(SecurePairTest, CountsOnTheWireWhatItsOtherSideCarries) {
  const Ends ends = MakeEnds();
  Complete(ends);
  ASSERT_THAT(Write(ends.client.cleartext(), "count me"), IsOk());
  CarryAll(ends.client.encrypted(), ends.server.encrypted());
  EXPECT_EQ(ReadBytes(ends.server.cleartext(), 8), "count me");

  for (const v1::SecurePair& pair : {ends.client, ends.server}) {
    ASSERT_OK_AND_ASSIGN(const v1::Connection inner, Get(pair.cleartext()));
    ASSERT_OK_AND_ASSIGN(const v1::Connection outer, Get(pair.encrypted()));
    EXPECT_THAT(inner.wire_bytes_sent(), Gt(0));
    EXPECT_EQ(inner.wire_bytes_sent(), outer.cleartext_bytes_received());
    EXPECT_EQ(inner.wire_bytes_received(), outer.cleartext_bytes_sent());
  }
  ASSERT_OK_AND_ASSIGN(const v1::Connection sent, Get(ends.client.cleartext()));
  EXPECT_EQ(sent.cleartext_bytes_sent(), 8);
  EXPECT_EQ(sent.cleartext_bytes_received(), 0);
}

TEST_P(SecurePairTest, TellsWhatHappensToIt) {
  const Ends ends = MakeEnds();
  const std::unique_ptr<Joint> joint = Join(ends);
  AwaitHandshake(ends);
  ASSERT_THAT(Shutdown(ends.client.cleartext()), IsOk());
  ASSERT_OK_AND_ASSIGN(const std::string none,
                       ReadAll(ends.server.cleartext()));
  ASSERT_THAT(Shutdown(ends.server.cleartext()), IsOk());
  ASSERT_OK_AND_ASSIGN(const std::string end, ReadAll(ends.client.cleartext()));
  AwaitClosed(ends.client.cleartext());
  AwaitClosed(ends.client.encrypted());
  AwaitClosed(ends.server.cleartext());
  AwaitClosed(ends.server.encrypted());

  // What each of the four has told, in its order.
  const std::vector<v1::EventType> plain = {v1::EVENT_TYPE_CONNECTION,
                                            v1::EVENT_TYPE_CONNECTION_CLOSED};
  EXPECT_EQ(TypesOf(ends.client.encrypted()), plain);
  EXPECT_EQ(TypesOf(ends.server.encrypted()), plain);
  EXPECT_EQ(TypesOf(ends.server.cleartext()),
            (std::vector<v1::EventType>{v1::EVENT_TYPE_SECURE_CONNECTION,
                                        v1::EVENT_TYPE_CONNECTION_CLOSED}));
  const std::vector<v1::EventType> client = TypesOf(ends.client.cleartext());
  ASSERT_THAT(client.size(), Gt(1));
  EXPECT_THAT(client, ::testing::Contains(v1::EVENT_TYPE_SECURE_CONNECT));
  EXPECT_EQ(client.back(), v1::EVENT_TYPE_CONNECTION_CLOSED);
}

TEST_P(SecurePairTest, TakesTheOptionsOfAListener) {
  const v1::Listener listener = Listen();
  v1::ServerOptions options;
  options.set_listener(listener.name());
  const Ends ends = MakeEnds(options);
  Complete(ends);

  ASSERT_OK_AND_ASSIGN(const v1::Connection server,
                       Get(ends.server.cleartext()));
  EXPECT_EQ(server.listener(), listener.name());
  EXPECT_EQ(server.secure_context(), "secureContexts/server");
  // It is not one of the listener's connections.
  ASSERT_OK_AND_ASSIGN(const v1::Listener after, Get(listener));
  EXPECT_EQ(after.accepted_count(), 0);
  EXPECT_EQ(after.connection_count(), 0);
}

TEST_P(SecurePairTest, ChoosesTheContextOfAServerName) {
  v1::CreateListenerRequest request;
  request.mutable_listener()->set_address("127.0.0.1:0");
  v1::SecureContext other;
  *other.add_credentials() = PemOf(WrongNameServerIdentity());
  request.mutable_listener()->set_secure_context(NewContext(other));
  v1::ServerNameContext& named = *request.add_contexts();
  named.set_server_name("localhost");
  named.set_secure_context("secureContexts/server");
  ASSERT_OK_AND_ASSIGN(const v1::Listener listener, client().Call(request));
  v1::ServerOptions options;
  options.set_listener(listener.name());

  const Ends ends = MakeEnds(options);
  Complete(ends);

  ASSERT_OK_AND_ASSIGN(const v1::Connection server,
                       Get(ends.server.cleartext()));
  EXPECT_EQ(server.secure_context(), "secureContexts/server");
  EXPECT_EQ(server.handshake().server_name(), "localhost");
}

TEST_P(SecurePairTest, HoldsTheWriterWhileNobodyReadsTheCiphertext) {
  const Ends ends = MakeEnds();
  Complete(ends);
  auto writing =
      InBackground([&] { return WriteMuch(ends.client.cleartext(), 2 << 20); });

  EXPECT_FALSE(HasResult(writing, kWhile));
  ASSERT_OK_AND_ASSIGN(const v1::Connection stalled,
                       Get(ends.client.cleartext()));
  EXPECT_THAT(stalled.cleartext_bytes_sent(), Gt(0));
  EXPECT_THAT(stalled.cleartext_bytes_sent(), Le(256 * 1024));

  const std::unique_ptr<Joint> joint = Join(ends);
  ASSERT_OK_AND_ASSIGN(const size_t size, ReadMuch(ends.server.cleartext()));
  EXPECT_EQ(size, 2 << 20);
  EXPECT_THAT(writing.get(), IsOk());
}

TEST_P(SecurePairTest, HoldsTheCarrierWhileNobodyReadsTheCleartext) {
  for (const Joint::How how : kAll) {
    SCOPED_TRACE(HowName(how));
    const Ends ends = MakeEnds();
    const std::unique_ptr<Joint> joint = Join(ends, how);
    AwaitHandshake(ends);
    auto writing = InBackground(
        [&] { return WriteMuch(ends.server.cleartext(), 16 << 20); });

    EXPECT_FALSE(HasResult(writing, kWhile));
    ASSERT_OK_AND_ASSIGN(const v1::Connection reader,
                         Get(ends.client.cleartext()));
    EXPECT_THAT(reader.cleartext_bytes_received(), Le(kQueueMax));
    ASSERT_OK_AND_ASSIGN(const v1::Connection writer,
                         Get(ends.server.cleartext()));
    // Streams have queues of gRPC's between.
    EXPECT_THAT(writer.cleartext_bytes_sent(),
                Le(how == Joint::How::kStream ? 12 << 20 : kHeldMax));

    ASSERT_OK_AND_ASSIGN(const size_t size, ReadMuch(ends.client.cleartext()));
    EXPECT_EQ(size, 16 << 20);
    EXPECT_THAT(writing.get(), IsOk());
  }
}

}  // namespace
}  // namespace tlsd::testing
