#include "server/tls/peer_verifier.h"

#include <openssl/evp.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "server/tls/policy.h"
#include "server/tls/server_identity.h"
#include "server/tls/ssl_error.h"
#include "server/tls/verify_error.h"

namespace tlsd::tls {
namespace {

PeerVerdict VerdictOf(int code) {
  const VerifyError error = DescribeVerifyError(code);
  PeerVerdict verdict;
  verdict.error = error.name;
  verdict.code = code;
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

PeerVerdict RuleBroken(PeerRules::Result result) {
  PeerVerdict verdict;
  verdict.alert = SSL_AD_ACCESS_DENIED;
  if (result == PeerRules::Result::kPinMismatch) {
    verdict.error = "PIN_MISMATCH";
    verdict.text = "the certificate is none of those that are pinned";
    verdict.reason = Reason::kPeerCertificatePinMismatch;
  } else {
    verdict.error = "SUBJECT_ALTERNATIVE_NAME_MISMATCH";
    verdict.text = "the certificate is for none of the names that are allowed";
    verdict.reason = Reason::kPeerCertificateNameMismatch;
  }
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

bool IsSelfNamed(X509* certificate) {
  return X509_NAME_cmp(X509_get_subject_name(certificate),
                       X509_get_issuer_name(certificate)) == 0;
}

// IsAnchor reports whether the store of `context` has `certificate` itself.
bool IsAnchor(X509_STORE_CTX* context, X509* certificate) {
  const bssl::UniquePtr<STACK_OF(X509)> found(
      X509_STORE_get1_certs(context, X509_get_subject_name(certificate)));
  for (X509* candidate : found.get()) {
    if (X509_cmp(candidate, certificate) == 0) return true;
  }
  return false;
}

// IsLackOfList reports whether `code` says that there is no revocation list to
// go by, in contrast to one that revokes.
bool IsLackOfList(int code) {
  switch (code) {
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
    case X509_V_ERR_CRL_SIGNATURE_FAILURE:
    case X509_V_ERR_CRL_NOT_YET_VALID:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
    case X509_V_ERR_DIFFERENT_CRL_SCOPE:
      return true;
    default:
      return false;
  }
}

// IsAtOrAboveAnchor reports whether trust begins at `depth` of the chain, or
// below.
bool IsAtOrAboveAnchor(X509_STORE_CTX* context, int depth) {
  const STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(context);
  const int size = static_cast<int>(sk_X509_num(chain));
  if (depth + 1 >= size) return true;
  const unsigned long flags =
      X509_VERIFY_PARAM_get_flags(X509_STORE_CTX_get0_param(context));
  if ((flags & X509_V_FLAG_PARTIAL_CHAIN) == 0) return false;
  for (int i = 0; i <= depth; ++i) {
    if (IsAnchor(context, sk_X509_value(chain, i))) return true;
  }
  return false;
}

// RFC 5280 section 6.1: a trust anchor is no part of the path that is checked.
// BoringSSL wants a list for it too, signed by itself, which nobody has where
// the anchor is no root.
int OnVerifyStep(int ok, X509_STORE_CTX* context) {
  if (ok == 1) return 1;
  return IsLackOfList(X509_STORE_CTX_get_error(context)) &&
                 IsAtOrAboveAnchor(context,
                                   X509_STORE_CTX_get_error_depth(context))
             ? 1
             : 0;
}

// UntrustedCode tells apart what X509_verify_cert calls
// UNABLE_TO_GET_ISSUER_CERT_LOCALLY when it stops at the first error: OpenSSL's
// verifiers that go on, as Node's does, end with the more specific code.
int UntrustedCode(X509_STORE_CTX* context, int code) {
  const STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(context);
  const size_t size = chain != nullptr ? sk_X509_num(chain) : 0;
  if (size == 0) return code;
  if (size > kPeerChainDepthMax) return X509_V_ERR_CERT_CHAIN_TOO_LONG;
  if (code == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT) return code;
  if (IsSelfNamed(sk_X509_value(chain, size - 1))) {
    return size == 1 ? X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT
                     : X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN;
  }
  return size == 1 ? X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE : code;
}

int VerifyChain(const TrustAnchors& anchors, const STACK_OF(X509) * chain,
                Role peer, std::vector<bssl::UniquePtr<X509>>& built) {
  const bssl::UniquePtr<X509_STORE_CTX> context(X509_STORE_CTX_new());
  X509* leaf = sk_X509_value(chain, 0);
  // It does not change the chain, but says so nowhere.
  auto* untrusted = const_cast<STACK_OF(X509)*>(chain);
  if (context == nullptr ||
      !X509_STORE_CTX_init(context.get(), anchors.store.get(), leaf,
                           untrusted) ||
      !X509_STORE_CTX_set_default(
          context.get(), peer == Role::kClient ? "ssl_client" : "ssl_server")) {
    return X509_V_ERR_OUT_OF_MEM;
  }
  X509_STORE_CTX_set_flags(context.get(), anchors.verify_flags);
  // As OpenSSL, take a self-signed certificate that is an anchor itself
  // whatever its key usage says. BoringSSL would look for its issuer.
  if (IsSelfNamed(leaf) && IsAnchor(context.get(), leaf)) {
    X509_STORE_CTX_set_flags(context.get(), X509_V_FLAG_PARTIAL_CHAIN);
  }
  X509_STORE_CTX_set_depth(context.get(), kPeerChainDepthMax);
  X509_STORE_CTX_set_verify_cb(context.get(), OnVerifyStep);
  const bool is_good = X509_verify_cert(context.get()) == 1;
  for (X509* certificate : X509_STORE_CTX_get0_chain(context.get())) {
    built.push_back(bssl::UpRef(certificate));
  }
  if (is_good) {
    // Above an own certificate that is an anchor stands what the peer has sent.
    while (built.size() > 1 && !IsAnchor(context.get(), built.back().get())) {
      built.pop_back();
    }
    return X509_V_OK;
  }
  const int code = X509_STORE_CTX_get_error(context.get());
  if (code == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
      code == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT) {
    return UntrustedCode(context.get(), code);
  }
  return code == X509_V_OK ? X509_V_ERR_UNSPECIFIED : code;
}

absl::string_view PeerNoun(Role peer) {
  return peer == Role::kClient ? "client" : "server";
}

}  // namespace

PeerVerdict VerifyPeer(const PeerPolicy& policy, const STACK_OF(X509) * chain,
                       Role peer, const ServerName* name) {
  const ErrorQueueGuard guard;
  if (chain == nullptr || sk_X509_num(chain) == 0) return NoCertificate();
  if (const int bits = LargestRsaKeyBits(chain); bits > kPeerRsaBitsMax) {
    return KeyTooLarge(bits);
  }
  X509* leaf = sk_X509_value(chain, 0);
  PeerVerdict verdict;
  std::vector<bssl::UniquePtr<X509>> built;
  int code = VerifyChain(policy.anchors, chain, peer, built);
  if (code == X509_V_OK && name != nullptr) {
    code = CheckServerIdentity(leaf, *name);
  }
  if (code != X509_V_OK) {
    verdict = VerdictOf(code);
  } else if (const PeerRules::Result rules = policy.rules.Check(leaf);
             rules != PeerRules::Result::kFulfilled) {
    verdict = RuleBroken(rules);
  } else {
    verdict.authorized = true;
  }
  verdict.chain = std::move(built);
  return verdict;
}

absl::Status VerdictError(const PeerVerdict& verdict, Role peer,
                          const ServerName* name) {
  ErrorMetadata metadata = {{"verify_error", verdict.error}};
  std::string message = absl::StrCat(
      "the ", PeerNoun(peer), "'s certificate is not accepted: ", verdict.text);
  if (name != nullptr) metadata["server_name"] = name->text;
  if (name != nullptr && verdict.code != 0 &&
      verdict.reason == Reason::kPeerCertificateNameMismatch) {
    absl::StrAppend(&message, ": it is not for ", QuoteForMessage(name->text));
  }
  absl::StrAppend(&message, " (", verdict.error, ")");
  return MakeError(verdict.reason, message, std::move(metadata));
}

}  // namespace tlsd::tls
