// Listeners: where they listen, what they refuse, and their limits.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "tests/integration/raw_socket.h"
#include "tests/integration/tls_peer.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::testing {
namespace {

using ::testing::AnyOf;
using ::testing::Gt;

class ListenerTest : public DaemonTest {
 protected:
  static absl::StatusOr<v1::Listener> Create(v1::Listener listener,
                                             const std::string& id = "") {
    if (listener.secure_context().empty()) {
      listener.set_secure_context("secureContexts/server");
    }
    v1::CreateListenerRequest request;
    request.set_listener_id(id);
    *request.mutable_listener() = std::move(listener);
    return client().Call(request);
  }

  static absl::StatusOr<v1::Listener> CreateAt(const std::string& address) {
    v1::Listener listener;
    listener.set_address(address);
    listener.mutable_echo();
    return Create(listener);
  }

  static void ExpectEcho(v1::ConnectRequest request) {
    ASSERT_OK_AND_ASSIGN(const v1::Connection connection,
                         client().Call(request));
    const std::unique_ptr<StreamClient> stream = Attach(connection);

    EXPECT_TRUE(stream->SendData("hello"));
    EXPECT_EQ(stream->ReceiveBytes(5), "hello");
    stream->HalfClose();
    EXPECT_EQ(stream->ReceiveAll(), "");

    EXPECT_TRUE(stream->has_end());
    EXPECT_THAT(stream->Finish(), IsOk());
  }

