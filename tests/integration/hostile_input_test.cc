// Whatever arrives, over gRPC or from a peer, gets an answer; the daemon lives
// on.
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "tests/integration/raw_socket.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::Not;

class HostileInputTest : public DaemonTest {
 protected:
  // ExpectRefusal expects an error of the daemon's own.
  template <typename Request>
  static void ExpectRefusal(const Request& request) {
    const absl::Status status = client().Call(request).status();
    EXPECT_FALSE(status.ok()) << request.ShortDebugString().substr(0, 200);
    EXPECT_TRUE(GetErrorDetail(status).has_value()) << status;
    EXPECT_NE(status.code(), absl::StatusCode::kInternal) << status;
  }

  // Odd strings for a field that is no free text.
  static std::vector<std::string> OddStrings() {
    return {"",
            "x",
            "/",
            "//",
            "connections/",
            "listeners/",
            "secureContexts/",
            "connections/c-",
            "connections/c--1",
            "connections/c-99999999999999999999",
            "connections/c-0123456789abcdef-2147483647",
            "connections/c-0123456789abcdef-2",
            "listeners/../../etc/passwd",
            std::string("listeners/a\0b", 13),
            "listeners/" + std::string(1000000, 'a'),
            std::string(1000000, '\x01'),
            "\xed\x9f\xbf\xf0\x9f\x92\xa5"};
  }

  static void ExpectAlive() {
    EXPECT_THAT(client().Call(v1::GetServerInfoRequest()), IsOk());
  }

  template <typename Request>
  static void NameEverything() {
    for (const std::string& name : OddStrings()) {
      Request request;
      request.set_name(name);
      ExpectRefusal(request);
    }
  }
};

TEST_F(HostileInputTest, OddNamesAreRefusedByEveryMethod) {
  NameEverything<v1::GetSecureContextRequest>();
  NameEverything<v1::DeleteSecureContextRequest>();
  NameEverything<v1::GetListenerRequest>();
  NameEverything<v1::DeleteListenerRequest>();
  NameEverything<v1::GetConnectionRequest>();
  NameEverything<v1::ReadRequest>();
  NameEverything<v1::WriteRequest>();
  NameEverything<v1::ShutdownRequest>();
  NameEverything<v1::CloseRequest>();
  NameEverything<v1::ResetRequest>();
  for (const std::string& text : OddStrings()) {
    v1::AcceptRequest accept;
    accept.set_listener(text);
    ExpectRefusal(accept);
    v1::ConnectRequest connect;
    connect.set_address(text);
    ExpectRefusal(connect);
    v1::CreateListenerRequest create;
    create.mutable_listener()->set_address("127.0.0.1:0");
    create.mutable_listener()->set_secure_context(text);
    ExpectRefusal(create);
    if (text.empty()) continue;
    v1::ListConnectionsRequest list;
    list.set_page_token(text);
    ExpectRefusal(list);
    v1::ListEventsRequest events;
    events.set_resume_token(text);
    ExpectRefusal(events);
    if (text == "x") continue;
    v1::CreateSecureContextRequest context;
    context.set_secure_context_id(text);
    ExpectRefusal(context);
  }
  ExpectAlive();
}

TEST_F(HostileInputTest, EmptyRequestsAreRefused) {
  ExpectRefusal(v1::CreateSecureContextRequest());
  ExpectRefusal(v1::CreateListenerRequest());
  ExpectRefusal(v1::ConnectRequest());
  v1::CreateListenerRequest listener;
  listener.mutable_listener();
  ExpectRefusal(listener);
  v1::CreateSecureContextRequest context;
  context.mutable_secure_context()->add_credentials();
  ExpectRefusal(context);
  context.mutable_secure_context()->mutable_credentials(0)->mutable_pem();
  ExpectRefusal(context);
  ExpectAlive();
}

TEST_F(HostileInputTest, ExtremeDurationsGetAStatus) {
  google::protobuf::Duration odd[6];
  odd[0].set_seconds(std::numeric_limits<int64_t>::max());
  odd[1].set_seconds(std::numeric_limits<int64_t>::min());
  odd[2].set_seconds(-1);
  odd[3].set_nanos(std::numeric_limits<int32_t>::min());
  odd[4].set_seconds(1);
  odd[4].set_nanos(-2000000000);
  odd[5].set_nanos(-1);
  const v1::Listener listener = Listen();
  for (const google::protobuf::Duration& duration : odd) {
    v1::AcceptRequest accept;
    accept.set_listener(listener.name());
    *accept.mutable_timeout() = duration;
    ExpectRefusal(accept);
    v1::ConnectRequest connect = ToConnect(listener);
    *connect.mutable_timeout() = duration;
    ExpectRefusal(connect);
    v1::DeleteListenerRequest remove;
    remove.set_name(listener.name());
    *remove.mutable_drain_timeout() = duration;
    ExpectRefusal(remove);
    v1::CreateListenerRequest create;
    create.mutable_listener()->set_address("127.0.0.1:0");
    create.mutable_listener()->set_secure_context("secureContexts/server");
    *create.mutable_listener()->mutable_handshake_timeout() = duration;
    ExpectRefusal(create);
    v1::ListEventsRequest events;
    *events.mutable_timeout() = duration;
    ExpectRefusal(events);
  }
  ExpectAlive();
}

