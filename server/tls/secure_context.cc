#include "server/tls/secure_context.h"

#include <openssl/pool.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "server/base/status_macros.h"
#include "server/tls/alpn.h"
#include "server/tls/certificate.h"
#include "server/tls/credentials.h"
#include "server/tls/policy.h"
#include "server/tls/secure_context_state.h"
#include "server/tls/ssl_error.h"

namespace tlsd::tls {
namespace {

// One pool for the process: the chains that many connections show and see are
// held once.
CRYPTO_BUFFER_POOL* SharedBufferPool() {
  static CRYPTO_BUFFER_POOL* const pool = CRYPTO_BUFFER_POOL_new();
  return pool;
}

uint16_t ProtocolVersion(TlsVersion version) {
  switch (version) {
    case TlsVersion::kTls10:
      return TLS1_VERSION;
    case TlsVersion::kTls11:
      return TLS1_1_VERSION;
    case TlsVersion::kTls12:
      return TLS1_2_VERSION;
    case TlsVersion::kTls13:
      break;
  }
  return TLS1_3_VERSION;
}

absl::string_view VersionName(TlsVersion version) {
  switch (version) {
    case TlsVersion::kTls10:
      return "TLS 1.0";
    case TlsVersion::kTls11:
      return "TLS 1.1";
    case TlsVersion::kTls12:
      return "TLS 1.2";
    case TlsVersion::kTls13:
      break;
  }
  return "TLS 1.3";
}

absl::Status CheckOptions(const SecureContextOptions& options) {
  if (options.min_version > options.max_version) {
    return FieldError(Reason::kVersionRangeEmpty, "min_version",
                      VersionName(options.min_version),
                      absl::StrCat("at most max_version, ",
                                   VersionName(options.max_version)));
  }
  if (options.credentials.size() > 1) {
    return FieldError(Reason::kFieldInvalid, "credentials",
                      absl::StrCat(options.credentials.size()), "at most 1");
  }
  return absl::OkStatus();
}

int SelectServerAlpn(SSL* /*ssl*/, const uint8_t** out, uint8_t* out_len,
                     const uint8_t* in, unsigned in_len, void* arg) {
  const auto* supported = static_cast<const std::string*>(arg);
  const auto chosen = SelectAlpn(*supported, {in, in_len});
  // RFC 7301 section 3.2: no overlap is fatal.
  if (!chosen.has_value()) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen->data();
  *out_len = static_cast<uint8_t>(chosen->size());
  return SSL_TLSEXT_ERR_OK;
}

absl::Status SetPolicy(const SecureContextOptions& options, SSL_CTX* context) {
  SSL_CTX_set0_buffer_pool(context, SharedBufferPool());
  SSL_CTX_set_max_cert_list(context, kPeerChainBytesMax);
  SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_early_data_enabled(context, 0);
  // Resumption is by tickets alone: sessions cost the daemon no memory.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  // One for TLS 1.2, one for TLS 1.3.
  SSL_CTX_set_timeout(context, kSessionLifetimeSeconds);
  SSL_CTX_set_session_psk_dhe_timeout(context, kSessionLifetimeSeconds);
  if (!SSL_CTX_set_min_proto_version(context,
                                     ProtocolVersion(options.min_version)) ||
      !SSL_CTX_set_max_proto_version(context,
                                     ProtocolVersion(options.max_version)) ||
      !SSL_CTX_set_strict_cipher_list(context, kCipherList) ||
      !SSL_CTX_set1_groups_list(context, kGroupList) ||
      !SSL_CTX_set_verify_algorithm_prefs(context, kSignatureAlgorithms,
                                          std::size(kSignatureAlgorithms))) {
    return InternalError("setting the policy of a secure context");
  }
  return absl::OkStatus();
}

absl::Status SetAlpn(const std::string& protocols, SSL_CTX* context) {
  if (protocols.empty()) return absl::OkStatus();
  SSL_CTX_set_alpn_select_cb(context, SelectServerAlpn,
                             const_cast<std::string*>(&protocols));
  // Unlike the rest of the API it returns 0 for success.
  if (SSL_CTX_set_alpn_protos(
          context, reinterpret_cast<const uint8_t*>(protocols.data()),
          protocols.size()) != 0) {
    return InternalError("SSL_CTX_set_alpn_protos");
  }
  return absl::OkStatus();
}

absl::Status SetCredentials(const Credentials& credentials, SSL_CTX* context) {
  std::vector<bssl::UniquePtr<CRYPTO_BUFFER>> buffers;
  std::vector<CRYPTO_BUFFER*> chain;
  for (const bssl::UniquePtr<X509>& certificate : credentials.chain) {
    const std::string der = DescribeCertificate(certificate.get()).der;
    buffers.emplace_back(
        CRYPTO_BUFFER_new(reinterpret_cast<const uint8_t*>(der.data()),
                          der.size(), SharedBufferPool()));
    chain.push_back(buffers.back().get());
  }
  if (!SSL_CTX_set_chain_and_key(context, chain.data(), chain.size(),
                                 credentials.key.get(),
                                 /*privkey_method=*/nullptr)) {
    return InternalError("SSL_CTX_set_chain_and_key");
  }
  return absl::OkStatus();
}

// A session may be resumed under no policy but the one that made it: BoringSSL
// does not verify a resumed peer anew (CVE-2025-23419). The random part keeps
// even equal contexts apart.
absl::Status SetSessionIdContext(const TrustAnchors& trust_anchors,
                                 ClientCertificateMode mode, SSL_CTX* context) {
  uint8_t identity[32];
  RAND_bytes(identity, sizeof(identity));
  const uint8_t mode_byte = static_cast<uint8_t>(mode);
  uint8_t digest[SHA256_DIGEST_LENGTH];
  SHA256_CTX sha256;
  SHA256_Init(&sha256);
  SHA256_Update(&sha256, identity, sizeof(identity));
  SHA256_Update(&sha256, trust_anchors.digest.data(),
                trust_anchors.digest.size());
  SHA256_Update(&sha256, &mode_byte, sizeof(mode_byte));
  SHA256_Final(digest, &sha256);
  static_assert(sizeof(digest) <= SSL_MAX_SID_CTX_LENGTH);
  if (!SSL_CTX_set_session_id_context(context, digest, sizeof(digest))) {
    return InternalError("SSL_CTX_set_session_id_context");
  }
  return absl::OkStatus();
}

absl::Status SetTrust(const TrustAnchors& trust_anchors,
                      ClientCertificateMode mode, SSL_CTX* context) {
  if (mode != ClientCertificateMode::kNone) {
    bssl::UniquePtr<STACK_OF(X509_NAME)> names(
        SSL_dup_CA_list(trust_anchors.names.get()));
    if (names == nullptr) return InternalError("SSL_dup_CA_list");
    SSL_CTX_set_client_CA_list(context, names.release());
  }
  return SetSessionIdContext(trust_anchors, mode, context);
}

void AddChainFacts(const Credentials& credentials, SecureContextFacts& facts) {
  std::vector<CertificateFacts>& chain =
      facts.certificate_chains.emplace_back();
  for (const bssl::UniquePtr<X509>& certificate : credentials.chain) {
    chain.push_back(DescribeCertificate(certificate.get()));
    const absl::Time end = chain.back().not_after;
    facts.expire_time = std::min(facts.expire_time.value_or(end), end);
  }
}

}  // namespace

absl::StatusOr<std::shared_ptr<const SecureContext>> SecureContext::Create(
    const SecureContextOptions& options, DevelopmentAuthority& authority,
    absl::Time now) {
  const ErrorQueueGuard guard;
  TLSD_RETURN_IF_ERROR(CheckOptions(options));
  auto state = std::make_unique<State>();
  state->client_certificate_mode = options.client_certificate_mode;
  TLSD_ASSIGN_OR_RETURN(state->alpn_protocols,
                        EncodeAlpn(options.alpn_protocols));

  const bool asks_clients =
      options.client_certificate_mode != ClientCertificateMode::kNone;
  absl::StatusOr<TrustAnchors> trust_anchors = LoadTrustAnchors(
      options.trust_anchors, authority,
      asks_clients ? SystemStoreUse::kRequired : SystemStoreUse::kIfPresent);
  if (!trust_anchors.ok()) {
    return PrefixField(trust_anchors.status(), "trust_anchors.");
  }
  state->trust_anchors = *std::move(trust_anchors);
  state->facts.system_trust_path = state->trust_anchors.system_path;
  state->facts.trust_anchor_count = state->trust_anchors.certificate_count;

  state->ssl_context.reset(SSL_CTX_new(TLS_method()));
  SSL_CTX* context = state->ssl_context.get();
  if (context == nullptr) return InternalError("SSL_CTX_new");
  TLSD_RETURN_IF_ERROR(SetPolicy(options, context));
  TLSD_RETURN_IF_ERROR(SetAlpn(state->alpn_protocols, context));
  TLSD_RETURN_IF_ERROR(
      SetTrust(state->trust_anchors, options.client_certificate_mode, context));
  if (!options.credentials.empty()) {
    absl::StatusOr<Credentials> credentials =
        MakeCredentials(options.credentials[0], authority, now);
    if (!credentials.ok()) {
      return PrefixField(credentials.status(), "credentials[0].");
    }
    TLSD_RETURN_IF_ERROR(SetCredentials(*credentials, context));
    AddChainFacts(*credentials, state->facts);
    state->has_credentials = true;
  }
  return std::shared_ptr<const SecureContext>(
      new SecureContext(std::move(state)));
}

SecureContext::SecureContext(std::unique_ptr<State> state)
    : state_(std::move(state)) {}

SecureContext::~SecureContext() = default;

const SecureContextFacts& SecureContext::facts() const { return state_->facts; }

bool SecureContext::has_credentials() const { return state_->has_credentials; }

}  // namespace tlsd::tls
