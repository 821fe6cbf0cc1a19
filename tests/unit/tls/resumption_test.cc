// Sessions: who may resume them, and what a resumed peer is taken for.
#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/tls/secure_context_state.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"
#include "tests/unit/tls/tls_versions.h"

namespace tlsd::tls {
namespace {

using ::tlsd::testing::ClientIdentity;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::MakeContext;
using ::tlsd::testing::MetadataOf;
using ::tlsd::testing::OtherRootIdentity;
using ::tlsd::testing::ServerOptions;
using ::tlsd::testing::TestIdentity;

// SessionClient is a bare BoringSSL client that keeps and offers sessions,
// which the client engine does not do.
class SessionClient {
 public:
  explicit SessionClient(TlsVersion version, const TestIdentity* identity) {
    context_.reset(SSL_CTX_new(TLS_method()));
    const uint16_t number =
        version == TlsVersion::kTls13 ? TLS1_3_VERSION : TLS1_2_VERSION;
    SSL_CTX_set_min_proto_version(context_.get(), number);
    SSL_CTX_set_max_proto_version(context_.get(), number);
    SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_CLIENT);
    SSL_CTX_sess_set_new_cb(context_.get(), [](SSL* ssl, SSL_SESSION* session) {
      auto* self = static_cast<SessionClient*>(SSL_get_app_data(ssl));
      self->session_.reset(session);
      return 1;
    });
    if (identity != nullptr) {
      SSL_CTX_use_certificate(context_.get(), identity->certificate());
      SSL_CTX_use_PrivateKey(context_.get(), identity->key());
      // The intermediate is not sent: servers of these tests know it.
    }
  }

  // What a conversation came to, as the server sees it.
  struct Outcome {
    absl::Status status;
    std::optional<HandshakeFacts> handshake;
    // What the client got.
    int alert = -1;
  };

  // Converse has a handshake with `server`, offering the last session, and
  // takes what follows.
  Outcome Converse(std::shared_ptr<const SecureContext> server) {
    base::ChunkPool pool;
    auto engine =
        TlsEngine::Create(std::move(server), Role::kServer, {}, pool).value();
    base::ByteQueue cleartext(pool);
    ssl_.reset(SSL_new(context_.get()));
    BIO* in = BIO_new(BIO_s_mem());
    BIO* out = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(in, -1);
    SSL_set_bio(ssl_.get(), in, out);
    SSL_set_app_data(ssl_.get(), this);
    SSL_set_connect_state(ssl_.get());
    if (session_ != nullptr) SSL_set_session(ssl_.get(), session_.get());
    alert_ = -1;
    SSL_set_info_callback(ssl_.get(), [](const SSL* ssl, int type, int value) {
      auto* self = static_cast<SessionClient*>(SSL_get_app_data(ssl));
      if (type == SSL_CB_READ_ALERT) self->alert_ = value & 0xff;
    });

    Outcome outcome;
    for (int turn = 0; turn < 10; ++turn) {
      char buffer[16];
      if (SSL_do_handshake(ssl_.get()) == 1) {
        SSL_read(ssl_.get(), buffer, sizeof(buffer));
      }
      const uint8_t* data = nullptr;
      size_t size = 0;
      BIO_mem_contents(out, &data, &size);
      EventList events;
      if (outcome.status.ok()) {
        outcome.status =
            engine->Receive({data, size}, 1000, cleartext, events).status();
      }
      BIO_reset(out);
      for (EngineEvent& event : events) {
        if (auto* done = std::get_if<HandshakeCompleted>(&event)) {
          outcome.handshake = std::move(done->facts);
        }
      }
      const std::string answer =
          engine->ciphertext().TakeText(engine->ciphertext().size());
      BIO_write(in, answer.data(), static_cast<int>(answer.size()));
    }
    outcome.alert = alert_;
    return outcome;
  }

  bool has_session() const { return session_ != nullptr; }

 private:
  bssl::UniquePtr<SSL_CTX> context_;
  bssl::UniquePtr<SSL_SESSION> session_;
  bssl::UniquePtr<SSL> ssl_;
  int alert_ = -1;
};

class ResumptionTest : public EachTlsVersion {
 protected:
  static SecureContextOptions Options(ClientCertificateMode mode) {
    SecureContextOptions options = ServerOptions(version());
    options.client_certificate_mode = mode;
    options.trust_anchors.pems = {
        ::tlsd::testing::RootIdentity().CertificatePem() +
        ::tlsd::testing::IntermediateIdentity().CertificatePem()};
    return options;
  }

  static SSL_CTX* SslContext(const SecureContext& context) {
    return SecureContextAccess::GetState(context).ssl_context.get();
  }

  // ShareTicketKeys makes `second` open the tickets of `first`, as contexts
  // with keys of one fleet would.
  static void ShareTicketKeys(const SecureContext& first,
                              const SecureContext& second) {
    uint8_t keys[48] = {};
    for (size_t i = 0; i < sizeof(keys); ++i) keys[i] = static_cast<uint8_t>(i);
    for (const SecureContext* context : {&first, &second}) {
      ASSERT_TRUE(SSL_CTX_set_tlsext_ticket_keys(SslContext(*context), keys,
                                                 sizeof(keys)));
    }
  }

