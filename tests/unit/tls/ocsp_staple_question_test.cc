// OCSP_STAPLE, what is stapled without it, and what clients are told.
#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "server/tls/certificate.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"
#include "tests/testing/test_ocsp_response.h"
#include "tests/unit/tls/tls_versions.h"

namespace tlsd::tls {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::tlsd::testing::ClientOptions;
using ::tlsd::testing::EnginePair;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IdentitySpec;
using ::tlsd::testing::IntermediateIdentity;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::LocalhostOptions;
using ::tlsd::testing::MakeContext;
using ::tlsd::testing::MetadataOf;
using ::tlsd::testing::OcspResponseDer;
using ::tlsd::testing::OcspResponseSpec;
using ::tlsd::testing::RootIdentity;
using ::tlsd::testing::SelfSignedIdentity;
using ::tlsd::testing::ServerIdentity;
using ::tlsd::testing::ServerOptions;
using ::tlsd::testing::TestIdentity;

constexpr size_t kNoLimit = 1 << 30;

class OcspStapleQuestionTest : public EachTlsVersion {
 protected:
  OcspStapleQuestionTest() { client_options.request_ocsp = true; }

  void Hooked() { server_options.hooks = {{HookType::kOcspStaple}}; }

  // Staple gives the server a response of its own.
  void Staple(const std::string& response) {
    PemCredentials credentials = ServerIdentity().Credentials();
    credentials.ocsp_response = response;
    server.credentials = {credentials};
  }

  // The contexts live as long as the test.
  EnginePair NewPair() {
    if (server_context == nullptr) server_context = MakeContext(server);
    if (client_context_ == nullptr) {
      client_context_ = MakeContext(ClientOptions(version()));
    }
    return EnginePair(client_context_, server_context, client_options,
                      server_options);
  }

  EnginePair Converse(const Answer& answer) {
    EnginePair pair = NewPair();
    pair.server().answer = [answer](const Question&) { return answer; };
    pair.Pump();
    return pair;
  }
  EnginePair Converse() { return Converse(NoOpinion()); }

  // Stapled returns what the client was told; "" if nothing.
  static std::string Stapled(const EnginePair::End& end) {
    const auto received = end.Reported<OcspResponseReceived>();
    EXPECT_LE(received.size(), 1u);
    return received.empty() ? "" : received[0].response->der;
  }

  static size_t AskedCount(const EnginePair::End& end) {
    return end.Asked<OcspStapleQuestion>().size();
  }

  static std::string Response(const OcspResponseSpec& spec = {}) {
    return OcspResponseDer(IntermediateIdentity(), {&ServerIdentity()}, spec);
  }
  static std::string EndedResponse() {
    OcspResponseSpec spec;
    spec.next_update_time = absl::Now() - absl::Minutes(1);
    return Response(spec);
  }

  EngineOptions client_options = LocalhostOptions();
  EngineOptions server_options;
  SecureContextOptions server = ServerOptions(version());
  std::shared_ptr<const SecureContext> server_context;

