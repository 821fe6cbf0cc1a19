// What a Handshake shows of itself: credentials, staples, signatures, sessions.
#include <openssl/x509v3.h>

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/base/byte_queue.h"
#include "server/tls/certificate.h"
#include "server/tls/handshake.h"
#include "server/tls/public_key_facts.h"
#include "server/tls/sha256.h"

namespace tlsd::tls {

int Handshake::ChooseCredentials() {
  if (is_unread_) return 0;
  if (!credentials_chosen_) {
    PeerOffer offer;
    ReadPeerOffer(offer);
    const bool chosen = role_ == Role::kServer ? ChooseServerCredentials(offer)
                                               : ChooseClientCredentials(offer);
    if (!chosen) return 0;
    credentials_chosen_ = true;
  }
  return role_ == Role::kServer ? Staple() : 1;
}

void Handshake::ReadPeerOffer(PeerOffer& offer) {
  offer.version = static_cast<uint16_t>(SSL_version(ssl_));
  const uint16_t* algorithms = nullptr;
  const size_t count = SSL_get0_peer_verify_algorithms(ssl_, &algorithms);
  offer.signature_algorithms =
      SharedAlgorithms({algorithms, count}, context().signing_algorithms);
  shared_algorithms_ = offer.signature_algorithms;
}

bool Handshake::ChooseServerCredentials(PeerOffer& offer) {
  if (!BindSession()) return false;
  AddClientOffer(ssl_, context().facts.groups, offer);
  for (const auto& candidate : context().credentials) {
    if (Suits(candidate->credentials, offer)) return Show(*candidate);
  }
  // The library then says what the peer lacks.
  return Show(*context().credentials[0]);
}

bool Handshake::ChooseClientCredentials(PeerOffer& offer) {
  certificate_requested_ = true;
  // Who gives one certificate means that one, whatever the server asks for.
  if (context().credentials.size() > 1) {
    offer.authorities = SSL_get_client_CA_list(ssl_);
  }
  for (const auto& candidate : context().credentials) {
    if (Suits(candidate->credentials, offer)) return Show(*candidate);
  }
  SSL_certs_clear(ssl_);
  certificate_withheld_ = true;
  return true;
}

bool Handshake::Show(const ShownCredentials& shown) {
  shown_ = &shown;
  // These are in BoringSSL's context already; an SSL that has shaken hands may
  // have left them.
  const bool is_first = &shown == context().credentials[0].get();
  if (is_first && !is_renegotiation_) return true;
  return ShowCredentials(ssl_, shown);
}

// RFC 6066 section 3: a session is not resumed under another server name. A
// mode that was chosen for this client is part of the rules it is judged by.
bool Handshake::BindSession() {
  const char* name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name);
  // The first part has one length, and so has the second.
  const std::string digest = Sha256(absl::StrCat(
      context().session_id_context,
      mode_choice_.has_value() ? absl::StrCat(static_cast<int>(*mode_choice_))
                               : "-",
      absl::AsciiStrToLower(name != nullptr ? name : "")));
  return SSL_set_session_id_context(
             ssl_, reinterpret_cast<const uint8_t*>(digest.data()),
             digest.size()) == 1;
}

// Staples.

int Handshake::Staple() {
  if (shown_ == nullptr || SSL_get_tlsext_status_type(ssl_) < 0) return 1;
  // Another handshake's answer may come while this one waits for its own.
  const bool is_asked = conversation_.asked().has_value();
  const std::string present = is_asked ? "" : shown_->staple->Get(absl::Now());
  if (!present.empty()) return SetStaple(present) ? 1 : 0;
  const Hook* hook = FindHook(HookType::kOcspStaple);
  if (hook == nullptr) return 1;
  const std::optional<Answer> answer = Ask(*hook, [&] {
    X509* leaf = shown_->credentials.chain[0].get();
    return OcspStapleQuestion{EncodeDer(leaf), FindIssuer(),
                              ShareCertificateFacts(leaf)->ocsp_urls};
  });
  if (!answer.has_value()) return -1;
  const auto* given = std::get_if<OcspStapleAnswer>(&*answer);
  if (given == nullptr || given->response.empty()) return 1;
  if (given->reuse_for > absl::ZeroDuration()) {
    absl::StatusOr<OcspResponseFacts> facts =
        ParseStaple("ocsp_response", given->response);
    if (facts.ok()) {
      shown_->staple->Set(*std::move(facts), absl::Now() + given->reuse_for);
    }
  }
  return SetStaple(given->response) ? 1 : 0;
}

bool Handshake::SetStaple(absl::string_view response) {
  return SSL_set_ocsp_response(
             ssl_, reinterpret_cast<const uint8_t*>(response.data()),
             response.size()) == 1;
}

// The next of the chain, or the trust anchor that has issued the only one.
std::string Handshake::FindIssuer() const {
  const auto& chain = shown_->credentials.chain;
  X509* leaf = chain[0].get();
  if (X509_check_issued(leaf, leaf) == X509_V_OK) return "";
  if (chain.size() > 1) return EncodeDer(chain[1].get());
  for (const auto& anchor : context().trust_anchors.certificates) {
    if (X509_check_issued(anchor.get(), leaf) == X509_V_OK) {
      return EncodeDer(anchor.get());
    }
  }
  return "";
}

// Sessions.

bool Handshake::StoresSessions() const {
  return FindHook(HookType::kSessionStore) != nullptr &&
         FindHook(HookType::kSessionLookup) != nullptr;
}

void Handshake::StoreSession(std::string id, std::string session) {
  new_sessions_.push_back(
      {std::move(id), std::move(session),
       absl::Seconds(SSL_CTX_get_timeout(context().ssl_context.get())),
       SSL_version(ssl_) >= TLS1_3_VERSION});
}

Handshake::Result Handshake::FindSession(absl::string_view id,
                                         std::string& session) {
  const std::optional<Answer> answer =
      Ask(*FindHook(HookType::kSessionLookup),
          [&] { return SessionLookupQuestion{std::string(id)}; });
  if (!answer.has_value()) return Result::kWait;
  const auto* given = std::get_if<SessionLookupAnswer>(&*answer);
  if (given == nullptr || given->session.empty()) return Result::kNothing;
  session = given->session;
  return Result::kDone;
}

// Signatures.

Handshake::Result Handshake::Sign(uint16_t algorithm,
                                  absl::Span<const uint8_t> input,
                                  std::string& signature) {
  // Remote credentials are a hook by themselves.
  static constexpr Hook kDefault = {HookType::kSign, absl::Seconds(5),
                                    /*fails_without_answer=*/true};
  const Hook* hook = FindHook(HookType::kSign);
  const std::optional<Answer> answer =
      Ask(hook != nullptr ? *hook : kDefault, [&] {
        return SignQuestion{algorithm, std::string(base::AsText(input)),
                            PublicKeyDer(shown_->credentials.chain[0].get())};
      });
  if (!answer.has_value()) return Result::kWait;
  const auto* given = std::get_if<SignAnswer>(&*answer);
  if (given == nullptr) return Result::kNothing;
  signature = given->signature;
  return Result::kDone;
}

}  // namespace tlsd::tls
