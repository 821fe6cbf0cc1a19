// PROXY headers that upstreams get, read byte by byte
// (https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt).
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "tests/integration/forward_fixture.h"
#include "tests/integration/raw_socket.h"
#include "tests/integration/tcp_relay.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr absl::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

int ByteAt(absl::string_view bytes, size_t at) {
  return at < bytes.size() ? static_cast<int>(static_cast<uint8_t>(bytes[at]))
                           : -1;
}

int ShortAt(absl::string_view bytes, size_t at) {
  return ByteAt(bytes, at) * 256 + ByteAt(bytes, at + 1);
}

// FieldsOf splits type-length-values (section 2.2); each type at most once.
std::map<int, std::string> FieldsOf(absl::string_view bytes) {
  std::map<int, std::string> fields;
  while (!bytes.empty()) {
    const int type = ByteAt(bytes, 0);
    const auto size = static_cast<size_t>(ShortAt(bytes, 1));
    EXPECT_LE(3 + size, bytes.size());
    if (bytes.size() < 3 + size) break;
    EXPECT_TRUE(
        fields.emplace(type, std::string(bytes.substr(3, size))).second);
    bytes.remove_prefix(3 + size);
  }
  return fields;
}

// Header is version 2, taken apart.
struct Header {
  int version_and_command = 0;
  int family = 0;
  std::string addresses;
  std::map<int, std::string> fields;
};

Header ReadHeader(RawSocket& socket) {
  const std::string start = ReadExactly(socket, 16);
  EXPECT_EQ(start.substr(0, 12), kSignature);
  const std::string rest =
      ReadExactly(socket, static_cast<size_t>(ShortAt(start, 14)));
  Header header;
  header.version_and_command = ByteAt(start, 12);
  header.family = ByteAt(start, 13);
  const size_t size = header.family == 0x11   ? 12
                      : header.family == 0x21 ? 36
                                              : 0;
  header.addresses = rest.substr(0, size);
  header.fields = FieldsOf(absl::string_view(rest).substr(size));
  return header;
}

class ProxyHeaderSendTest : public ForwardTest {
 protected:
  // Sent is a connection whose upstream is the test.
  struct Sent {
    v1::Listener front;
    v1::Connection dialled;
    std::unique_ptr<RawSocket> socket;
  };

  static Sent Send(v1::ProxyHeaderVersion version,
                   const std::string& client_context = "",
                   v1::Listener options = {}) {
    RawListener listener;
    Sent sent;
    sent.front = ListenForward(ToConnectPlain(listener.address()),
                               std::move(options), version);
    v1::ConnectRequest request = ToConnect(sent.front, GetParam());
    if (!client_context.empty()) request.set_secure_context(client_context);
    const auto dialled = client().Call(request);
    EXPECT_THAT(dialled, IsOk());
    if (dialled.ok()) sent.dialled = *dialled;
    auto socket = listener.Accept();
    EXPECT_THAT(socket, IsOk());
    if (socket.ok()) {
      sent.socket = std::make_unique<RawSocket>(*std::move(socket));
    }
    return sent;
  }

  // ExpectCleartextFollows looks whether the header is where it belongs.
  static void ExpectCleartextFollows(Sent& sent) {
    EXPECT_THAT(Write(sent.dialled, "cleartext"), IsOk());
    EXPECT_EQ(ReadExactly(*sent.socket, 9), "cleartext");
    EXPECT_TRUE(sent.socket->Send("back"));
    EXPECT_EQ(ReadBytes(sent.dialled, 4), "back");
  }

  static std::string Port(int port) {
    return {static_cast<char>(port / 256), static_cast<char>(port % 256)};
  }

  static void ExpectAddresses(const Sent& sent, const Header& header) {
    EXPECT_EQ(header.version_and_command, 0x21);  // version 2, PROXY
    EXPECT_EQ(header.family, 0x11);               // TCP over IPv4
    EXPECT_EQ(header.addresses,
              absl::StrCat("\x7f", std::string(2, '\0'), "\x01", "\x7f",
                           std::string(2, '\0'), "\x01",
                           Port(sent.dialled.local_address().port()),
                           Port(sent.front.bound_address().port())));
  }
};

INSTANTIATE_IN_BOTH_VERSIONS(ProxyHeaderSendTest);

TEST_P(ProxyHeaderSendTest, SendsNoneUnlessItIsTold) {
  Sent sent = Send(v1::PROXY_HEADER_VERSION_UNSPECIFIED);
  ExpectCleartextFollows(sent);
}

