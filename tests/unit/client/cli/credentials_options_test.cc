#include "client/cli/credentials_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/status/error.h"
#include "tests/unit/client/cli/options_fixture.h"

namespace tlsd::client::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CredentialsOptionsTest : public OptionsTest<CredentialsOptions> {
 protected:
  absl::Status Set() {
    return options_.Set(FileContents(FileUse::kRead), context_);
  }

  v1::SecureContext context_;
};

TEST_F(CredentialsOptionsTest, AreNotGivenByDefault) {
  ASSERT_TRUE(Parse({}));
  EXPECT_FALSE(options_.are_given());
  ASSERT_TRUE(Parse({"--dev"}));
  EXPECT_TRUE(options_.are_given());
}

TEST_F(CredentialsOptionsTest, PairsCertificatesAndKeysByPlace) {
  ASSERT_TRUE(Parse({"--cert", File("c1"), "--cert", File("c2"), "--key",
                     File("k1"), "--key", File("k2")}));

  ASSERT_TRUE(Set().ok());

  ASSERT_EQ(context_.credentials_size(), 2);
  EXPECT_EQ(context_.credentials(0).pem().certificate_chain(), "c1");
  EXPECT_EQ(context_.credentials(0).pem().private_key(), "k1");
  EXPECT_EQ(context_.credentials(0).pem().passphrase(), "");
  EXPECT_FALSE(context_.credentials(0).pem().allow_outside_validity());
  EXPECT_EQ(context_.credentials(1).pem().certificate_chain(), "c2");
  EXPECT_EQ(context_.credentials(1).pem().private_key(), "k2");
}

TEST_F(CredentialsOptionsTest, RefusesPairsThatDoNotComeOut) {
  ASSERT_TRUE(
      Parse({"--cert", File("c1"), "--cert", File("c2"), "--key", File("k1")}));

  const absl::Status status = Set();

  EXPECT_TRUE(HasReason(status, Reason::kFieldInvalid));
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("--key: got \"1 time\""),
                    HasSubstr("as often as --cert, 2 times")));
}

TEST_F(CredentialsOptionsTest, KeepsTheOrderOfPemAndPkcs12) {
  ASSERT_TRUE(
      Parse({"--pfx", File("p1"), "--cert", File("c1"), "--key", File("k1"),
             "--pfx", File("p2"), "--pfx-trust", "--allow-outside-validity"}));

  ASSERT_TRUE(Set().ok());

  ASSERT_EQ(context_.credentials_size(), 3);
  EXPECT_EQ(context_.credentials(0).pkcs12().pfx(), "p1");
  EXPECT_TRUE(context_.credentials(0).pkcs12().trust_certificates());
  EXPECT_TRUE(context_.credentials(0).pkcs12().allow_outside_validity());
  EXPECT_EQ(context_.credentials(1).pem().certificate_chain(), "c1");
  EXPECT_TRUE(context_.credentials(1).pem().allow_outside_validity());
  EXPECT_EQ(context_.credentials(2).pkcs12().pfx(), "p2");
}

TEST_F(CredentialsOptionsTest, UsesOnePassphraseForAll) {
  ASSERT_TRUE(Parse({"--pfx", File("p1"), "--pfx", File("p2"),
                     "--passphrase-file", File("s", "secret\n")}));

  ASSERT_TRUE(Set().ok());

  EXPECT_EQ(context_.credentials(0).pkcs12().passphrase(), "secret");
  EXPECT_EQ(context_.credentials(1).pkcs12().passphrase(), "secret");
}

TEST_F(CredentialsOptionsTest, UsesAPassphraseForEachOrNone) {
  ASSERT_TRUE(Parse({"--cert", File("c1"), "--key", File("k1"), "--pfx",
                     File("p1"), "--cert", File("c2"), "--key", File("k2"),
                     "--passphrase-file", File("s1"), "--passphrase-file", "",
                     "--passphrase-file", File("s3")}));

  ASSERT_TRUE(Set().ok());

  EXPECT_EQ(context_.credentials(0).pem().passphrase(), "s1");
  EXPECT_EQ(context_.credentials(1).pkcs12().passphrase(), "");
  EXPECT_EQ(context_.credentials(2).pem().passphrase(), "s3");
}

TEST_F(CredentialsOptionsTest, RefusesPassphrasesThatDoNotComeOut) {
  ASSERT_TRUE(Parse({"--pfx", File("p1"), "--pfx", File("p2"), "--pfx",
                     File("p3"), "--passphrase-file", File("s1"),
                     "--passphrase-file", File("s2")}));

  const absl::Status status = Set();

  EXPECT_TRUE(HasReason(status, Reason::kFieldInvalid));
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("--passphrase-file"), HasSubstr("2 times"),
                    HasSubstr("once for each of the 3")));
}

TEST_F(CredentialsOptionsTest, RefusesWhatHasNothingToBeFor) {
  ASSERT_TRUE(Parse({"--passphrase-file", File("s")}));
  EXPECT_TRUE(options_.are_given());
  EXPECT_TRUE(HasReason(Set(), Reason::kFieldInvalid));
  ASSERT_TRUE(Parse({"--allow-outside-validity"}));
  EXPECT_TRUE(HasReason(Set(), Reason::kFieldInvalid));
  ASSERT_TRUE(Parse({"--dev", "--passphrase-file", File("s")}));
  EXPECT_TRUE(HasReason(Set(), Reason::kFieldInvalid));
}

