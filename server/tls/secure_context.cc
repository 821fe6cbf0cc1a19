#include "server/tls/secure_context.h"

#include <openssl/pool.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "server/base/status_macros.h"
#include "server/tls/certificate.h"
#include "server/tls/context_callbacks.h"
#include "server/tls/context_policy.h"
#include "server/tls/secure_context_state.h"
#include "server/tls/sha256.h"
#include "server/tls/ssl_error.h"

namespace tlsd::tls {
namespace {

constexpr size_t kCredentialsCountMax = 16;
constexpr size_t kSessionIdContextBytesMax = 1024;
constexpr size_t kSessionOwnerBytes = 32;

// One pool for the process: the chains that many connections show and see are
// held once.
CRYPTO_BUFFER_POOL* SharedBufferPool() {
  static CRYPTO_BUFFER_POOL* const pool = CRYPTO_BUFFER_POOL_new();
  return pool;
}

std::shared_ptr<ShownCredentials> Prepare(Credentials credentials) {
  auto shown = std::make_shared<ShownCredentials>();
  shown->staple = std::make_shared<OcspStaple>();
  for (const bssl::UniquePtr<X509>& certificate : credentials.chain) {
    const std::string der = EncodeDer(certificate.get());
    shown->buffers.emplace_back(
        CRYPTO_BUFFER_new(reinterpret_cast<const uint8_t*>(der.data()),
                          der.size(), SharedBufferPool()));
  }
  shown->sha256_fingerprint =
      DescribeCertificate(credentials.chain[0].get()).sha256_fingerprint;
  shown->credentials = std::move(credentials);
  return shown;
}

std::string RandomOwner() {
  std::string owner(kSessionOwnerBytes, '\0');
  RAND_bytes(reinterpret_cast<uint8_t*>(owner.data()), owner.size());
  return owner;
}

}  // namespace

// Builder makes the state of a context, part by part.
class SecureContext::Builder {
 public:
  Builder(const SecureContextOptions& options, DevelopmentAuthority& authority,
          absl::Time now)
      : options_(options),
        authority_(authority),
        now_(now),
        state_(std::make_unique<SecureContextState>()) {}

  absl::StatusOr<std::shared_ptr<const SecureContext>> Build(
      const SecureContextState* previous, Kept kept) {
    const ErrorQueueGuard guard;
    state_->ssl_context.reset(SSL_CTX_new(TLS_method()));
    if (context() == nullptr) return InternalError("SSL_CTX_new");
    SSL_CTX_set0_buffer_pool(context(), SharedBufferPool());
    state_->client_certificate_mode = options_.client_certificate_mode;
    state_->hooks = options_.hooks;
    TLSD_RETURN_IF_ERROR(SetPolicy(options_, *state_));
    if (kept.credentials) {
      state_->credentials = previous->credentials;
    } else {
      TLSD_RETURN_IF_ERROR(MakeAllCredentials());
    }
    TLSD_RETURN_IF_ERROR(ShowCredentials());
    TLSD_RETURN_IF_ERROR(SetTrust());
    TLSD_RETURN_IF_ERROR(SetSessions(previous, kept));
    TLSD_RETURN_IF_ERROR(SetFirstFlight(previous, kept));
    return std::shared_ptr<const SecureContext>(
        new SecureContext(std::move(state_)));
  }

 private:
  SSL_CTX* context() { return state_->ssl_context.get(); }
  absl::Status MakeAllCredentials();
  absl::Status ShowCredentials();
  absl::Status SetTrust();
  absl::Status SetSessions(const SecureContextState* previous, Kept kept);
  absl::Status SetSessionIdContext();
  absl::Status SetFirstFlight(const SecureContextState* previous, Kept kept);

