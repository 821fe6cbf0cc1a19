// Cleartext that moves before the handshake is complete (0-RTT, RFC 8446
// section 2.3): what a Handshake allows, and the end of it in the engine.
//
// A peer is judged before any moves: a client judges the server that its
// session is of before it sends, a server the client before it delivers.
#include <openssl/ssl.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "server/base/byte_queue.h"
#include "server/tls/boringssl_engine.h"
#include "server/tls/handshake.h"

namespace tlsd::tls {
namespace {

std::string ProtocolOf(const SSL* ssl) {
  const uint8_t* data = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl, &data, &size);
  return std::string(base::AsText({data, size}));
}

}  // namespace

// Who may.

// A handler that judges peers is asked at the end of the handshake; until then
// nothing may be believed, nor said.
bool Handshake::TakesEarlyData() const {
  if (role_ == Role::kClient) return false;
  return context().early_data && (!AsksForPeerCertificate() ||
                                  FindHook(HookType::kVerifyPeer) == nullptr);
}

bool Handshake::OffersEarlyData() const {
  if (!context().early_data || options_.early_data.empty() ||
      options_.session.empty() || FindHook(HookType::kVerifyPeer) != nullptr) {
    return false;
  }
  // Of the session: SSL_get_session returns it until the server has answered.
  const PeerVerdict verdict = JudgePeer();
  return verdict.authorized ||
         (!RefusesUnauthorizedPeer() && !verdict.is_hostile);
}

absl::Status Handshake::SetEarlyData() {
  if (options_.early_data.size() > kEarlyDataBytesMax) {
    return FieldError(Reason::kFieldInvalid, "early_data",
                      absl::StrCat(options_.early_data.size(), " bytes"),
                      absl::StrCat("at most ", kEarlyDataBytesMax, " bytes"));
  }
  SSL_set_early_data_enabled(ssl_, OffersEarlyData() ? 1 : 0);
  return absl::OkStatus();
}

// Clients.

void Handshake::SendEarlyData() {
  early_data_offered_ = true;
  early_data_protocol_ = ProtocolOf(ssl_);
  absl::string_view rest = options_.early_data;
  // Else BoringSSL would keep to itself how much there was room for.
  SSL_set_mode(ssl_, SSL_MODE_ENABLE_PARTIAL_WRITE);
  while (!rest.empty()) {
    const int result =
        SSL_write(ssl_, rest.data(), static_cast<int>(rest.size()));
    // Beyond what the session allows it waits for the server.
    if (result <= 0) break;
    rest.remove_prefix(static_cast<size_t>(result));
  }
  SSL_clear_mode(ssl_, SSL_MODE_ENABLE_PARTIAL_WRITE);
  early_data_sent_size_ = options_.early_data.size() - rest.size();
}

absl::StatusOr<absl::string_view> Handshake::unsent_early_data() const {
  const absl::string_view all = options_.early_data;
  if (SSL_early_data_accepted(ssl_)) return all.substr(early_data_sent_size_);
  // RFC 8446 section 4.2.10: it may mean something else there.
  const std::string protocol = ProtocolOf(ssl_);
  if (early_data_offered_ && protocol != early_data_protocol_) {
    return MakeError(
        Reason::kPeerIncompatible,
        absl::StrCat("the server has not taken the early data, which was for "
                     "the application protocol ",
                     QuoteForMessage(early_data_protocol_), ", and agreed on ",
                     QuoteForMessage(protocol),
                     "; connect again without early data"),
        {{"early_data_protocol", early_data_protocol_},
         {"alpn_protocol", protocol}});
  }
  return all;
}

EarlyData Handshake::DescribeEarlyData() const {
  if (SSL_early_data_accepted(ssl_)) return EarlyData::kAccepted;
  return early_data_offered_ ? EarlyData::kRejected : EarlyData::kNone;
}

// The engine.

absl::Status BoringSslEngine::SendUnsentEarlyData() {
  if (role_ == Role::kServer) return absl::OkStatus();
  const absl::StatusOr<absl::string_view> rest =
      handshake_->unsent_early_data();
  if (!rest.ok()) return rest.status();
  return rest->empty() ? absl::OkStatus() : Write(base::AsBytes(*rest));
}

// BoringSSL returns to the handshake by itself, in the middle of reading.
void BoringSslEngine::NoteEarlyData(int size) {
  if (!is_in_early_data_) return;
  if (SSL_in_early_data(ssl_.get())) {
    early_size_ += size;
    return;
  }
  is_in_early_data_ = false;
  events_->push_back(EarlyDataEnded{early_size_});
  close_notify_is_due_ = is_shut_down_;
}

absl::Status BoringSslEngine::SendDelayedCloseNotify() {
  if (!std::exchange(close_notify_is_due_, false)) return absl::OkStatus();
  return SendCloseNotify();
}

}  // namespace tlsd::tls
