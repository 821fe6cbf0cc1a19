// The system's trust store: the file and the folder that SSL_CERT_FILE and
// SSL_CERT_DIR name, else those of OpenSSL.
//
// Its certificates are read once and shared by all who trust it, and read again
// when the file has changed. Any thread may call it.
#ifndef TLSD_SERVER_TLS_SYSTEM_TRUST_STORE_H_
#define TLSD_SERVER_TLS_SYSTEM_TRUST_STORE_H_

#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace tlsd::tls {

class SystemTrustStore {
 public:
  // Load returns the store as it is now. It fails with TRUST_STORE_EMPTY,
  // naming "system", if neither file nor folder has a certificate.
  static absl::StatusOr<std::shared_ptr<const SystemTrustStore>> Load();

  // path returns where it was found, a file and a folder joined by ':'.
  const std::string& path() const { return path_; }

  // certificates returns those of the file. Those of the folder are read when
  // they are needed.
  const std::vector<bssl::UniquePtr<X509>>& certificates() const {
    return certificates_;
  }

  // ReadFolders returns the certificates of the folders as they are now.
  std::vector<bssl::UniquePtr<X509>> ReadFolders() const;

  // AddTo makes `store` trust all of it.
  absl::Status AddTo(X509_STORE* store) const;

 private:
  SystemTrustStore() = default;

  std::string path_;
  // The folders; empty if none has a certificate.
  std::string folders_;
  std::vector<bssl::UniquePtr<X509>> certificates_;
};

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_SYSTEM_TRUST_STORE_H_
