// Trust anchors: the certificates that vouch for peers, as a store.
//
// They say whom we trust; who we are is credentials.h. Once made they may be
// used from any thread.
#ifndef TLSD_SERVER_TLS_TRUST_ANCHORS_H_
#define TLSD_SERVER_TLS_TRUST_ANCHORS_H_

#include <openssl/x509.h>

#include <string>

#include "absl/status/statusor.h"
#include "server/tls/development_authority.h"
#include "server/tls/secure_context_options.h"

namespace tlsd::tls {

struct TrustAnchors {
  bssl::UniquePtr<X509_STORE> store;
  // Certificates given by name, for servers to tell clients whom they trust;
  // those of the system's store are too many to tell.
  bssl::UniquePtr<STACK_OF(X509_NAME)> names;
  // SHA-256 of what is trusted, as far as it is known beforehand.
  std::string digest;
  // Where the system's store was found, a file and a folder joined by ':';
  // empty if it was not used.
  std::string system_path;
  // Without the certificates of a folder.
  int certificate_count = 0;
};

// Whether a system's trust store that is not there is an error.
enum class SystemStoreUse { kRequired, kIfPresent };

// LoadTrustAnchors builds the store of `options`. If they name no source, that
// is the system's trust store: the file and the folder that SSL_CERT_FILE and
// SSL_CERT_DIR name, else those of OpenSSL.
//
// It fails with PEM_INVALID or FIELD_INVALID, naming "pems" or "pems[i]", and
// with TRUST_STORE_EMPTY, naming "system", if the system's store has no
// certificate and `options.system` or `system_store_use` requires it.
absl::StatusOr<TrustAnchors> LoadTrustAnchors(
    const TrustAnchorsOptions& options, DevelopmentAuthority& authority,
    SystemStoreUse system_store_use);

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_TRUST_ANCHORS_H_
