#include "client/cli/context_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "proto/status/error.h"
#include "tests/unit/client/cli/options_fixture.h"

namespace tlsd::client::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ContextOptionsTest : public OptionsTest<ContextOptions> {
 protected:
  ContextOptionsTest() { options_.AddDefault(app_); }

  absl::Status Fill() {
    mask_.Clear();
    return options_.Fill(FileContents(FileUse::kRead), context_, mask_);
  }

  v1::SecureContext context_;
  google::protobuf::FieldMask mask_;
};

TEST_F(ContextOptionsTest, SayNothingByDefault) {
  ASSERT_TRUE(Parse({}));

  ASSERT_TRUE(Fill().ok());

  EXPECT_EQ(context_.ByteSizeLong(), 0u);
  EXPECT_THAT(mask_.paths(), IsEmpty());
  EXPECT_THAT(options_.given_groups(), IsEmpty());
}

TEST_F(ContextOptionsTest, SayWhomToTrust) {
  ASSERT_TRUE(
      Parse({"--ca", File("a"), "--ca", File("b"), "--trust-system",
             "--trust-dev", "--partial-chain", "--client-cert", "require"}));

  ASSERT_TRUE(Fill().ok());

  EXPECT_THAT(context_.trust_anchors().pems(), ElementsAre("a", "b"));
  EXPECT_TRUE(context_.trust_anchors().system());
  EXPECT_TRUE(context_.trust_anchors().development());
  EXPECT_TRUE(context_.trust_anchors().allow_partial_chain());
  EXPECT_EQ(context_.client_certificate_mode(),
            v1::CLIENT_CERTIFICATE_MODE_REQUIRE);
  EXPECT_THAT(mask_.paths(),
              ElementsAre("trust_anchors", "client_certificate_mode"));
  EXPECT_THAT(options_.given_groups(), ElementsAre("trust_anchors"));
}

TEST_F(ContextOptionsTest, KnowWhichAnchorsNameASource) {
  v1::TrustAnchors anchors;
  anchors.set_allow_partial_chain(true);
  anchors.set_system_path("/etc/ssl");
  EXPECT_FALSE(NamesASource(anchors));

  anchors.set_system(true);
  EXPECT_TRUE(NamesASource(anchors));
  anchors.Clear();
  anchors.set_development(true);
  EXPECT_TRUE(NamesASource(anchors));
  anchors.Clear();
  anchors.add_pems("a");
  EXPECT_TRUE(NamesASource(anchors));
}

TEST_F(ContextOptionsTest, RefuseToTakeTheLastSourceOfTrustAway) {
  for (const char* option : {"--trust-system=false", "--trust-dev=false"}) {
    context_.Clear();
    ASSERT_TRUE(Parse({option, "--partial-chain"}));

    const absl::Status status = Fill();

    EXPECT_TRUE(HasReason(status, Reason::kFieldInvalid)) << option;
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("--default trust_anchors"));

    context_.mutable_trust_anchors()->add_pems("a");
    EXPECT_TRUE(Fill().ok()) << option;
  }
  context_.Clear();
  ASSERT_TRUE(Parse({"--partial-chain"}));
  EXPECT_TRUE(Fill().ok());
}

TEST_F(ContextOptionsTest, SayWhatIsRevoked) {
  ASSERT_TRUE(Parse({"--crl", File("a"), "--crl", File("b")}));
  ASSERT_TRUE(Fill().ok());
  EXPECT_THAT(context_.revocation_lists().pems(), ElementsAre("a", "b"));
  EXPECT_FALSE(context_.revocation_lists().leaf_only());
  EXPECT_THAT(mask_.paths(), ElementsAre("revocation_lists"));

  ASSERT_TRUE(Parse({"--crl", File("a"), "--crl-leaf-only"}));
  ASSERT_TRUE(Fill().ok());
  EXPECT_TRUE(context_.revocation_lists().leaf_only());
}

TEST_F(ContextOptionsTest, RefuseHowToCheckListsWhereThereAreNone) {
  ASSERT_TRUE(Parse({"--crl-leaf-only"}));

  const absl::Status status = Fill();

  EXPECT_TRUE(HasReason(status, Reason::kFieldInvalid));
  EXPECT_THAT(std::string(status.message()), HasSubstr("--crl"));
}

TEST_F(ContextOptionsTest, SayWhatPeersMustBe) {
  ASSERT_TRUE(Parse({"--pin-cert", "c1", "--pin-cert", "c2", "--pin-key", "k",
                     "--allow-name", "dns:a.test", "--allow-name", "ip:::1",
                     "--allow-name", "uri:spiffe://x/y", "--allow-name",
                     "uri-prefix:spiffe://x/", "--allow-name", "email:a@b"}));

  ASSERT_TRUE(Fill().ok());

  const v1::PeerRules& rules = context_.peer_rules();
  EXPECT_THAT(rules.certificate_pins(), ElementsAre("c1", "c2"));
  EXPECT_THAT(rules.public_key_pins(), ElementsAre("k"));
  ASSERT_EQ(rules.names_size(), 5);
  EXPECT_EQ(rules.names(0).dns(), "a.test");
  EXPECT_EQ(rules.names(1).ip(), "::1");
  EXPECT_EQ(rules.names(2).uri(), "spiffe://x/y");
  EXPECT_EQ(rules.names(3).uri_prefix(), "spiffe://x/");
  EXPECT_EQ(rules.names(4).email(), "a@b");
  EXPECT_THAT(mask_.paths(), ElementsAre("peer_rules"));
}

