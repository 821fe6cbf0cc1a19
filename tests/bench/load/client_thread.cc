#include "tests/bench/load/client_thread.h"

#include <utility>

#include "tests/bench/load/sockets.h"
#include "tests/bench/load/tls_client.h"

namespace tlsd::bench::load {
namespace {

// More than are ever under way.
constexpr size_t kSessionCountMax = 4096;
// One record's cleartext.
constexpr size_t kCleartextSize = 16 * 1024;

ssl_verify_result_t TrustAnyone(SSL*, uint8_t*) { return ssl_verify_ok; }

}  // namespace

ClientThread::ClientThread(const Options& options, int index)
    : port_(options.port),
      resumes_(options.resume),
      // Threads begin at different addresses.
      turn_(static_cast<uint32_t>(index) * 100),
      // Certificates are not parsed: nobody looks at them.
      context_(options.version == kWithoutTls
                   ? nullptr
                   : SSL_CTX_new(TLS_with_buffers_method())),
      wire_(kBufferSize),
      cleartext_(kCleartextSize) {
  SSL_CTX* const context = context_.get();
  if (context == nullptr) return;
  SSL_CTX_set_min_proto_version(context, options.version);
  SSL_CTX_set_max_proto_version(context, options.version);
  SSL_CTX_set_strict_cipher_list(
      context, "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256");
  // Under TLS 1.2 the certificate's curve must be among them, too.
  SSL_CTX_set1_groups_list(
      context, options.version == TLS1_2_VERSION ? "X25519:P-256" : "X25519");
  SSL_CTX_set_custom_verify(context, SSL_VERIFY_PEER, TrustAnyone);
  if (!resumes_) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return;
  }
  SSL_CTX_set_session_cache_mode(
      context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, TlsClient::OnSession);
}

void ClientThread::KeepSession(bssl::UniquePtr<SSL_SESSION> session) {
  if (session == nullptr || sessions_.size() >= kSessionCountMax) return;
  sessions_.push_back(std::move(session));
}

bssl::UniquePtr<SSL_SESSION> ClientThread::TakeSession() {
  if (sessions_.empty()) return nullptr;
  bssl::UniquePtr<SSL_SESSION> session = std::move(sessions_.back());
  sessions_.pop_back();
  return session;
}

}  // namespace tlsd::bench::load