TEST_P(ProxyHeaderSendTest, SendsText) {
  Sent sent = Send(v1::PROXY_HEADER_VERSION_1);

  EXPECT_EQ(ReadUntil(*sent.socket, "\r\n"),
            absl::StrCat("PROXY TCP4 127.0.0.1 127.0.0.1 ",
                         sent.dialled.local_address().port(), " ",
                         sent.front.bound_address().port(), "\r\n"));
  ExpectCleartextFollows(sent);
}

TEST_P(ProxyHeaderSendTest, SendsTextOverIpv6) {
  v1::Listener options;
  options.set_address("[::1]:0");
  Sent sent = Send(v1::PROXY_HEADER_VERSION_1, "", options);

  EXPECT_EQ(
      ReadUntil(*sent.socket, "\r\n"),
      absl::StrCat("PROXY TCP6 ::1 ::1 ", sent.dialled.local_address().port(),
                   " ", sent.front.bound_address().port(), "\r\n"));
  ExpectCleartextFollows(sent);
}

TEST_P(ProxyHeaderSendTest, SaysUnknownOfAUnixSocket) {
  v1::Listener options;
  options.set_address("unix:" + UnusedPath());
  Sent sent = Send(v1::PROXY_HEADER_VERSION_1, "", options);

  EXPECT_EQ(ReadUntil(*sent.socket, "\r\n"), "PROXY UNKNOWN\r\n");
  ExpectCleartextFollows(sent);
}

TEST_P(ProxyHeaderSendTest, SendsAddressesInBinary) {
  Sent sent = Send(v1::PROXY_HEADER_VERSION_2);

  const Header header = ReadHeader(*sent.socket);

  ExpectAddresses(sent, header);
  EXPECT_TRUE(header.fields.empty());
  ExpectCleartextFollows(sent);
}

TEST_P(ProxyHeaderSendTest, SendsAddressesOfIpv6InBinary) {
  v1::Listener options;
  options.set_address("[::1]:0");
  Sent sent = Send(v1::PROXY_HEADER_VERSION_2, "", options);

  const Header header = ReadHeader(*sent.socket);

  const std::string loopback = std::string(15, '\0') + "\x01";
  EXPECT_EQ(header.family, 0x21);  // TCP over IPv6
  EXPECT_EQ(header.addresses,
            absl::StrCat(loopback, loopback,
                         Port(sent.dialled.local_address().port()),
                         Port(sent.front.bound_address().port())));
  ExpectCleartextFollows(sent);
}

TEST_P(ProxyHeaderSendTest, SendsWhatTlsHasAgreedOn) {
  v1::SecureContext server;
  *server.add_credentials() = PemOf(ServerIdentity());
  server.add_alpn_protocols("h2");
  v1::Listener options;
  options.set_secure_context(NewContext(server));
  v1::SecureContext dialling;
  dialling.mutable_trust_anchors()->add_pems(RootIdentity().CertificatePem());
  dialling.add_alpn_protocols("h2");
  dialling.set_min_version(GetParam());
  dialling.set_max_version(GetParam());
  Sent sent =
      Send(v1::PROXY_HEADER_VERSION_2_TLS, NewContext(dialling), options);

  Header header = ReadHeader(*sent.socket);

  ExpectAddresses(sent, header);
  EXPECT_EQ(header.fields[0x01], "h2");
  EXPECT_EQ(header.fields[0x02], "localhost");
  const std::string ssl = header.fields[0x20];
  // PP2_CLIENT_SSL alone: no certificate was shown.
  EXPECT_EQ(ByteAt(ssl, 0), 0x01);
  EXPECT_NE(ssl.substr(1, 4), std::string(4, '\0'));
  std::map<int, std::string> fields =
      FieldsOf(absl::string_view(ssl).substr(5));
  EXPECT_EQ(fields[0x21], IsTls13() ? "TLSv1.3" : "TLSv1.2");
  EXPECT_EQ(fields[0x23], sent.dialled.handshake().cipher());
  EXPECT_EQ(fields.count(0x22), 0);
  EXPECT_EQ(fields.count(0x28), 0);
  ExpectCleartextFollows(sent);
}

