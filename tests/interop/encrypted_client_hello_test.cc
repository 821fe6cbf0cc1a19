// Encrypted ClientHellos to and from Go's crypto/tls, which follows a later
// draft (18) than BoringSSL does (13).
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/interop/engine_wire.h"
#include "tests/interop/foreign_peer.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/subprocess.h"
#include "tests/testing/test_identities.h"
#include "tests/unit/tls/ech_configs.h"

namespace tlsd::testing {
namespace {

using tls::HandshakeCompleted;
using tls::TlsVersion;

// Go has servers of ECH since then, and clients since 1.23.
constexpr int kGoMinorMin = 24;
constexpr char kGoOutsidePath[] = "/usr/local/go/bin/go";
// The first build on a machine also compiles Go's standard library.
constexpr absl::Duration kBuildTimeout = absl::Minutes(4);

std::string File(absl::string_view name) {
  return absl::StrCat(::testing::TempDir(), "/", name);
}

std::string InputFile(absl::string_view name, absl::string_view text) {
  std::ofstream(File(name)) << text;
  return File(name);
}

std::string Go() {
  return access(kGoOutsidePath, X_OK) == 0 ? kGoOutsidePath : "go";
}

// GoMinor returns y of the version 1.y; 0 if there is no Go.
int GoMinor() {
  const auto version = RunCommand({Go(), "env", "GOVERSION"});
  if (!version.ok()) return 0;
  int minor = 0;
  const size_t start = version->output.find('.') + 1;
  const size_t end = version->output.find_first_not_of("0123456789", start);
  (void)absl::SimpleAtoi(version->output.substr(start, end - start), &minor);
  return minor;
}

const std::string& PeerProgram() {
  static const auto& program = *new std::string([] {
    const char* home = std::getenv("HOME");
    const std::string cache = home != nullptr
                                  ? absl::StrCat(home, "/.cache/tlsd/go-build")
                                  : File("go-build");
    const auto built = RunCommand(
        {"env", "GOFLAGS=-mod=mod", "GOTOOLCHAIN=local",
         absl::StrCat("GOPATH=", File("go")), absl::StrCat("GOCACHE=", cache),
         Go(), "build", "-o", File("ech_peer"), "tests/interop/ech_peer.go"},
        /*input=*/"", kBuildTimeout);
    EXPECT_TRUE(built.ok() && built->exit_code == 0)
        << (built.ok() ? built->error_output : built.status().ToString());
    return File("ech_peer");
  }());
  return program;
}

std::string Base64(absl::string_view bytes) {
  return absl::Base64Escape(bytes);
}

// For the name inside, and for the public one.
TestIdentity BothNames() {
  IdentitySpec spec;
  spec.alternative_names = {"DNS:localhost", "DNS:cover.test"};
  return IntermediateIdentity().Issue(spec);
}

class EncryptedClientHelloTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (GoMinor() < kGoMinorMin) {
      GTEST_SKIP() << "crypto/tls has no ECH before Go 1." << kGoMinorMin;
    }
  }

  // Serve has the engine be the server of a Go client that uses `list`.
  void Serve(const std::string& list, const std::string& group = "X25519") {
    tls::SecureContextOptions options = ServerOptions(TlsVersion::kTls13);
    options.credentials = {BothNames().Credentials()};
    options.ech_keys = {key};
    options.groups = {group};
    wire = std::make_unique<EngineWire>(
        MakeContext(options), tls::Role::kServer, tls::EngineOptions());
    ASSERT_OK_AND_ASSIGN(const int port, wire->Listen());
    ASSERT_OK_AND_ASSIGN(
        peer, StartPeer({PeerProgram(), "client", absl::StrCat(port),
                         "localhost", Base64(list),
                         InputFile("root", RootIdentity().CertificatePem())}));
    ASSERT_TRUE(wire->RunUntil([&] { return wire->is_open(); }))
        << wire->status();
  }

  // Connect has the engine be the client of a Go server that has `key`.
  void Connect(const std::string& list) {
    const TestIdentity identity = BothNames();
    ASSERT_OK_AND_ASSIGN(
        peer, StartPeer({PeerProgram(), "server",
                         InputFile("chain", identity.ChainPem()),
                         InputFile("key", identity.KeyPem()),
                         Base64(key.config), Base64(key.private_key)}));
    ASSERT_OK_AND_ASSIGN(const int port, NumberAfter(*peer, "port "));
    tls::EngineOptions options = LocalhostOptions();
    options.ech_config_list = list;
    wire = std::make_unique<EngineWire>(
        MakeContext(ClientOptions(TlsVersion::kTls13)), tls::Role::kClient,
        options);
    ASSERT_THAT(wire->Dial(port), IsOk());
    wire->RunUntil([&] { return wire->is_open(); });
  }

  const tls::EchKeyOptions key = tls::MakeEchKey("cover.test");
  const std::string list = tls::ConfigListOf({key});
  const std::string old_list =
      tls::ConfigListOf({tls::MakeEchKey("cover.test")});
  std::unique_ptr<Subprocess> peer;
  std::unique_ptr<EngineWire> wire;
};

TEST_F(EncryptedClientHelloTest, OfAGoClientIsRead) {
  ASSERT_NO_FATAL_FAILURE(Serve(list));
  const auto& facts = wire->Last<HandshakeCompleted>().facts;
  EXPECT_TRUE(facts.ech_accepted);
  EXPECT_EQ(facts.server_name, "localhost");
  EXPECT_THAT(peer->WaitForOutput("handshake accepted=true name=localhost."),
              IsOk());
}

TEST_F(EncryptedClientHelloTest, OfAGoClientIsReadAfterAHelloRetryRequest) {
  ASSERT_NO_FATAL_FAILURE(Serve(list, "P-384"));
  EXPECT_TRUE(wire->Last<HandshakeCompleted>().facts.ech_accepted);
  EXPECT_THAT(peer->WaitForOutput("handshake accepted=true name=localhost."),
              IsOk());
}

TEST_F(EncryptedClientHelloTest, OfAGoClientWithAnOldKeyIsToldTheNewOne) {
  ASSERT_NO_FATAL_FAILURE(Serve(old_list));
  EXPECT_FALSE(wire->Last<HandshakeCompleted>().facts.ech_accepted);
  wire->RunToTheEnd();
  EXPECT_EQ(MetadataOf(wire->status(), "alert"), "ech_required");
  EXPECT_THAT(
      peer->WaitForOutput(absl::StrCat("rejected retry=", Base64(list), ".")),
      IsOk());
}

TEST_F(EncryptedClientHelloTest, IsReadByAGoServer) {
  ASSERT_NO_FATAL_FAILURE(Connect(list));
  ASSERT_THAT(wire->status(), IsOk());
  EXPECT_TRUE(wire->Last<HandshakeCompleted>().facts.ech_accepted);
  EXPECT_THAT(peer->WaitForOutput("handshake accepted=true name=localhost."),
              IsOk());
  ASSERT_THAT(wire->Send("hidden"), IsOk());
  EXPECT_TRUE(wire->RunUntil([&] { return wire->cleartext() == "hidden"; }));
}

TEST_F(EncryptedClientHelloTest, WithAnOldKeyGetsTheNewOneOfAGoServer) {
  ASSERT_NO_FATAL_FAILURE(Connect(old_list));
  EXPECT_THAT(wire->status(), FailsWith(Reason::kEchRejected));
  EXPECT_EQ(MetadataOf(wire->status(), "retry_configs"), Base64(list));
}

}  // namespace
}  // namespace tlsd::testing
