#include "server/tls/peer_verifier.h"

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "server/tls/policy.h"
#include "server/tls/ssl_error.h"
#include "server/tls/verify_error.h"

namespace tlsd::tls {
namespace {

constexpr unsigned kNameFlags =
    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;

PeerVerdict VerdictOf(int code) {
  const VerifyError error = DescribeVerifyError(code);
  PeerVerdict verdict;
  verdict.error = error.name;
  verdict.text = X509_verify_cert_error_string(code);
  verdict.reason = error.reason;
  verdict.alert = static_cast<uint8_t>(SSL_alert_from_verify_result(code));
  return verdict;
}

PeerVerdict NoCertificate() {
  PeerVerdict verdict;
  verdict.error = "NO_PEER_CERTIFICATE";
  verdict.text = "the peer has shown no certificate";
  verdict.reason = Reason::kPeerCertificateRequired;
  verdict.alert = SSL_AD_CERTIFICATE_REQUIRED;
  return verdict;
}

PeerVerdict KeyTooLarge(int bits) {
  PeerVerdict verdict;
  verdict.error = "KEY_TOO_LARGE";
  verdict.text = absl::StrCat("an RSA key of ", bits, " bits; at most ",
                              kPeerRsaBitsMax, " are allowed");
  verdict.reason = Reason::kPeerCertificateInvalid;
  verdict.alert = SSL_AD_BAD_CERTIFICATE;
  verdict.is_hostile = true;
  return verdict;
}

int LargestRsaKeyBits(const STACK_OF(X509) * chain) {
  int largest = 0;
  for (X509* certificate : chain) {
    const bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(certificate));
    if (key == nullptr || EVP_PKEY_id(key.get()) != EVP_PKEY_RSA) continue;
    largest = std::max(largest, EVP_PKEY_bits(key.get()));
  }
  return largest;
}

// UntrustedCode tells apart what X509_verify_cert calls
// UNABLE_TO_GET_ISSUER_CERT_LOCALLY when it stops at the first error: OpenSSL's
// verifiers that go on, as Node's does, end with the more specific code.
int UntrustedCode(X509_STORE_CTX* context) {
  const STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(context);
  const size_t size = chain != nullptr ? sk_X509_num(chain) : 0;
  if (size == 0) return X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
  X509* last = sk_X509_value(chain, size - 1);
  if (X509_NAME_cmp(X509_get_subject_name(last), X509_get_issuer_name(last)) ==
      0) {
    return size == 1 ? X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT
                     : X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN;
  }
  return size == 1 ? X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE
                   : X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
}

int VerifyChain(X509_STORE* store, STACK_OF(X509) * chain, Role peer) {
  const bssl::UniquePtr<X509_STORE_CTX> context(X509_STORE_CTX_new());
  X509* leaf = sk_X509_value(chain, 0);
  if (context == nullptr ||
      !X509_STORE_CTX_init(context.get(), store, leaf, chain) ||
      !X509_STORE_CTX_set_default(
          context.get(), peer == Role::kClient ? "ssl_client" : "ssl_server")) {
    return X509_V_ERR_OUT_OF_MEM;
  }
  X509_STORE_CTX_set_depth(context.get(), kPeerChainDepthMax);
  if (X509_verify_cert(context.get()) == 1) return X509_V_OK;
  const int code = X509_STORE_CTX_get_error(context.get());
  if (code == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY) {
    return UntrustedCode(context.get());
  }
  return code == X509_V_OK ? X509_V_ERR_UNSPECIFIED : code;
}

int CheckName(X509* leaf, const ServerName& name) {
  if (name.kind == ServerName::Kind::kIpAddress) {
    return X509_check_ip_asc(leaf, name.text.c_str(), /*flags=*/0) == 1
               ? X509_V_OK
               : X509_V_ERR_IP_ADDRESS_MISMATCH;
  }
  return X509_check_host(leaf, name.text.data(), name.text.size(), kNameFlags,
                         /*peername=*/nullptr) == 1
             ? X509_V_OK
             : X509_V_ERR_HOSTNAME_MISMATCH;
}

absl::string_view PeerNoun(Role peer) {
  return peer == Role::kClient ? "client" : "server";
}

}  // namespace

PeerVerdict VerifyPeer(X509_STORE* store, STACK_OF(X509) * chain, Role peer,
                       const ServerName* name) {
  const ErrorQueueGuard guard;
  if (chain == nullptr || sk_X509_num(chain) == 0) return NoCertificate();
  if (const int bits = LargestRsaKeyBits(chain); bits > kPeerRsaBitsMax) {
    return KeyTooLarge(bits);
  }
  int code = VerifyChain(store, chain, peer);
  if (code == X509_V_OK && name != nullptr) {
    code = CheckName(sk_X509_value(chain, 0), *name);
  }
  if (code != X509_V_OK) return VerdictOf(code);
  PeerVerdict verdict;
  verdict.authorized = true;
  return verdict;
}

absl::Status VerdictError(const PeerVerdict& verdict, Role peer,
                          const ServerName* name) {
  ErrorMetadata metadata = {{"verify_error", verdict.error}};
  std::string message = absl::StrCat(
      "the ", PeerNoun(peer), "'s certificate is not accepted: ", verdict.text);
  if (name != nullptr) metadata["server_name"] = name->text;
  if (name != nullptr &&
      verdict.reason == Reason::kPeerCertificateNameMismatch) {
    absl::StrAppend(&message, ": it is not for ", QuoteForMessage(name->text));
  }
  absl::StrAppend(&message, " (", verdict.error, ")");
  return MakeError(verdict.reason, message, std::move(metadata));
}

}  // namespace tlsd::tls
