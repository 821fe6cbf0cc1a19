// Connect: where it dials, what it checks, and how it fails.
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "tests/integration/raw_socket.h"
#include "tests/integration/tls_peer.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"

namespace tlsd::testing {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Le;

class ConnectTest : public VersionTest {
 protected:
  static v1::ConnectRequest ToAddress(const std::string& address) {
    v1::ConnectRequest request;
    request.set_address(address);
    request.set_server_name("localhost");
    request.set_secure_context("secureContexts/client");
    return request;
  }

  // ListenAs returns an echo listener with the credentials of `identity`.
  static v1::Listener ListenAs(const TestIdentity& identity) {
    v1::SecureContext context;
    *context.add_credentials() = PemOf(identity);
    context.mutable_credentials(0)->mutable_pem()->set_allow_outside_validity(
        true);
    v1::Listener options;
    options.set_secure_context(NewContext(context));
    options.mutable_echo();
    return Listen(options);
  }
};

INSTANTIATE_IN_BOTH_VERSIONS(ConnectTest);

TEST_P(ConnectTest, TellsWhatWasNegotiatedAtBothEnds) {
  const v1::Listener listener = Listen();

  const Pair pair = Open(listener, GetParam());

  const v1::Connection& client = pair.client;
  const v1::Connection& server = pair.server;
  EXPECT_EQ(client.role(), v1::ROLE_CLIENT);
  EXPECT_EQ(server.role(), v1::ROLE_SERVER);
  EXPECT_EQ(client.state(), v1::Connection::STATE_OPEN);
  EXPECT_EQ(client.handshake().version(), GetParam());
  EXPECT_EQ(client.handshake().protocol(),
            GetParam() == v1::TLS_VERSION_TLS_1_2 ? "TLSv1.2" : "TLSv1.3");
  EXPECT_EQ(client.handshake().cipher(), server.handshake().cipher());
  EXPECT_EQ(client.handshake().group(), "X25519");
  EXPECT_EQ(client.handshake().server_name(), "localhost");
  EXPECT_EQ(server.handshake().server_name(), "localhost");
  EXPECT_FALSE(client.handshake().resumed());
  EXPECT_TRUE(client.authorized());
  EXPECT_THAT(client.authorization_error(), IsEmpty());
  EXPECT_THAT(client.peer_certificate().subject(), HasSubstr("CN=localhost"));
  EXPECT_EQ(client.listener(), "");
  EXPECT_EQ(server.listener(), listener.name());
  EXPECT_EQ(client.local_address().port(), server.remote_address().port());
  EXPECT_EQ(client.remote_address().port(), listener.bound_address().port());
  EXPECT_GT(client.wire_bytes_sent(), 0);
  EXPECT_GT(client.wire_bytes_received(), 0);
  EXPECT_EQ(client.cleartext_bytes_sent(), 0);
  EXPECT_TRUE(client.has_open_time());
  EXPECT_FALSE(client.has_close_time());
}

TEST_P(ConnectTest, ReachesAUnixSocket) {
  const v1::Listener listener = ListenUnix();
  v1::ConnectRequest request = ToConnect(listener, GetParam());

  ASSERT_OK_AND_ASSIGN(const v1::Connection named, client().Call(request));
  EXPECT_TRUE(named.authorized());
  EXPECT_EQ(named.remote_address().family(), "unix");
  EXPECT_EQ(named.remote_address().path(), listener.bound_address().path());
  // There is no name to check unless the caller gives one.
  request.clear_server_name();
  EXPECT_THAT(client().Call(request), FailsWith(Reason::kServerNameInvalid));
  request.set_skip_name_check(true);
  EXPECT_THAT(client().Call(request), IsOk());
}

TEST_P(ConnectTest, TriesBothFamiliesOfAName) {
  // Whichever of ::1 and 127.0.0.1 the host has for the name.
  v1::Listener options;
  options.set_address(":0");
  const v1::Listener both = Listen(options);
  const v1::Listener ipv4 = Listen();

  for (const v1::Listener& listener : {both, ipv4}) {
    v1::ConnectRequest request = ToConnect(listener, GetParam());
    request.set_address(
        absl::StrCat("localhost:", listener.bound_address().port()));
    request.clear_server_name();
    ASSERT_OK_AND_ASSIGN(const v1::Connection made, client().Call(request));
    EXPECT_EQ(made.handshake().server_name(), "localhost");
    EXPECT_TRUE(made.authorized());
  }
}

TEST_P(ConnectTest, ChecksAnIpAddressAndSendsNoNameForIt) {
  const v1::Listener listener = Listen();
  v1::ConnectRequest request = ToConnect(listener, GetParam());
  request.clear_server_name();

  ASSERT_OK_AND_ASSIGN(const v1::Connection made, client().Call(request));

  EXPECT_TRUE(made.authorized());
  ASSERT_OK_AND_ASSIGN(const v1::Connection server, Accept(listener.name()));
  // RFC 6066 3.
  EXPECT_EQ(server.handshake().server_name(), "");
  request.set_server_name("127.0.0.2");
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kPeerCertificateNameMismatch));
}

