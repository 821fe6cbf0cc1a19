// What both ends of a connection derive or change together, where the other end
// is none of ours.
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/interop/engine_wire.h"
#include "tests/interop/foreign_peer.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/subprocess.h"
#include "tests/testing/test_identities.h"

namespace tlsd::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;
using tls::TlsVersion;

// The engine is a server.
class EngineControlsTest : public ::testing::TestWithParam<TlsVersion> {
 protected:
  static bool is_tls13() { return GetParam() == TlsVersion::kTls13; }

  void Converse(Command command) {
    ASSERT_OK_AND_ASSIGN(const int port, wire.Listen());
    if (command[0] == "openssl") {
      command = Plus(
          {"openssl", "s_client", "-connect", absl::StrCat("127.0.0.1:", port),
           "-msg", is_tls13() ? "-tls1_3" : "-tls1_2"},
          {command.begin() + 1, command.end()});
    } else {
      command = Plus({"gnutls-cli", "--insecure", "--port", absl::StrCat(port),
                      "127.0.0.1"},
                     {command.begin() + 1, command.end()});
    }
    ASSERT_OK_AND_ASSIGN(client, StartPeer(command));
    ASSERT_TRUE(wire.RunUntil([&] { return wire.is_open(); })) << wire.status();
  }

  void ExpectReceived(absl::string_view text) {
    ASSERT_THAT(client->Write(text), IsOk());
    EXPECT_TRUE(wire.RunUntil([&] {
      return absl::StrContains(wire.cleartext(), text);
    })) << wire.status();
  }
  void ExpectSent(absl::string_view text) {
    ASSERT_THAT(wire.Send(text), IsOk());
    wire.RunUntil([] { return true; });
    EXPECT_THAT(client->WaitForOutput(text), IsOk());
  }

  EngineWire wire{MakeContext(ServerOptions(GetParam())), tls::Role::kServer,
                  tls::EngineOptions()};
  std::unique_ptr<Subprocess> client;
};
INSTANTIATE_TEST_SUITE_P(, EngineControlsTest,
                         ::testing::Values(TlsVersion::kTls12,
                                           TlsVersion::kTls13),
                         [](const ::testing::TestParamInfo<TlsVersion>& info) {
                           return info.param == TlsVersion::kTls12 ? "Tls12"
                                                                   : "Tls13";
                         });

TEST_P(EngineControlsTest, ExportsWhatOpensslDoes) {
  ASSERT_NO_FATAL_FAILURE(
      Converse({"openssl", "-keymatexport", "EXPERIMENTAL-tlsd",
                "-keymatexportlen", "48"}));
  ASSERT_OK_AND_ASSIGN(std::string material,
                       wire.engine().ExportKeyingMaterial(
                           {"EXPERIMENTAL-tlsd", std::nullopt, 48}));
  wire.RunUntil([] { return true; });
  EXPECT_THAT(client->WaitForOutput(absl::StrCat(
                  "Keying material: ",
                  absl::AsciiStrToUpper(absl::BytesToHexString(material)))),
              IsOk());
}

TEST_P(EngineControlsTest, AnswersTheKeyUpdateOfOpenssl) {
  if (!is_tls13()) GTEST_SKIP() << "TLS 1.2 has no KeyUpdate";
  ASSERT_NO_FATAL_FAILURE(Converse({"openssl"}));
  ASSERT_THAT(client->Write("K\n"), IsOk());
  ASSERT_TRUE(wire.WaitForRecords(1));
  bool is_second = false;
  wire.RunUntil([&] { return std::exchange(is_second, true); });
  // Nothing was sent that it could have come with.
  EXPECT_THAT(
      client->WaitForOutput("<<< TLS 1.3, Handshake [length 0005], KeyUpdate"),
      IsOk());
  ExpectReceived("1 hello\n");
  ExpectSent("2 hello\n");
}

TEST_P(EngineControlsTest, UpdatesKeysWithOpenssl) {
  if (!is_tls13()) GTEST_SKIP() << "TLS 1.2 has no KeyUpdate";
  ASSERT_NO_FATAL_FAILURE(Converse({"openssl"}));
  for (int i = 0; i < 3; ++i) {
    ASSERT_THAT(wire.engine().UpdateKeys(/*request_peer=*/true), IsOk());
    ExpectSent(absl::StrCat("2 hello ", i, "\n"));
    ExpectReceived(absl::StrCat("1 hello ", i, "\n"));
  }
  EXPECT_THAT(
      client->WaitForOutput(">>> TLS 1.3, Handshake [length 0005], KeyUpdate"),
      IsOk());
}

TEST_P(EngineControlsTest, BindsChannelsWithTheExtendedMasterSecretOnly) {
  const std::string version = is_tls13() ? "1.3" : "1.2";
  ASSERT_NO_FATAL_FAILURE(
      Converse({"gnutls-cli", "--priority",
                absl::StrCat("NORMAL:-VERS-ALL:+VERS-TLS", version,
                             ":%NO_SESSION_HASH")}));
  ASSERT_OK_AND_ASSIGN(const tls::ChannelBindings bindings,
                       wire.engine().GetChannelBindings());
  EXPECT_THAT(bindings.tls_unique, IsEmpty());
  // TLS 1.3 binds all by itself.
  EXPECT_THAT(bindings.tls_exporter, SizeIs(is_tls13() ? 32 : 0));
  EXPECT_THAT(bindings.finished, SizeIs(is_tls13() ? 0 : 12));
  EXPECT_THAT(bindings.tls_server_end_point, SizeIs(32));
}

}  // namespace
}  // namespace tlsd::testing