  // MergeSessions takes away what keeps the sessions of contexts apart.
  static void MergeSessions(const SecureContext& first,
                            const SecureContext& second) {
    const uint8_t same[] = {1};
    for (const SecureContext* context : {&first, &second}) {
      ASSERT_TRUE(SSL_CTX_set_session_id_context(SslContext(*context), same,
                                                 sizeof(same)));
    }
  }
};
INSTANTIATE_TLS_VERSIONS(ResumptionTest);

TEST_P(ResumptionTest, WorksWithinAContext) {
  const auto server = MakeContext(Options(ClientCertificateMode::kNone));
  SessionClient client(version(), nullptr);
  const auto first = client.Converse(server);
  ASSERT_TRUE(client.has_session());

  const auto second = client.Converse(server);

  EXPECT_FALSE(first.handshake.value().resumed);
  EXPECT_TRUE(second.handshake.value().resumed);
  EXPECT_FALSE(second.handshake->authorized);
  EXPECT_EQ(second.handshake->authorization_error, "");
  EXPECT_EQ(second.handshake->group, is_tls13() ? "X25519" : "");
}

TEST_P(ResumptionTest, KeepsAnAuthorizedClientAuthorized) {
  for (const auto mode :
       {ClientCertificateMode::kRequest, ClientCertificateMode::kRequire}) {
    const auto server = MakeContext(Options(mode));
    SessionClient client(version(), &ClientIdentity());
    ASSERT_TRUE(client.Converse(server).handshake.value().authorized);

    const auto second = client.Converse(server);

    EXPECT_TRUE(second.handshake.value().resumed);
    EXPECT_TRUE(second.handshake->authorized);
    ASSERT_NE(second.handshake->peer_certificate, nullptr);
    EXPECT_EQ(second.handshake->peer_certificate->subject, "CN=client");
  }
}

TEST_P(ResumptionTest, KeepsAClientWithoutACertificateUnauthorized) {
  const auto server = MakeContext(Options(ClientCertificateMode::kRequest));
  SessionClient client(version(), nullptr);
  client.Converse(server);

  const auto second = client.Converse(server);

  EXPECT_TRUE(second.handshake.value().resumed);
  EXPECT_FALSE(second.handshake->authorized);
  EXPECT_EQ(second.handshake->authorization_error, "NO_PEER_CERTIFICATE");
}

// CVE-2025-23419: a session of a context that asks for nothing opens one that
// requires a certificate.
TEST_P(ResumptionTest, NeverCrossesContextsThoughTheyShareTicketKeys) {
  const auto open = MakeContext(Options(ClientCertificateMode::kNone));
  const auto strict = MakeContext(Options(ClientCertificateMode::kRequire));
  ShareTicketKeys(*open, *strict);
  SessionClient client(version(), nullptr);
  ASSERT_TRUE(client.Converse(open).handshake.has_value());
  ASSERT_TRUE(client.has_session());

  const auto attack = client.Converse(strict);

  EXPECT_THAT(attack.status, FailsWith(Reason::kPeerCertificateRequired));
  EXPECT_FALSE(attack.handshake.has_value());
}

TEST_P(ResumptionTest, NeverCrossesEvenEqualContexts) {
  const auto one = MakeContext(Options(ClientCertificateMode::kNone));
  const auto other = MakeContext(Options(ClientCertificateMode::kNone));
  ShareTicketKeys(*one, *other);
  SessionClient client(version(), nullptr);
  client.Converse(one);

  const auto second = client.Converse(other);

  EXPECT_FALSE(second.handshake.value().resumed);
}

// The second line of defence, with the first taken away.
TEST_P(ResumptionTest, AResumedClientWithoutACertificateIsRefused) {
  const auto open = MakeContext(Options(ClientCertificateMode::kNone));
  const auto strict = MakeContext(Options(ClientCertificateMode::kRequire));
  ShareTicketKeys(*open, *strict);
  MergeSessions(*open, *strict);
  SessionClient client(version(), nullptr);
  client.Converse(open);

  const auto attack = client.Converse(strict);

  EXPECT_THAT(attack.status, FailsWith(Reason::kPeerCertificateRequired));
  EXPECT_FALSE(attack.handshake.has_value());
  EXPECT_EQ(attack.alert, SSL_AD_ACCESS_DENIED);
}

TEST_P(ResumptionTest, AResumedClientThatHasLostTrustIsNotAuthorized) {
  for (const auto mode :
       {ClientCertificateMode::kRequest, ClientCertificateMode::kRequire}) {
    const auto before = MakeContext(Options(mode));
    SecureContextOptions distrust = Options(mode);
    distrust.trust_anchors.pems = {OtherRootIdentity().CertificatePem()};
    const auto after = MakeContext(distrust);
    ShareTicketKeys(*before, *after);
    MergeSessions(*before, *after);
    SessionClient client(version(), &ClientIdentity());
    ASSERT_TRUE(client.Converse(before).handshake.value().authorized);

    const auto second = client.Converse(after);

    if (mode == ClientCertificateMode::kRequest) {
      EXPECT_TRUE(second.handshake.value().resumed);
      EXPECT_FALSE(second.handshake->authorized);
      EXPECT_EQ(second.handshake->authorization_error,
                "UNABLE_TO_VERIFY_LEAF_SIGNATURE");
    } else {
      EXPECT_THAT(second.status, FailsWith(Reason::kPeerCertificateUntrusted));
      EXPECT_FALSE(second.handshake.has_value());
      EXPECT_EQ(second.alert, SSL_AD_ACCESS_DENIED);
    }
  }
}

TEST_P(ResumptionTest, SessionsLiveForFiveMinutes) {
  const auto server = MakeContext(Options(ClientCertificateMode::kNone));
  EXPECT_EQ(SSL_CTX_get_timeout(SslContext(*server)), 300u);
}

}  // namespace
}  // namespace tlsd::tls
