// What a Handshake does for encrypted ClientHellos (draft-ietf-tls-esni-13).
//
// A server's context is chosen by the name that is wanted, which is inside, and
// BoringSSL opens a ClientHello with the keys of the SSL_CTX that an SSL has
// when it comes. So it is opened twice: by the HelloReader, to choose; and by
// the SSL of the chosen context, which for that moment has an SSL_CTX that only
// lends the keys.
#include <openssl/ssl.h>

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "server/base/byte_queue.h"
#include "server/tls/handshake.h"
#include "server/tls/ssl_error.h"

namespace tlsd::tls {
namespace {

// What is told goes where gRPC has little room. Real lists have a tenth of it.
constexpr size_t kToldRetryConfigsBytesMax = 2048;

bssl::UniquePtr<SSL_CTX> LenderOf(const SecureContext& context) {
  const SecureContextState& state = SecureContextAccess::GetState(context);
  // Inside is a client of TLS 1.3 alone.
  if (state.facts.max_version < TlsVersion::kTls13) return nullptr;
  return state.ech_keys->context();
}

}  // namespace

// Servers.

// The name in the clear is the public name of a key: its context has the key,
// or the listener's own has it for all.
void Handshake::OpenInnerHello(HelloReader& reader) {
  if (!reader.offers_ech()) return;
  if (options_.contexts != nullptr) {
    const absl::StatusOr<NamedContext> named =
        options_.contexts->Choose(reader.facts()->server_name);
    if (named.ok() && named->context != nullptr) {
      ech_context_ = LenderOf(*named->context);
    }
  }
  if (ech_context_ == nullptr) ech_context_ = LenderOf(*context_);
  if (ech_context_ != nullptr) reader.OpenInner(ech_context_.get());
}

absl::Status Handshake::LendEchKeys() {
  HelloListener::SetOf(ssl_, this);
  if (ech_context_ == nullptr) ech_context_ = LenderOf(*context_);
  if (ech_context_ == nullptr) return absl::OkStatus();
  return SSL_set_SSL_CTX(ssl_, ech_context_.get()) != nullptr
             ? absl::OkStatus()
             : InternalError("SSL_set_SSL_CTX");
}

// SSL_set_SSL_CTX leaves most of a configuration behind. Here nothing has to
// follow: all but the certificates and SetUpSsl stayed those of the context
// that the SSL was made from, and to which it returns.
bool Handshake::OnClientHello(const SSL_CLIENT_HELLO& hello) {
  if (ech_context_ != nullptr) {
    if (!SSL_set_SSL_CTX(ssl_, context().ssl_context.get())) return false;
    SetUpSsl();
    ech_context_.reset();
  }
  const uint8_t* data = nullptr;
  size_t size = 0;
  early_data_offered_ = SSL_early_callback_ctx_extension_get(
                            &hello, TLSEXT_TYPE_early_data, &data, &size) == 1;
  if (context().credentials.size() > 1) KeepClientOffer(hello);
  return true;
}

// Clients.

absl::Status Handshake::SetEchConfigList() {
  const std::string& list = options_.ech_config_list;
  if (list.empty()) return absl::OkStatus();
  if (!SSL_set1_ech_config_list(
          ssl_, reinterpret_cast<const uint8_t*>(list.data()), list.size())) {
    return ProblemError(
        Reason::kEchKeyInvalid, "ech_config_list",
        absl::StrCat("these ", list.size(), " bytes are no ECHConfigList"));
  }
  SSL_set_msg_callback(ssl_, [](int /*is_write*/, int /*version*/, int type,
                                const void* /*data*/, size_t /*size*/,
                                SSL* /*ssl*/, void* offered) {
    if (type == SSL3_RT_CLIENT_HELLO_INNER) *static_cast<bool*>(offered) = true;
  });
  SSL_set_msg_callback_arg(ssl_, &ech_offered_);
  return absl::OkStatus();
}

// BoringSSL goes on in the clear if it can use nothing in the list.
absl::Status Handshake::CheckFirstFlight() const {
  if (options_.ech_config_list.empty()) return absl::OkStatus();
  SSL_set_msg_callback(ssl_, nullptr);
  if (ech_offered_) return absl::OkStatus();
  return ProblemError(
      Reason::kEchKeyInvalid, "ech_config_list",
      "the library can use none of it; allowed: version 0xfe0d, "
      "DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 with AES-GCM or "
      "ChaCha20-Poly1305, in a secure context with TLS 1.3");
}

// A server that could not read the ClientHello has shown the certificate of the
// public name. If that is good the server may say what to retry with, and no
// more (section 6.1.6).
void Handshake::ExpectPublicName() {
  const char* name = nullptr;
  size_t size = 0;
  SSL_get0_ech_name_override(ssl_, &name, &size);
  if (size == 0) return;
  ech_rejected_ = true;
  expected_name_ = ServerName{ServerName::Kind::kDns, std::string(name, size)};
}

absl::Status Handshake::EchRejectedError() const {
  // Nobody has judged the server: what it says is not to be told.
  if (!ech_rejected_) return InternalError("SSL_get0_ech_name_override");
  const uint8_t* configs = nullptr;
  size_t size = 0;
  SSL_get0_ech_retry_configs(ssl_, &configs, &size);
  ErrorMetadata metadata = {{"public_name", expected_name_->text}};
  std::string advice = "it takes none; connect without";
  if (size > kToldRetryConfigsBytesMax) {
    advice = absl::StrCat("its own configurations are too long to tell: ", size,
                          " bytes");
  } else if (size > 0) {
    metadata["retry_configs"] =
        absl::Base64Escape(base::AsText({configs, size}));
    advice = "connect again with its own configurations, in retry_configs";
  }
  return MakeError(
      Reason::kEchRejected,
      absl::StrCat("the server could not read the encrypted ClientHello: ",
                   advice),
      std::move(metadata));
}

}  // namespace tlsd::tls