TEST_F(ContextOptionsTest, RefuseNamesOfNoKind) {
  for (const char* name : {"a.test", "dns:", "", ":a", "DNS:a", "url:a"}) {
    ASSERT_TRUE(Parse({"--allow-name", name})) << name;

    const absl::Status status = Fill();

    EXPECT_TRUE(HasReason(status, Reason::kFieldInvalid)) << name;
    EXPECT_THAT(std::string(status.message()), HasSubstr("uri-prefix:START"));
  }
}

TEST_F(ContextOptionsTest, SayCredentials) {
  ASSERT_TRUE(Parse({"--pfx", File("p")}));
  ASSERT_TRUE(Fill().ok());
  EXPECT_EQ(context_.credentials(0).pkcs12().pfx(), "p");
  EXPECT_THAT(mask_.paths(), ElementsAre("credentials"));

  ASSERT_TRUE(Parse({"--pfx", "/none"}));
  EXPECT_TRUE(HasReason(Fill(), Reason::kFieldInvalid));
}

TEST_F(ContextOptionsTest, LeaveThePartsOfAGroupThatTheyDoNotGive) {
  context_.mutable_peer_rules()->add_certificate_pins("old");
  context_.mutable_peer_rules()->add_names()->set_dns("old.test");
  context_.mutable_trust_anchors()->add_pems("OLD");
  ASSERT_TRUE(Parse({"--allow-name", "dns:new.test", "--partial-chain"}));

  ASSERT_TRUE(Fill().ok());

  EXPECT_THAT(context_.peer_rules().certificate_pins(), ElementsAre("old"));
  ASSERT_EQ(context_.peer_rules().names_size(), 1);
  EXPECT_EQ(context_.peer_rules().names(0).dns(), "new.test");
  EXPECT_THAT(context_.trust_anchors().pems(), ElementsAre("OLD"));
  EXPECT_TRUE(context_.trust_anchors().allow_partial_chain());
  EXPECT_THAT(options_.given_groups(),
              ElementsAre("trust_anchors", "peer_rules"));
}

TEST_F(ContextOptionsTest, TurnFlagsOffToo) {
  context_.set_strict_ciphers(true);
  ASSERT_TRUE(Parse({"--strict-ciphers=false"}));

  ASSERT_TRUE(Fill().ok());

  EXPECT_FALSE(context_.strict_ciphers());
  EXPECT_THAT(mask_.paths(), ElementsAre("strict_ciphers"));
}

TEST_F(ContextOptionsTest, NameFieldsThatGetTheirDefault) {
  ASSERT_TRUE(Parse(
      {"--default", "ciphers", "--default", "peer_rules", "--no-tickets"}));

  ASSERT_TRUE(Fill().ok());

  EXPECT_THAT(mask_.paths(),
              ElementsAre("disable_session_tickets", "ciphers", "peer_rules"));
  EXPECT_FALSE(context_.has_peer_rules());
  EXPECT_FALSE(Parse({"--default", "nonsense"}));
}

TEST_F(ContextOptionsTest, RefuseAFieldThatIsGivenAndGetsItsDefault) {
  ASSERT_TRUE(Parse({"--ciphers", "HIGH", "--default", "ciphers"}));

  EXPECT_TRUE(HasReason(Fill(), Reason::kFieldInvalid));
}

TEST_F(ContextOptionsTest, SayWhatHandshakesAsk) {
  ASSERT_TRUE(Parse({"--hook", "sign", "--hook", "verify-peer,fail"}));

  ASSERT_TRUE(Fill().ok());

  ASSERT_EQ(context_.hooks_size(), 2);
  EXPECT_EQ(context_.hooks(0).type(), v1::DECISION_TYPE_SIGN);
  EXPECT_EQ(context_.hooks(1).without_answer(), v1::Hook::WITHOUT_ANSWER_FAIL);
  EXPECT_THAT(mask_.paths(), ElementsAre("hooks"));
  EXPECT_FALSE(Parse({"--hook", "nonsense"}));
}

// A field that the contract gets and the command line does not would go unseen.
TEST_F(ContextOptionsTest, CanGiveEveryFieldOfAContext) {
  const std::set<std::string> not_given = {
      "name", "etag", "expire_time", "create_time", "update_time", "warnings",
      "ignored_cipher_tokens",
      // Other forms of what can be given.
      "effective_ciphers", "alpn_protocols_wire", "npn_protocols_wire",
      "ech_config_list"};
  const auto& descriptor = *v1::SecureContext::descriptor();
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const std::string& name = descriptor.field(i)->name();
    EXPECT_EQ(Parse({"--default", name}), not_given.count(name) == 0) << name;
  }
}

}  // namespace
}  // namespace tlsd::client::cli