TEST_P(ProxyHeaderSendTest, SendsTheClientCertificateOnlyIfItIsTold) {
  for (const v1::ProxyHeaderVersion version :
       {v1::PROXY_HEADER_VERSION_2_TLS,
        v1::PROXY_HEADER_VERSION_2_TLS_CERTIFICATE}) {
    v1::Listener options;
    options.set_secure_context(
        JudgingContext(v1::CLIENT_CERTIFICATE_MODE_REQUEST));
    Sent sent = Send(version, ClientContext(), options);

    Header header = ReadHeader(*sent.socket);

    const std::string ssl = header.fields[0x20];
    // PP2_CLIENT_SSL and _CERT_SESS.
    EXPECT_EQ(ByteAt(ssl, 0) & 0x05, 0x05);
    EXPECT_EQ(ssl.substr(1, 4), std::string(4, '\0'));  // verified
    std::map<int, std::string> fields =
        FieldsOf(absl::string_view(ssl).substr(5));
    const v1::Certificate shown = AcceptedBy(sent.front).peer_certificate();
    EXPECT_THAT(shown.subject(), HasSubstr("CN=" + fields[0x22]));
    EXPECT_NE(fields[0x22], "");
    v1::GetPeerCertificateRequest request;
    request.set_name(AcceptedBy(sent.front).name());
    ASSERT_OK_AND_ASSIGN(const v1::GetPeerCertificateResponse peer,
                         client().Call(request));
    const bool tells = version == v1::PROXY_HEADER_VERSION_2_TLS_CERTIFICATE;
    EXPECT_EQ(fields[0x28], tells ? peer.certificate().der() : "");
    ExpectCleartextFollows(sent);
  }
}

TEST_P(ProxyHeaderSendTest, SaysThatACertificateIsNotAuthorized) {
  v1::SecureContext dialling;
  dialling.mutable_trust_anchors()->add_pems(RootIdentity().CertificatePem());
  *dialling.add_credentials() = PemOf(StrangerIdentity());
  dialling.set_min_version(GetParam());
  dialling.set_max_version(GetParam());
  v1::Listener options;
  options.set_secure_context(
      JudgingContext(v1::CLIENT_CERTIFICATE_MODE_REQUEST));
  Sent sent =
      Send(v1::PROXY_HEADER_VERSION_2_TLS, NewContext(dialling), options);

  Header header = ReadHeader(*sent.socket);

  const std::string ssl = header.fields[0x20];
  EXPECT_EQ(ByteAt(ssl, 0) & 0x05, 0x05);
  EXPECT_NE(ssl.substr(1, 4), std::string(4, '\0'));
  ExpectCleartextFollows(sent);
}

TEST_P(ProxyHeaderSendTest, SaysThatACertificateCameOnThisConnection) {
  v1::Listener options;
  options.set_secure_context(
      JudgingContext(v1::CLIENT_CERTIFICATE_MODE_REQUEST));
  const Sent sent =
      Send(v1::PROXY_HEADER_VERSION_2_TLS, ClientContext(), options);

  Header header = ReadHeader(*sent.socket);

  // PP2_CLIENT_SSL, _CERT_CONN and _CERT_SESS (section 2.2.5).
  EXPECT_EQ(ByteAt(header.fields[0x20], 0), 0x07);
}

TEST_P(ProxyHeaderSendTest, NamesAlgorithmsOfNoOtherCertificateThanItsOwn) {
  // The client's is RSA, the listener's is not.
  v1::SecureContext dialling;
  dialling.mutable_trust_anchors()->add_pems(RootIdentity().CertificatePem());
  *dialling.add_credentials() = PemOf(RsaServerIdentity());
  dialling.set_min_version(GetParam());
  dialling.set_max_version(GetParam());
  v1::Listener options;
  options.set_secure_context(
      JudgingContext(v1::CLIENT_CERTIFICATE_MODE_REQUEST));
  const Sent sent =
      Send(v1::PROXY_HEADER_VERSION_2_TLS, NewContext(dialling), options);

  Header header = ReadHeader(*sent.socket);

  // PP2_SUBTYPE_SSL_KEY_ALG is of the certificate that the proxy has shown.
  std::map<int, std::string> fields =
      FieldsOf(absl::string_view(header.fields[0x20]).substr(5));
  EXPECT_THAT(fields[0x25], Not(HasSubstr("RSA")));
}

TEST_P(ProxyHeaderSendTest, SaysNothingOfTlsThatIsNotThere) {
  v1::Listener options;
  options.set_protection(v1::PROTECTION_NONE);
  RawListener listener;
  const v1::Listener front =
      ListenForward(ToConnectPlain(listener.address()), options,
                    v1::PROXY_HEADER_VERSION_2_TLS);
  const v1::Connection dialled = ConnectPlain(AddressOf(front));
  ASSERT_OK_AND_ASSIGN(RawSocket socket, listener.Accept());

  const Header header = ReadHeader(socket);

  EXPECT_TRUE(header.fields.empty());
  ASSERT_THAT(Write(dialled, "plain"), IsOk());
  EXPECT_EQ(ReadExactly(socket, 5), "plain");
}

}  // namespace
}  // namespace tlsd::testing
