// Each question, over a stream and over unary calls.
#include <memory>
#include <string>
#include <tuple>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "tests/integration/decision_fixture.h"
#include "tests/testing/handler_client.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_ocsp_response.h"

namespace tlsd::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

// Decider takes questions and answers them, in one of the two ways.
class Decider {
 public:
  enum class Way { kHandler, kCaller };

  Decider(ControlClient& client, Way way, const std::string& subject)
      : client_(client), subject_(subject) {
    if (way == Way::kCaller) return;
    v1::HandlerRegistration registration;
    registration.add_subjects(subject);
    auto handler = HandlerClient::Register(client, registration);
    EXPECT_THAT(handler, IsOk());
    if (handler.ok()) handler_ = *std::move(handler);
  }

  absl::StatusOr<v1::Decision> Next() {
    return handler_ != nullptr ? handler_->Next()
                               : NextDecision(client_, subject_);
  }

  void Answer(const v1::DecisionAnswer& answer) {
    if (handler_ != nullptr) {
      EXPECT_TRUE(handler_->Answer(answer));
    } else {
      EXPECT_THAT(Resolve(client_, answer), IsOk());
    }
  }

 private:
  ControlClient& client_;
  const std::string subject_;
  std::unique_ptr<HandlerClient> handler_;
};

// Both ways in both versions are run by each test.
class DecisionsTest : public DecisionTest {
 protected:
  static constexpr Decider::Way kWays[] = {Decider::Way::kHandler,
                                           Decider::Way::kCaller};
};
INSTANTIATE_IN_BOTH_VERSIONS(DecisionsTest);

TEST_P(DecisionsTest, AClientHelloTellsWhoAsksAndWhat) {
  for (const Decider::Way way : kWays) {
    const Asking asking = AskingFor(v1::DECISION_TYPE_CLIENT_HELLO);
    Decider decider(client(), way, asking.listener.name());
    v1::SecureContext offering = ClientOptions();
    offering.add_alpn_protocols("h2");
    offering.add_alpn_protocols("http/1.1");
    v1::ConnectRequest request = asking.request;
    request.set_secure_context(NewContext(offering));
    Handshake handshake = Start(request);

    ASSERT_OK_AND_ASSIGN(const v1::Decision decision, decider.Next());

    EXPECT_THAT(decision.name(), StartsWith("decisions/"));
    EXPECT_EQ(decision.type(), v1::DECISION_TYPE_CLIENT_HELLO);
    EXPECT_EQ(decision.role(), v1::ROLE_SERVER);
    EXPECT_EQ(decision.listener(), asking.listener.name());
    EXPECT_EQ(decision.secure_context(), asking.listener.secure_context());
    EXPECT_EQ(decision.server_name(), "localhost");
    EXPECT_EQ(decision.local_address().port(),
              asking.listener.bound_address().port());
    const v1::ClientHelloQuestion& hello = decision.client_hello();
    EXPECT_THAT(hello.alpn_protocols(), ElementsAre("h2", "http/1.1"));
    EXPECT_THAT(hello.versions(),
                ElementsAre(IsTls13() ? "TLSv1.3" : "TLSv1.2"));
    EXPECT_THAT(hello.cipher_suites(), Not(IsEmpty()));
    EXPECT_THAT(hello.raw(), HasSubstr("localhost"));
    EXPECT_THAT(hello.ja4(), StartsWith(IsTls13() ? "t13d" : "t12d"));
    ASSERT_OK_AND_ASSIGN(const v1::Connection waiting, Waiting(decision));
    EXPECT_EQ(waiting.state(), v1::Connection::STATE_HANDSHAKING);
    decider.Answer(NoOpinionOn(decision));
    EXPECT_THAT(handshake.get(), IsOk());
  }
}

