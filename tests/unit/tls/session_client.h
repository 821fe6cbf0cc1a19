// SessionClient is a bare BoringSSL client that keeps and offers sessions,
// which the client engine does not do.
//
//   SessionClient client(version, &ClientIdentity());
//   client.Converse(server);
//   ASSERT_TRUE(client.Converse(server).handshake.value().resumed);
//
// It is for tests only, and belongs to one thread.
#ifndef TLSD_TESTS_UNIT_TLS_SESSION_CLIENT_H_
#define TLSD_TESTS_UNIT_TLS_SESSION_CLIENT_H_

#include <openssl/ssl.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "server/tls/handshake_facts.h"
#include "server/tls/secure_context.h"
#include "server/tls/tls_engine.h"
#include "tests/testing/test_identities.h"

namespace tlsd::tls {

class SessionClient {
 public:
  // It shows the certificate of `identity`, without the chain, if that is not
  // null. `identity` is not kept.
  SessionClient(TlsVersion version, const testing::TestIdentity* identity);

  // What a conversation came to, as the server sees it.
  struct Outcome {
    absl::Status status;
    std::optional<HandshakeFacts> handshake;
    // What the client got; -1 if nothing.
    int alert = -1;
  };

  // Converse has a handshake with `server`, offering the last session, and
  // takes what follows.
  Outcome Converse(std::shared_ptr<const SecureContext> server);

  bool has_session() const { return session_ != nullptr; }

  // What it asks for (SNI); empty for nothing.
  std::string server_name;
  // Pretend to encrypt the ClientHello.
  bool greases_ech = false;

 private:
  static int OnSession(SSL* ssl, SSL_SESSION* session);
  static void OnInfo(const SSL* ssl, int type, int value);
  // Connect starts anew, and returns where the server's bytes go.
  BIO* Connect();
  // Speak goes on, and returns what it says.
  std::string Speak();

  bssl::UniquePtr<SSL_CTX> context_;
  bssl::UniquePtr<SSL_SESSION> session_;
  bssl::UniquePtr<SSL> ssl_;
  int alert_ = -1;
};

}  // namespace tlsd::tls

#endif  // TLSD_TESTS_UNIT_TLS_SESSION_CLIENT_H_
