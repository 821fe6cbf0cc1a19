// Early data to and from OpenSSL, whose servers find copies of it.
#include <fstream>
#include <memory>
#include <string>

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

using tls::EarlyData;
using tls::EarlyDataEnded;
using tls::HandshakeCompleted;
using tls::TlsVersion;

std::string File(absl::string_view name) {
  return absl::StrCat(::testing::TempDir(), "/", name);
}

std::string InputFile(absl::string_view name, absl::string_view text) {
  std::ofstream(File(name)) << text;
  return File(name);
}

EarlyData EarlyDataOf(const EngineWire& wire) {
  return wire.Last<HandshakeCompleted>().facts.early_data;
}

// The engine is a client.
class EarlyDataToOpensslTest : public ::testing::Test {
 protected:
  EarlyDataToOpensslTest() { client.early_data = true; }

  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(
        server,
        StartPeer(
            {"openssl", "s_server", "-accept", "127.0.0.1:0", "-tls1_3",
             "-early_data", "-max_early_data", "1000", "-cert",
             InputFile("cert", ServerIdentity().CertificatePem()), "-key",
             InputFile("key", ServerIdentity().KeyPem()), "-cert_chain",
             InputFile("chain", IntermediateIdentity().CertificatePem())}));
    ASSERT_OK_AND_ASSIGN(port, NumberAfter(*server, "ACCEPT 127.0.0.1:"));
    ASSERT_NO_FATAL_FAILURE(Connect());
    ASSERT_TRUE(wire->RunUntil([&] {
      return wire->Count<tls::SessionReceived>() > 0;
    })) << wire->status();
    options.session = wire->engine().session().value().data;
    Leave();
  }

  // OpenSSL forgets the sessions of connections that just break off.
  void Leave() {
    ASSERT_THAT(wire->engine().Shutdown(), IsOk());
    wire->RunToTheEnd();
  }

  void Connect() {
    wire = std::make_unique<EngineWire>(MakeContext(client), tls::Role::kClient,
                                        options);
    ASSERT_THAT(wire->Dial(port), IsOk());
    ASSERT_TRUE(wire->RunUntil([&] { return wire->is_open(); }))
        << wire->status();
  }

  tls::SecureContextOptions client = ClientOptions(TlsVersion::kTls13);
  tls::EngineOptions options = LocalhostOptions();
  std::unique_ptr<Subprocess> server;
  int port = 0;
  std::unique_ptr<EngineWire> wire;
};

TEST_F(EarlyDataToOpensslTest, IsAcceptedAsFarAsTheServerTakesIt) {
  options.early_data = absl::StrCat("begin", std::string(1990, '.'), "final");
  ASSERT_NO_FATAL_FAILURE(Connect());
  EXPECT_EQ(EarlyDataOf(*wire), EarlyData::kAccepted);
  wire->RunUntil([] { return true; });
  EXPECT_THAT(server->WaitForOutput("final"), IsOk());
}

TEST_F(EarlyDataToOpensslTest, IsSentAgainIfTheServerTakesItForACopy) {
  options.early_data = "early once";
  ASSERT_NO_FATAL_FAILURE(Connect());
  EXPECT_EQ(EarlyDataOf(*wire), EarlyData::kAccepted);
  EXPECT_THAT(server->WaitForOutput("early once"), IsOk());
  ASSERT_NO_FATAL_FAILURE(Leave());

  options.early_data = "early twice";
  ASSERT_NO_FATAL_FAILURE(Connect());
  EXPECT_EQ(EarlyDataOf(*wire), EarlyData::kRejected);
  wire->RunUntil([] { return true; });
  EXPECT_THAT(server->WaitForOutput("early twice"), IsOk());
}

// The engine is a server.
class EarlyDataFromOpensslTest : public ::testing::Test {
 protected:
  EarlyDataFromOpensslTest() { server.early_data = true; }

  void Connect(const Command& more) {
    if (context == nullptr) context = MakeContext(server);
    wire = std::make_unique<EngineWire>(context, tls::Role::kServer,
                                        tls::EngineOptions());
    ASSERT_OK_AND_ASSIGN(const int port, wire->Listen());
    ASSERT_OK_AND_ASSIGN(
        client, StartPeer(Plus({"openssl", "s_client", "-connect",
                                absl::StrCat("127.0.0.1:", port), "-tls1_3"},
                               more)));
    ASSERT_TRUE(wire->RunUntil([&] { return wire->is_open(); }))
        << wire->status();
  }

  // GetSession leaves a session in a file.
  void GetSession() {
    ASSERT_NO_FATAL_FAILURE(Connect({"-sess_out", File("session")}));
    // It stands behind the tickets.
    ASSERT_THAT(wire->Send("hello"), IsOk());
    wire->RunUntil([] { return true; });
    EXPECT_THAT(client->WaitForOutput("hello"), IsOk());
    client->CloseInput();
    wire->RunToTheEnd();
    EXPECT_THAT(client->Wait(), IsOk());
  }

  void ConnectEarly() {
    ASSERT_NO_FATAL_FAILURE(
        Connect({"-sess_in", File("session"), "-early_data",
                 InputFile("early", "early data of openssl")}));
  }

  tls::SecureContextOptions server = ServerOptions(TlsVersion::kTls13);
  std::shared_ptr<const tls::SecureContext> context;
  std::unique_ptr<Subprocess> client;
  std::unique_ptr<EngineWire> wire;
};

TEST_F(EarlyDataFromOpensslTest, IsAccepted) {
  ASSERT_NO_FATAL_FAILURE(GetSession());
  ASSERT_NO_FATAL_FAILURE(ConnectEarly());
  EXPECT_EQ(EarlyDataOf(*wire), EarlyData::kAccepted);
  ASSERT_TRUE(wire->RunUntil([&] { return wire->Count<EarlyDataEnded>() > 0; }))
      << wire->status();
  EXPECT_EQ(wire->cleartext(), "early data of openssl");
  EXPECT_EQ(wire->Last<EarlyDataEnded>().size, 21);
  EXPECT_THAT(client->WaitForOutput("Early data was accepted"), IsOk());

  ASSERT_THAT(client->Write("and later\n"), IsOk());
  EXPECT_TRUE(wire->RunUntil([&] {
    return absl::StrContains(wire->cleartext(), "and later");
  })) << wire->status();
}

TEST_F(EarlyDataFromOpensslTest, IsRejectedByAServerThatTakesNone) {
  server.ticket_keys = {std::string(48, 'k')};
  ASSERT_NO_FATAL_FAILURE(GetSession());
  server.early_data = false;
  context = nullptr;
  ASSERT_NO_FATAL_FAILURE(ConnectEarly());
  EXPECT_EQ(EarlyDataOf(*wire), EarlyData::kRejected);
  EXPECT_EQ(wire->cleartext(), "");
  EXPECT_THAT(client->WaitForOutput("Early data was rejected"), IsOk());
}

}  // namespace
}  // namespace tlsd::testing
