#include "server/tls/context_policy.h"

#include <openssl/ssl.h>

#include <iterator>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"
#include "proto/status/error.h"
#include "server/base/status_macros.h"
#include "server/tls/cipher_list.h"
#include "server/tls/context_callbacks.h"
#include "server/tls/handshake_description.h"
#include "server/tls/key_exchange.h"
#include "server/tls/policy.h"
#include "server/tls/protocol_list.h"
#include "server/tls/signature_algorithms.h"
#include "server/tls/ssl_error.h"
#include "server/tls/version_range.h"

namespace tlsd::tls {
namespace {

const uint8_t* Bytes(const std::string& text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

// A remote key signs, and no more: neither MD5 with SHA-1, as TLS 1.1 wants,
// nor can it decrypt.
absl::Status FitToRemoteKeys(const VersionRange& versions,
                             CipherList& ciphers) {
  if (versions.min < TlsVersion::kTls12) {
    return FieldError(Reason::kFieldsConflict, "min_version",
                      VersionName(versions.min),
                      "TLSv1.2 or newer, because a key is remote");
  }
  ciphers.without_rsa_key_exchange = true;
  return absl::OkStatus();
}

// Versions and ciphers, which depend on each other.
absl::Status SetVersionsAndCiphers(const SecureContextOptions& options,
                                   SSL_CTX* context,
                                   SecureContextFacts& facts) {
  TLSD_ASSIGN_OR_RETURN(VersionRange versions, ChooseVersions(options));
  TLSD_ASSIGN_OR_RETURN(
      CipherList ciphers,
      ParseCipherList(options.ciphers, options.strict_ciphers));
  if (ciphers.rules.empty() && versions.min < TlsVersion::kTls13) {
    if (versions.max < TlsVersion::kTls13) {
      return FieldError(Reason::kCiphersInvalid, "ciphers", options.ciphers,
                        absl::StrCat("a suite of ", VersionName(versions.max),
                                     ", the newest version that is allowed"));
    }
    versions.min = TlsVersion::kTls13;
    facts.warnings.push_back(
        "ciphers: names suites of TLS 1.3 alone, so that no older version is "
        "agreed to");
  }
  if (HasRemoteCredentials(options)) {
    TLSD_RETURN_IF_ERROR(FitToRemoteKeys(versions, ciphers));
  }
  TLSD_RETURN_IF_ERROR(SetCipherList(ciphers, context));
  if (!SSL_CTX_set_min_proto_version(context,
                                     ToProtocolVersion(versions.min)) ||
      !SSL_CTX_set_max_proto_version(context,
                                     ToProtocolVersion(versions.max))) {
    return InternalError("SSL_CTX_set_min_proto_version");
  }
  facts.min_version = versions.min;
  facts.max_version = versions.max;
  facts.effective_ciphers = EffectiveCiphers(context, ciphers.tls13_suites);
  if (facts.effective_ciphers.empty()) {
    return FieldError(Reason::kCiphersInvalid, "ciphers", options.ciphers,
                      absl::StrCat("a suite of ", VersionName(versions.max),
                                   ", the newest version that is allowed"));
  }
  facts.ignored_cipher_tokens = std::move(ciphers.ignored_tokens);
  facts.warnings.insert(facts.warnings.end(), ciphers.warnings.begin(),
                        ciphers.warnings.end());
  return absl::OkStatus();
}

absl::Status SetKeyExchange(const SecureContextOptions& options,
                            SSL_CTX* context, SecureContextFacts& facts) {
  TLSD_ASSIGN_OR_RETURN(const std::string groups, ParseGroups(options.groups));
  if (!SSL_CTX_set1_groups_list(context, groups.c_str())) {
    return InternalError("SSL_CTX_set1_groups_list");
  }
  facts.groups = absl::StrSplit(groups, ':');
  TLSD_ASSIGN_OR_RETURN(const std::optional<std::string> warning,
                        CheckDhParams(options.dh_params));
  if (warning.has_value()) facts.warnings.push_back(*warning);
  return absl::OkStatus();
}

absl::Status SetSignatures(const SecureContextOptions& options,
                           SecureContextState& state) {
  SSL_CTX* context = state.ssl_context.get();
  TLSD_ASSIGN_OR_RETURN(std::vector<uint16_t> peers,
                        ParseSignatureAlgorithms("signature_algorithms",
                                                 options.signature_algorithms));
  if (peers.empty()) {
    peers.assign(std::begin(kSignatureAlgorithms),
                 std::end(kSignatureAlgorithms));
  }
  TLSD_ASSIGN_OR_RETURN(state.signing_algorithms,
                        ParseSignatureAlgorithms("signing_algorithms",
                                                 options.signing_algorithms));
  if (!SSL_CTX_set_verify_algorithm_prefs(context, peers.data(),
                                          peers.size())) {
    return InternalError("SSL_CTX_set_verify_algorithm_prefs");
  }
  // Also if it is the default, which the cipher list may have overwritten.
  if (state.signing_algorithms.empty()) {
    state.signing_algorithms.assign(std::begin(kSignatureAlgorithms),
                                    std::end(kSignatureAlgorithms));
  }
  if (!SSL_CTX_set_signing_algorithm_prefs(context,
                                           state.signing_algorithms.data(),
                                           state.signing_algorithms.size())) {
    return InternalError("SSL_CTX_set_signing_algorithm_prefs");
  }
  return absl::OkStatus();
}

// A list of protocols, in both forms.
absl::Status ReadProtocols(absl::string_view field,
                           const std::vector<std::string>& names,
                           const std::string& wire_input,
                           std::vector<std::string>& list, std::string& wire) {
  if (wire_input.empty()) {
    TLSD_ASSIGN_OR_RETURN(wire, EncodeProtocols(field, names));
    list = names;
    return absl::OkStatus();
  }
  const std::string wire_field = absl::StrCat(field, "_wire");
  if (!names.empty()) {
    return FieldError(Reason::kFieldsConflict, wire_field, wire_input,
                      absl::StrCat("either ", field, " or ", wire_field));
  }
  TLSD_ASSIGN_OR_RETURN(list, DecodeProtocols(wire_field, wire_input));
  wire = wire_input;
  return absl::OkStatus();
}

int AdvertiseNpn(SSL* /*ssl*/, const uint8_t** out, unsigned* out_len,
                 void* arg) {
  const auto* protocols = static_cast<const std::string*>(arg);
  *out = Bytes(*protocols);
  *out_len = static_cast<unsigned>(protocols->size());
  return SSL_TLSEXT_ERR_OK;
}

// Without a protocol in common a client of NPN chooses its own first, which the
// server may take or leave.
int SelectClientNpn(SSL* ssl, uint8_t** out, uint8_t* out_len,
                    const uint8_t* in, unsigned in_len, void* arg) {
  const auto* supported = static_cast<const std::string*>(arg);
  const auto shared = SelectProtocol(*supported, {in, in_len});
  if (!shared.has_value()) NoteNpnGuess(ssl);
  const absl::Span<const uint8_t> chosen = shared.value_or(
      absl::MakeConstSpan(Bytes(*supported) + 1, Bytes(*supported)[0]));
  *out = const_cast<uint8_t*>(chosen.data());
  *out_len = static_cast<uint8_t>(chosen.size());
  return SSL_TLSEXT_ERR_OK;
}

absl::Status SetProtocols(const SecureContextOptions& options,
                          SecureContextState& state) {
  SSL_CTX* context = state.ssl_context.get();
  TLSD_RETURN_IF_ERROR(ReadProtocols(
      "alpn_protocols", options.alpn_protocols, options.alpn_protocols_wire,
      state.facts.alpn_protocols, state.alpn_protocols));
  TLSD_RETURN_IF_ERROR(ReadProtocols(
      "npn_protocols", options.npn_protocols, options.npn_protocols_wire,
      state.facts.npn_protocols, state.npn_protocols));
  // To BoringSSL a server that could choose an ALPN protocol has no NPN.
  if (!state.alpn_protocols.empty() || state.npn_protocols.empty()) {
    SetServerAlpn(context, &state.alpn_protocols);
  }
  if (!state.alpn_protocols.empty()) {
    // Unlike the rest of the API it returns 0 for success.
    if (SSL_CTX_set_alpn_protos(context, Bytes(state.alpn_protocols),
                                state.alpn_protocols.size()) != 0) {
      return InternalError("SSL_CTX_set_alpn_protos");
    }
  }
  if (state.npn_protocols.empty()) return absl::OkStatus();
  SSL_CTX_set_next_protos_advertised_cb(context, AdvertiseNpn,
                                        &state.npn_protocols);
  SSL_CTX_set_next_proto_select_cb(context, SelectClientNpn,
                                   &state.npn_protocols);
  if (state.facts.min_version >= TlsVersion::kTls13) {
    state.facts.warnings.push_back(
        "npn_protocols: without effect, because NPN ends with TLS 1.2");
  }
  return absl::OkStatus();
}

absl::Status SetSessionTimeout(absl::Duration timeout, SSL_CTX* context) {
  if (timeout < kSessionTimeoutMin || timeout > kSessionTimeoutMax) {
    return FieldError(Reason::kFieldInvalid, "session_timeout",
                      absl::FormatDuration(timeout), "1 second to 7 days");
  }
  const auto seconds = static_cast<uint32_t>(absl::ToInt64Seconds(timeout));
  // One for TLS 1.2, one for TLS 1.3.
  SSL_CTX_set_timeout(context, seconds);
  SSL_CTX_set_session_psk_dhe_timeout(context, seconds);
  return absl::OkStatus();
}

}  // namespace

absl::Status SetPolicy(const SecureContextOptions& options,
                       SecureContextState& state) {
  SSL_CTX* context = state.ssl_context.get();
  SSL_CTX_set_max_cert_list(context, kPeerChainBytesMax);
  SSL_CTX_set_early_data_enabled(context, 0);
  if (!options.prefer_client_ciphers) {
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
  }
  // The first, because it may overwrite the others.
  TLSD_RETURN_IF_ERROR(SetVersionsAndCiphers(options, context, state.facts));
  TLSD_RETURN_IF_ERROR(SetKeyExchange(options, context, state.facts));
  TLSD_RETURN_IF_ERROR(SetSignatures(options, state));
  TLSD_RETURN_IF_ERROR(SetProtocols(options, state));
  return SetSessionTimeout(options.session_timeout, context);
}

}  // namespace tlsd::tls
