#include "server/conn/forward_header.h"

#include "server/net/proxy_header.h"
#include "server/tls/certificate_facts.h"

namespace tlsd::conn {
namespace {

std::string CommonNameOf(const tls::CertificateFacts& certificate) {
  for (const auto& attribute : certificate.subject_attributes) {
    if (attribute.type == "CN") return attribute.value;
  }
  return "";
}

void AddTls(const tls::HandshakeFacts& handshake, bool with_certificate,
            net::ProxyHeader& header) {
  if (!handshake.alpn_protocol.empty()) {
    header.fields.push_back({net::kProxyAlpn, handshake.alpn_protocol});
  }
  if (!handshake.server_name.empty()) {
    header.fields.push_back({net::kProxyAuthority, handshake.server_name});
  }
  net::ProxySsl ssl;
  ssl.version = handshake.protocol;
  ssl.cipher = handshake.cipher;
  ssl.is_authorized = handshake.authorized;
  ssl.is_resumed = handshake.resumed;
  if (handshake.peer_certificate != nullptr) {
    const tls::CertificateFacts& certificate = *handshake.peer_certificate;
    ssl.has_client_certificate = true;
    ssl.common_name = CommonNameOf(certificate);
    if (with_certificate) ssl.client_certificate = certificate.der;
  }
  header.fields.push_back(net::EncodeProxySsl(ssl));
}

}  // namespace

std::string EncodeForwardHeader(ForwardHeader form,
                                const ConnectionFacts& facts) {
  if (form == ForwardHeader::kNone) return "";
  net::ProxyHeader header;
  header.version = form == ForwardHeader::kVersion1 ? 1 : 2;
  header.source = facts.remote_address;
  header.destination = facts.local_address;
  if (facts.proxy != nullptr && !facts.proxy->header.is_local) {
    header.destination = facts.proxy->header.destination;
  }
  const bool tells_tls = form == ForwardHeader::kVersion2Tls ||
                         form == ForwardHeader::kVersion2TlsCertificate;
  if (tells_tls && facts.handshake != nullptr) {
    AddTls(*facts.handshake, form == ForwardHeader::kVersion2TlsCertificate,
           header);
  }
  return net::EncodeProxyHeader(header);
}

}  // namespace tlsd::conn
