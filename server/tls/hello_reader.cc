#include "server/tls/hello_reader.h"

#include <cstddef>

#include "server/tls/client_hello.h"
#include "server/tls/policy.h"
#include "server/tls/ssl_error.h"

namespace tlsd::tls {

// BoringSSL's own parser, so that what is chosen by and what is answered to are
// never two readings of the same bytes.
HelloReader::HelloReader(base::ChunkPool& pool, Detail detail)
    : detail_(detail), answer_(pool), bio_(answer_), ssl_(NewSsl(Context())) {}

SSL_CTX* HelloReader::Context() {
  static SSL_CTX* const context = [] {
    SSL_CTX* made = SSL_CTX_new(TLS_method());
    if (made != nullptr) TellClientHellos(made);
    return made;
  }();
  return context;
}

bssl::UniquePtr<SSL> HelloReader::NewSsl(SSL_CTX* context) {
  bssl::UniquePtr<SSL> ssl(SSL_new(context));
  bssl::UniquePtr<BIO> bio = bio_.NewBio();
  if (ssl == nullptr || bio == nullptr) return nullptr;
  BIO* both = bio.release();
  SSL_set_bio(ssl.get(), both, both);
  HelloListener::SetOf(ssl.get(), this);
  SSL_set_accept_state(ssl.get());
  // BoringSSL takes no greater ClientHello from a server that asks for
  // certificates; so none is too great here that is not there.
  SSL_set_max_cert_list(ssl.get(), kPeerChainBytesMax);
  SSL_set_verify(ssl.get(), SSL_VERIFY_PEER, /*callback=*/nullptr);
  return ssl;
}

bool HelloReader::OnClientHello(const SSL_CLIENT_HELLO& hello) {
  const bool is_inner = SSL_ech_accepted(hello.ssl) == 1;
  // What OpenInner cannot open is known already.
  if (facts_.has_value() && !is_inner) return false;
  facts_ = detail_ == Detail::kAll ? DescribeClientHello(hello)
                                   : DescribeServerName(hello);
  const uint8_t* data = nullptr;
  size_t size = 0;
  offers_ech_ =
      SSL_early_callback_ctx_extension_get(
          &hello, TLSEXT_TYPE_encrypted_client_hello, &data, &size) == 1;
  return false;
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

void HelloReader::OpenInner(SSL_CTX* context) {
  const ErrorQueueGuard guard;
  ssl_ = NewSsl(context);
  if (ssl_ == nullptr) return;
  bio_.Lend(base::AsBytes(bytes_));
  SSL_do_handshake(ssl_.get());
  bio_.TakeBack();
  ssl_.reset();
  answer_.Clear();
}

}  // namespace tlsd::tls
