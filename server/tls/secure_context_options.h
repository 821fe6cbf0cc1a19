// SecureContextOptions is what a caller can say about a secure context: plain
// data that nothing has checked yet. `SecureContext::Create` checks it.
//
// It knows neither gRPC nor BoringSSL. It holds secrets: copy it no further
// than needed.
#ifndef TLSD_SERVER_TLS_SECURE_CONTEXT_OPTIONS_H_
#define TLSD_SERVER_TLS_SECURE_CONTEXT_OPTIONS_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace tlsd::tls {

// The versions of TLS, in their order.
enum class TlsVersion { kTls10, kTls11, kTls12, kTls13 };

// Whether a server asks its clients for a certificate.
enum class ClientCertificateMode {
  kNone,
  // Ask; accept whatever comes.
  kRequest,
  // Ask; refuse clients that are not authorized.
  kRequire,
};

// A chain and key in PEM, see proto/tlsd/v1/secure_context_service.proto.
struct PemCredentials {
  std::string certificate_chain;
  std::string private_key;
  std::string passphrase;
  bool allow_outside_validity = false;
};

// A chain and key that the development authority makes. Empty names mean
// "localhost", "127.0.0.1" and "::1".
struct DevelopmentCredentials {
  std::vector<std::string> server_names;
};

using CredentialsOptions = std::variant<PemCredentials, DevelopmentCredentials>;

// The union of the sources; none set means the system's trust store.
struct TrustAnchorsOptions {
  std::vector<std::string> pems;
  bool system = false;
  bool development = false;
};

struct SecureContextOptions {
  // At most one.
  std::vector<CredentialsOptions> credentials;
  TrustAnchorsOptions trust_anchors;
  TlsVersion min_version = TlsVersion::kTls12;
  TlsVersion max_version = TlsVersion::kTls13;
  // Most preferred first.
  std::vector<std::string> alpn_protocols;
  ClientCertificateMode client_certificate_mode = ClientCertificateMode::kNone;
};

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_SECURE_CONTEXT_OPTIONS_H_