  static v1::ConnectRequest ToAddress(const std::string& address) {
    v1::ConnectRequest request;
    request.set_address(address);
    request.set_server_name("localhost");
    request.set_secure_context("secureContexts/client");
    return request;
  }
};

TEST_F(ListenerTest, EchoesOverIpv4) {
  const v1::Listener listener = ListenEcho();

  EXPECT_EQ(listener.bound_address().family(), "IPv4");
  EXPECT_THAT(listener.bound_address().port(), Gt(0));
  EXPECT_EQ(listener.state(), v1::Listener::STATE_ACTIVE);
  ExpectEcho(ToConnect(listener));
}

TEST_F(ListenerTest, EchoesOverIpv6) {
  const absl::StatusOr<v1::Listener> listener = CreateAt("[::1]:0");
  if (!listener.ok()) GTEST_SKIP() << "no IPv6 here: " << listener.status();

  EXPECT_EQ(listener->bound_address().family(), "IPv6");
  ExpectEcho(ToAddress(AddressOf(*listener)));
}

TEST_F(ListenerTest, EchoesAtAName) {
  ASSERT_OK_AND_ASSIGN(const v1::Listener listener, CreateAt("localhost:0"));

  ExpectEcho(ToAddress(AddressOf(listener)));
}

TEST_F(ListenerTest, EchoesInBothFamiliesOnEveryInterface) {
  v1::Listener options;
  options.set_address(":0");
  const v1::Listener listener = Listen(options);
  const int port = listener.bound_address().port();

  ASSERT_THAT(client().Call(ToAddress(absl::StrCat("127.0.0.1:", port))),
              IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::Connection ipv4, Accept(listener.name()));
  EXPECT_EQ(ipv4.remote_address().family(), "IPv4");
  EXPECT_EQ(ipv4.remote_address().address(), "127.0.0.1");
  EXPECT_EQ(ipv4.local_address().address(), "127.0.0.1");
  if (listener.bound_address().family() == "IPv4") return;
  ASSERT_THAT(client().Call(ToAddress(absl::StrCat("[::1]:", port))), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::Connection ipv6, Accept(listener.name()));
  EXPECT_EQ(ipv6.remote_address().family(), "IPv6");
}

TEST_F(ListenerTest, EchoesOverAUnixSocketAndRemovesIt) {
  const std::string path = UnusedPath();
  ASSERT_OK_AND_ASSIGN(const v1::Listener listener, CreateAt("unix:" + path));

  EXPECT_EQ(listener.bound_address().family(), "unix");
  EXPECT_EQ(listener.bound_address().path(), path);
  ExpectEcho(ToConnect(listener));
  const std::unique_ptr<EventWatch> watch = Watch(listener.name());
  v1::DeleteListenerRequest request;
  request.set_name(listener.name());
  *request.mutable_drain_timeout() = ToProto(absl::ZeroDuration());
  ASSERT_THAT(client().Call(request), IsOk());
  ASSERT_THAT(watch->WaitFor(v1::EVENT_TYPE_LISTENER_CLOSED), IsOk());

  // The socket is closed on its loop: a connection that is refused says so.
  EXPECT_FALSE(RawSocket::Connect("unix:" + path).ok());
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(ListenerTest, LeavesFilesAlone) {
  const std::string path = UnusedPath();
  std::ofstream(path) << "precious";

  EXPECT_THAT(CreateAt("unix:" + path),
              FailsWith(Reason::kAddressInUse, "listener.address"));

  std::string content;
  std::ifstream(path) >> content;
  EXPECT_EQ(content, "precious");
}

TEST_F(ListenerTest, RefusesAnAddressInUseAndKeepsNothing) {
  const v1::Listener first = ListenEcho();
  v1::Listener again;
  again.set_address(AddressOf(first));

  EXPECT_THAT(Create(again, "second"),
              FailsWith(Reason::kAddressInUse, "listener.address"));

  v1::Listener second;
  second.set_name("listeners/second");
  EXPECT_THAT(Get(second), FailsWith(Reason::kListenerNotFound));
  again.set_address("127.0.0.1:0");
  EXPECT_THAT(Create(again, "second"), IsOk());
  ExpectEcho(ToConnect(first));
}

TEST_F(ListenerTest, RefusesAnAddressOfAnotherHost) {
  // RFC 5737: nobody has it.
  EXPECT_THAT(CreateAt("203.0.113.1:0"),
              FailsWith(Reason::kAddressUnavailable, "listener.address"));
  EXPECT_THAT(CreateAt("unix:/nonexistent/socket"),
              FailsWith(Reason::kAddressUnavailable, "listener.address"));
}

TEST_F(ListenerTest, RefusesAFolderThatItMayNotWrite) {
  // Not even root may make files in /proc; what the kernel says differs.
  const absl::StatusOr<v1::Listener> refused = CreateAt("unix:/proc/socket");

  EXPECT_THAT(refused, AnyOf(FailsWith(Reason::kAddressDenied),
                             FailsWith(Reason::kAddressUnavailable)));
  if (geteuid() == 0) return;
  const std::string folder = UnusedPath();
  std::filesystem::create_directory(folder);
  std::filesystem::permissions(folder, std::filesystem::perms::owner_read);
  EXPECT_THAT(CreateAt(absl::StrCat("unix:", folder, "/socket")),
              FailsWith(Reason::kAddressDenied, "listener.address"));
}

TEST_F(ListenerTest, RefusesWhatIsNoAddress) {
  EXPECT_THAT(CreateAt(""),
              FailsWith(Reason::kFieldRequired, "listener.address"));
  for (const std::string& address :
       {std::string("localhost"), std::string("127.0.0.1:65536"),
        std::string("127.0.0.1:-1"), std::string("127.0.0.1:"),
        std::string("[::1:80"), std::string("::1:80"), std::string("unix:"),
        std::string("unix:relative"), "unix:/" + std::string(200, 'x'),
        std::string("1.2.3:80"), std::string("http://localhost:80"),
        std::string("a b:80"), std::string("local\0host:80", 13),
        std::string(100000, ':')}) {
    EXPECT_THAT(CreateAt(address),
                FailsWith(Reason::kAddressInvalid, "listener.address"))
        << address;
  }
  EXPECT_THAT(CreateAt("nowhere.invalid:0"),
              FailsWith(Reason::kNameNotResolved, "listener.address"));
}

TEST_F(ListenerTest, WantsAContextWithCredentials) {
  v1::Listener listener;
  listener.set_address("127.0.0.1:0");
  listener.set_secure_context("secureContexts/client");
  EXPECT_THAT(Create(listener), FailsWith(Reason::kCredentialsRequired,
                                          "listener.secure_context"));
  listener.set_secure_context("secureContexts/nobody");
  EXPECT_THAT(Create(listener), FailsWith(Reason::kContextNotFound));
  listener.set_secure_context("server");
  EXPECT_THAT(Create(listener),
              FailsWith(Reason::kNameInvalid, "listener.secure_context"));
}

TEST_F(ListenerTest, WantsAFreshId) {
  v1::Listener listener;
  listener.set_address("127.0.0.1:0");

  ASSERT_OK_AND_ASSIGN(const v1::Listener made, Create(listener, "once"));

  EXPECT_EQ(made.name(), "listeners/once");
  EXPECT_THAT(Create(listener, "once"), FailsWith(Reason::kListenerExists));
  EXPECT_THAT(Create(listener, "-once"),
              FailsWith(Reason::kIdInvalid, "listener_id"));
}

TEST_F(ListenerTest, HoldsLimitsToTheirRange) {
  v1::Listener listener;
  listener.set_address("127.0.0.1:0");
  for (const int32_t count : {-1, 1000001}) {
    listener.set_max_connections(count);
    EXPECT_THAT(Create(listener),
                FailsWith(Reason::kFieldInvalid, "listener.max_connections"));
  }
  listener.set_max_connections(1000000);
  EXPECT_THAT(Create(listener), IsOk());
  for (const absl::Duration timeout : {absl::ZeroDuration(), -absl::Seconds(1),
                                       absl::Hours(1) + absl::Seconds(1)}) {
    *listener.mutable_handshake_timeout() = ToProto(timeout);
    EXPECT_THAT(Create(listener),
                FailsWith(Reason::kFieldInvalid, "listener.handshake_timeout"));
  }
  *listener.mutable_handshake_timeout() = ToProto(absl::Hours(1));
  EXPECT_THAT(Create(listener), IsOk());
}

TEST_F(ListenerTest, ShowsItsDefaultsAndIsListed) {
  const v1::Listener listener = Listen();

  EXPECT_TRUE(listener.has_stream());
  EXPECT_EQ(listener.max_connections(), 10000);
  EXPECT_EQ(FromProto(listener.handshake_timeout()), absl::Seconds(120));
  v1::ListListenersRequest request;
  request.set_page_size(1000);
  ASSERT_OK_AND_ASSIGN(const v1::ListListenersResponse all,
                       client().Call(request));
  bool found = false;
  std::string last;
  for (const v1::Listener& listed : all.listeners()) {
    EXPECT_LT(last, listed.name());
    last = listed.name();
    found |= listed.SerializeAsString() == listener.SerializeAsString();
  }
  EXPECT_TRUE(found);
}

TEST_F(ListenerTest, TurnsAwayWhatIsAboveMaxConnections) {
  v1::Listener options;
  options.set_max_connections(2);
  const v1::Listener listener = Listen(options);
  const std::unique_ptr<EventWatch> watch = Watch(listener.name());
  const Pair first = Open(listener);
  const Pair second = Open(listener);

  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(client().Call(ToConnect(listener)).ok());
  }

  ASSERT_OK_AND_ASSIGN(const v1::Event event,
                       watch->WaitFor(v1::EVENT_TYPE_CONNECTION_REJECTED));
  EXPECT_EQ(event.subject(), listener.name());
  EXPECT_EQ(event.listener().rejected_count(), 1);
  ASSERT_OK_AND_ASSIGN(const v1::Listener full, Get(listener));
  EXPECT_EQ(full.rejected_count(), 3);
  EXPECT_EQ(full.accepted_count(), 2);
  EXPECT_EQ(full.connection_count(), 2);
  // The next event that the watch sees is not another rejection.
  v1::CloseRequest close;
  close.set_name(first.server.name());
  ASSERT_THAT(client().Call(close), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::Event next, watch->Next());
  EXPECT_EQ(next.type(), v1::EVENT_TYPE_CONNECTION_CLOSED);
  EXPECT_THAT(client().Call(ToConnect(listener)), IsOk());
}

class HandshakeTimeoutTest : public ListenerTest {
 protected:
  static v1::Listener ListenImpatiently() {
    v1::Listener options;
    *options.mutable_handshake_timeout() = ToProto(absl::Milliseconds(300));
    return Listen(options);
  }
};

TEST_F(HandshakeTimeoutTest, TellsALatePeerWithAnAlert) {
  const v1::Listener listener = ListenImpatiently();
  const std::unique_ptr<EventWatch> watch = Watch(listener.name());
  ASSERT_OK_AND_ASSIGN(RawSocket peer, RawSocket::Connect(AddressOf(listener)));

  ASSERT_TRUE(peer.Send(kHalfClientHello));

  std::string ciphertext;
  EXPECT_EQ(peer.Receive(ciphertext), RawSocket::End::kEnd);
  // RFC 8446 6: user_canceled.
  EXPECT_THAT(AlertsIn(ciphertext), AnyOf("fatal 90", "warning 90"));
  ASSERT_OK_AND_ASSIGN(const v1::Event event,
                       watch->WaitFor(v1::EVENT_TYPE_CLIENT_ERROR));
  EXPECT_EQ(event.connection().listener(), listener.name());
  EXPECT_EQ(event.connection().failure().reason(), "HANDSHAKE_TIMEOUT");
}

TEST_F(HandshakeTimeoutTest, EndsASilentPeer) {
  const v1::Listener listener = ListenImpatiently();
  const std::unique_ptr<EventWatch> watch = Watch(listener.name());
  ASSERT_OK_AND_ASSIGN(RawSocket peer, RawSocket::Connect(AddressOf(listener)));

  std::string nothing;
  EXPECT_EQ(peer.Receive(nothing), RawSocket::End::kEnd);

  EXPECT_EQ(nothing, "");
  ASSERT_OK_AND_ASSIGN(const v1::Event event,
                       watch->WaitFor(v1::EVENT_TYPE_CLIENT_ERROR));
  EXPECT_EQ(event.connection().failure().reason(), "HANDSHAKE_TIMEOUT");
  // The count follows the event.
  v1::Listener after;
  do {
    ASSERT_OK_AND_ASSIGN(after, Get(listener));
  } while (after.connection_count() > 0);
}

TEST_F(HandshakeTimeoutTest, DoesNotTouchAConnectionThatIsOpen) {
  const v1::Listener listener = ListenImpatiently();
  const std::unique_ptr<EventWatch> watch = Watch(listener.name());
  const Pair pair = Open(listener);
  // Another peer's timeout, later than that of the first would be.
  ASSERT_OK_AND_ASSIGN(const RawSocket late,
                       RawSocket::Connect(AddressOf(listener)));

  ASSERT_THAT(watch->WaitFor(v1::EVENT_TYPE_CLIENT_ERROR), IsOk());

  ASSERT_OK_AND_ASSIGN(const v1::Connection server, Get(pair.server));
  EXPECT_EQ(server.state(), v1::Connection::STATE_OPEN);
}

}  // namespace
}  // namespace tlsd::testing
