#include "server/conn/forward_header.h"

#include <algorithm>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "server/base/byte_queue.h"
#include "server/net/proxy_header.h"
#include "server/tls/certificate_facts.h"

namespace tlsd::conn {
namespace {

net::SocketAddress Ipv4(const std::string& ip, uint16_t port) {
  net::SocketAddress address;
  address.family = net::SocketAddress::Family::kIpv4;
  address.text = ip;
  address.port = port;
  return address;
}

ConnectionFacts Facts() {
  ConnectionFacts facts;
  facts.remote_address = Ipv4("198.51.100.9", 5555);
  facts.local_address = Ipv4("192.0.2.1", 443);
  auto certificate = std::make_shared<tls::CertificateFacts>();
  certificate->subject_attributes = {{"O", "Example"}, {"CN", "alice"}};
  certificate->der = "DER of alice";
  tls::HandshakeFacts handshake;
  handshake.protocol = "TLSv1.3";
  handshake.cipher = "TLS_AES_128_GCM_SHA256";
  handshake.alpn_protocol = "h2";
  handshake.server_name = "www.example";
  handshake.authorized = true;
  handshake.peer_certificate = certificate;
  facts.handshake =
      std::make_shared<const tls::HandshakeFacts>(std::move(handshake));
  return facts;
}

net::ProxyHeader Read(const std::string& bytes) {
  net::ProxyHeaderReader reader;
  const absl::StatusOr<size_t> taken = reader.Receive(base::AsBytes(bytes));
  EXPECT_TRUE(taken.ok()) << taken.status();
  EXPECT_TRUE(reader.done());
  return reader.header();
}

std::string FieldOf(const net::ProxyHeader& header, uint8_t type) {
  for (const net::ProxyField& field : header.fields) {
    if (field.type == type) return field.value;
  }
  return "";
}

TEST(ForwardHeaderTest, IsNothingUnlessAsked) {
  EXPECT_EQ(EncodeForwardHeader(ForwardHeader::kNone, Facts()), "");
}

TEST(ForwardHeaderTest, TellsTheAddresses) {
  EXPECT_EQ(EncodeForwardHeader(ForwardHeader::kVersion1, Facts()),
            "PROXY TCP4 198.51.100.9 192.0.2.1 5555 443\r\n");
  const net::ProxyHeader header =
      Read(EncodeForwardHeader(ForwardHeader::kVersion2, Facts()));
  EXPECT_EQ(header.source, Facts().remote_address);
  EXPECT_EQ(header.destination, Facts().local_address);
  EXPECT_TRUE(header.fields.empty());
}

TEST(ForwardHeaderTest, TellsWhatTlsHasAgreedOn) {
  const net::ProxyHeader header =
      Read(EncodeForwardHeader(ForwardHeader::kVersion2Tls, Facts()));
  EXPECT_EQ(FieldOf(header, net::kProxyAlpn), "h2");
  EXPECT_EQ(FieldOf(header, net::kProxyAuthority), "www.example");
  const std::string ssl = FieldOf(header, net::kProxySsl);
  EXPECT_NE(ssl.find("TLSv1.3"), std::string::npos);
  EXPECT_NE(ssl.find("alice"), std::string::npos);
  EXPECT_EQ(ssl.find("DER of alice"), std::string::npos);
}

TEST(ForwardHeaderTest, TellsTheCertificateIfAsked) {
  const net::ProxyHeader header = Read(
      EncodeForwardHeader(ForwardHeader::kVersion2TlsCertificate, Facts()));
  EXPECT_NE(FieldOf(header, net::kProxySsl).find("DER of alice"),
            std::string::npos);
}

TEST(ForwardHeaderTest, SaysNothingOfTlsForAPlainConnection) {
  ConnectionFacts facts = Facts();
  facts.handshake = nullptr;
  const net::ProxyHeader header =
      Read(EncodeForwardHeader(ForwardHeader::kVersion2Tls, facts));
  EXPECT_EQ(header.source, facts.remote_address);
  EXPECT_TRUE(header.fields.empty());
}

TEST(ForwardHeaderTest, PassesOnWhatAProxyHasClaimed) {
  ConnectionFacts facts = Facts();
  auto claimed = std::make_shared<ProxyFacts>();
  claimed->header.source = facts.remote_address;
  claimed->header.destination = Ipv4("203.0.113.1", 8443);
  facts.proxy = claimed;
  EXPECT_EQ(EncodeForwardHeader(ForwardHeader::kVersion1, facts),
            "PROXY TCP4 198.51.100.9 203.0.113.1 5555 8443\r\n");
}

}  // namespace
}  // namespace tlsd::conn
