#include "tests/cost/client_peer.h"

#include <openssl/bio.h>
#include <openssl/err.h>

#include "tests/cost/require.h"

namespace tlsd::cost {

bssl::UniquePtr<SSL_CTX> ClientPeer::NewContext(uint16_t version) {
  bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_method()));
  SSL_CTX_set_min_proto_version(context.get(), version);
  SSL_CTX_set_max_proto_version(context.get(), version);
  // Under TLS 1.2 the certificate's curve must be among them.
  SSL_CTX_set1_groups_list(context.get(), "X25519:P-256");
  SSL_CTX_set_session_cache_mode(
      context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context.get(), OnSession);
  return context;
}

ClientPeer::ClientPeer(SSL_CTX* context, SSL_SESSION* session)
    : ssl_(SSL_new(context)),
      input_(BIO_new(BIO_s_mem())),
      output_(BIO_new(BIO_s_mem())) {
  // No end of the transport: more may come.
  BIO_set_mem_eof_return(input_, -1);
  SSL_set_bio(ssl_.get(), input_, output_);
  SSL_set_app_data(ssl_.get(), this);
  SSL_set_tlsext_host_name(ssl_.get(), "localhost");
  SSL_set_connect_state(ssl_.get());
  if (session != nullptr) SSL_set_session(ssl_.get(), session);
}

std::string ClientPeer::Receive(absl::string_view ciphertext) {
  BIO_write(input_, ciphertext.data(), static_cast<int>(ciphertext.size()));
  ERR_clear_error();
  char cleartext[16 * 1024];
  int size = 0;
  // It makes the handshake too.
  while ((size = SSL_read(ssl_.get(), cleartext, sizeof(cleartext))) > 0) {
    received_size_ += static_cast<size_t>(size);
  }
  const int error = SSL_get_error(ssl_.get(), size);
  Require(error == SSL_ERROR_WANT_READ || error == SSL_ERROR_ZERO_RETURN,
          "the client reads");
  return TakeOutput();
}

std::string ClientPeer::Send(absl::string_view cleartext) {
  const int size = static_cast<int>(cleartext.size());
  Require(SSL_write(ssl_.get(), cleartext.data(), size) == size,
          "the client writes");
  return TakeOutput();
}

std::string ClientPeer::CloseNotify() {
  SSL_shutdown(ssl_.get());
  return TakeOutput();
}

std::string ClientPeer::TakeOutput() {
  const uint8_t* bytes = nullptr;
  size_t size = 0;
  BIO_mem_contents(output_, &bytes, &size);
  std::string output(reinterpret_cast<const char*>(bytes), size);
  BIO_reset(output_);
  return output;
}

int ClientPeer::OnSession(SSL* ssl, SSL_SESSION* session) {
  static_cast<ClientPeer*>(SSL_get_app_data(ssl))->session_.reset(session);
  return 1;
}

}  // namespace tlsd::cost
