#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cli/context_options.h"
#include "proto/status/error.h"
#include "tests/unit/client/cli/options_fixture.h"

namespace tlsd::client::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ContextPolicyOptionsTest : public OptionsTest<ContextOptions> {
 protected:
  absl::Status Fill() {
    mask_.Clear();
    return options_.Fill(FileContents(FileUse::kRead), context_, mask_);
  }

  v1::SecureContext context_;
  google::protobuf::FieldMask mask_;
};

TEST_F(ContextPolicyOptionsTest, SayVersions) {
  ASSERT_TRUE(Parse({"--min-version", "1.0", "--max-version", "1.2"}));
  ASSERT_TRUE(Fill().ok());
  EXPECT_EQ(context_.min_version(), v1::TLS_VERSION_TLS_1_0);
  EXPECT_EQ(context_.max_version(), v1::TLS_VERSION_TLS_1_2);

  ASSERT_TRUE(Parse({"--secure-protocol", "TLSv1_2_method"}));
  ASSERT_TRUE(Fill().ok());
  EXPECT_EQ(context_.secure_protocol(), "TLSv1_2_method");
  EXPECT_THAT(mask_.paths(), ElementsAre("secure_protocol"));

  EXPECT_FALSE(Parse({"--secure-protocol", "x", "--min-version", "1.2"}));
  EXPECT_FALSE(Parse({"--secure-protocol", "x", "--max-version", "1.2"}));
  EXPECT_FALSE(Parse({"--min-version", "1.4"}));
}

TEST_F(ContextPolicyOptionsTest, SayCiphersAndKeyExchange) {
  ASSERT_TRUE(Parse({"--ciphers", "HIGH:!aNULL", "--strict-ciphers",
                     "--prefer-client-ciphers", "--groups",
                     "X25519,P-256:P-384", "--dh-params", File("dh")}));

  ASSERT_TRUE(Fill().ok());

  EXPECT_EQ(context_.ciphers(), "HIGH:!aNULL");
  EXPECT_TRUE(context_.strict_ciphers());
  EXPECT_TRUE(context_.prefer_client_ciphers());
  EXPECT_THAT(context_.groups(), ElementsAre("X25519", "P-256", "P-384"));
  EXPECT_EQ(context_.dh_params(), "dh");
  EXPECT_THAT(mask_.paths(),
              ElementsAre("ciphers", "strict_ciphers", "prefer_client_ciphers",
                          "groups", "dh_params"));
}

TEST_F(ContextPolicyOptionsTest, TakeAutoForParametersAndNoMissingFile) {
  ASSERT_TRUE(Parse({"--dh-params", "auto"}));
  ASSERT_TRUE(Fill().ok());
  EXPECT_EQ(context_.dh_params(), "auto");

  ASSERT_TRUE(Parse({"--dh-params", "/none"}));
  EXPECT_TRUE(HasReason(Fill(), Reason::kFieldInvalid));
}

TEST_F(ContextPolicyOptionsTest, SaySignatureAlgorithmsOfPeersAndOfOurs) {
  ASSERT_TRUE(Parse({"--sigalgs", "a,b:c"}));
  ASSERT_TRUE(Fill().ok());
  EXPECT_THAT(context_.signature_algorithms(), ElementsAre("a", "b", "c"));
  EXPECT_THAT(context_.signing_algorithms(), IsEmpty());
  EXPECT_THAT(mask_.paths(), ElementsAre("signature_algorithms"));

  ASSERT_TRUE(Parse({"--signing-sigalgs", "d", "--sigalgs", "a"}));
  ASSERT_TRUE(Fill().ok());
  EXPECT_THAT(context_.signature_algorithms(), ElementsAre("a"));
  EXPECT_THAT(context_.signing_algorithms(), ElementsAre("d"));

  context_.Clear();
  ASSERT_TRUE(Parse({"--signing-sigalgs", "d"}));
  ASSERT_TRUE(Fill().ok());
  EXPECT_THAT(context_.signature_algorithms(), IsEmpty());
  EXPECT_THAT(mask_.paths(), ElementsAre("signing_algorithms"));
}

TEST_F(ContextPolicyOptionsTest, SayProtocolsInPlaceOfEitherForm) {
  ASSERT_TRUE(
      Parse({"--alpn", "h2,http/1.1", "--npn", "spdy/2", "--npn", "http/1.1"}));

  ASSERT_TRUE(Fill().ok());

  EXPECT_THAT(context_.alpn_protocols(), ElementsAre("h2", "http/1.1"));
  EXPECT_THAT(context_.npn_protocols(), ElementsAre("spdy/2", "http/1.1"));
  EXPECT_THAT(mask_.paths(),
              ElementsAre("alpn_protocols", "alpn_protocols_wire",
                          "npn_protocols", "npn_protocols_wire"));
}