TEST_P(DecisionsTest, AClientHelloCanBeGivenAContextAndAProtocol) {
  for (const Decider::Way way : kWays) {
    const Asking asking = AskingFor(v1::DECISION_TYPE_CLIENT_HELLO);
    Decider decider(client(), way, asking.listener.name());
    v1::SecureContext offering = ClientOptions();
    offering.add_alpn_protocols("h2");
    offering.add_alpn_protocols("http/1.1");
    v1::ConnectRequest request = asking.request;
    request.set_secure_context(NewContext(offering));
    const std::string other = NewContext(ServerOptions(RsaServerIdentity()));
    Handshake handshake = Start(request);
    ASSERT_OK_AND_ASSIGN(const v1::Decision decision, decider.Next());

    v1::DecisionAnswer answer = ContextFor(decision, other);
    answer.mutable_client_hello()->set_alpn_protocol("http/1.1");
    decider.Answer(answer);

    ASSERT_OK_AND_ASSIGN(const v1::Connection connection, handshake.get());
    EXPECT_EQ(connection.handshake().alpn_protocol(), "http/1.1");
    EXPECT_EQ(connection.peer_certificate().public_key(), "RSA 2048");
    ASSERT_OK_AND_ASSIGN(const v1::Connection server,
                         Accept(asking.listener.name()));
    EXPECT_EQ(server.secure_context(), other);

    // Without an opinion all is as without the hook.
    handshake = Start(request);
    ASSERT_OK_AND_ASSIGN(const v1::Decision second, decider.Next());
    decider.Answer(NoOpinionOn(second));
    ASSERT_OK_AND_ASSIGN(const v1::Connection plain, handshake.get());
    EXPECT_EQ(plain.handshake().alpn_protocol(), "");
    EXPECT_EQ(plain.peer_certificate().public_key(), "EC P-256");
  }
}

TEST_P(DecisionsTest, AClientHelloCanBeAskedForACertificate) {
  for (const Decider::Way way : kWays) {
    for (const auto mode : {v1::CLIENT_CERTIFICATE_MODE_REQUIRE,
                            v1::CLIENT_CERTIFICATE_MODE_NONE}) {
      const Asking asking = AskingFor(v1::DECISION_TYPE_CLIENT_HELLO);
      Decider decider(client(), way, asking.listener.name());
      Handshake handshake = Start(asking);
      ASSERT_OK_AND_ASSIGN(const v1::Decision decision, decider.Next());

      v1::DecisionAnswer answer = AnswerTo(decision);
      answer.mutable_client_hello()->set_client_certificate_mode(mode);
      decider.Answer(answer);

      if (mode == v1::CLIENT_CERTIFICATE_MODE_NONE) {
        ASSERT_OK_AND_ASSIGN(const v1::Connection connection, handshake.get());
        EXPECT_FALSE(connection.handshake().certificate_requested());
      } else {
        EXPECT_EQ(AlertSeen(handshake),
                  IsTls13() ? "certificate_required" : "handshake_failure");
        EXPECT_EQ(FailureOf(asking.listener).reason(),
                  "PEER_CERTIFICATE_REQUIRED");
      }
    }
  }
}

TEST_P(DecisionsTest, AStapleIsShown) {
  const std::string staple =
      OcspResponseDer(IntermediateIdentity(), {&ServerIdentity()});
  for (const Decider::Way way : kWays) {
    const Asking asking = AskingFor(v1::DECISION_TYPE_OCSP_STAPLE);
    Decider decider(client(), way, asking.listener.name());
    Handshake handshake = Start(asking);
    ASSERT_OK_AND_ASSIGN(const v1::Decision decision, decider.Next());
    EXPECT_EQ(decision.ocsp_staple().certificate(), DerOf(ServerIdentity()));
    EXPECT_EQ(decision.ocsp_staple().issuer(), DerOf(IntermediateIdentity()));

    decider.Answer(StapleFor(decision, staple));

    ASSERT_OK_AND_ASSIGN(const v1::Connection connection, handshake.get());
    EXPECT_EQ(connection.ocsp_response().der(), staple);
    handshake = Start(asking);
    ASSERT_OK_AND_ASSIGN(const v1::Decision second, decider.Next());
    decider.Answer(StapleFor(second, ""));
    ASSERT_OK_AND_ASSIGN(const v1::Connection without, handshake.get());
    EXPECT_FALSE(without.has_ocsp_response());
  }
}

