// What a Client calls for decisions, sessions and what is stapled.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "client/client.h"
#include "proto/status/error.h"
#include "tests/unit/client/fake_daemon.h"

namespace tlsd::client {
namespace {

using ::testing::ElementsAre;

class ClientDecisionTest : public ::testing::Test {
 protected:
  ClientDecisionTest() {
    daemon_.on.get_secure_context = [](const auto& request, auto& context) {
      context.set_name(request.name());
      return absl::OkStatus();
    };
    daemon_.on.stream = [](const v1::StreamAttach&,
                           testing::CleartextStream& stream) {
      testing::ReadAll(stream);
      stream.Write(testing::End());
      return absl::OkStatus();
    };
  }

  Client Open() {
    absl::StatusOr<Client> client = Client::Open(daemon_.address());
    EXPECT_TRUE(client.ok()) << client.status();
    return *std::move(client);
  }

  testing::FakeDaemon daemon_;
};

TEST_F(ClientDecisionTest, WaitsForADecision) {
  v1::WaitDecisionRequest seen;
  daemon_.on.wait_decision = [&](const auto& request, auto& decision) {
    seen = request;
    decision.set_name("decisions/d");
    decision.mutable_sign()->set_input("in");
    return absl::OkStatus();
  };

  const auto decision = Open().WaitDecision({.types = {DecisionType::kSign}});

  ASSERT_TRUE(decision.ok()) << decision.status();
  EXPECT_EQ(decision->name, "decisions/d");
  EXPECT_EQ(std::get<SignQuestion>(decision->question).input, "in");
  EXPECT_THAT(seen.types(), ElementsAre(v1::DECISION_TYPE_SIGN));
  EXPECT_FALSE(seen.has_timeout());
}

TEST_F(ClientDecisionTest, WaitsForADecisionOnlySoLong) {
  daemon_.on.wait_decision = [](const auto& request, auto&) {
    EXPECT_EQ(request.timeout().nanos(), 1000000);
    return MakeError(Reason::kWaitTimeout, "nobody has asked");
  };

  EXPECT_TRUE(HasReason(
      Open().WaitDecision({.timeout = absl::Milliseconds(1)}).status(),
      Reason::kWaitTimeout));
}

TEST_F(ClientDecisionTest, ResolvesADecision) {
  v1::ResolveDecisionRequest seen;
  daemon_.on.resolve_decision = [&](const auto& request, auto&) {
    seen = request;
    return absl::OkStatus();
  };

  EXPECT_TRUE(
      Open().ResolveDecision("decisions/d", SignAnswer{"signature"}).ok());

  EXPECT_EQ(seen.answer().decision(), "decisions/d");
  EXPECT_EQ(seen.answer().sign().signature(), "signature");
}

TEST_F(ClientDecisionTest, TellsThatADecisionIsNotPending) {
  daemon_.on.resolve_decision = [](const auto&, auto&) {
    return MakeError(Reason::kDecisionNotPending, "decisions/d");
  };

  EXPECT_TRUE(HasReason(Open().ResolveDecision("decisions/d", NoOpinion()),
                        Reason::kDecisionNotPending));
}

TEST_F(ClientDecisionTest, ListsAllDecisions) {
  daemon_.on.list_decisions = [](const auto& request, auto& page) {
    const bool is_first = request.page_token().empty();
    page.add_decisions()->set_name(is_first ? "decisions/a" : "decisions/b");
    if (is_first) page.set_next_page_token("next");
    return absl::OkStatus();
  };

  const auto decisions = Open().ListDecisions();

  ASSERT_TRUE(decisions.ok()) << decisions.status();
  ASSERT_EQ(decisions->size(), 2u);
  EXPECT_EQ((*decisions)[1].name, "decisions/b");
  daemon_.on.list_decisions = nullptr;
  EXPECT_FALSE(Open().ListDecisions().ok());
}

TEST_F(ClientDecisionTest, RotatesTicketKeys) {
  v1::RotateTicketKeysRequest seen;
  daemon_.on.rotate_ticket_keys = [&](const auto& request, auto& response) {
    seen = request;
    response.set_key_count(3);
    return absl::OkStatus();
  };
  const auto context = Open().GetSecureContext("secureContexts/s");
  ASSERT_TRUE(context.ok()) << context.status();

  EXPECT_EQ(context->RotateTicketKeys().value(), 3);
  EXPECT_EQ(seen.name(), "secureContexts/s");
  EXPECT_EQ(seen.key(), "");

  const std::string key(48, 'k');
  EXPECT_TRUE(context->RotateTicketKeys(key).ok());
  EXPECT_EQ(seen.key(), key);
}

TEST_F(ClientDecisionTest, TellsThatATicketKeyIsNone) {
  daemon_.on.rotate_ticket_keys = [](const auto&, auto&) {
    return MakeError(Reason::kTicketKeysInvalid, "47 bytes");
  };
  const auto context = Open().GetSecureContext("secureContexts/s");
  ASSERT_TRUE(context.ok()) << context.status();

  EXPECT_TRUE(HasReason(context->RotateTicketKeys("short").status(),
                        Reason::kTicketKeysInvalid));
}

TEST_F(ClientDecisionTest, ChangesWhatIsStapled) {
  v1::SetOcspResponseRequest seen;
  daemon_.on.set_ocsp_response = [&](const auto& request, auto& context) {
    seen = request;
    context.add_credentials()
        ->mutable_stapled_ocsp_response()
        ->set_certificate_status("good");
    return absl::OkStatus();
  };
  const auto context = Open().GetSecureContext("secureContexts/s");
  ASSERT_TRUE(context.ok()) << context.status();

  const auto facts = context->SetOcspResponse("DER", 1);

  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(seen.name(), "secureContexts/s");
  EXPECT_EQ(seen.ocsp_response(), "DER");
  EXPECT_EQ(seen.credentials_index(), 1);
  EXPECT_EQ(facts->credentials[0].stapled_ocsp_response->certificate_status,
            "good");

  daemon_.on.set_ocsp_response = [](const auto&, auto&) {
    return MakeError(Reason::kOcspResponseInvalid, "no OCSP response");
  };
  EXPECT_TRUE(HasReason(context->SetOcspResponse("x").status(),
                        Reason::kOcspResponseInvalid));
}

TEST_F(ClientDecisionTest, GetsTheSessionAndTheTicketOfAConnection) {
  daemon_.on.get_session = [](const auto& request, auto& response) {
    EXPECT_EQ(request.name(), "connections/c");
    response.set_session("S");
    response.set_single_use(true);
    response.mutable_create_time()->set_seconds(1);
    response.mutable_expire_time()->set_seconds(2);
    return absl::OkStatus();
  };
  daemon_.on.get_tls_ticket = [](const auto& request, auto& response) {
    EXPECT_EQ(request.name(), "connections/c");
    response.set_ticket("T");
    return absl::OkStatus();
  };
  auto connection = Open().Attach("connections/c");
  ASSERT_TRUE(connection.ok()) << connection.status();

  const auto session = connection->GetSession();
  const auto ticket = connection->GetTlsTicket();

  ASSERT_TRUE(session.ok() && ticket.ok());
  EXPECT_EQ(session->session, "S");
  EXPECT_TRUE(session->single_use);
  EXPECT_EQ(session->create_time, absl::FromUnixSeconds(1));
  EXPECT_EQ(session->expire_time, absl::FromUnixSeconds(2));
  EXPECT_EQ(*ticket, "T");
}

TEST_F(ClientDecisionTest, TellsThatAServerHasNoSession) {
  const auto refuse = [](const auto&, auto&) {
    return MakeError(Reason::kRoleMismatch, "a server's");
  };
  daemon_.on.get_session = refuse;
  daemon_.on.get_tls_ticket = refuse;
  auto connection = Open().Attach("connections/c");
  ASSERT_TRUE(connection.ok()) << connection.status();

  EXPECT_TRUE(
      HasReason(connection->GetSession().status(), Reason::kRoleMismatch));
  EXPECT_TRUE(
      HasReason(connection->GetTlsTicket().status(), Reason::kRoleMismatch));
}

}  // namespace
}  // namespace tlsd::client