 private:
  std::shared_ptr<const SecureContext> client_context_;
};
INSTANTIATE_TLS_VERSIONS(OcspStapleQuestionTest);

// Without a question.

TEST_P(OcspStapleQuestionTest, ShowsWhatTheContextHas) {
  const std::string response = Response();
  Staple(response);
  EnginePair pair = Converse();
  EXPECT_EQ(Stapled(pair.client()), response);
  EXPECT_THAT(pair.client().status, IsOk());
}

TEST_P(OcspStapleQuestionTest, ShowsNothingThatHasEnded) {
  Staple(EndedResponse());
  EnginePair pair = Converse();
  EXPECT_EQ(Stapled(pair.client()), "");
  EXPECT_TRUE(pair.client().handshake.has_value());
}

TEST_P(OcspStapleQuestionTest, ShowsNothingToWhoDoesNotAsk) {
  Staple(Response());
  client_options.request_ocsp = false;
  EnginePair pair = Converse();
  EXPECT_EQ(Stapled(pair.client()), "");
  EXPECT_TRUE(pair.client().handshake.has_value());
}

TEST_P(OcspStapleQuestionTest, ShowsNothingWithoutAResponse) {
  EnginePair pair = Converse();
  EXPECT_EQ(Stapled(pair.client()), "");
  EXPECT_TRUE(pair.client().handshake.has_value());
}

TEST_P(OcspStapleQuestionTest, ShowsWhatTheContextGetsLater) {
  Converse();
  const std::string response = Response();
  ASSERT_THAT(server_context->SetOcspResponse(0, response), IsOk());
  EXPECT_EQ(Stapled(Converse().client()), response);

  ASSERT_THAT(server_context->SetOcspResponse(0, ""), IsOk());
  EXPECT_EQ(Stapled(Converse().client()), "");
}

// What the client is told.

TEST_P(OcspStapleQuestionTest, IsToldBeforeTheHandshakeIsComplete) {
  Staple(Response());
  EnginePair pair = Converse();
  ASSERT_GE(pair.client().events.size(), 2u);
  const auto* received =
      std::get_if<OcspResponseReceived>(&pair.client().events[0]);
  ASSERT_NE(received, nullptr);
  EXPECT_EQ(received->response->certificate_status, "good");
  EXPECT_TRUE(
      std::holds_alternative<HandshakeCompleted>(pair.client().events[1]));
}

TEST_P(OcspStapleQuestionTest, IsToldAlsoIfTheServerIsRefused) {
  OcspResponseSpec spec;
  spec.certificate_status = ::tlsd::testing::OcspCertificateStatus::kRevoked;
  Staple(Response(spec));
  client_options.expected_name = "other.test";
  EnginePair pair = Converse();
  EXPECT_THAT(pair.client().status,
              FailsWith(Reason::kPeerCertificateNameMismatch));
  const auto received = pair.client().Reported<OcspResponseReceived>();
  ASSERT_THAT(received, SizeIs(1));
  EXPECT_EQ(received[0].response->certificate_status, "revoked");
}

TEST_P(OcspStapleQuestionTest, IsToldAsItIsIfNobodyCanReadIt) {
  Hooked();
  EnginePair pair = Converse(OcspStapleAnswer{"no response", {}});
  EXPECT_THAT(pair.client().status, IsOk());
  const auto received = pair.client().Reported<OcspResponseReceived>();
  ASSERT_THAT(received, SizeIs(1));
  EXPECT_EQ(received[0].response->der, "no response");
  EXPECT_EQ(received[0].response->response_status, "");
}

TEST_P(OcspStapleQuestionTest, IsNotToldOnResumption) {
  Staple(Response());
  EnginePair first = Converse();
  ASSERT_NE(Stapled(first.client()), "");
  client_options.session = first.client().engine->session().value().data;

  EnginePair second = Converse();

  ASSERT_TRUE(second.client().handshake.value().resumed);
  EXPECT_EQ(Stapled(second.client()), "");
}

// The question.

TEST_P(OcspStapleQuestionTest, IsAskedForTheCertificateThatIsShown) {
  IdentitySpec spec;
  spec.extensions = {
      {"authorityInfoAccess", "OCSP;URI:http://a.test,OCSP;URI:http://b.test"}};
  const TestIdentity shown = IntermediateIdentity().Issue(spec);
  server.credentials = {shown.Credentials()};
  Hooked();
  EnginePair pair = NewPair();
  pair.Pump();

  const auto asked = pair.server().Asked<OcspStapleQuestion>();
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_EQ(asked[0].certificate, EncodeDer(shown.certificate()));
  EXPECT_EQ(asked[0].issuer, EncodeDer(IntermediateIdentity().certificate()));
  EXPECT_THAT(asked[0].ocsp_urls,
              ElementsAre("http://a.test", "http://b.test"));
  EXPECT_EQ(pair.client().arrived_size, 0u);
}

TEST_P(OcspStapleQuestionTest, FindsTheIssuerAmongTheTrustAnchors) {
  IdentitySpec spec;
  const TestIdentity by_root = RootIdentity().Issue(spec);
  server.credentials = {by_root.Credentials()};
  Hooked();
  EnginePair known = NewPair();
  known.Pump();
  ASSERT_THAT(known.server().Asked<OcspStapleQuestion>(), SizeIs(1));
  EXPECT_EQ(known.server().Asked<OcspStapleQuestion>()[0].issuer,
            EncodeDer(RootIdentity().certificate()));

  server.trust_anchors.pems = {
      ::tlsd::testing::OtherRootIdentity().CertificatePem()};
  server_context = nullptr;
  EnginePair unknown = NewPair();
  unknown.Pump();
  ASSERT_THAT(unknown.server().Asked<OcspStapleQuestion>(), SizeIs(1));
  EXPECT_EQ(unknown.server().Asked<OcspStapleQuestion>()[0].issuer, "");
}

TEST_P(OcspStapleQuestionTest, KnowsNoIssuerOfASelfSignedCertificate) {
  server.credentials = {SelfSignedIdentity().Credentials()};
  server.trust_anchors.pems = {SelfSignedIdentity().CertificatePem()};
  Hooked();
  EnginePair pair = NewPair();
  pair.Pump();
  const auto asked = pair.server().Asked<OcspStapleQuestion>();
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_EQ(asked[0].issuer, "");
  EXPECT_THAT(asked[0].ocsp_urls, IsEmpty());
}

TEST_P(OcspStapleQuestionTest, TakesNothingWhileItWaits) {
  Hooked();
  EnginePair pair = NewPair();
  pair.Pump();
  TlsEngine& engine = *pair.server().engine;
  for (int i = 0; i < 3; ++i) {
    EventList events;
    EXPECT_EQ(*engine.Receive(base::AsBytes("whatever"), kNoLimit,
                              *pair.server().cleartext, events),
              0u);
    EXPECT_THAT(events, IsEmpty());
  }
  EXPECT_FALSE(engine.has_more());

  const std::string response = Response();
  EXPECT_THAT(engine.Answer(OcspStapleAnswer{response, {}}), IsOk());
  EXPECT_TRUE(engine.has_more());
  pair.Pump();

  EXPECT_EQ(Stapled(pair.client()), response);
  EXPECT_TRUE(pair.server().handshake.has_value());
  EXPECT_EQ(AskedCount(pair.server()), 1u);
}

TEST_P(OcspStapleQuestionTest, GoesOnWithoutAStaple) {
  Hooked();
  for (const Answer& none : {Answer(NoOpinion()), Answer(OcspStapleAnswer()),
                             // An answer to something else says nothing.
                             Answer(SessionStoreAnswer())}) {
    EnginePair pair = Converse(none);
    EXPECT_EQ(AskedCount(pair.server()), 1u);
    EXPECT_EQ(Stapled(pair.client()), "");
    EXPECT_TRUE(pair.client().handshake.has_value());
    EXPECT_TRUE(pair.server().handshake.has_value());
  }
}

TEST_P(OcspStapleQuestionTest, IsNotAskedOfWhoDoesNotAskUs) {
  Hooked();
  client_options.request_ocsp = false;
  EnginePair pair = NewPair();
  pair.Pump();
  EXPECT_EQ(AskedCount(pair.server()), 0u);
  EXPECT_TRUE(pair.server().handshake.has_value());
}

TEST_P(OcspStapleQuestionTest, IsAskedOnlyWithoutAResponseThatIsCurrent) {
  Hooked();
  Staple(Response());
  EXPECT_EQ(AskedCount(Converse().server()), 0u);

  server_context = nullptr;
  Staple(EndedResponse());
  const std::string response = Response();
  EnginePair pair = Converse(OcspStapleAnswer{response, {}});
  EXPECT_EQ(AskedCount(pair.server()), 1u);
  EXPECT_EQ(Stapled(pair.client()), response);
}

TEST_P(OcspStapleQuestionTest, IsAskedEachTimeUnlessTheAnswerIsToBeReused) {
  Hooked();
  const std::string response = Response();
  for (int i = 0; i < 2; ++i) {
    EnginePair pair = Converse(OcspStapleAnswer{response, {}});
    EXPECT_EQ(AskedCount(pair.server()), 1u);
  }

  EnginePair keeping = Converse(OcspStapleAnswer{response, absl::Hours(1)});
  EXPECT_EQ(AskedCount(keeping.server()), 1u);

  EnginePair after = NewPair();
  after.Pump();
  EXPECT_EQ(AskedCount(after.server()), 0u);
  EXPECT_EQ(Stapled(after.client()), response);
  EXPECT_EQ(server_context->DescribeStaple(0, absl::Now()).der, response);
}

TEST_P(OcspStapleQuestionTest, TakesItsAnswerThoughAnotherIsReused) {
  server_options.hooks = {{HookType::kOcspStaple},
                          {HookType::kSessionLookup},
                          {HookType::kSessionStore}};
  EnginePair waiting = NewPair();
  waiting.Pump();
  ASSERT_EQ(AskedCount(waiting.server()), 1u);
  Converse(OcspStapleAnswer{Response(), absl::Hours(1)});
  ASSERT_NE(server_context->DescribeStaple(0, absl::Now()).der, "");

  const std::string own = Response();
  EXPECT_THAT(waiting.server().engine->Answer(OcspStapleAnswer{own, {}}),
              IsOk());
  waiting.Pump();

  EXPECT_EQ(Stapled(waiting.client()), own);
  EXPECT_FALSE(waiting.server().engine->has_more());
  EXPECT_THAT(waiting.server().Asked<SessionStoreQuestion>(), SizeIs(1));
  EXPECT_THAT(waiting.server().engine->Answer(NoOpinion()), IsOk());
  waiting.Pump();
  EXPECT_TRUE(waiting.server().handshake.has_value());
}

TEST_P(OcspStapleQuestionTest, ReusesNothingThatHasEnded) {
  Hooked();
  const std::string ended = EndedResponse();
  EnginePair pair = Converse(OcspStapleAnswer{ended, absl::Hours(1)});
  // Who has answered knows best.
  EXPECT_EQ(Stapled(pair.client()), ended);

  EXPECT_EQ(AskedCount(Converse().server()), 1u);
}

// BoringSSL asks for credentials before it knows whether it can resume.
TEST_P(OcspStapleQuestionTest, DoesNotKeepASessionFromBeingResumed) {
  Hooked();
  EnginePair first = Converse(OcspStapleAnswer{Response(), {}});
  client_options.session = first.client().engine->session().value().data;

  EnginePair second = Converse(OcspStapleAnswer{Response(), {}});

  EXPECT_TRUE(second.server().handshake.value().resumed);
  EXPECT_THAT(second.client().status, IsOk());
}

// The end.

TEST_P(OcspStapleQuestionTest, CanBeRefused) {
  Hooked();
  EnginePair pair = Converse(Refusal{SSL_AD_ACCESS_DENIED});
  EXPECT_THAT(pair.server().status, FailsWith(Reason::kDecisionRefused));
  EXPECT_THAT(pair.client().status, FailsWith(Reason::kPeerAlert));
  EXPECT_EQ(MetadataOf(pair.client().status, "alert"), "access_denied");
}

TEST_P(OcspStapleQuestionTest, CanBeAbortedWhileItWaits) {
  Hooked();
  EnginePair pair = NewPair();
  pair.Pump();
  const absl::Status reason = MakeError(Reason::kCallCancelled, "gone");
  pair.server().engine->Abort(reason);
  pair.Pump();
  EXPECT_EQ(pair.server().engine->Answer(NoOpinion()), reason);
  EXPECT_EQ(MetadataOf(pair.client().status, "alert"), "user_canceled");
}

}  // namespace
}  // namespace tlsd::tls
