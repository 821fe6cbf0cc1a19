#include "server/tls/hello_reader.h"

#include "server/tls/client_hello.h"
#include "server/tls/policy.h"
#include "server/tls/ssl_error.h"

namespace tlsd::tls {

// BoringSSL's own parser, so that what is chosen by and what is answered to are
// never two readings of the same bytes.
HelloReader::HelloReader(base::ChunkPool& pool, Detail detail)
    : detail_(detail), answer_(pool), bio_(answer_), ssl_(SSL_new(Context())) {
  bssl::UniquePtr<BIO> bio = bio_.NewBio();
  if (ssl_ == nullptr || bio == nullptr) return;
  BIO* both = bio.release();
  SSL_set_bio(ssl_.get(), both, both);
  SSL_set_app_data(ssl_.get(), this);
  SSL_set_accept_state(ssl_.get());
}

SSL_CTX* HelloReader::Context() {
  static SSL_CTX* const context = [] {
    SSL_CTX* made = SSL_CTX_new(TLS_method());
    if (made == nullptr) return made;
    SSL_CTX_set_select_certificate_cb(made, OnClientHello);
    // BoringSSL takes no greater ClientHello from a server that asks for
    // certificates; so none is too great here that is not there.
    SSL_CTX_set_max_cert_list(made, kPeerChainBytesMax);
    SSL_CTX_set_verify(made, SSL_VERIFY_PEER, /*callback=*/nullptr);
    return made;
  }();
  return context;
}

ssl_select_cert_result_t HelloReader::OnClientHello(
    const SSL_CLIENT_HELLO* hello) {
  auto* self = static_cast<HelloReader*>(SSL_get_app_data(hello->ssl));
  self->facts_ = self->detail_ == Detail::kAll ? DescribeClientHello(*hello)
                                               : DescribeServerName(*hello);
  return ssl_select_cert_error;
}

HelloReader::Result HelloReader::Receive(absl::Span<const uint8_t> ciphertext) {
  const ErrorQueueGuard guard;
  const absl::string_view text = base::AsText(ciphertext);
  bytes_.append(text.data(), text.size());
  if (ssl_ == nullptr) return Result::kMalformed;
  bio_.Lend(ciphertext);
  const int result = SSL_do_handshake(ssl_.get());
  const int ssl_error = SSL_get_error(ssl_.get(), result);
  bio_.TakeBack();
  if (!facts_.has_value() && ssl_error == SSL_ERROR_WANT_READ) {
    return Result::kNeedsMore;
  }
  ssl_.reset();
  answer_.Clear();
  return facts_.has_value() ? Result::kRead : Result::kMalformed;
}

}  // namespace tlsd::tls