TEST_P(ConnectTest, ChecksTheNameUnlessTold) {
  const v1::Listener listener = ListenAs(WrongNameServerIdentity());
  v1::ConnectRequest request = ToConnect(listener, GetParam());
  const std::unique_ptr<EventWatch> watch = Watch(listener.name());

  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kPeerCertificateNameMismatch));

  // The server hears why, in an alert.
  ASSERT_OK_AND_ASSIGN(const v1::Event event, watch->Next());
  EXPECT_EQ(event.type(), v1::EVENT_TYPE_CLIENT_ERROR);
  EXPECT_EQ(event.connection().failure().reason(), "PEER_ALERT");
  request.set_skip_name_check(true);
  ASSERT_OK_AND_ASSIGN(const v1::Connection skipped, client().Call(request));
  EXPECT_TRUE(skipped.authorized());
  request.set_skip_name_check(false);
  request.set_verification(v1::PEER_VERIFICATION_REPORT);
  ASSERT_OK_AND_ASSIGN(const v1::Connection reported, client().Call(request));
  EXPECT_FALSE(reported.authorized());
  EXPECT_EQ(reported.authorization_error(), "HOSTNAME_MISMATCH");
}

TEST_P(ConnectTest, RefusesACertificateThatNobodyVouchesFor) {
  const v1::Listener listener = ListenAs(SelfSignedIdentity());
  v1::ConnectRequest request = ToConnect(listener, GetParam());

  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kPeerCertificateUntrusted));

  // The check of the name is not the check of the chain.
  request.set_skip_name_check(true);
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kPeerCertificateUntrusted));
  request.set_verification(v1::PEER_VERIFICATION_REPORT);
  ASSERT_OK_AND_ASSIGN(const v1::Connection reported, client().Call(request));
  EXPECT_FALSE(reported.authorized());
  EXPECT_EQ(reported.authorization_error(), "DEPTH_ZERO_SELF_SIGNED_CERT");
}

TEST_P(ConnectTest, RefusesAnExpiredCertificate) {
  const v1::Listener listener = ListenAs(ExpiredServerIdentity());
  v1::ConnectRequest request = ToConnect(listener, GetParam());

  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kPeerCertificateExpired));

  request.set_verification(v1::PEER_VERIFICATION_REPORT);
  ASSERT_OK_AND_ASSIGN(const v1::Connection reported, client().Call(request));
  EXPECT_EQ(reported.authorization_error(), "CERT_HAS_EXPIRED");
}

TEST_P(ConnectTest, AgreesOnNoVersionThatOneSideLacks) {
  v1::SecureContext context;
  *context.add_credentials() = PemOf(ServerIdentity());
  const bool old = GetParam() == v1::TLS_VERSION_TLS_1_2;
  if (old) {
    context.set_min_version(v1::TLS_VERSION_TLS_1_3);
  } else {
    context.set_max_version(v1::TLS_VERSION_TLS_1_2);
  }
  v1::Listener options;
  options.set_secure_context(NewContext(context));
  const v1::Listener listener = Listen(options);
  const std::unique_ptr<EventWatch> watch = Watch(listener.name());

  const absl::Status refused =
      client().Call(ToConnect(listener, GetParam())).status();

  EXPECT_THAT(refused, AnyOf(FailsWith(Reason::kPeerAlert),
                             FailsWith(Reason::kPeerIncompatible)));
  ASSERT_OK_AND_ASSIGN(const v1::Event event,
                       watch->WaitFor(v1::EVENT_TYPE_CLIENT_ERROR));
  EXPECT_EQ(event.connection().failure().reason(), "PEER_INCOMPATIBLE");
  EXPECT_THAT(client().Call(ToConnect(listener)), IsOk());
}

TEST_P(ConnectTest, ChoosesAnApplicationProtocol) {
  v1::SecureContext server;
  *server.add_credentials() = PemOf(ServerIdentity());
  server.add_alpn_protocols("h2");
  server.add_alpn_protocols("http/1.1");
  v1::Listener options;
  options.set_secure_context(NewContext(server));
  const v1::Listener listener = Listen(options);
  v1::SecureContext offering;
  offering.mutable_trust_anchors()->add_pems(RootIdentity().CertificatePem());
  offering.set_min_version(GetParam());
  offering.set_max_version(GetParam());
  offering.add_alpn_protocols("http/1.1");
  offering.add_alpn_protocols("h2");
  v1::ConnectRequest request = ToConnect(listener);

  request.set_secure_context(NewContext(offering));
  ASSERT_OK_AND_ASSIGN(const v1::Connection made, client().Call(request));

  // In the server's order.
  EXPECT_EQ(made.handshake().alpn_protocol(), "h2");
  offering.clear_alpn_protocols();
  offering.add_alpn_protocols("spdy/1");
  request.set_secure_context(NewContext(offering));
  // RFC 7301 3.2: no_application_protocol.
  EXPECT_THAT(client().Call(request),
              AnyOf(FailsWith(Reason::kNoApplicationProtocol),
                    FailsWith(Reason::kPeerAlert)));
}

