// OCSP responses, from the server that staples them to the client that asks.
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/decision_fixture.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_ocsp_response.h"

namespace tlsd::testing {
namespace {

using ::testing::IsEmpty;

std::string ResponseOf(OcspCertificateStatus status,
                       absl::Duration left = absl::Hours(1)) {
  OcspResponseSpec spec;
  spec.certificate_status = status;
  spec.next_update_time = absl::Now() + left;
  return OcspResponseDer(RootIdentity(), {&ServerIdentity()}, spec);
}

class OcspTest : public DecisionTest {
 protected:
  // Ask connects to a server of `context`, and asks for its staple.
  static absl::StatusOr<v1::Connection> Ask(const v1::Listener& listener,
                                            bool asks = true) {
    v1::ConnectRequest request = ToConnect(listener, GetParam());
    request.set_secure_context(NewContext(ClientOptions()));
    request.set_request_ocsp(asks);
    return client().Call(request);
  }

  static v1::SecureContext Stapling(const std::string& response) {
    v1::SecureContext context = ServerOptions();
    context.mutable_credentials(0)->set_ocsp_response(response);
    return context;
  }
};
INSTANTIATE_IN_BOTH_VERSIONS(OcspTest);

TEST_P(OcspTest, IsToldBeforeTheCertificateIsAccepted) {
  const std::string response = ResponseOf(OcspCertificateStatus::kGood);
  ASSERT_OK_AND_ASSIGN(const v1::Connection connection,
                       Ask(Serve({}, Stapling(response))));
  EXPECT_EQ(connection.ocsp_response().der(), response);
  EXPECT_EQ(connection.ocsp_response().certificate_status(), "good");
  const v1::Event told = Await(v1::EVENT_TYPE_OCSP_RESPONSE, connection.name());
  EXPECT_EQ(told.connection().state(), v1::Connection::STATE_HANDSHAKING);
  EXPECT_EQ(told.connection().ocsp_response().der(), response);
}

TEST_P(OcspTest, IsNotStapledForWhoDoesNotAsk) {
  ASSERT_OK_AND_ASSIGN(
      const v1::Connection connection,
      Ask(Serve({}, Stapling(ResponseOf(OcspCertificateStatus::kGood))),
          /*asks=*/false));
  EXPECT_FALSE(connection.has_ocsp_response());
}

TEST_P(OcspTest, IsNotStapledOnceItIsOld) {
  ASSERT_OK_AND_ASSIGN(
      const v1::Connection connection,
      Ask(Serve({}, Stapling(ResponseOf(OcspCertificateStatus::kGood,
                                        -absl::Minutes(1))))));
  EXPECT_FALSE(connection.has_ocsp_response());
}

TEST_P(OcspTest, CanBeChangedWithoutTheKeys) {
  const v1::Listener listener =
      Serve({}, Stapling(ResponseOf(OcspCertificateStatus::kGood)));
  v1::SetOcspResponseRequest set;
  set.set_name(listener.secure_context());
  set.set_ocsp_response(ResponseOf(OcspCertificateStatus::kRevoked));
  ASSERT_OK_AND_ASSIGN(const v1::SecureContext changed, client().Call(set));
  EXPECT_EQ(changed.credentials(0).stapled_ocsp_response().certificate_status(),
            "revoked");
  ASSERT_OK_AND_ASSIGN(v1::Connection connection, Ask(listener));
  EXPECT_EQ(connection.ocsp_response().certificate_status(), "revoked");

  set.clear_ocsp_response();
  EXPECT_THAT(client().Call(set), IsOk());
  ASSERT_OK_AND_ASSIGN(connection, Ask(listener));
  EXPECT_FALSE(connection.has_ocsp_response());

  set.set_ocsp_response("x");
  EXPECT_THAT(client().Call(set),
              FailsWith(Reason::kOcspResponseInvalid, "ocsp_response"));
  set.set_credentials_index(1);
  EXPECT_THAT(client().Call(set),
              FailsWith(Reason::kFieldInvalid, "credentials_index"));
}

TEST_P(OcspTest, IsAskedForOnceWhereItMayBeReused) {
  const v1::Listener listener = Serve({HookOf(v1::DECISION_TYPE_OCSP_STAPLE)});
  const std::string response = ResponseOf(OcspCertificateStatus::kGood);
  v1::ConnectRequest request = ToConnect(listener, GetParam());
  request.set_secure_context(NewContext(ClientOptions()));
  request.set_request_ocsp(true);
  Handshake handshake = Start(request);
  ASSERT_OK_AND_ASSIGN(const v1::Decision decision, Next(listener.name()));
  EXPECT_EQ(decision.ocsp_staple().certificate(), DerOf(ServerIdentity()));
  v1::DecisionAnswer answer = StapleFor(decision, response);
  answer.mutable_ocsp_staple()->mutable_reuse_for()->set_seconds(60);
  EXPECT_THAT(Answer(answer), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::Connection first, handshake.get());
  EXPECT_EQ(first.ocsp_response().der(), response);

  ASSERT_OK_AND_ASSIGN(const v1::Connection second, Ask(listener));
  EXPECT_EQ(second.ocsp_response().der(), response);
}

TEST_P(OcspTest, IsToldBeforeTheConnection) {
  ASSERT_OK_AND_ASSIGN(
      const v1::Connection connection,
      Ask(Serve({}, Stapling(ResponseOf(OcspCertificateStatus::kGood)))));
  Await(v1::EVENT_TYPE_SECURE_CONNECT, connection.name());
  v1::ListEventsRequest request;
  request.add_subjects(connection.name());
  ASSERT_OK_AND_ASSIGN(const v1::ListEventsResponse response,
                       client().Call(request));
  ASSERT_GE(response.events_size(), 2);
  EXPECT_EQ(response.events(0).type(), v1::EVENT_TYPE_OCSP_RESPONSE);
  EXPECT_EQ(response.events(1).type(), v1::EVENT_TYPE_SECURE_CONNECT);
}

TEST_P(OcspTest, IsPartOfWhatAPeerIsJudgedBy) {
  for (const bool asks : {true, false}) {
    v1::ConnectRequest request = ToConnect(
        Serve({}, Stapling(ResponseOf(OcspCertificateStatus::kRevoked))));
    request.set_secure_context(NewContext(ClientOptions()));
    request.set_request_ocsp(asks);
    *request.add_hooks() = HookOf(v1::DECISION_TYPE_VERIFY_PEER);
    Handshake handshake = Start(request);
    ASSERT_OK_AND_ASSIGN(const v1::Decision decision,
                         Next(request.secure_context()));
    const v1::VerifyPeerQuestion& question = decision.verify_peer();
    EXPECT_EQ(question.has_ocsp_response(), asks);
    // tlsd does not judge it.
    EXPECT_TRUE(question.authorized());
    if (asks) {
      EXPECT_EQ(question.ocsp_response().certificate_status(), "revoked");
    }

    const bool accept = question.ocsp_response().certificate_status().empty();
    ASSERT_THAT(Answer(VerdictOn(decision, accept, "certificate_revoked")),
                IsOk());

    const auto connection = handshake.get();
    if (accept) {
      EXPECT_THAT(connection, IsOk());
    } else {
      EXPECT_THAT(connection, FailsWith(Reason::kDecisionRefused));
    }
  }
}

TEST_P(OcspTest, IsNotThatOfAnEarlierConnection) {
  const v1::Listener listener =
      Serve({}, Stapling(ResponseOf(OcspCertificateStatus::kGood)));
  v1::ConnectRequest request = ToConnect(listener, GetParam());
  request.set_request_ocsp(true);
  ASSERT_OK_AND_ASSIGN(const v1::Connection first, client().Call(request));
  EXPECT_TRUE(first.has_ocsp_response());
  request.set_session(NewestSession(first));

  ASSERT_OK_AND_ASSIGN(const v1::Connection resumed, client().Call(request));

  EXPECT_TRUE(resumed.handshake().resumed());
  EXPECT_FALSE(resumed.has_ocsp_response());
  v1::ListEventsRequest events;
  events.add_subjects(resumed.name());
  events.add_types(v1::EVENT_TYPE_OCSP_RESPONSE);
  ASSERT_OK_AND_ASSIGN(const v1::ListEventsResponse none,
                       client().Call(events));
  EXPECT_THAT(none.events(), IsEmpty());
}

}  // namespace
}  // namespace tlsd::testing
