#include "tests/integration/tls_peer.h"

#include <openssl/digest.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"

namespace tlsd::testing {
namespace {

constexpr size_t kRecordHeaderSize = 5;
constexpr uint8_t kAlertRecord = 21;

}  // namespace

absl::StatusOr<std::unique_ptr<TlsPeer>> TlsPeer::Connect(
    const std::string& address, v1::TlsVersion version,
    const std::string& server_name) {
  return Handshake(address, version, server_name, /*session=*/nullptr);
}

absl::StatusOr<std::unique_ptr<TlsPeer>> TlsPeer::Resume(
    const std::string& address, v1::TlsVersion version,
    const TlsPeer& earlier) {
  return Handshake(address, version, /*server_name=*/"",
                   earlier.session_.get());
}

std::string TlsPeer::CertificateDigest() const {
  const bssl::UniquePtr<X509> certificate(SSL_get_peer_certificate(ssl_.get()));
  uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (certificate == nullptr ||
      !X509_digest(certificate.get(), EVP_sha256(), digest, &size)) {
    return "";
  }
  return std::string(reinterpret_cast<const char*>(digest), size);
}

absl::StatusOr<std::unique_ptr<TlsPeer>> TlsPeer::Handshake(
    const std::string& address, v1::TlsVersion version,
    const std::string& server_name, SSL_SESSION* session) {
  absl::StatusOr<RawSocket> socket = RawSocket::Connect(address);
  if (!socket.ok()) return socket.status();
  std::unique_ptr<TlsPeer> peer(new TlsPeer(*std::move(socket)));
  peer->context_.reset(SSL_CTX_new(TLS_method()));
  SSL_CTX* context = peer->context_.get();
  if (version != v1::TLS_VERSION_UNSPECIFIED) {
    const uint16_t wire =
        version == v1::TLS_VERSION_TLS_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;
    SSL_CTX_set_min_proto_version(context, wire);
    SSL_CTX_set_max_proto_version(context, wire);
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT);
  SSL_CTX_sess_set_new_cb(context, [](SSL* ssl, SSL_SESSION* given) {
    static_cast<TlsPeer*>(SSL_get_app_data(ssl))->session_.reset(given);
    return 1;
  });
  peer->ssl_.reset(SSL_new(context));
  SSL_set_app_data(peer->ssl_.get(), peer.get());
  if (!server_name.empty()) {
    SSL_set_tlsext_host_name(peer->ssl_.get(), server_name.c_str());
  }
  if (session != nullptr) SSL_set_session(peer->ssl_.get(), session);
  SSL_set_fd(peer->ssl_.get(), peer->socket_.descriptor());
  ERR_clear_error();
  if (SSL_connect(peer->ssl_.get()) != 1) {
    char text[256];
    ERR_error_string_n(ERR_get_error(), text, sizeof(text));
    return absl::AbortedError(absl::StrCat("handshake: ", text));
  }
  return peer;
}

bool TlsPeer::Send(absl::string_view bytes) {
  ERR_clear_error();
  return SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) ==
         static_cast<int>(bytes.size());
}

std::string TlsPeer::Receive(size_t size_max) {
  std::string bytes(size_max, '\0');
  ERR_clear_error();
  const int size =
      SSL_read(ssl_.get(), bytes.data(), static_cast<int>(size_max));
  if (size > 0) {
    bytes.resize(static_cast<size_t>(size));
    return bytes;
  }
  switch (SSL_get_error(ssl_.get(), size)) {
    case SSL_ERROR_ZERO_RETURN:
      end_ = End::kCloseNotify;
      break;
    case SSL_ERROR_SYSCALL:
      end_ = size == 0 ? End::kTruncated : End::kFailed;
      break;
    default:
      end_ = End::kFailed;
  }
  return "";
}

std::string TlsPeer::ReceiveAll() {
  std::string bytes;
  while (true) {
    const std::string more = Receive();
    if (more.empty()) return bytes;
    bytes += more;
  }
}

void TlsPeer::Shutdown() { SSL_shutdown(ssl_.get()); }

std::string AlertsIn(absl::string_view ciphertext) {
  std::string alerts;
  while (ciphertext.size() >= kRecordHeaderSize) {
    const auto type = static_cast<uint8_t>(ciphertext[0]);
    const size_t size = static_cast<uint8_t>(ciphertext[3]) * size_t{256} +
                        static_cast<uint8_t>(ciphertext[4]);
    ciphertext.remove_prefix(kRecordHeaderSize);
    if (size > ciphertext.size()) break;
    if (type == kAlertRecord && size == 2) {
      absl::StrAppend(&alerts, alerts.empty() ? "" : ", ",
                      ciphertext[0] == 2 ? "fatal " : "warning ",
                      static_cast<int>(static_cast<uint8_t>(ciphertext[1])));
    }
    ciphertext.remove_prefix(size);
  }
  return alerts;
}

}  // namespace tlsd::testing
