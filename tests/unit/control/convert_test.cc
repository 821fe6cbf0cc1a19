#include "server/control/convert.h"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "server/base/utf8.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/test_identities.h"

namespace tlsd::control {
namespace {

using conn::ConnectionState;
using net::SocketAddress;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using tls::TlsVersion;
using worker::EventType;
using worker::ListenerState;

const absl::Time kTime = absl::FromUnixSeconds(1'000'000);

tls::CertificateFacts SomeCertificate() {
  tls::CertificateFacts facts;
  facts.subject = "CN=peer";
  facts.issuer = "CN=root";
  facts.subject_attributes = {{"CN", "peer"}};
  facts.issuer_attributes = {{"CN", "root"}};
  facts.subject_alternative_names = {"DNS:a.test", "IP:192.0.2.1"};
  facts.not_before = kTime;
  facts.not_after = kTime + absl::Hours(1);
  facts.valid_from = "from";
  facts.valid_to = "to";
  facts.serial_number = "0A";
  facts.sha1_fingerprint = "AB:01";
  facts.sha256_fingerprint = "AB:CD";
  facts.sha512_fingerprint = "AB:05";
  facts.public_key = "EC P-256";
  facts.public_key_type = "EC";
  facts.public_key_bits = 256;
  facts.curve = "P-256";
  facts.asn1_curve = "prime256v1";
  facts.modulus = "C0DE";
  facts.exponent = "0x3";
  facts.public_key_der = "\x30\xfe";
  facts.public_key_pin = "pin=";
  facts.key_usages = {"keyCertSign", "cRLSign"};
  facts.extended_key_usages = {"serverAuth"};
  facts.extended_key_usage_oids = {"1.3.6.1.5.5.7.3.1"};
  facts.is_authority = true;
  facts.signature_algorithm = "RSA-SHA256";
  facts.ocsp_urls = {"http://ocsp.test"};
  facts.issuer_urls = {"http://issuer.test"};
  facts.revocation_list_urls = {"http://crl.test"};
  facts.der = std::string("\x30\0\xff", 3);
  return facts;
}

conn::ConnectionFacts SomeConnection() {
  conn::ConnectionFacts facts;
  facts.name = "connections/c-1-0";
  facts.role = tls::Role::kServer;
  facts.state = ConnectionState::kOpen;
  facts.listener = "listeners/l1";
  facts.secure_context = "secureContexts/web";
  facts.local_address = {SocketAddress::Family::kIpv4, 443, "192.0.2.1"};
  facts.remote_address = {SocketAddress::Family::kIpv6, 9, "2001:db8::1"};
  facts.server_name = "a.test";
  facts.cleartext_bytes_received = 1;
  facts.cleartext_bytes_sent = 2;
  facts.wire_bytes_received = 3;
  facts.wire_bytes_sent = 4;
  facts.create_time = kTime;
  facts.open_time = kTime + absl::Seconds(1);
  auto handshake = std::make_shared<tls::HandshakeFacts>();
  handshake->version = TlsVersion::kTls13;
  handshake->protocol = "TLSv1.3";
  handshake->cipher = "TLS_AES_128_GCM_SHA256";
  handshake->cipher_standard_name = "TLS_AES_128_GCM_SHA256";
  handshake->group = "X25519";
  handshake->alpn_protocol = "h2";
  handshake->server_name = "a.test";
  handshake->resumed = true;
  handshake->authorized = true;
  handshake->peer_certificate =
      std::make_shared<const tls::CertificateFacts>(SomeCertificate());
  facts.handshake = std::move(handshake);
  return facts;
}

template <typename Message, typename Facts>
Message Converted(const Facts& facts) {
  Message proto;
  ToProto(facts, proto);
  return proto;
}

TEST(ConvertTest, WritesEveryTlsVersion) {
  EXPECT_EQ(ToProto(TlsVersion::kTls10), v1::TLS_VERSION_TLS_1_0);
  EXPECT_EQ(ToProto(TlsVersion::kTls11), v1::TLS_VERSION_TLS_1_1);
  EXPECT_EQ(ToProto(TlsVersion::kTls12), v1::TLS_VERSION_TLS_1_2);
  EXPECT_EQ(ToProto(TlsVersion::kTls13), v1::TLS_VERSION_TLS_1_3);
}

TEST(ConvertTest, WritesEveryRole) {
  EXPECT_EQ(ToProto(tls::Role::kClient), v1::ROLE_CLIENT);
  EXPECT_EQ(ToProto(tls::Role::kServer), v1::ROLE_SERVER);
}

TEST(ConvertTest, EscapesOnlyWhatIsNoText) {
  EXPECT_EQ(ToText("h\xc3\xa9"), "h\xc3\xa9");
  EXPECT_EQ(ToText("\xff\x01"), "\\xff\\x01");
}

TEST(ConvertTest, WritesAnOcspResponse) {
  tls::OcspResponseFacts facts;
  facts.der = "\x30\xff";
  facts.response_status = "successful";
  facts.certificate_status = "revoked";
  facts.serial_number = "0A";
  facts.produced_time = kTime;
  facts.this_update_time = kTime + absl::Seconds(1);
  facts.next_update_time = kTime + absl::Seconds(2);
  facts.revocation_time = kTime + absl::Seconds(3);
  const auto proto = Converted<v1::OcspResponse>(facts);

  EXPECT_EQ(proto.der(), "\x30\xff");
  EXPECT_EQ(proto.response_status(), "successful");
  EXPECT_EQ(proto.certificate_status(), "revoked");
  EXPECT_EQ(proto.serial_number(), "0A");
  EXPECT_EQ(proto.produced_time().seconds(), 1'000'000);
  EXPECT_EQ(proto.this_update_time().seconds(), 1'000'001);
  EXPECT_EQ(proto.next_update_time().seconds(), 1'000'002);
  EXPECT_EQ(proto.revocation_time().seconds(), 1'000'003);
}

TEST(ConvertTest, WritesNoTimeThatAnOcspResponseHasNot) {
  const auto proto = Converted<v1::OcspResponse>(tls::OcspResponseFacts());

  EXPECT_FALSE(proto.has_produced_time());
  EXPECT_FALSE(proto.has_this_update_time());
  EXPECT_FALSE(proto.has_next_update_time());
  EXPECT_FALSE(proto.has_revocation_time());
}

TEST(ConvertTest, WritesEveryFamilyOfAddresses) {
  const auto ipv4 = Converted<v1::SocketAddress>(
      SocketAddress{SocketAddress::Family::kIpv4, 443, "192.0.2.1"});
  EXPECT_EQ(ipv4.family(), "IPv4");
  EXPECT_EQ(ipv4.address(), "192.0.2.1");
  EXPECT_EQ(ipv4.port(), 443);
  const auto ipv6 = Converted<v1::SocketAddress>(
      SocketAddress{SocketAddress::Family::kIpv6, 65535, "::1"});
  EXPECT_EQ(ipv6.family(), "IPv6");
  EXPECT_EQ(ipv6.port(), 65535);
  const auto unix = Converted<v1::SocketAddress>(
      SocketAddress{SocketAddress::Family::kUnix, 0, "/run/ä"});
  EXPECT_EQ(unix.family(), "unix");
  EXPECT_EQ(unix.path(), "/run/ä");
  EXPECT_EQ(Converted<v1::SocketAddress>(SocketAddress()).family(), "");
}

// A peer can bind its unix socket to any bytes; a proto string cannot hold
// them, and no client would read the message.
TEST(ConvertTest, EscapesPathsThatAreNoText) {
  const std::string path = "/tmp/\xff\xfe";
  const auto proto = Converted<v1::SocketAddress>(
      SocketAddress{SocketAddress::Family::kUnix, 0, path});

  EXPECT_TRUE(base::IsValidUtf8(proto.path()));
  EXPECT_THAT(proto.path(), HasSubstr("/tmp/\\xff"));
}

TEST(ConvertTest, EscapesFailuresThatAreNoText) {
  conn::ConnectionFacts facts = SomeConnection();
  facts.failure = MakeError(Reason::kTransportReset, "unix:/\xff was cut",
                            {{"peer", "unix:/\xff"}});

  const auto proto = Converted<v1::Connection>(facts);

  EXPECT_TRUE(base::IsValidUtf8(proto.failure().message()));
  EXPECT_TRUE(base::IsValidUtf8(proto.failure().metadata().at("peer")));
  v1::Connection back;
  EXPECT_TRUE(back.ParseFromString(proto.SerializeAsString()));
}

TEST(ConvertTest, WritesEveryFieldOfACertificate) {
  const auto proto = Converted<v1::Certificate>(SomeCertificate());

  EXPECT_EQ(proto.subject(), "CN=peer");
  EXPECT_EQ(proto.issuer(), "CN=root");
  ASSERT_EQ(proto.subject_attributes_size(), 1);
  EXPECT_EQ(proto.subject_attributes(0).type(), "CN");
  EXPECT_EQ(proto.subject_attributes(0).value(), "peer");
  ASSERT_EQ(proto.issuer_attributes_size(), 1);
  EXPECT_EQ(proto.issuer_attributes(0).value(), "root");
  EXPECT_THAT(proto.subject_alternative_names(),
              ElementsAre("DNS:a.test", "IP:192.0.2.1"));
  EXPECT_EQ(proto.not_before_time().seconds(), 1'000'000);
  EXPECT_EQ(proto.not_after_time().seconds(), 1'003'600);
  EXPECT_EQ(proto.valid_from(), "from");
  EXPECT_EQ(proto.valid_to(), "to");
  EXPECT_EQ(proto.serial_number(), "0A");
  EXPECT_EQ(proto.sha1_fingerprint(), "AB:01");
  EXPECT_EQ(proto.sha256_fingerprint(), "AB:CD");
  EXPECT_EQ(proto.sha512_fingerprint(), "AB:05");
  EXPECT_EQ(proto.public_key(), "EC P-256");
  EXPECT_EQ(proto.public_key_type(), "EC");
  EXPECT_EQ(proto.public_key_bits(), 256);
  EXPECT_EQ(proto.curve(), "P-256");
  EXPECT_EQ(proto.asn1_curve(), "prime256v1");
  EXPECT_EQ(proto.modulus(), "C0DE");
  EXPECT_EQ(proto.exponent(), "0x3");
  EXPECT_EQ(proto.public_key_der(), "\x30\xfe");
  EXPECT_EQ(proto.public_key_pin(), "pin=");
  EXPECT_THAT(proto.key_usages(), ElementsAre("keyCertSign", "cRLSign"));
  EXPECT_THAT(proto.extended_key_usages(), ElementsAre("serverAuth"));
  EXPECT_THAT(proto.extended_key_usage_oids(),
              ElementsAre("1.3.6.1.5.5.7.3.1"));
  EXPECT_TRUE(proto.is_authority());
  EXPECT_EQ(proto.signature_algorithm(), "RSA-SHA256");
  EXPECT_THAT(proto.ocsp_urls(), ElementsAre("http://ocsp.test"));
  EXPECT_THAT(proto.issuer_urls(), ElementsAre("http://issuer.test"));
  EXPECT_THAT(proto.revocation_list_urls(), ElementsAre("http://crl.test"));
  EXPECT_EQ(proto.der(), std::string("\x30\0\xff", 3));
}

TEST(ConvertTest, WritesEveryFieldOfAConnection) {
  const auto proto = Converted<v1::Connection>(SomeConnection());

  EXPECT_EQ(proto.name(), "connections/c-1-0");
  EXPECT_EQ(proto.role(), v1::ROLE_SERVER);
  EXPECT_EQ(proto.state(), v1::Connection::STATE_OPEN);
  EXPECT_EQ(proto.listener(), "listeners/l1");
  EXPECT_EQ(proto.secure_context(), "secureContexts/web");
  EXPECT_EQ(proto.local_address().address(), "192.0.2.1");
  EXPECT_EQ(proto.remote_address().address(), "2001:db8::1");
  EXPECT_EQ(proto.handshake().version(), v1::TLS_VERSION_TLS_1_3);
  EXPECT_EQ(proto.handshake().protocol(), "TLSv1.3");
  EXPECT_EQ(proto.handshake().cipher(), "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(proto.handshake().cipher_standard_name(), "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(proto.handshake().group(), "X25519");
  EXPECT_EQ(proto.handshake().alpn_protocol(), "h2");
  EXPECT_EQ(proto.handshake().server_name(), "a.test");
  EXPECT_TRUE(proto.handshake().resumed());
  EXPECT_TRUE(proto.authorized());
  EXPECT_EQ(proto.peer_certificate().subject(), "CN=peer");
  EXPECT_EQ(proto.cleartext_bytes_received(), 1);
  EXPECT_EQ(proto.cleartext_bytes_sent(), 2);
  EXPECT_EQ(proto.wire_bytes_received(), 3);
  EXPECT_EQ(proto.wire_bytes_sent(), 4);
  EXPECT_EQ(proto.create_time().seconds(), 1'000'000);
  EXPECT_EQ(proto.open_time().seconds(), 1'000'001);
}

TEST(ConvertTest, WritesWhatLiesBelowAConnection) {
  conn::ConnectionFacts facts = SomeConnection();
  facts.encrypted = false;
  facts.carrier = "connections/below";
  facts.piped_with = "connections/beside";
  facts.upstream = "192.0.2.7:80";
  facts.max_send_fragment = 512;
  facts.early_bytes_received = 5;
  facts.renegotiation_count = 2;
  facts.socket_options.idle_timeout = absl::Seconds(9);
  auto proxy = std::make_shared<conn::ProxyFacts>();
  proxy->header.version = 1;
  proxy->header.source = facts.remote_address;
  proxy->header.destination = facts.local_address;
  proxy->address = facts.local_address;
  facts.proxy = proxy;
  const auto proto = Converted<v1::Connection>(facts);

  EXPECT_FALSE(proto.encrypted());
  EXPECT_EQ(proto.carrier(), "connections/below");
  EXPECT_EQ(proto.piped_with(), "connections/beside");
  EXPECT_EQ(proto.upstream(), "192.0.2.7:80");
  EXPECT_EQ(proto.max_send_fragment(), 512);
  EXPECT_EQ(proto.early_bytes_received(), 5);
  EXPECT_EQ(proto.renegotiation_count(), 2);
  EXPECT_EQ(proto.socket_options().idle_timeout().seconds(), 9);
  EXPECT_EQ(proto.proxy_header().version(), 1);
  EXPECT_EQ(proto.proxy_address().address(), "192.0.2.1");
}

TEST(ConvertTest, LeavesOutWhatHasNotHappened) {
  conn::ConnectionFacts facts;
  facts.create_time = kTime;
  facts.role = tls::Role::kClient;
  const auto proto = Converted<v1::Connection>(facts);

  EXPECT_EQ(proto.role(), v1::ROLE_CLIENT);
  EXPECT_EQ(proto.state(), v1::Connection::STATE_HANDSHAKING);
  EXPECT_TRUE(proto.encrypted());
  EXPECT_FALSE(proto.has_local_address());
  EXPECT_FALSE(proto.has_remote_address());
  EXPECT_FALSE(proto.has_proxy_header());
  EXPECT_FALSE(proto.has_handshake());
  EXPECT_FALSE(proto.has_peer_certificate());
  EXPECT_FALSE(proto.has_open_time());
  EXPECT_FALSE(proto.has_close_time());
  EXPECT_FALSE(proto.has_failure());
  EXPECT_FALSE(proto.authorized());
}

TEST(ConvertTest, TellsTheServerNameOfAHandshakeThatFailed) {
  conn::ConnectionFacts facts;
  facts.server_name = "a.test";

  const auto proto = Converted<v1::Connection>(facts);

  EXPECT_EQ(proto.handshake().server_name(), "a.test");
  EXPECT_EQ(proto.handshake().version(), v1::TLS_VERSION_UNSPECIFIED);
}

TEST(ConvertTest, TellsHowAConnectionHasEnded) {
  conn::ConnectionFacts facts = SomeConnection();
  facts.state = ConnectionState::kClosed;
  facts.close_time = kTime + absl::Seconds(2);
  facts.peer_closed = facts.shut_down = true;
  facts.failure = MakeError(Reason::kTlsTruncated, "cut", {{"phase", "open"}});

  const auto proto = Converted<v1::Connection>(facts);

  EXPECT_EQ(proto.state(), v1::Connection::STATE_CLOSED);
  EXPECT_EQ(proto.close_time().seconds(), 1'000'002);
  EXPECT_TRUE(proto.peer_closed());
  EXPECT_TRUE(proto.shut_down());
  EXPECT_EQ(proto.failure().reason(), "TLS_TRUNCATED");
  EXPECT_THAT(proto.failure().message(), HasSubstr("cut"));
  EXPECT_EQ(proto.failure().metadata().at("phase"), "open");
}

TEST(ConvertTest, TellsAFailureWithoutAReason) {
  conn::ConnectionFacts facts = SomeConnection();
  facts.failure = absl::InternalError("odd");

  const auto proto = Converted<v1::Connection>(facts);

  EXPECT_EQ(proto.failure().message(), "odd");
  EXPECT_EQ(proto.failure().reason(), "");
}

TEST(ConvertTest, WritesEveryFieldOfAListener) {
  worker::ListenerFacts facts;
  facts.name = "listeners/l1";
  facts.address = "localhost:0";
  facts.secure_context = "secureContexts/web";
  facts.handler = worker::Handler::kEcho;
  facts.handshake_timeout = absl::Milliseconds(1500);
  facts.connection_count_max = 1'000'000;
  facts.bound_address = {SocketAddress::Family::kIpv4, 8443, "127.0.0.1"};
  facts.connection_count = 1;
  facts.accepted_count = 2;
  facts.rejected_count = 3;
  facts.create_time = kTime;
  facts.etag = "e-1";
  facts.strict_server_names = true;
  facts.hooks = {{tls::HookType::kSign}};
  facts.context_count = 10'000;

  const auto proto = Converted<v1::Listener>(facts);

  EXPECT_EQ(proto.name(), "listeners/l1");
  EXPECT_EQ(proto.address(), "localhost:0");
  EXPECT_EQ(proto.secure_context(), "secureContexts/web");
  EXPECT_TRUE(proto.has_echo());
  EXPECT_EQ(proto.handshake_timeout().seconds(), 1);
  EXPECT_EQ(proto.handshake_timeout().nanos(), 500'000'000);
  EXPECT_EQ(proto.max_connections(), 1'000'000);
  EXPECT_EQ(proto.bound_address().port(), 8443);
  EXPECT_EQ(proto.state(), v1::Listener::STATE_ACTIVE);
  EXPECT_EQ(proto.connection_count(), 1);
  EXPECT_EQ(proto.accepted_count(), 2);
  EXPECT_EQ(proto.rejected_count(), 3);
  EXPECT_EQ(proto.create_time().seconds(), 1'000'000);
  EXPECT_EQ(proto.etag(), "e-1");
  EXPECT_TRUE(proto.strict_server_names());
  ASSERT_EQ(proto.hooks_size(), 1);
  EXPECT_EQ(proto.hooks(0).type(), v1::DECISION_TYPE_SIGN);
  EXPECT_EQ(proto.context_count(), 10'000);
}

TEST(ConvertTest, WritesEveryStateAndHandlerOfAListener) {
  worker::ListenerFacts facts;
  facts.handler = worker::Handler::kStream;
  facts.state = ListenerState::kDraining;
  EXPECT_TRUE(Converted<v1::Listener>(facts).has_stream());
  EXPECT_EQ(Converted<v1::Listener>(facts).state(),
            v1::Listener::STATE_DRAINING);
  facts.state = ListenerState::kClosed;
  EXPECT_EQ(Converted<v1::Listener>(facts).state(), v1::Listener::STATE_CLOSED);
}

TEST(ConvertTest, WritesEveryTypeOfEvent) {
  const std::map<EventType, v1::EventType> types = {
      {EventType::kListening, v1::EVENT_TYPE_LISTENING},
      {EventType::kSecureConnection, v1::EVENT_TYPE_SECURE_CONNECTION},
      {EventType::kClientError, v1::EVENT_TYPE_CLIENT_ERROR},
      {EventType::kSecureConnect, v1::EVENT_TYPE_SECURE_CONNECT},
      {EventType::kConnectionClosed, v1::EVENT_TYPE_CONNECTION_CLOSED},
      {EventType::kListenerClosed, v1::EVENT_TYPE_LISTENER_CLOSED},
      {EventType::kConnectionRejected, v1::EVENT_TYPE_CONNECTION_REJECTED},
      {EventType::kSecureContextUpdated, v1::EVENT_TYPE_SECURE_CONTEXT_UPDATED},
      {EventType::kCertificateExpiring, v1::EVENT_TYPE_CERTIFICATE_EXPIRING},
      {EventType::kSession, v1::EVENT_TYPE_SESSION},
      {EventType::kOcspResponse, v1::EVENT_TYPE_OCSP_RESPONSE},
      {EventType::kConnection, v1::EVENT_TYPE_CONNECTION},
      {EventType::kRenegotiated, v1::EVENT_TYPE_RENEGOTIATED}};
  EXPECT_EQ(types.size() + 1,
            static_cast<size_t>(v1::EventType_descriptor()->value_count()));
  for (const auto& [type, expected] : types) {
    worker::Event event;
    event.type = type;
    event.payload = worker::PayloadOf(worker::ListenerFacts());
    v1::Event proto;
    ToProto(event, "token", proto);
    EXPECT_EQ(proto.type(), expected);
  }
}

TEST(ConvertTest, WritesTheSubjectOfAnEvent) {
  worker::Event event;
  event.time = kTime;
  event.payload = worker::PayloadOf(SomeConnection());
  v1::Event proto;
  ToProto(event, "t-1.7", proto);

  EXPECT_EQ(proto.resume_token(), "t-1.7");
  EXPECT_EQ(proto.time().seconds(), 1'000'000);
  EXPECT_EQ(proto.subject(), "connections/c-1-0");
  EXPECT_EQ(proto.connection().name(), "connections/c-1-0");
  EXPECT_EQ(proto.connection().peer_certificate().subject(), "CN=peer");
  EXPECT_EQ(proto.connection().peer_certificate().der(), "");

  worker::ListenerFacts listener;
  listener.name = "listeners/l1";
  event.payload = worker::PayloadOf(listener);
  v1::Event other;
  ToProto(event, "t-1.8", other);
  EXPECT_EQ(other.subject(), "listeners/l1");
  EXPECT_EQ(other.listener().name(), "listeners/l1");
}

class ConvertContextTest : public ::testing::Test {
 protected:
  v1::SecureContext Added(const tls::SecureContextOptions& options) {
    const auto record =
        table_.Add("web", {options, testing::MakeContext(options)}).value();
    return Converted<v1::SecureContext>(FactsOf(*record));
  }

  worker::ContextTable table_;
};

TEST_F(ConvertContextTest, WritesEveryFieldButTheSecrets) {
  tls::SecureContextOptions options =
      testing::ServerOptions(TlsVersion::kTls12);
  options.max_version = TlsVersion::kTls13;
  options.alpn_protocols = {"h2", "http/1.1"};
  options.client_certificate_mode = tls::ClientCertificateMode::kRequire;
  auto& pem = std::get<tls::PemCredentials>(options.credentials[0]);
  pem.private_key = testing::ServerIdentity().EncryptedKeyPem("open sesame");
  pem.passphrase = "open sesame";

  const v1::SecureContext proto = Added(options);

  EXPECT_EQ(proto.name(), "secureContexts/web");
  ASSERT_EQ(proto.credentials_size(), 1);
  EXPECT_EQ(proto.credentials(0).pem().certificate_chain(),
            pem.certificate_chain);
  EXPECT_EQ(proto.credentials(0).pem().private_key(), "");
  EXPECT_EQ(proto.credentials(0).pem().passphrase(), "");
  EXPECT_EQ(proto.credentials(0).certificates_size(), 2);
  EXPECT_THAT(proto.trust_anchors().pems(),
              ElementsAre(testing::RootIdentity().CertificatePem()));
  EXPECT_EQ(proto.trust_anchors().certificate_count(), 1);
  EXPECT_EQ(proto.min_version(), v1::TLS_VERSION_TLS_1_2);
  EXPECT_EQ(proto.max_version(), v1::TLS_VERSION_TLS_1_3);
  EXPECT_THAT(proto.alpn_protocols(), ElementsAre("h2", "http/1.1"));
  EXPECT_EQ(proto.client_certificate_mode(),
            v1::CLIENT_CERTIFICATE_MODE_REQUIRE);
  EXPECT_TRUE(proto.has_expire_time());
  EXPECT_TRUE(proto.has_create_time());
  EXPECT_NE(proto.etag(), "");
  const std::string all = proto.SerializeAsString();
  EXPECT_THAT(all, Not(HasSubstr("PRIVATE KEY")));
  EXPECT_THAT(all, Not(HasSubstr("open sesame")));
}

TEST_F(ConvertContextTest, WritesNoKeyOfTheDevelopmentAuthority) {
  tls::SecureContextOptions options;
  options.credentials = {tls::DevelopmentCredentials{{"a.test", "b.test"}}};
  options.trust_anchors.development = true;

  const v1::SecureContext proto = Added(options);

  EXPECT_THAT(proto.credentials(0).development().server_names(),
              ElementsAre("a.test", "b.test"));
  EXPECT_GT(proto.credentials(0).certificates_size(), 0);
  EXPECT_TRUE(proto.trust_anchors().development());
  EXPECT_EQ(proto.client_certificate_mode(), v1::CLIENT_CERTIFICATE_MODE_NONE);
  EXPECT_THAT(proto.SerializeAsString(), Not(HasSubstr("PRIVATE KEY")));
}

TEST_F(ConvertContextTest, WritesAContextWithoutCredentials) {
  tls::SecureContextOptions options =
      testing::ClientOptions(TlsVersion::kTls13);
  options.client_certificate_mode = tls::ClientCertificateMode::kRequest;

  const v1::SecureContext proto = Added(options);

  EXPECT_EQ(proto.credentials_size(), 0);
  EXPECT_FALSE(proto.has_expire_time());
  EXPECT_EQ(proto.client_certificate_mode(),
            v1::CLIENT_CERTIFICATE_MODE_REQUEST);
}

}  // namespace
}  // namespace tlsd::control
