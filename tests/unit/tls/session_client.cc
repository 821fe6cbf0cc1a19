#include "tests/unit/tls/session_client.h"

#include <openssl/bio.h>

#include <utility>
#include <variant>

#include "server/base/byte_queue.h"
#include "server/base/chunk_pool.h"

namespace tlsd::tls {
namespace {

// More than any handshake takes.
constexpr int kTurnCount = 10;
constexpr size_t kCleartextBytesMax = 1000;

}  // namespace

SessionClient::SessionClient(TlsVersion version,
                             const testing::TestIdentity* identity) {
  context_.reset(SSL_CTX_new(TLS_method()));
  const uint16_t number =
      version == TlsVersion::kTls13 ? TLS1_3_VERSION : TLS1_2_VERSION;
  SSL_CTX_set_min_proto_version(context_.get(), number);
  SSL_CTX_set_max_proto_version(context_.get(), number);
  SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_CLIENT);
  SSL_CTX_sess_set_new_cb(context_.get(), OnSession);
  SSL_CTX_set_info_callback(context_.get(), OnInfo);
  if (identity == nullptr) return;
  SSL_CTX_use_certificate(context_.get(), identity->certificate());
  SSL_CTX_use_PrivateKey(context_.get(), identity->key());
}

int SessionClient::OnSession(SSL* ssl, SSL_SESSION* session) {
  static_cast<SessionClient*>(SSL_get_app_data(ssl))->session_.reset(session);
  return 1;
}

void SessionClient::OnInfo(const SSL* ssl, int type, int value) {
  if (type != SSL_CB_READ_ALERT) return;
  static_cast<SessionClient*>(SSL_get_app_data(ssl))->alert_ = value & 0xff;
}

BIO* SessionClient::Connect() {
  alert_ = -1;
  ssl_.reset(SSL_new(context_.get()));
  BIO* in = BIO_new(BIO_s_mem());
  BIO_set_mem_eof_return(in, -1);
  SSL_set_bio(ssl_.get(), in, BIO_new(BIO_s_mem()));
  SSL_set_app_data(ssl_.get(), this);
  SSL_set_connect_state(ssl_.get());
  if (session_ != nullptr) SSL_set_session(ssl_.get(), session_.get());
  SSL_set_enable_ech_grease(ssl_.get(), greases_ech ? 1 : 0);
  if (!server_name.empty()) {
    SSL_set_tlsext_host_name(ssl_.get(), server_name.c_str());
  }
  return in;
}

std::string SessionClient::Speak() {
  char buffer[16];
  if (SSL_do_handshake(ssl_.get()) == 1) {
    // Tickets of TLS 1.3 come here.
    SSL_read(ssl_.get(), buffer, sizeof(buffer));
  }
  BIO* out = SSL_get_wbio(ssl_.get());
  const uint8_t* data = nullptr;
  size_t size = 0;
  BIO_mem_contents(out, &data, &size);
  const std::string said(reinterpret_cast<const char*>(data), size);
  BIO_reset(out);
  return said;
}

SessionClient::Outcome SessionClient::Converse(
    std::shared_ptr<const SecureContext> server) {
  base::ChunkPool pool;
  auto engine =
      TlsEngine::Create(std::move(server), Role::kServer, {}, pool).value();
  base::ByteQueue cleartext(pool);
  BIO* in = Connect();
  Outcome outcome;
  for (int turn = 0; turn < kTurnCount; ++turn) {
    const std::string said = Speak();
    EventList events;
    if (outcome.status.ok()) {
      outcome.status = engine
                           ->Receive(base::AsBytes(said), kCleartextBytesMax,
                                     cleartext, events)
                           .status();
    }
    for (EngineEvent& event : events) {
      if (auto* done = std::get_if<HandshakeCompleted>(&event)) {
        outcome.handshake = std::move(done->facts);
      }
    }
    const std::string answer =
        engine->ciphertext().TakeText(engine->ciphertext().size());
    BIO_write(in, answer.data(), static_cast<int>(answer.size()));
  }
  outcome.alert = alert_;
  return outcome;
}

}  // namespace tlsd::tls
