// What tlsctl does with sessions, ticket keys and staples.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "proto/status/error.h"
#include "tests/unit/client/cli/tlsctl_fixture.h"

namespace tlsd::client::cli {
namespace {

using std::filesystem::perms;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class TlsctlSessionTest : public TlsctlTest {
 protected:
  TlsctlSessionTest() {
    daemon_.on.connect = [this](const auto& request, auto& connection) {
      connected_ = request;
      connection.set_name("connections/c");
      connection.set_authorized(true);
      return absl::OkStatus();
    };
    daemon_.on.stream = [](const v1::StreamAttach&,
                           testing::CleartextStream& stream) {
      testing::ReadAll(stream);
      stream.Write(testing::End());
      return absl::OkStatus();
    };
    daemon_.on.get_session = [this](const auto& request, auto& response) {
      EXPECT_EQ(request.name(), "connections/c");
      response = session_;
      return absl::OkStatus();
    };
    daemon_.on.get_tls_ticket = [](const auto& request, auto& response) {
      EXPECT_EQ(request.name(), "connections/c");
      response.set_ticket("\x01\xff");
      return absl::OkStatus();
    };
    session_.set_session("SECRET");
    session_.set_single_use(true);
  }

  const std::string path_ = folder_.path() + "/out";
  v1::ConnectRequest connected_;
  v1::GetSessionResponse session_;
};

TEST_F(TlsctlSessionTest, ConnectsWithASessionAndKeepsTheNext) {
  const Outcome outcome =
      Run("connect h:1 --session-in " + File("in", "OLD") + " --session-out " +
          path_ + " --request-ocsp --hook verify-peer,timeout=2s");

  EXPECT_EQ(outcome.code, ExitCode::kOk) << outcome.err;
  EXPECT_EQ(connected_.session(), "OLD");
  EXPECT_TRUE(connected_.request_ocsp());
  EXPECT_FALSE(connected_.use_session_cache());
  ASSERT_EQ(connected_.hooks_size(), 1);
  EXPECT_EQ(connected_.hooks(0).type(), v1::DECISION_TYPE_VERIFY_PEER);
  EXPECT_EQ(ContentOf(path_), "SECRET");
  EXPECT_TRUE(IsOwnersAlone(path_));
}

TEST_F(TlsctlSessionTest, ConnectsWithoutASession) {
  daemon_.on.get_session = nullptr;

  EXPECT_EQ(Run("connect h:1").code, ExitCode::kOk);

  EXPECT_EQ(connected_.session(), "");
  EXPECT_FALSE(connected_.request_ocsp());
  EXPECT_EQ(connected_.hooks_size(), 0);
}

TEST_F(TlsctlSessionTest, TellsThatThereIsNoSessionToKeep) {
  session_.Clear();

  const Outcome outcome = Run("connect h:1 --session-out " + path_);

  EXPECT_EQ(outcome.code, ExitCode::kOk);
  EXPECT_THAT(outcome.err, HasSubstr("no session"));
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(TlsctlSessionTest, ExitsWithUsageWhenTheSessionCannotBeKept) {
  EXPECT_EQ(Run("connect h:1 --session-out /no/file").code, ExitCode::kUsage);
}

TEST_F(TlsctlSessionTest, UsesTheDaemonsSessionsInstead) {
  EXPECT_EQ(Run("connect h:1 --session-cache").code, ExitCode::kOk);
  EXPECT_TRUE(connected_.use_session_cache());
  EXPECT_EQ(Run("connect h:1 --session-cache --session-in f").code,
            ExitCode::kUsage);
}

TEST_F(TlsctlSessionTest, ExitsWithOneWhenAHandlerRefuses) {
  daemon_.on.connect = [](const auto&, auto&) {
    return MakeError(Reason::kDecisionRefused, "refused");
  };

  EXPECT_EQ(Run("connect h:1").code, ExitCode::kTlsFailed);
}

TEST_F(TlsctlSessionTest, TellsOfASessionAndNotWhatIsInIt) {
  EXPECT_THAT(Run("connection session c").out,
              AllOf(HasSubstr("session of connections/c\n"), HasSubstr("6 B\n"),
                    HasSubstr("once\n"), Not(HasSubstr("SECRET"))));
  EXPECT_THAT(Run("connection session c -o json").out,
              HasSubstr("\"singleUse\": true"));
}

TEST_F(TlsctlSessionTest, WritesASessionToAFile) {
  const Outcome outcome = Run("connection session c --out " + path_);

  EXPECT_EQ(outcome.code, ExitCode::kOk) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(ContentOf(path_), "SECRET");
  EXPECT_TRUE(IsOwnersAlone(path_));
}

TEST_F(TlsctlSessionTest, ExitsWithFourWithoutASession) {
  session_.Clear();

  EXPECT_EQ(Run("connection session c").code, ExitCode::kNotFound);
  EXPECT_EQ(Run("connection session c --out " + path_).code,
            ExitCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(TlsctlSessionTest, PrintsATicketOrWritesIt) {
  EXPECT_EQ(Run("connection ticket c").out, "01ff\n");
  EXPECT_EQ(Run("connection ticket c --out " + path_).out, "");
  EXPECT_EQ(ContentOf(path_), "\x01\xff");
}

TEST_F(TlsctlSessionTest, TellsThatAServerHasNoTicket) {
  daemon_.on.get_tls_ticket = [](const auto&, auto&) {
    return MakeError(Reason::kRoleMismatch, "a server's");
  };
  const Outcome outcome = Run("connection ticket c");
  EXPECT_EQ(outcome.code, ExitCode::kOtherError);
  EXPECT_THAT(outcome.err, HasSubstr("`connect`"));

  daemon_.on.get_tls_ticket = [](const auto&, auto&) {
    return absl::OkStatus();
  };
  EXPECT_EQ(Run("connection ticket c").code, ExitCode::kNotFound);
}

TEST_F(TlsctlSessionTest, RotatesTicketKeys) {
  v1::RotateTicketKeysRequest seen;
  daemon_.on.rotate_ticket_keys = [&](const auto& request, auto& response) {
    seen = request;
    response.set_key_count(2);
    return absl::OkStatus();
  };

  EXPECT_EQ(Run("context rotate-ticket-keys web").out,
            "rotated secureContexts/web, 2 keys open tickets\n");
  EXPECT_EQ(seen.name(), "secureContexts/web");
  EXPECT_EQ(seen.key(), "");

  EXPECT_EQ(
      Run("context rotate-ticket-keys web --key " + File("k", "KEY")).code,
      ExitCode::kOk);
  EXPECT_EQ(seen.key(), "KEY");
  EXPECT_EQ(Run("context rotate-ticket-keys web --key /none").code,
            ExitCode::kUsage);
}

TEST_F(TlsctlSessionTest, StaplesAnotherResponse) {
  v1::SetOcspResponseRequest seen;
  daemon_.on.set_ocsp_response = [&](const auto& request, auto& context) {
    seen = request;
    context.set_name(request.name());
    return absl::OkStatus();
  };

  const Outcome outcome = Run("context set-ocsp web --ocsp-response " +
                              File("o", "DER") + " --index 1");
  EXPECT_EQ(outcome.code, ExitCode::kOk) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("secureContexts/web\n"));
  EXPECT_EQ(seen.ocsp_response(), "DER");
  EXPECT_EQ(seen.credentials_index(), 1);

  EXPECT_EQ(Run("context set-ocsp web --ocsp-response none").code,
            ExitCode::kOk);
  EXPECT_EQ(seen.ocsp_response(), "");
  EXPECT_EQ(seen.credentials_index(), 0);

  EXPECT_EQ(Run("context set-ocsp web").code, ExitCode::kUsage);
  EXPECT_EQ(Run("context set-ocsp web --ocsp-response none --index -1").code,
            ExitCode::kUsage);
}

TEST_F(TlsctlSessionTest, RotatesKeysOfEncryptedClientHellos) {
  v1::RotateEchKeysRequest seen;
  daemon_.on.rotate_ech_keys = [&](const auto& request, auto& response) {
    seen = request;
    if (request.name() == "secureContexts/none") {
      return MakeError(Reason::kContextNotFound, "none");
    }
    response.set_ech_config_list("ABC");
    response.set_key_count(2);
    return absl::OkStatus();
  };

  const Outcome outcome = Run(
      "context rotate-ech-keys web public.test --max-name-length 100 --out " +
      path_);

  EXPECT_EQ(outcome.code, ExitCode::kOk) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("ECH config list  QUJD\n"));
  EXPECT_EQ(ContentOf(path_), "ABC");
  EXPECT_EQ(seen.name(), "secureContexts/web");
  EXPECT_EQ(seen.public_name(), "public.test");
  EXPECT_EQ(seen.max_name_length(), 100);
  EXPECT_THAT(Run("context rotate-ech-keys web public.test -o json").out,
              HasSubstr("\"echConfigList\": \"QUJD\""));
  EXPECT_EQ(seen.max_name_length(), 0);

  EXPECT_EQ(Run("context rotate-ech-keys none public.test").code,
            ExitCode::kNotFound);
  EXPECT_EQ(Run("context rotate-ech-keys web").code, ExitCode::kUsage);
  EXPECT_EQ(Run("context rotate-ech-keys web public.test --out /none/x").code,
            ExitCode::kUsage);
}

}  // namespace
}  // namespace tlsd::client::cli
