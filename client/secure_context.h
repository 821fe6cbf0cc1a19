// SecureContext is a handle of a TLS configuration that the daemon keeps: own
// credentials, whom to trust, what to agree to. It is what
// `tls.createSecureContext` returns.
//
// It is not the configuration itself and holds no key: the daemon does, and no
// call brings a key back. Destroying a handle leaves the context in the daemon;
// `Delete` removes it. Handles can be copied, outlive their `Client`, and be
// used by any thread.
#ifndef TLSD_CLIENT_SECURE_CONTEXT_H_
#define TLSD_CLIENT_SECURE_CONTEXT_H_

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/facts.h"

namespace tlsd::client {

class ControlChannel;

// PemCredentials is a certificate chain and the key of its first certificate.
struct PemCredentials {
  // Own certificate first, then the intermediates in order.
  std::string certificate_chain = {};
  // One private key: RSA, EC or Ed25519, plain or encrypted.
  std::string private_key = {};
  // Of an encrypted key.
  std::string passphrase = {};
  // Accept a certificate whose validity does not include the present, e.g. to
  // test how peers answer to it.
  bool allow_outside_validity = false;
};

// DevelopmentCredentials asks the daemon to make credentials in memory, under
// its development authority. Not for production.
struct DevelopmentCredentials {
  // DNS names and IP addresses. Default: localhost and its two addresses.
  std::vector<std::string> server_names = {};
};

// SecureContextOptions is what CreateSecureContext takes. Everything may be
// left out: then the context trusts the system's store, has no credentials, and
// speaks TLS 1.2 and 1.3.
struct SecureContextOptions {
  // The last part of the name, e.g. "web". Default: the daemon picks one.
  std::string id = {};
  // Servers need credentials; clients only if a server asks.
  std::variant<std::monostate, PemCredentials, DevelopmentCredentials>
      credentials = {};

  // Whom to trust: the union of these three. If none is set, the system's
  // store alone.
  std::vector<std::string> trusted_pems = {};
  bool trust_system = false;
  bool trust_development = false;

  // Default: TLS 1.2 to TLS 1.3.
  TlsVersion min_version = TlsVersion::kDefault;
  TlsVersion max_version = TlsVersion::kDefault;
  // Application protocols, most preferred first, e.g. {"h2", "http/1.1"}.
  std::vector<std::string> alpn_protocols = {};
  // For servers: whether clients are asked for a certificate.
  ClientCertificateMode client_certificate_mode = ClientCertificateMode::kNone;
};

class SecureContext {
 public:
  // name returns "secureContexts/ID".
  const std::string& name() const { return facts_.name; }

  // facts returns the context as it was when this handle was made. Contexts do
  // not change.
  const SecureContextFacts& facts() const { return facts_; }

  // Delete removes the context from the daemon. Connections that use it live
  // on. It fails with CONTEXT_IN_USE while a listener names it, and with
  // CONTEXT_NOT_FOUND if it is gone already.
  absl::Status Delete();

 private:
  friend class Client;
  SecureContext(std::shared_ptr<ControlChannel> channel,
                SecureContextFacts facts);

  std::shared_ptr<ControlChannel> channel_;
  SecureContextFacts facts_;
};

}  // namespace tlsd::client

#endif  // TLSD_CLIENT_SECURE_CONTEXT_H_
