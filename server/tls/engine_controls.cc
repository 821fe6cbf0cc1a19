// What can be done to a connection besides reading and writing it.
#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "server/base/secret.h"
#include "server/base/status_macros.h"
#include "server/tls/boringssl_engine.h"
#include "server/tls/server_end_point.h"
#include "server/tls/ssl_error.h"

namespace tlsd::tls {
namespace {

// What an HkdfLabel has room for behind "tls13 " (RFC 8446 section 7.1).
constexpr size_t kLabelBytesMax = 249;
constexpr size_t kContextBytesMax = 65535;
constexpr size_t kMaterialBytesMax = 4096;

// Answers to KeyUpdates wait while this much is unsent: a peer that asks for
// them, and takes none, costs no memory.
constexpr size_t kUnsentBytesMax = 16 * 1024;

// RFC 9266 section 2.
constexpr absl::string_view kBindingLabel = "EXPORTER-Channel-Binding";
constexpr size_t kBindingBytes = 32;

// What TLS itself derives with (RFC 5705 section 4, RFC 7627 section 4).
constexpr absl::string_view kReservedLabels[] = {
    "client finished", "server finished", "master secret",
    "extended master secret", "key expansion"};

absl::Status NotComplete() {
  return MakeError(Reason::kHandshakeNotComplete,
                   "this can be done once the handshake is complete");
}

absl::Status CheckLabel(absl::string_view label) {
  if (label.empty()) return FieldRequired("label");
  if (label.size() > kLabelBytesMax) {
    return FieldError(Reason::kFieldInvalid, "label",
                      absl::StrCat(label.size(), " bytes"),
                      absl::StrCat("at most ", kLabelBytesMax, " bytes"));
  }
  const bool is_reserved =
      std::find(std::begin(kReservedLabels), std::end(kReservedLabels),
                label) != std::end(kReservedLabels);
  if (is_reserved) {
    return FieldError(Reason::kFieldInvalid, "label", label,
                      "any that TLS does not use itself");
  }
  return absl::OkStatus();
}

absl::Status CheckMaterial(const KeyingMaterial& material) {
  TLSD_RETURN_IF_ERROR(CheckLabel(material.label));
  if (material.context.has_value() &&
      material.context->size() > kContextBytesMax) {
    return FieldError(Reason::kFieldInvalid, "context",
                      absl::StrCat(material.context->size(), " bytes"),
                      absl::StrCat("at most ", kContextBytesMax, " bytes"));
  }
  if (material.length == 0) return FieldRequired("length");
  if (material.length > kMaterialBytesMax) {
    return FieldError(Reason::kFieldInvalid, "length",
                      absl::StrCat(material.length),
                      absl::StrCat("1 to ", kMaterialBytesMax, " bytes"));
  }
  return absl::OkStatus();
}

using FinishedGetter = size_t (*)(const SSL* ssl, void* buffer, size_t size);

std::string ReadFinished(const SSL* ssl, FinishedGetter get) {
  std::array<uint8_t, EVP_MAX_MD_SIZE> finished;
  const size_t size = get(ssl, finished.data(), finished.size());
  return std::string(base::AsText({finished.data(), size}));
}

// BoringSSL knows whose Finished was the first: the client's, or on resumption
// the server's.
std::string ReadTlsUnique(const SSL* ssl) {
  std::array<uint8_t, EVP_MAX_MD_SIZE> unique;
  size_t size = 0;
  if (!SSL_get_tls_unique(ssl, unique.data(), &size, unique.size())) return "";
  return std::string(base::AsText({unique.data(), size}));
}

}  // namespace

absl::Status BoringSslEngine::CheckControls() const {
  if (!final_error_.ok()) return final_error_;
  if (state_ == State::kReadingHello || state_ == State::kHandshaking) {
    return NotComplete();
  }
  return absl::OkStatus();
}

absl::Status BoringSslEngine::CheckSecrets() const {
  TLSD_RETURN_IF_ERROR(CheckControls());
  return SSL_in_init(ssl_.get()) ? NotComplete() : absl::OkStatus();
}

// Renegotiation.

bool BoringSslEngine::renegotiates() const {
  return state_ == State::kRenegotiationRequested ||
         state_ == State::kRenegotiationAccepted ||
         state_ == State::kRenegotiating;
}

absl::Status BoringSslEngine::AcceptRenegotiation() {
  if (!final_error_.ok()) return final_error_;
  if (state_ != State::kRenegotiationRequested) return absl::OkStatus();
  const ErrorQueueGuard guard;
  EngineOptions options;
  options.hooks = renegotiation_hooks_;
  handshake_ = std::make_unique<Handshake>(role_, std::move(options), context_);
  handshake_->StartAgain(ssl_.get());
  if (!SSL_renegotiate(ssl_.get())) {
    return Fail(InternalError("SSL_renegotiate"));
  }
  state_ = State::kRenegotiationAccepted;
  return absl::OkStatus();
}

absl::Status BoringSslEngine::CompleteRenegotiation() {
  state_ = State::kOpen;
  certificate_withheld_ = handshake_->certificate_withheld();
  handshake_.reset();
  events_->push_back(Renegotiated{});
  return is_shut_down_ ? SendCloseNotify() : absl::OkStatus();
}

// Records.

absl::Status BoringSslEngine::SetMaxSendFragment(size_t size) {
  // BoringSSL takes the nearest that it can, and says nothing.
  if (size < kSendFragmentBytesMin || size > kSendFragmentBytesMax) {
    return FieldError(Reason::kFieldInvalid, "size", absl::StrCat(size),
                      absl::StrCat(kSendFragmentBytesMin, " to ",
                                   kSendFragmentBytesMax, " bytes"));
  }
  TLSD_RETURN_IF_ERROR(CheckControls());
  SSL_set_max_send_fragment(ssl_.get(), size);
  max_send_fragment_ = size;
  return absl::OkStatus();
}

absl::Status BoringSslEngine::UpdateKeys(bool request_peer) {
  TLSD_RETURN_IF_ERROR(CheckSecrets());
  if (SSL_version(ssl_.get()) < TLS1_3_VERSION) {
    const std::string protocol = SSL_get_version(ssl_.get());
    return MakeError(
        Reason::kVersionMismatch,
        absl::StrCat("keys can be updated under TLSv1.3; this connection has ",
                     protocol),
        {{"protocol", protocol}});
  }
  if (is_shut_down_) {
    return MakeError(Reason::kWriteAfterShutdown,
                     "close_notify has been sent; nothing uses new keys");
  }
  const ErrorQueueGuard guard;
  // An answer to the peer that BoringSSL holds back would stand for this
  // message, and ask for nothing.
  absl::Status status = FlushHeldBack();
  if (status.ok() &&
      !SSL_key_update(ssl_.get(), request_peer
                                      ? SSL_KEY_UPDATE_REQUESTED
                                      : SSL_KEY_UPDATE_NOT_REQUESTED)) {
    status = InternalError("SSL_key_update");
  }
  if (status.ok()) status = FlushHeldBack();
  return status.ok() ? status : Fail(status);
}

// An end that only reads would never give the answer.
absl::Status BoringSslEngine::AnswerKeyUpdate() {
  if (SSL_version(ssl_.get()) < TLS1_3_VERSION || SSL_in_init(ssl_.get()) ||
      is_shut_down_ || ciphertext_.size() > kUnsentBytesMax) {
    return absl::OkStatus();
  }
  return FlushHeldBack();
}

absl::Status BoringSslEngine::FlushHeldBack() {
  // Success is 0 here, for zero bytes.
  const int result = SSL_write(ssl_.get(), "", 0);
  return result < 0 ? ErrorOfCall(SSL_get_error(ssl_.get(), result))
                    : absl::OkStatus();
}

// Secrets.

absl::StatusOr<std::string> BoringSslEngine::ExportSecret(
    absl::string_view label, const std::string* context, size_t length) {
  std::string secret(length, '\0');
  const absl::string_view bytes = context != nullptr ? *context : "";
  if (!SSL_export_keying_material(
          ssl_.get(), reinterpret_cast<uint8_t*>(secret.data()), length,
          label.data(), label.size(), base::AsBytes(bytes).data(), bytes.size(),
          context != nullptr ? 1 : 0)) {
    return InternalError("SSL_export_keying_material");
  }
  return secret;
}

absl::StatusOr<std::string> BoringSslEngine::ExportKeyingMaterial(
    const KeyingMaterial& material) {
  TLSD_RETURN_IF_ERROR(CheckMaterial(material));
  TLSD_RETURN_IF_ERROR(CheckSecrets());
  const ErrorQueueGuard guard;
  return ExportSecret(
      material.label,
      material.context.has_value() ? &*material.context : nullptr,
      material.length);
}

absl::StatusOr<ChannelBindings> BoringSslEngine::GetChannelBindings() {
  TLSD_RETURN_IF_ERROR(CheckSecrets());
  const ErrorQueueGuard guard;
  ChannelBindings bindings;
  bindings.finished = ReadFinished(ssl_.get(), SSL_get_finished);
  bindings.peer_finished = ReadFinished(ssl_.get(), SSL_get_peer_finished);
  // Without it two connections can have one master secret (RFC 7627 section 1).
  if (SSL_get_extms_support(ssl_.get())) {
    bindings.tls_unique = ReadTlsUnique(ssl_.get());
    const std::string no_bytes;
    TLSD_ASSIGN_OR_RETURN(
        bindings.tls_exporter,
        ExportSecret(kBindingLabel, &no_bytes, kBindingBytes));
  }
  bindings.tls_server_end_point = ServerEndPointBinding();
  return bindings;
}

std::string BoringSslEngine::ServerEndPointBinding() const {
  if (role_ == Role::kServer) {
    return shown_ != nullptr
               ? ServerEndPoint(shown_->credentials.chain[0].get())
               : "";
  }
  const bssl::UniquePtr<X509> certificate(SSL_get_peer_certificate(ssl_.get()));
  return certificate != nullptr ? ServerEndPoint(certificate.get()) : "";
}

}  // namespace tlsd::tls
