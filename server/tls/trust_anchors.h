// Trust anchors: the certificates that vouch for peers, and the lists of those
// that were revoked, as a store.
//
// They say whom we trust; who we are is credentials.h. Once made they may be
// used from any thread.
#ifndef TLSD_SERVER_TLS_TRUST_ANCHORS_H_
#define TLSD_SERVER_TLS_TRUST_ANCHORS_H_

#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/tls/development_authority.h"
#include "server/tls/secure_context_options.h"
#include "server/tls/system_trust_store.h"

namespace tlsd::tls {

struct TrustAnchors {
  bssl::UniquePtr<X509_STORE> store;
  // X509_V_FLAG_* for verifications.
  unsigned long verify_flags = 0;
  // Certificates given by name, for servers to tell clients whom they trust;
  // those of the system's store are too many to tell.
  bssl::UniquePtr<STACK_OF(X509_NAME)> names;
  // SHA-256 of what peers are judged by, as far as it is known beforehand.
  std::string digest;
  // The system's store; null if it was not used.
  std::shared_ptr<const SystemTrustStore> system;
  // All of them, without those of a folder.
  std::vector<bssl::UniquePtr<X509>> certificates;
};

// Whether a system's trust store that is not there is an error.
enum class SystemStoreUse { kRequired, kIfPresent };

// LoadTrustAnchors builds the store of `options`, with `more` certificates
// beside them. If the options name no source, that is the system's trust store.
//
// It fails with PEM_INVALID, CRL_INVALID or FIELD_INVALID, naming
// "trust_anchors.pems[i]" or "revocation_lists.pems[i]", and with
// TRUST_STORE_EMPTY, naming "trust_anchors.system", if the system's store has
// no certificate and `options` or `system_store_use` requires it.
absl::StatusOr<TrustAnchors> LoadTrustAnchors(
    const TrustAnchorsOptions& options,
    const RevocationListsOptions& revocation_lists,
    absl::Span<X509* const> more, DevelopmentAuthority& authority,
    SystemStoreUse system_store_use);

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_TRUST_ANCHORS_H_