TEST_P(DecisionsTest, SessionsAreStoredAndFound) {
  for (const Decider::Way way : kWays) {
    const v1::Listener listener = Serve(SessionHooks());
    Decider decider(client(), way, listener.name());
    Handshake handshake = Start(listener);
    ASSERT_OK_AND_ASSIGN(const v1::Decision store, decider.Next());
    ASSERT_EQ(store.type(), v1::DECISION_TYPE_SESSION_STORE);
    ASSERT_THAT(store.session_store().sessions(), Not(IsEmpty()));
    for (const auto& session : store.session_store().sessions()) {
      EXPECT_THAT(session.session_id(), SizeIs(16));
      EXPECT_EQ(session.single_use(), IsTls13());
      EXPECT_GT(FromProto(session.lifetime()), absl::ZeroDuration());
    }
    v1::DecisionAnswer stored = AnswerTo(store);
    stored.mutable_session_store();
    decider.Answer(stored);
    ASSERT_OK_AND_ASSIGN(const v1::Connection first, handshake.get());
    v1::ConnectRequest request = ToConnect(listener, GetParam());
    request.set_session(NewestSession(first));

    for (const bool is_found : {true, false}) {
      handshake = Start(request);
      ASSERT_OK_AND_ASSIGN(const v1::Decision lookup, decider.Next());
      ASSERT_EQ(lookup.type(), v1::DECISION_TYPE_SESSION_LOOKUP);
      v1::DecisionAnswer found = AnswerTo(lookup);
      found.mutable_session_lookup();
      for (const auto& session : store.session_store().sessions()) {
        if (!is_found) break;
        if (session.session_id() != lookup.session_lookup().session_id()) {
          continue;
        }
        found.mutable_session_lookup()->set_session(session.session());
      }
      decider.Answer(found);
      // What is resumed under TLS 1.2 makes no new session.
      if (IsTls13() || !is_found) {
        ASSERT_OK_AND_ASSIGN(const v1::Decision again, decider.Next());
        decider.Answer(NoOpinionOn(again));
      }
      ASSERT_OK_AND_ASSIGN(const v1::Connection second, handshake.get());
      EXPECT_EQ(second.handshake().resumed(), is_found);
    }
  }
}

TEST_P(DecisionsTest, AClientIsAcceptedOrRefused) {
  for (const Decider::Way way : kWays) {
    for (const bool accept : {true, false}) {
      const Asking asking = AskingFor(v1::DECISION_TYPE_VERIFY_PEER);
      Decider decider(client(), way, asking.listener.name());
      // Whom tlsd would accept is refused, and the other way round.
      const TestIdentity& shown =
          accept ? StrangerIdentity() : ClientIdentity();
      v1::SecureContext showing = ClientOptions();
      *showing.add_credentials() = PemOf(shown);
      v1::ConnectRequest request = asking.request;
      request.set_secure_context(NewContext(showing));
      v1::UpdateSecureContextRequest update;
      update.mutable_secure_context()->set_name(
          asking.listener.secure_context());
      update.mutable_secure_context()->set_client_certificate_mode(
          v1::CLIENT_CERTIFICATE_MODE_REQUIRE);
      ASSERT_THAT(client().Call(update), IsOk());
      Handshake handshake = Start(request);
      ASSERT_OK_AND_ASSIGN(const v1::Decision decision, decider.Next());
      const v1::VerifyPeerQuestion& question = decision.verify_peer();
      EXPECT_EQ(question.authorized(), !accept);
      EXPECT_EQ(question.authorization_error().empty(), !accept);
      ASSERT_THAT(question.certificates(), Not(IsEmpty()));
      EXPECT_EQ(question.certificates(0), DerOf(shown));
      EXPECT_FALSE(question.resumed());

      decider.Answer(VerdictOn(decision, accept, "certificate_revoked"));

      if (accept) {
        ASSERT_THAT(handshake.get(), IsOk());
        ASSERT_OK_AND_ASSIGN(const v1::Connection server,
                             Accept(asking.listener.name()));
        EXPECT_TRUE(server.authorized());
        EXPECT_EQ(server.authorization_error(), "");
      } else {
        EXPECT_EQ(AlertSeen(handshake), "certificate_revoked");
        EXPECT_EQ(FailureOf(asking.listener).reason(), "DECISION_REFUSED");
      }
    }
  }
}

TEST_P(DecisionsTest, AServerIsAcceptedOrRefused) {
  for (const Decider::Way way : kWays) {
    for (const bool accept : {true, false}) {
      const v1::Listener listener = Serve(
          {}, ServerOptions(accept ? SelfSignedIdentity() : ServerIdentity()));
      v1::ConnectRequest request = ToConnect(listener);
      request.set_secure_context(NewContext(ClientOptions()));
      *request.add_hooks() = HookOf(v1::DECISION_TYPE_VERIFY_PEER);
      Decider decider(client(), way, request.secure_context());
      Handshake handshake = Start(request);
      ASSERT_OK_AND_ASSIGN(const v1::Decision decision, decider.Next());
      EXPECT_EQ(decision.role(), v1::ROLE_CLIENT);
      EXPECT_EQ(decision.listener(), "");
      EXPECT_EQ(decision.verify_peer().authorized(), !accept);
      EXPECT_EQ(decision.verify_peer().expected_name(), "localhost");

      decider.Answer(VerdictOn(decision, accept));

      const absl::StatusOr<v1::Connection> connection = handshake.get();
      if (accept) {
        ASSERT_THAT(connection, IsOk());
        EXPECT_TRUE(connection->authorized());
      } else {
        EXPECT_THAT(connection, FailsWith(Reason::kDecisionRefused));
        const v1::Failure failure = FailureOf(listener);
        EXPECT_EQ(failure.reason(), "PEER_ALERT");
        EXPECT_EQ(failure.metadata().at("alert"), "certificate_unknown");
      }
    }
  }
}