TEST_F(ConnectTest, FailsWhereNobodyListens) {
  const RawListener nobody(RawListener::Answer::kRefuses);

  EXPECT_THAT(client().Call(ToAddress(nobody.address())),
              FailsWith(Reason::kConnectRefused));
  EXPECT_FALSE(client().Call(ToAddress("unix:" + UnusedPath())).ok());
}

TEST_F(ConnectTest, FailsForANameWithoutAddress) {
  // RFC 6761 6.4: never resolves.
  EXPECT_THAT(client().Call(ToAddress("nowhere.invalid:443")),
              FailsWith(Reason::kNameNotResolved));
}

TEST_F(ConnectTest, WantsAnAddressToDial) {
  EXPECT_THAT(client().Call(v1::ConnectRequest()),
              FailsWith(Reason::kFieldRequired, "address"));
  for (const char* address : {":443", "localhost:0", "localhost", "unix:x",
                              "127.0.0.1:99999", "user@localhost:443"}) {
    EXPECT_THAT(client().Call(ToAddress(address)),
                FailsWith(Reason::kAddressInvalid, "address"));
  }
}

TEST_F(ConnectTest, WantsFieldsThatMakeSense) {
  const v1::Listener listener = Listen();
  v1::ConnectRequest request = ToConnect(listener);
  request.set_server_name("no name");
  EXPECT_THAT(client().Call(request), FailsWith(Reason::kServerNameInvalid));
  request.set_server_name("localhost");
  request.set_secure_context("secureContexts/nobody");
  EXPECT_THAT(client().Call(request), FailsWith(Reason::kContextNotFound));
  request = ToConnect(listener);
  request.set_verification(static_cast<v1::PeerVerification>(77));
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kFieldInvalid, "verification"));
  request = ToConnect(listener);
  for (const absl::Duration timeout :
       {absl::ZeroDuration(), -absl::Seconds(1), absl::Hours(2)}) {
    *request.mutable_timeout() = ToProto(timeout);
    EXPECT_THAT(client().Call(request),
                FailsWith(Reason::kFieldInvalid, "timeout"));
  }
}

TEST_F(ConnectTest, GivesUpOnASilentServerInTime) {
  RawListener silent;
  v1::ConnectRequest request = ToAddress(silent.address());
  *request.mutable_timeout() = ToProto(absl::Milliseconds(200));

  EXPECT_THAT(client().Call(request), FailsWith(Reason::kHandshakeTimeout));

  // The server is told: ClientHello, then the end.
  ASSERT_OK_AND_ASSIGN(RawSocket server, silent.Accept());
  std::string ciphertext;
  EXPECT_EQ(server.Receive(ciphertext), RawSocket::End::kEnd);
  EXPECT_THAT(AlertsIn(ciphertext), HasSubstr("90"));
}

TEST_F(ConnectTest, GivesUpOnAnAddressThatDoesNotAnswer) {
  // A full queue of a listener that accepts nothing: Linux drops further SYNs.
  const RawListener full(RawListener::Answer::kAccepts, /*backlog=*/0);
  ASSERT_OK_AND_ASSIGN(const RawSocket queued,
                       RawSocket::Connect(full.address()));
  v1::ConnectRequest request = ToAddress(full.address());
  *request.mutable_timeout() = ToProto(absl::Milliseconds(200));

  EXPECT_THAT(client().Call(request), FailsWith(Reason::kConnectTimeout));
}

TEST_F(ConnectTest, LeavesNothingBehindWhenTheCallEnds) {
  for (const bool cancel : {false, true}) {
    RawListener silent;
    CallContext context(cancel ? kCallTimeout : absl::Milliseconds(300));
    auto connecting = InBackground([&] {
      return client().Call(ToAddress(silent.address()), &context).status();
    });
    ASSERT_OK_AND_ASSIGN(RawSocket server, silent.Accept());

    if (cancel) context.Cancel();

    EXPECT_EQ(connecting.get().code(),
              cancel ? absl::StatusCode::kCancelled
                     : absl::StatusCode::kDeadlineExceeded);
    std::string ciphertext;
    EXPECT_EQ(server.Receive(ciphertext), RawSocket::End::kEnd);
  }
}

TEST_F(ConnectTest, TellsPlainHttpFromTls) {
  RawListener http;
  auto connecting =
      InBackground([&] { return client().Call(ToAddress(http.address())); });
  ASSERT_OK_AND_ASSIGN(RawSocket server, http.Accept());

  ASSERT_TRUE(server.Send("HTTP/1.1 400 Bad Request\r\n\r\n"));

  EXPECT_THAT(connecting.get(), FailsWith(Reason::kNotTls));
}

TEST_F(ConnectTest, FailsWhenTheServerEndsDuringTheHandshake) {
  RawListener listener;
  auto connecting = InBackground(
      [&] { return client().Call(ToAddress(listener.address())); });
  ASSERT_OK_AND_ASSIGN(RawSocket server, listener.Accept());

  server.EndSending();

  EXPECT_THAT(connecting.get(), FailsWith(Reason::kTlsTruncated));
}

}  // namespace
}  // namespace tlsd::testing
