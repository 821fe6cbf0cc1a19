// A peer whose certificate costs too much to work with is nobody's to accept.
#include <openssl/bio.h>
#include <openssl/pool.h>
#include <openssl/ssl.h>

#include <cstring>
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/byte_queue.h"
#include "server/base/chunk_pool.h"
#include "server/tls/certificate.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"
#include "tests/unit/tls/judged_peer.h"
#include "tests/unit/tls/roles_and_versions.h"

namespace tlsd::tls {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::tlsd::testing::ClientOptions;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IdentitySpec;
using ::tlsd::testing::KeyKind;
using ::tlsd::testing::LocalhostOptions;
using ::tlsd::testing::MakeContext;
using ::tlsd::testing::MetadataOf;
using ::tlsd::testing::RootIdentity;
using ::tlsd::testing::ServerOptions;
using ::tlsd::testing::TestIdentity;

// Signatures that verify nowhere: a judge comes to the certificate first.
ssl_private_key_result_t SignBadly(SSL* /*ssl*/, uint8_t* out, size_t* out_size,
                                   size_t size_max, uint16_t /*algorithm*/,
                                   const uint8_t* /*in*/, size_t /*in_size*/) {
  *out_size = size_max;
  std::memset(out, 'x', size_max);
  return ssl_private_key_success;
}

// BarePeer is a bare BoringSSL end that shows a certificate of `kind`.
class BarePeer {
 public:
  BarePeer(Role role, TlsVersion version, KeyKind kind) {
    IdentitySpec spec;
    spec.key = kind;
    const TestIdentity identity = RootIdentity().Issue(spec);
    const std::string der = EncodeDer(identity.certificate());
    const bssl::UniquePtr<CRYPTO_BUFFER> leaf(
        CRYPTO_BUFFER_new(reinterpret_cast<const uint8_t*>(der.data()),
                          der.size(), /*pool=*/nullptr));
    CRYPTO_BUFFER* chain[] = {leaf.get()};
    static constexpr SSL_PRIVATE_KEY_METHOD kMethod = {SignBadly, nullptr,
                                                       nullptr};
    SSL_CTX_set_chain_and_key(context_.get(), chain, 1, nullptr, &kMethod);
    const uint16_t number =
        version == TlsVersion::kTls13 ? TLS1_3_VERSION : TLS1_2_VERSION;
    SSL_CTX_set_min_proto_version(context_.get(), number);
    SSL_CTX_set_max_proto_version(context_.get(), number);
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    BIO_set_mem_eof_return(SSL_get_rbio(ssl_.get()), -1);
    if (role == Role::kServer) {
      SSL_set_accept_state(ssl_.get());
    } else {
      SSL_set_connect_state(ssl_.get());
    }
  }

  // Reply takes what the judge has said, and returns what comes of it.
  std::string Reply(const std::string& said) {
    BIO_write(SSL_get_rbio(ssl_.get()), said.data(),
              static_cast<int>(said.size()));
    SSL_do_handshake(ssl_.get());
    const uint8_t* data = nullptr;
    size_t size = 0;
    BIO_mem_contents(SSL_get_wbio(ssl_.get()), &data, &size);
    const std::string reply(base::AsText({data, size}));
    BIO_reset(SSL_get_wbio(ssl_.get()));
    return reply;
  }

 private:
  bssl::UniquePtr<SSL_CTX> context_{SSL_CTX_new(TLS_method())};
  bssl::UniquePtr<SSL> ssl_;
};

class HostilePeerTest : public EachRoleAndVersion {
 protected:
  struct Outcome {
    absl::Status status;
    EventList events;
  };

  // Judge has a handshake with a peer that has a key of `kind`, under a judge
  // that refuses nobody by itself, and accepts whomever it is asked about.
  static Outcome Judge(KeyKind kind) {
    SecureContextOptions options = role() == Role::kClient
                                       ? ClientOptions(version())
                                       : ServerOptions(version());
    options.client_certificate_mode = ClientCertificateMode::kRequest;
    EngineOptions engine_options = LocalhostOptions();
    engine_options.verification = PeerVerification::kReport;
    engine_options.hooks = {{HookType::kVerifyPeer}};
    base::ChunkPool pool;
    const auto engine =
        TlsEngine::Create(MakeContext(options), role(), engine_options, pool)
            .value();
    base::ByteQueue cleartext(pool);
    BarePeer peer(OtherRole(role()), version(), kind);
    Outcome outcome;
    for (int turn = 0; turn < 5 && outcome.status.ok(); ++turn) {
      const std::string said = peer.Reply(
          engine->ciphertext().TakeText(engine->ciphertext().size()));
      outcome.status = engine
                           ->Receive(base::AsBytes(said), /*cleartext_limit=*/1,
                                     cleartext, outcome.events)
                           .status();
    }
    return outcome;
  }
};
INSTANTIATE_ROLES_AND_VERSIONS(HostilePeerTest);

TEST_P(HostilePeerTest, IsRefusedWithoutAQuestion) {
  const Outcome outcome = Judge(KeyKind::kRsaHuge);
  EXPECT_THAT(outcome.status, FailsWith(Reason::kPeerCertificateInvalid));
  EXPECT_EQ(MetadataOf(outcome.status, "verify_error"), "KEY_TOO_LARGE");
  EXPECT_THAT(outcome.events, IsEmpty());
}

TEST_P(HostilePeerTest, IsAskedAboutIfItIsNone) {
  const Outcome outcome = Judge(KeyKind::kRsa2048);
  ASSERT_THAT(outcome.events, SizeIs(1));
  const auto* asked = std::get_if<QuestionAsked>(&outcome.events[0]);
  ASSERT_NE(asked, nullptr);
  EXPECT_TRUE(std::get<VerifyPeerQuestion>(*asked->question).authorized);
}

}  // namespace
}  // namespace tlsd::tls