TEST_P(DecisionsTest, ASignatureIsMadeElsewhere) {
  for (const Decider::Way way : kWays) {
    for (const TestIdentity* identity :
         {&ServerIdentity(), &RsaServerIdentity(), &Ed25519ServerIdentity()}) {
      v1::SecureContext options = ServerOptions();
      *options.mutable_credentials(0) = RemoteOf(*identity);
      const v1::Listener listener = Serve({}, options);
      Decider decider(client(), way, listener.name());
      Handshake handshake = Start(listener);
      ASSERT_OK_AND_ASSIGN(const v1::Decision decision, decider.Next());
      ASSERT_EQ(decision.type(), v1::DECISION_TYPE_SIGN);
      EXPECT_THAT(decision.sign().public_key_pin(), SizeIs(44));

      decider.Answer(SignatureTo(decision, *identity));

      ASSERT_OK_AND_ASSIGN(const v1::Connection connection, handshake.get());
      EXPECT_EQ(connection.peer_certificate().public_key_pin(),
                decision.sign().public_key_pin());
    }
  }
}

TEST_P(DecisionsTest, AClientsSignatureIsMadeElsewhere) {
  for (const Decider::Way way : kWays) {
    const v1::Listener listener = Serve(
        {}, Judging(ServerOptions(), v1::CLIENT_CERTIFICATE_MODE_REQUIRE));
    v1::SecureContext options = ClientOptions();
    *options.add_credentials() = RemoteOf(ClientIdentity());
    v1::ConnectRequest request = ToConnect(listener);
    request.set_secure_context(NewContext(options));
    Decider decider(client(), way, request.secure_context());
    Handshake handshake = Start(request);
    ASSERT_OK_AND_ASSIGN(const v1::Decision decision, decider.Next());
    EXPECT_EQ(decision.role(), v1::ROLE_CLIENT);

    decider.Answer(SignatureTo(decision, ClientIdentity()));

    ASSERT_THAT(handshake.get(), IsOk());
    ASSERT_OK_AND_ASSIGN(const v1::Connection server, Accept(listener.name()));
    EXPECT_TRUE(server.authorized());
  }
}

TEST_P(DecisionsTest, EachCanBeRefusedWithAnAlert) {
  for (const Decider::Way way : kWays) {
    for (const v1::DecisionType type : ServerQuestions()) {
      SCOPED_TRACE(NameOf(type));
      const Asking asking = AskingFor(type);
      Decider decider(client(), way, asking.listener.name());
      Handshake handshake = Start(asking);
      ASSERT_OK_AND_ASSIGN(const v1::Decision decision, decider.Next());
      ASSERT_EQ(decision.type(), type);

      decider.Answer(RefusalOf(decision, "access_denied"));

      EXPECT_EQ(AlertSeen(handshake), "access_denied");
      EXPECT_EQ(FailureOf(asking.listener).reason(), "DECISION_REFUSED");
      ExpectGone(decision);
    }
  }
}

TEST_P(DecisionsTest, EachButASignatureCanBeLeftOpen) {
  for (const v1::DecisionType type : ServerQuestions()) {
    SCOPED_TRACE(NameOf(type));
    const Asking asking = AskingFor(type);
    Handshake handshake = Start(asking);
    ASSERT_OK_AND_ASSIGN(const v1::Decision decision, Next(asking));

    const absl::Status answered = Answer(NoOpinionOn(decision));

    if (type == v1::DECISION_TYPE_SIGN) {
      EXPECT_THAT(answered, FailsWith(Reason::kDecisionAnswerInvalid));
      ASSERT_THAT(Answer(SignatureTo(decision, ServerIdentity())), IsOk());
    } else {
      EXPECT_THAT(answered, IsOk());
    }
    EXPECT_THAT(handshake.get(), IsOk());
  }
}

}  // namespace
}  // namespace tlsd::testing