TEST_F(ContextPolicyOptionsTest, SayHowSessionsAreResumed) {
  const std::string keys = std::string(48, 'a') + std::string(48, 'b');
  ASSERT_TRUE(Parse({"--session-timeout", "1h", "--session-id-context", "id",
                     "--ticket-keys", File("keys", keys), "--no-tickets"}));

  ASSERT_TRUE(Fill().ok());

  EXPECT_EQ(context_.session_timeout().seconds(), 3600);
  EXPECT_EQ(context_.session_id_context(), "id");
  EXPECT_THAT(context_.ticket_keys(),
              ElementsAre(std::string(48, 'a'), std::string(48, 'b')));
  EXPECT_TRUE(context_.disable_session_tickets());
  EXPECT_THAT(mask_.paths(),
              ElementsAre("session_timeout", "session_id_context",
                          "ticket_keys", "disable_session_tickets"));
}

TEST_F(ContextPolicyOptionsTest, RefuseTicketKeysOfAnotherSize) {
  for (const size_t size : {0, 47, 49, 95}) {
    ASSERT_TRUE(Parse({"--ticket-keys", File("keys", std::string(size, 'k'))}));

    const absl::Status status = Fill();

    EXPECT_TRUE(HasReason(status, Reason::kFieldInvalid)) << size;
    EXPECT_THAT(std::string(status.message()), HasSubstr("48 bytes"));
  }
}

TEST_F(ContextPolicyOptionsTest, TakeEmptyValuesForTheDefault) {
  context_.set_ciphers("HIGH");
  context_.add_groups("X25519");
  ASSERT_TRUE(Parse({"--ciphers", "", "--groups", ""}));

  ASSERT_TRUE(Fill().ok());

  EXPECT_EQ(context_.ByteSizeLong(), 0u);
  EXPECT_THAT(mask_.paths(), ElementsAre("ciphers", "groups"));
}

TEST_F(ContextPolicyOptionsTest, TakeEarlyData) {
  ASSERT_TRUE(Parse({"--early-data"}));
  ASSERT_TRUE(Fill().ok());
  EXPECT_TRUE(context_.early_data());
  EXPECT_THAT(mask_.paths(), ElementsAre("early_data"));

  ASSERT_TRUE(Parse({"--early-data=false"}));
  ASSERT_TRUE(Fill().ok());
  EXPECT_FALSE(context_.early_data());
  EXPECT_THAT(mask_.paths(), ElementsAre("early_data"));
}

TEST_F(ContextPolicyOptionsTest, SayKeysOfEncryptedClientHellos) {
  ASSERT_TRUE(Parse({"--ech-config", File("c1"), "--ech-key", File("k1"),
                     "--ech-config", File("c2"), "--ech-key", File("k2"),
                     "--ech-not-for-retry", "1"}));

  ASSERT_TRUE(Fill().ok());

  ASSERT_EQ(context_.ech_keys_size(), 2);
  EXPECT_EQ(context_.ech_keys(0).config(), "c1");
  EXPECT_EQ(context_.ech_keys(0).private_key(), "k1");
  EXPECT_FALSE(context_.ech_keys(0).not_for_retry());
  EXPECT_EQ(context_.ech_keys(1).config(), "c2");
  EXPECT_EQ(context_.ech_keys(1).private_key(), "k2");
  EXPECT_TRUE(context_.ech_keys(1).not_for_retry());
  EXPECT_THAT(mask_.paths(), ElementsAre("ech_keys"));
}

TEST_F(ContextPolicyOptionsTest, RefuseEchKeysThatDoNotComeOut) {
  EXPECT_FALSE(Parse({"--ech-key", File("k")}));
  EXPECT_FALSE(Parse({"--ech-config", File("c")}));
  EXPECT_FALSE(Parse({"--ech-not-for-retry", "0"}));
  ASSERT_TRUE(Parse({"--ech-config", File("c1"), "--ech-config", File("c2"),
                     "--ech-key", File("k1")}));
  EXPECT_TRUE(HasReason(Fill(), Reason::kFieldInvalid));
  ASSERT_TRUE(Parse({"--ech-config", File("c1"), "--ech-key", File("k1"),
                     "--ech-not-for-retry", "1"}));
  EXPECT_TRUE(HasReason(Fill(), Reason::kFieldInvalid));
  ASSERT_TRUE(Parse({"--ech-config", File("c1"), "--ech-key", "/none"}));
  EXPECT_TRUE(HasReason(Fill(), Reason::kFieldInvalid));
}

}  // namespace
}  // namespace tlsd::client::cli