TEST_F(CredentialsOptionsTest, TakesDevelopmentCredentialsAlone) {
  ASSERT_TRUE(Parse({"--dev", "--dev-name", "a", "--dev-name", "b"}));
  ASSERT_TRUE(Set().ok());
  EXPECT_THAT(context_.credentials(0).development().server_names(),
              ElementsAre("a", "b"));

  EXPECT_FALSE(Parse({"--dev", "--pfx", "p"}));
  EXPECT_FALSE(Parse({"--dev", "--cert", "c", "--key", "k"}));
  EXPECT_FALSE(Parse({"--dev-name", "a"}));
  EXPECT_FALSE(Parse({"--pfx-trust"}));
  EXPECT_FALSE(Parse({"--cert", "c"}));
  EXPECT_FALSE(Parse({"--key", "k"}));
}

TEST_F(CredentialsOptionsTest, TakesCertificatesWhoseKeyIsElsewhere) {
  ASSERT_TRUE(Parse({"--remote-cert", File("r1"), "--cert", File("c1"), "--key",
                     File("k1"), "--remote-cert", File("r2"),
                     "--allow-outside-validity"}));

  ASSERT_TRUE(Set().ok());

  ASSERT_EQ(context_.credentials_size(), 3);
  EXPECT_EQ(context_.credentials(0).remote().certificate_chain(), "r1");
  EXPECT_TRUE(context_.credentials(0).remote().allow_outside_validity());
  EXPECT_TRUE(context_.credentials(1).has_pem());
  EXPECT_EQ(context_.credentials(2).remote().certificate_chain(), "r2");
  EXPECT_FALSE(Parse({"--dev", "--remote-cert", "r"}));
}

TEST_F(CredentialsOptionsTest, NeedsNoPassphraseForAKeyElsewhere) {
  ASSERT_TRUE(Parse({"--pfx", File("p1"), "--remote-cert", File("r"), "--pfx",
                     File("p2"), "--passphrase-file", File("s1"),
                     "--passphrase-file", File("s2")}));
  ASSERT_TRUE(Set().ok());
  EXPECT_EQ(context_.credentials(0).pkcs12().passphrase(), "s1");
  EXPECT_EQ(context_.credentials(2).pkcs12().passphrase(), "s2");
}

TEST_F(CredentialsOptionsTest, RefusesAPassphraseForAKeyElsewhere) {
  ASSERT_TRUE(
      Parse({"--remote-cert", File("r"), "--passphrase-file", File("s")}));
  EXPECT_TRUE(HasReason(Set(), Reason::kFieldInvalid));
}

TEST_F(CredentialsOptionsTest, StaplesAResponseForEachOrNone) {
  ASSERT_TRUE(
      Parse({"--pfx", File("p"), "--remote-cert", File("r"), "--cert",
             File("c"), "--key", File("k"), "--ocsp-response", File("o1"),
             "--ocsp-response", "", "--ocsp-response", File("o3")}));
  ASSERT_TRUE(Set().ok());
  EXPECT_EQ(context_.credentials(0).ocsp_response(), "o1");
  EXPECT_EQ(context_.credentials(1).ocsp_response(), "");
  EXPECT_EQ(context_.credentials(2).ocsp_response(), "o3");
}

TEST_F(CredentialsOptionsTest, StaplesForDevelopmentToo) {
  ASSERT_TRUE(Parse({"--dev", "--ocsp-response", "/none"}));
  EXPECT_THAT(std::string(Set().message()), HasSubstr("/none"));

  ASSERT_TRUE(Parse({"--dev", "--ocsp-response", File("o")}));
  ASSERT_TRUE(Set().ok());
  EXPECT_EQ(context_.credentials(0).ocsp_response(), "o");
}

TEST_F(CredentialsOptionsTest, RefusesStaplesThatDoNotComeOut) {
  ASSERT_TRUE(Parse({"--pfx", File("p1"), "--pfx", File("p2"),
                     "--ocsp-response", File("o")}));
  EXPECT_THAT(std::string(Set().message()),
              AllOf(HasSubstr("--ocsp-response"), HasSubstr("1 time"),
                    HasSubstr("each of the 2")));

  ASSERT_TRUE(Parse({"--ocsp-response", File("o")}));
  EXPECT_TRUE(options_.are_given());
  EXPECT_TRUE(HasReason(Set(), Reason::kFieldInvalid));
}

TEST_F(CredentialsOptionsTest, ReplacesWhatIsThere) {
  context_.add_credentials()->mutable_development();
  ASSERT_TRUE(Parse({"--pfx", File("p1")}));

  ASSERT_TRUE(Set().ok());

  ASSERT_EQ(context_.credentials_size(), 1);
  EXPECT_TRUE(context_.credentials(0).has_pkcs12());
}

TEST_F(CredentialsOptionsTest, NamesAFileThatItCannotRead) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--pfx", "/none"},
        std::vector<std::string>{"--cert", "/none", "--key", File("k")},
        std::vector<std::string>{"--remote-cert", "/none"},
        std::vector<std::string>{"--cert", File("c"), "--key", "/none"},
        std::vector<std::string>{"--pfx", File("p"), "--passphrase-file",
                                 "/none"}}) {
    ASSERT_TRUE(Parse(words));

    EXPECT_THAT(std::string(Set().message()), HasSubstr("/none"));
  }
}

}  // namespace
}  // namespace tlsd::client::cli