TEST_F(HostileInputTest, UnknownEnumValuesAreRefused) {
  v1::SecureContext context;
  context.set_min_version(static_cast<v1::TlsVersion>(-1));
  v1::CreateSecureContextRequest request;
  *request.mutable_secure_context() = context;
  ExpectRefusal(request);
  context.Clear();
  context.set_client_certificate_mode(
      static_cast<v1::ClientCertificateMode>(4));
  *request.mutable_secure_context() = context;
  ExpectRefusal(request);
  v1::ConnectRequest connect = ToConnect(Listen());
  connect.set_verification(static_cast<v1::PeerVerification>(3));
  ExpectRefusal(connect);
  v1::StreamAttach attach;
  attach.set_connection(Open(Listen()).server.name());
  attach.set_detach_policy(static_cast<v1::DetachPolicy>(3));
  EXPECT_FALSE(StreamClient::Attach(client(), attach).ok());
  ExpectAlive();
}

TEST_F(HostileInputTest, LargeMessagesAreRefused) {
  v1::CreateSecureContextRequest request;
  request.mutable_secure_context()->mutable_trust_anchors()->add_pems(
      std::string(5 << 20, 'p'));
  EXPECT_EQ(client().Call(request).status().code(),
            absl::StatusCode::kResourceExhausted);
  // Below the limit of messages, but above that of the field.
  request.mutable_secure_context()->mutable_trust_anchors()->set_pems(
      0, std::string(3 << 20, 'p'));
  ExpectRefusal(request);
  request.mutable_secure_context()->clear_trust_anchors();
  for (int i = 0; i < 70000; ++i) {
    request.mutable_secure_context()->add_alpn_protocols(absl::StrCat(i));
  }
  ExpectRefusal(request);
  ExpectAlive();
}

TEST_F(HostileInputTest, GarbageEndsAConnectionAndIsReported) {
  const v1::Listener listener = ListenEcho();
  const std::unique_ptr<EventWatch> watch = Watch(listener.name());
  std::minstd_rand random(20);
  std::string noise(70000, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  for (const std::string& garbage :
       {std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
        std::string("SSH-2.0-OpenSSH_9.2\r\n"), std::string(100, '\0'), noise,
        // SSLv2; a record too long; an alert; data before the handshake; a
        // ClientHello that announces 16 MiB.
        std::string("\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10", 11),
        std::string("\x16\x03\x01\xff\xff") + std::string(65535, 'x'),
        std::string("\x15\x03\x01\x00\x02\x02\x28", 7),
        std::string("\x17\x03\x03\x00\x01x", 6),
        std::string("\x16\x03\x01\x00\x04\x01\xff\xff\xff", 9)}) {
    ASSERT_OK_AND_ASSIGN(RawSocket peer,
                         RawSocket::Connect(AddressOf(listener)));

    peer.Send(garbage);

    peer.EndSending();
    std::string answer;
    EXPECT_NE(peer.Receive(answer), RawSocket::End::kTimeout);
    ASSERT_OK_AND_ASSIGN(const v1::Event event, watch->Next());
    EXPECT_EQ(event.type(), v1::EVENT_TYPE_CLIENT_ERROR);
    EXPECT_THAT(event.connection().failure().reason(), Not(IsEmpty()));
    EXPECT_NE(event.connection().failure().reason(), "INTERNAL");
  }
  EXPECT_EQ(Connect(listener).state(), v1::Connection::STATE_OPEN);
}

TEST_F(HostileInputTest, AlteredClientHellosDoNoHarm) {
  RawListener listener;
  v1::ConnectRequest request;
  request.set_address(listener.address());
  *request.mutable_timeout() = ToProto(absl::Milliseconds(100));
  EXPECT_FALSE(client().Call(request).ok());
  ASSERT_OK_AND_ASSIGN(RawSocket server, listener.Accept());
  std::string hello;
  server.Receive(hello);
  // Without the alert that ended it.
  hello.resize(5 + static_cast<uint8_t>(hello[3]) * size_t{256} +
               static_cast<uint8_t>(hello[4]));
  const std::string address = AddressOf(ListenUnix());

  for (size_t i = 0; i < hello.size(); ++i) {
    std::string altered = hello;
    altered[i] = static_cast<char>(altered[i] ^ 0x55);
    for (const std::string& bytes : {altered, hello.substr(0, i)}) {
      ASSERT_OK_AND_ASSIGN(RawSocket peer, RawSocket::Connect(address));
      peer.Send(bytes);
      peer.EndSending();
      std::string answer;
      ASSERT_NE(peer.Receive(answer), RawSocket::End::kTimeout) << i;
    }
  }
  ExpectAlive();
}

TEST_F(HostileInputTest, BytesOneByOneDoNotPutTheDeadlineOff) {
  v1::Listener options;
  *options.mutable_handshake_timeout() = ToProto(absl::Milliseconds(500));
  const v1::Listener listener = Listen(options);
  const absl::Time start = absl::Now();
  ASSERT_OK_AND_ASSIGN(RawSocket peer, RawSocket::Connect(AddressOf(listener)));
  ASSERT_TRUE(peer.Send("\x16\x03\x01"));

  int sent = 0;
  while (sent < 400 && !peer.IsReadable(absl::Milliseconds(20))) {
    peer.Send("\x01");
    ++sent;
  }

  EXPECT_LT(absl::Now() - start, absl::Seconds(5));
  std::string answer;
  EXPECT_NE(peer.Receive(answer), RawSocket::End::kTimeout);
}

}  // namespace
}  // namespace tlsd::testing
