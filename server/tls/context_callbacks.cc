#include "server/tls/context_callbacks.h"

#include <openssl/err.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

#include "absl/time/clock.h"
#include "server/base/byte_queue.h"
#include "server/tls/protocol_list.h"
#include "server/tls/ticket_keys.h"

namespace tlsd::tls {
namespace {

using Result = ConnectionCallbacks::Result;

// A stored session's ticket is this many random bytes, and padding.
constexpr size_t kSessionIdBytes = 16;
// A ticket has its length in two bytes.
constexpr size_t kSessionBytesMax = 0xffff - TicketKeys::kOverheadBytes;

ConnectionCallbacks* CallbacksOf(const SSL* ssl) {
  return static_cast<ConnectionCallbacks*>(SSL_get_app_data(ssl));
}

TicketKeys* TicketKeysOf(const SSL* ssl) {
  return static_cast<TicketKeys*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
}

std::string ToText(const uint8_t* data, size_t size) {
  return std::string(base::AsText({data, size}));
}

// Set to the HelloListener of an SSL.
int HelloListenerIndex() {
  static const int index = SSL_get_ex_new_index(
      /*argl=*/0, /*argp=*/nullptr, /*unused=*/nullptr, /*dup_unused=*/nullptr,
      /*free_func=*/nullptr);
  return index;
}

ssl_select_cert_result_t OnClientHello(const SSL_CLIENT_HELLO* hello) {
  auto* listener = static_cast<HelloListener*>(
      SSL_get_ex_data(hello->ssl, HelloListenerIndex()));
  return listener == nullptr || listener->OnClientHello(*hello)
             ? ssl_select_cert_success
             : ssl_select_cert_error;
}

// Tickets.

size_t MaxTicketOverhead(SSL* /*ssl*/) { return TicketKeys::kOverheadBytes; }

// BoringSSL gives `open` no more room than the ticket has bytes, so it must be
// as long as the session is.
int SealId(ConnectionCallbacks& callbacks, uint8_t* out, size_t* out_size,
           absl::Span<const uint8_t> session) {
  *out_size = std::max(session.size(), kSessionIdBytes);
  if (RAND_bytes(out, *out_size) != 1) return 0;
  callbacks.StoreSession(ToText(out, kSessionIdBytes),
                         ToText(session.data(), session.size()));
  return 1;
}

int SealTicket(SSL* ssl, uint8_t* out, size_t* out_size, size_t /*size_max*/,
               const uint8_t* in, size_t in_size) {
  ConnectionCallbacks* callbacks = CallbacksOf(ssl);
  if (in_size > kSessionBytesMax) {
    // To seal nothing would end the handshake; this opens nothing.
    *out_size = kSessionIdBytes;
    return RAND_bytes(out, kSessionIdBytes);
  }
  if (callbacks != nullptr && callbacks->StoresSessions()) {
    return SealId(*callbacks, out, out_size, {in, in_size});
  }
  const absl::Duration timeout =
      absl::Seconds(SSL_CTX_get_timeout(SSL_get_SSL_CTX(ssl)));
  const std::optional<size_t> size =
      TicketKeysOf(ssl)->Seal(absl::Now(), timeout, {in, in_size}, out);
  *out_size = size.value_or(0);
  return size.has_value() ? 1 : 0;
}

ssl_ticket_aead_result_t OpenId(ConnectionCallbacks& callbacks, uint8_t* out,
                                size_t* out_size, size_t size_max,
                                absl::Span<const uint8_t> ticket) {
  if (ticket.size() < kSessionIdBytes) return ssl_ticket_aead_ignore_ticket;
  std::string session;
  switch (callbacks.FindSession(base::AsText(ticket.first(kSessionIdBytes)),
                                session)) {
    case Result::kWait:
      return ssl_ticket_aead_retry;
    case Result::kNothing:
      return ssl_ticket_aead_ignore_ticket;
    case Result::kDone:
      break;
  }
  if (session.size() > size_max) return ssl_ticket_aead_ignore_ticket;
  std::memcpy(out, session.data(), session.size());
  *out_size = session.size();
  return ssl_ticket_aead_success;
}

ssl_ticket_aead_result_t OpenTicket(SSL* ssl, uint8_t* out, size_t* out_size,
                                    size_t size_max, const uint8_t* in,
                                    size_t in_size) {
  ConnectionCallbacks* callbacks = CallbacksOf(ssl);
  if (callbacks != nullptr && callbacks->StoresSessions()) {
    return OpenId(*callbacks, out, out_size, size_max, {in, in_size});
  }
  const std::optional<size_t> size =
      TicketKeysOf(ssl)->Open(absl::Now(), {in, in_size}, out);
  *out_size = size.value_or(0);
  return size.has_value() ? ssl_ticket_aead_success
                          : ssl_ticket_aead_ignore_ticket;
}

// Sessions with ids, for clients that have no tickets; and clients' sessions.

int OnNewSession(SSL* ssl, SSL_SESSION* session) {
  ConnectionCallbacks* callbacks = CallbacksOf(ssl);
  if (callbacks == nullptr) return 0;
  if (!SSL_is_server(ssl)) {
    // The result says who owns the reference.
    callbacks->OnClientSession(bssl::UniquePtr<SSL_SESSION>(session));
    return 1;
  }
  if (!callbacks->StoresSessions()) return 0;
  unsigned id_size = 0;
  const uint8_t* id = SSL_SESSION_get_id(session, &id_size);
  uint8_t* data = nullptr;
  size_t size = 0;
  if (!SSL_SESSION_to_bytes(session, &data, &size)) return 0;
  const bssl::UniquePtr<uint8_t> owner(data);
  callbacks->StoreSession(ToText(id, id_size), ToText(data, size));
  return 0;
}

SSL_SESSION* OnFindSession(SSL* ssl, const uint8_t* id, int id_size,
                           int* is_shared) {
  *is_shared = 0;
  ConnectionCallbacks* callbacks = CallbacksOf(ssl);
  if (callbacks == nullptr || !callbacks->StoresSessions()) return nullptr;
  std::string session;
  switch (callbacks->FindSession(
      base::AsText({id, static_cast<size_t>(id_size)}), session)) {
    case Result::kWait:
      return SSL_magic_pending_session_ptr();
    case Result::kNothing:
      return nullptr;
    case Result::kDone:
      break;
  }
  SSL_SESSION* read =
      SSL_SESSION_from_bytes(reinterpret_cast<const uint8_t*>(session.data()),
                             session.size(), SSL_get_SSL_CTX(ssl));
  // What is left in the queue would fail the handshake.
  if (read == nullptr) ERR_clear_error();
  return read;
}

void OnKeyLog(const SSL* ssl, const char* line) {
  if (ConnectionCallbacks* callbacks = CallbacksOf(ssl)) {
    callbacks->OnKeyLogLine(line);
  }
}

int SelectAlpn(SSL* ssl, const uint8_t** out, uint8_t* out_size,
               const uint8_t* in, unsigned in_size, void* protocols) {
  const auto* supported = static_cast<const std::string*>(protocols);
  const ConnectionCallbacks* callbacks = CallbacksOf(ssl);
  if (callbacks != nullptr && !callbacks->alpn_choice().empty()) {
    supported = &callbacks->alpn_choice();
  }
  if (supported->empty()) return SSL_TLSEXT_ERR_NOACK;
  const auto chosen = SelectProtocol(*supported, {in, in_size});
  // RFC 7301 section 3.2: no overlap is fatal.
  if (!chosen.has_value()) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen->data();
  *out_size = static_cast<uint8_t>(chosen->size());
  return SSL_TLSEXT_ERR_OK;
}

// Remote keys.

ssl_private_key_result_t TakeSignature(SSL* ssl, uint16_t algorithm,
                                       absl::Span<const uint8_t> input,
                                       uint8_t* out, size_t* out_size,
                                       size_t size_max) {
  std::string signature;
  switch (CallbacksOf(ssl)->Sign(algorithm, input, signature)) {
    case Result::kWait:
      return ssl_private_key_retry;
    case Result::kNothing:
      return ssl_private_key_failure;
    case Result::kDone:
      break;
  }
  if (signature.size() > size_max) return ssl_private_key_failure;
  std::memcpy(out, signature.data(), signature.size());
  *out_size = signature.size();
  return ssl_private_key_success;
}

ssl_private_key_result_t RemoteSign(SSL* ssl, uint8_t* out, size_t* out_size,
                                    size_t size_max, uint16_t algorithm,
                                    const uint8_t* in, size_t in_size) {
  return TakeSignature(ssl, algorithm, {in, in_size}, out, out_size, size_max);
}

// Contexts with remote keys have no suite that needs it.
ssl_private_key_result_t RemoteDecrypt(SSL* /*ssl*/, uint8_t* /*out*/,
                                       size_t* /*out_size*/,
                                       size_t /*size_max*/,
                                       const uint8_t* /*in*/,
                                       size_t /*in_size*/) {
  return ssl_private_key_failure;
}

ssl_private_key_result_t CompleteSign(SSL* ssl, uint8_t* out, size_t* out_size,
                                      size_t size_max) {
  return TakeSignature(ssl, /*algorithm=*/0, {}, out, out_size, size_max);
}

}  // namespace

void ConnectionCallbacks::SetOf(SSL* ssl, ConnectionCallbacks* callbacks) {
  SSL_set_app_data(ssl, callbacks);
}

void HelloListener::SetOf(SSL* ssl, HelloListener* listener) {
  SSL_set_ex_data(ssl, HelloListenerIndex(), listener);
}

void TellClientHellos(SSL_CTX* context) {
  SSL_CTX_set_select_certificate_cb(context, OnClientHello);
}

void SetCallbacks(SSL_CTX* context, bool gives_ids, bool key_log) {
  TellClientHellos(context);
  static constexpr SSL_TICKET_AEAD_METHOD kTickets = {MaxTicketOverhead,
                                                      SealTicket, OpenTicket};
  SSL_CTX_set_ticket_aead_method(context, &kTickets);
  // Nothing is kept here: sessions cost the daemon no memory.
  const int servers = gives_ids ? SSL_SESS_CACHE_SERVER : SSL_SESS_CACHE_OFF;
  SSL_CTX_set_session_cache_mode(
      context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL | servers);
  SSL_CTX_sess_set_new_cb(context, OnNewSession);
  SSL_CTX_sess_set_get_cb(context, OnFindSession);
  if (key_log) SSL_CTX_set_keylog_callback(context, OnKeyLog);
}

void SetServerAlpn(SSL_CTX* context, const std::string* protocols) {
  SSL_CTX_set_alpn_select_cb(context, SelectAlpn,
                             const_cast<std::string*>(protocols));
}

ssl_verify_result_t OnVerifyPeer(SSL* ssl, uint8_t* out_alert) {
  return CallbacksOf(ssl)->VerifyPeer(out_alert);
}

const SSL_PRIVATE_KEY_METHOD* RemoteKeyMethod() {
  static constexpr SSL_PRIVATE_KEY_METHOD kMethod = {RemoteSign, RemoteDecrypt,
                                                     CompleteSign};
  return &kMethod;
}

}  // namespace tlsd::tls