  const SecureContextOptions& options_;
  DevelopmentAuthority& authority_;
  const absl::Time now_;
  std::unique_ptr<SecureContextState> state_;
};

absl::Status SecureContext::Builder::MakeAllCredentials() {
  if (options_.credentials.size() > kCredentialsCountMax) {
    return FieldError(Reason::kFieldInvalid, "credentials",
                      absl::StrCat(options_.credentials.size()),
                      absl::StrCat("at most ", kCredentialsCountMax));
  }
  for (size_t i = 0; i < options_.credentials.size(); ++i) {
    absl::StatusOr<Credentials> made =
        MakeCredentials(options_.credentials[i], authority_, now_);
    if (!made.ok()) {
      return PrefixField(made.status(), absl::StrCat("credentials[", i, "]."));
    }
    const std::shared_ptr<ShownCredentials> shown = Prepare(*std::move(made));
    const std::string& response = std::visit(
        [](const auto& source) -> const std::string& {
          return source.ocsp_response;
        },
        options_.credentials[i]);
    if (!response.empty()) {
      TLSD_ASSIGN_OR_RETURN(
          OcspResponseFacts facts,
          ParseStaple(absl::StrCat("credentials[", i, "].ocsp_response"),
                      response));
      shown->staple->Set(std::move(facts));
    }
    state_->credentials.push_back(shown);
  }
  return absl::OkStatus();
}

absl::Status SecureContext::Builder::ShowCredentials() {
  SecureContextFacts& facts = state_->facts;
  for (const auto& shown : state_->credentials) {
    std::vector<CertificateFacts>& chain =
        facts.certificate_chains.emplace_back();
    for (const bssl::UniquePtr<X509>& certificate : shown->credentials.chain) {
      chain.push_back(DescribeCertificate(certificate.get()));
      const absl::Time end = chain.back().not_after;
      facts.expire_time = std::min(facts.expire_time.value_or(end), end);
    }
  }
  if (state_->credentials.empty()) return absl::OkStatus();
  if (!tls::ShowCredentials(context(), *state_->credentials[0])) {
    return InternalError("SSL_CTX_set_chain_and_key");
  }
  return absl::OkStatus();
}

absl::Status SecureContext::Builder::SetTrust() {
  TLSD_ASSIGN_OR_RETURN(state_->peer_rules,
                        PeerRules::Parse(options_.peer_rules));
  std::vector<X509*> more;
  for (const auto& shown : state_->credentials) {
    for (const auto& certificate : shown->credentials.trusted) {
      more.push_back(certificate.get());
    }
  }
  const bool asks_clients =
      state_->client_certificate_mode != ClientCertificateMode::kNone;
  TLSD_ASSIGN_OR_RETURN(
      state_->trust_anchors,
      LoadTrustAnchors(options_.trust_anchors, options_.revocation_lists, more,
                       authority_,
                       asks_clients ? SystemStoreUse::kRequired
                                    : SystemStoreUse::kIfPresent));
  const TrustAnchors& anchors = state_->trust_anchors;
  if (anchors.system != nullptr) {
    state_->facts.system_trust_path = anchors.system->path();
  }
  state_->facts.trust_anchor_count =
      static_cast<int>(anchors.certificates.size());
  if (!asks_clients) return absl::OkStatus();
  bssl::UniquePtr<STACK_OF(X509_NAME)> names(
      SSL_dup_CA_list(anchors.names.get()));
  if (names == nullptr) return InternalError("SSL_dup_CA_list");
  SSL_CTX_set_client_CA_list(context(), names.release());
  return absl::OkStatus();
}

absl::Status SecureContext::Builder::SetSessions(
    const SecureContextState* previous, Kept kept) {
  if (options_.session_id_context.size() > kSessionIdContextBytesMax) {
    return FieldError(
        Reason::kFieldInvalid, "session_id_context",
        absl::StrCat(options_.session_id_context.size(), " bytes"),
        absl::StrCat("at most ", kSessionIdContextBytesMax, " bytes"));
  }
  if (options_.disable_session_tickets && !options_.ticket_keys.empty()) {
    return FieldError(Reason::kFieldsConflict, "ticket_keys", "keys",
                      "either ticket_keys or disable_session_tickets");
  }
  if (kept.ticket_keys) {
    state_->ticket_keys = previous->ticket_keys;
  } else if (options_.ticket_keys.empty()) {
    state_->ticket_keys = TicketKeys::Automatic();
  } else {
    TLSD_ASSIGN_OR_RETURN(state_->ticket_keys,
                          TicketKeys::FromBytes(options_.ticket_keys));
  }
  // Keys that only this context has need no name; a random one keeps even equal
  // contexts apart.
  state_->session_owner = options_.session_id_context;
  if (kept.session_owner) {
    state_->session_owner = previous->session_owner;
  } else if (options_.session_id_context.empty() &&
             state_->ticket_keys->is_automatic()) {
    state_->session_owner = RandomOwner();
  }
  if (options_.disable_session_tickets) {
    SSL_CTX_set_options(context(), SSL_OP_NO_TICKET);
  }
  SSL_CTX_set_app_data(context(), state_->ticket_keys.get());
  SetCallbacks(context(),
               FindHook(state_->hooks, HookType::kSessionStore) != nullptr,
               options_.key_log);
  return SetSessionIdContext();
}

// A session may be resumed under no policy but the one that made it: BoringSSL
// does not verify a resumed peer anew (CVE-2025-23419).
absl::Status SecureContext::Builder::SetSessionIdContext() {
  const std::string mode =
      absl::StrCat(static_cast<int>(state_->client_certificate_mode));
  std::string parts;
  for (const std::string& part :
       {state_->session_owner, state_->trust_anchors.digest,
        state_->peer_rules.digest(), mode}) {
    absl::StrAppend(&parts, part.size(), ":", part);
  }
  state_->session_id_context = Sha256(parts);
  const std::string& id = state_->session_id_context;
  if (!SSL_CTX_set_session_id_context(
          context(), reinterpret_cast<const uint8_t*>(id.data()), id.size())) {
    return InternalError("SSL_CTX_set_session_id_context");
  }
  return absl::OkStatus();
}

// What a client may send in its first flight that TLS 1.2 does not have.
absl::Status SecureContext::Builder::SetFirstFlight(
    const SecureContextState* previous, Kept kept) {
  if (kept.ech_keys) {
    state_->ech_keys = previous->ech_keys;
  } else {
    TLSD_ASSIGN_OR_RETURN(state_->ech_keys, EchKeys::Create(options_.ech_keys));
  }
  state_->early_data = options_.early_data;
  SSL_CTX_set_early_data_enabled(context(), options_.early_data ? 1 : 0);
  SecureContextFacts& facts = state_->facts;
  if (facts.max_version >= TlsVersion::kTls13) return absl::OkStatus();
  for (const auto& [field, is_set] :
       {std::pair("early_data", options_.early_data),
        std::pair("ech_keys", !state_->ech_keys->config_list().empty())}) {
    if (!is_set) continue;
    facts.warnings.push_back(absl::StrCat(
        field, ": is without effect, because TLS 1.3 is not allowed"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const SecureContext>> SecureContext::Create(
    const SecureContextOptions& options, DevelopmentAuthority& authority,
    absl::Time now) {
  return Builder(options, authority, now).Build(/*previous=*/nullptr, {});
}

absl::StatusOr<std::shared_ptr<const SecureContext>> SecureContext::Replace(
    const SecureContext& previous, Kept kept,
    const SecureContextOptions& options, DevelopmentAuthority& authority,
    absl::Time now) {
  return Builder(options, authority, now).Build(previous.state_.get(), kept);
}

SecureContext::SecureContext(std::unique_ptr<SecureContextState> state)
    : state_(std::move(state)) {}

SecureContext::~SecureContext() = default;

const SecureContextFacts& SecureContext::facts() const { return state_->facts; }

bool SecureContext::has_credentials() const {
  return !state_->credentials.empty();
}

absl::StatusOr<int> SecureContext::RotateTicketKeys(
    absl::Time now, absl::string_view key) const {
  return state_->ticket_keys->Rotate(now, key);
}

absl::StatusOr<int> SecureContext::RotateEchKeys(absl::string_view public_name,
                                                 int max_name_length) const {
  return state_->ech_keys->Rotate(public_name, max_name_length);
}

std::string SecureContext::EchConfigList() const {
  return state_->ech_keys->config_list();
}

absl::Status SecureContext::SetOcspResponse(int index,
                                            absl::string_view response) const {
  if (index < 0 || static_cast<size_t>(index) >= state_->credentials.size()) {
    return FieldError(Reason::kFieldInvalid, "credentials_index",
                      absl::StrCat(index),
                      absl::StrCat("0 to the number of credentials, which is ",
                                   state_->credentials.size(), ", less 1"));
  }
  OcspStaple& staple = *state_->credentials[static_cast<size_t>(index)]->staple;
  if (response.empty()) {
    staple.Clear();
    return absl::OkStatus();
  }
  TLSD_ASSIGN_OR_RETURN(OcspResponseFacts facts,
                        ParseStaple("ocsp_response", response));
  staple.Set(std::move(facts));
  return absl::OkStatus();
}

OcspResponseFacts SecureContext::DescribeStaple(size_t index,
                                                absl::Time now) const {
  return state_->credentials[index]->staple->Describe(now);
}

std::vector<CertificateFacts> SecureContext::DescribeTrustAnchors() const {
  const TrustAnchors& anchors = state_->trust_anchors;
  std::vector<CertificateFacts> facts;
  for (const auto& certificate : anchors.certificates) {
    facts.push_back(DescribeCertificate(certificate.get()));
  }
  if (anchors.system == nullptr) return facts;
  for (const auto& certificate : anchors.system->ReadFolders()) {
    facts.push_back(DescribeCertificate(certificate.get()));
  }
  return facts;
}

}  // namespace tlsd::tls
