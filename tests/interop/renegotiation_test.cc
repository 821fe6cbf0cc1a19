// A client engine that a server asks to renegotiate (TLS 1.2). BoringSSL's
// servers cannot ask, so that openssl s_server and Node do.
#include <csignal>
#include <fstream>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "tests/interop/engine_wire.h"
#include "tests/interop/foreign_peer.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/subprocess.h"
#include "tests/testing/test_identities.h"
#include "tests/testing/test_signer.h"

namespace tlsd::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using tls::Renegotiated;
using tls::RenegotiationRequested;
using tls::SessionReceived;
using tls::TlsVersion;

std::string InputFile(absl::string_view name, absl::string_view text) {
  const std::string path = absl::StrCat(::testing::TempDir(), "/", name);
  std::ofstream(path) << text;
  return path;
}

class RenegotiationTest : public ::testing::Test {
 protected:
  // StartServer starts openssl s_server, which tells all messages.
  void StartServer(const Command& more = {}) {
    const TestIdentity& identity = ServerIdentity();
    ASSERT_OK_AND_ASSIGN(
        server,
        StartPeer(Plus(
            {"openssl", "s_server", "-accept", "127.0.0.1:0", "-tls1_2", "-msg",
             "-cert", InputFile("cert", identity.CertificatePem()), "-key",
             InputFile("key", identity.KeyPem()), "-cert_chain",
             InputFile("chain", IntermediateIdentity().CertificatePem()),
             "-CAfile", InputFile("root", RootIdentity().CertificatePem())},
            more)));
    ASSERT_OK_AND_ASSIGN(port, NumberAfter(*server, "ACCEPT 127.0.0.1:"));
  }

  // Open connects, and has the first handshake.
  void Open() {
    if (server == nullptr) {
      ASSERT_NO_FATAL_FAILURE(StartServer());
    }
    wire = std::make_unique<EngineWire>(MakeContext(client), tls::Role::kClient,
                                        options);
    ASSERT_THAT(wire->Dial(port), IsOk());
    ASSERT_TRUE(wire->RunUntil([&] { return wire->is_open(); }))
        << wire->status();
  }

  // Ask makes the server ask, and runs until the engine says so. With "R" it
  // wants a certificate too.
  void Ask(absl::string_view command = "r\n") {
    const size_t count = wire->Count<RenegotiationRequested>();
    ASSERT_THAT(server->Write(command), IsOk());
    ASSERT_TRUE(wire->RunUntil([&] {
      return wire->Count<RenegotiationRequested>() > count;
    })) << wire->status();
  }

  bool Complete() {
    const size_t count = wire->Count<Renegotiated>();
    return wire->RunUntil([&] { return wire->Count<Renegotiated>() > count; });
  }

  void Renegotiate(absl::string_view command = "r\n") {
    ASSERT_NO_FATAL_FAILURE(Ask(command));
    ASSERT_THAT(wire->engine().AcceptRenegotiation(), IsOk());
    ASSERT_TRUE(Complete()) << wire->status();
  }

  void ExpectSent(absl::string_view text) {
    ASSERT_THAT(wire->Send(text), IsOk());
    wire->RunUntil([] { return true; });
    EXPECT_THAT(server->WaitForOutput(text), IsOk());
  }

  void ExpectReceived(absl::string_view text) {
    ASSERT_THAT(server->Write(text), IsOk());
    EXPECT_TRUE(wire->RunUntil([&] {
      return absl::StrContains(wire->cleartext(), text);
    })) << wire->status();
  }

  // EndsWithAlert runs on, and looks at what the server says it got.
  void EndsWithAlert(absl::string_view alert) {
    wire->RunToTheEnd();
    EXPECT_THAT(server->WaitForOutput(absl::StrCat("fatal ", alert)), IsOk());
  }

  // WholeOutput ends the server, and returns all that it has told.
  std::string WholeOutput() {
    EXPECT_THAT(server->Write("Q\n"), IsOk());
    EXPECT_THAT(server->Wait(), IsOk());
    return server->output();
  }

  tls::SecureContextOptions client = ClientOptions(TlsVersion::kTls12);
  tls::EngineOptions options = LocalhostOptions();
  std::unique_ptr<Subprocess> server;
  int port = 0;
  std::unique_ptr<EngineWire> wire;
};

TEST_F(RenegotiationTest, IsAnsweredAsOftenAsItIsAccepted) {
  ASSERT_NO_FATAL_FAILURE(Open());
  ExpectSent("1 before\n");
  ExpectReceived("2 before\n");
  for (int i = 0; i < 4; ++i) {
    ASSERT_NO_FATAL_FAILURE(Renegotiate());
    ExpectSent(absl::StrCat("1 after ", i, "\n"));
    ExpectReceived(absl::StrCat("2 after ", i, "\n"));
  }
  EXPECT_EQ(wire->Count<RenegotiationRequested>(), 4u);
  EXPECT_EQ(wire->Count<Renegotiated>(), 4u);
  EXPECT_EQ(wire->Count<tls::HandshakeCompleted>(), 1u);
}

TEST_F(RenegotiationTest, ComesByteByByte) {
  ASSERT_NO_FATAL_FAILURE(Open());
  wire->delivery_size = 1;
  ASSERT_NO_FATAL_FAILURE(Renegotiate());
  ExpectSent("1 after\n");
  ExpectReceived("2 after\n");
}

TEST_F(RenegotiationTest, FollowsAResumption) {
  ASSERT_NO_FATAL_FAILURE(Open());
  options.session = wire->engine().session().value().data;
  ASSERT_THAT(server->Write("q\n"), IsOk());
  ASSERT_NO_FATAL_FAILURE(Open());
  ASSERT_TRUE(wire->Last<tls::HandshakeCompleted>().facts.resumed);
  ASSERT_NO_FATAL_FAILURE(Renegotiate());
  ExpectReceived("2 after\n");
}

TEST_F(RenegotiationTest, TakesNothingUntilItIsAccepted) {
  ASSERT_NO_FATAL_FAILURE(Open());
  ASSERT_NO_FATAL_FAILURE(Ask());
  EXPECT_FALSE(wire->engine().has_more());
  base::ChunkPool pool;
  base::ByteQueue cleartext(pool);
  tls::EventList events;
  const auto taken =
      wire->engine().Receive(base::AsBytes("bytes"),
                             /*cleartext_limit=*/100, cleartext, events);
  ASSERT_THAT(taken, IsOk());
  EXPECT_EQ(*taken, 0u);
  EXPECT_TRUE(events.empty());

  // Our own direction is open.
  EXPECT_TRUE(wire->engine().can_send());
  ExpectSent("1 meanwhile\n");
}

TEST_F(RenegotiationTest, SendsNothingUntilItIsComplete) {
  ASSERT_NO_FATAL_FAILURE(Open());
  ASSERT_NO_FATAL_FAILURE(Ask());
  ASSERT_THAT(wire->engine().AcceptRenegotiation(), IsOk());
  EXPECT_TRUE(wire->engine().has_more());
  EXPECT_FALSE(wire->engine().can_send());
  EXPECT_THAT(wire->Send("early"), FailsWith(Reason::kHandshakeNotComplete));
  ASSERT_TRUE(Complete());
  EXPECT_TRUE(wire->engine().can_send());
  EXPECT_FALSE(wire->engine().has_more());
  ExpectSent("1 after\n");
  EXPECT_THAT(WholeOutput(), Not(HasSubstr("early")));
}

TEST_F(RenegotiationTest, IsNotBegunUnasked) {
  ASSERT_NO_FATAL_FAILURE(Open());
  EXPECT_THAT(wire->engine().AcceptRenegotiation(), IsOk());
  EXPECT_FALSE(wire->engine().has_more());
  EXPECT_TRUE(wire->engine().can_send());
  ExpectSent("1 after\n");
}

TEST_F(RenegotiationTest, ChangesWhatBindsTheChannel) {
  ASSERT_NO_FATAL_FAILURE(Open());
  ASSERT_OK_AND_ASSIGN(const tls::ChannelBindings before,
                       wire->engine().GetChannelBindings());
  ASSERT_NO_FATAL_FAILURE(Ask());
  ASSERT_THAT(wire->engine().AcceptRenegotiation(), IsOk());
  EXPECT_THAT(wire->engine().GetChannelBindings(),
              FailsWith(Reason::kHandshakeNotComplete));
  EXPECT_THAT(
      wire->engine().ExportKeyingMaterial({"EXPERIMENTAL", std::nullopt, 32}),
      FailsWith(Reason::kHandshakeNotComplete));
  ASSERT_TRUE(Complete());

  ASSERT_OK_AND_ASSIGN(const tls::ChannelBindings after,
                       wire->engine().GetChannelBindings());
  EXPECT_NE(before.finished, after.finished);
  EXPECT_NE(before.peer_finished, after.peer_finished);
  EXPECT_EQ(after.tls_unique, after.finished);
  EXPECT_NE(before.tls_exporter, after.tls_exporter);
  EXPECT_EQ(before.tls_server_end_point, after.tls_server_end_point);
}

TEST_F(RenegotiationTest, MakesNoSession) {
  ASSERT_NO_FATAL_FAILURE(Open());
  const size_t told = wire->Count<SessionReceived>();
  const std::string session = wire->engine().session().value().data;
  ASSERT_NO_FATAL_FAILURE(Renegotiate());
  ExpectReceived("2 after\n");
  EXPECT_EQ(wire->Count<SessionReceived>(), told);
  EXPECT_EQ(wire->engine().session().value().data, session);
}

// Refusals.

TEST_F(RenegotiationTest, IsRefusedBeyondTheLimit) {
  ASSERT_NO_FATAL_FAILURE(Open());
  ASSERT_NO_FATAL_FAILURE(Renegotiate());
  ASSERT_NO_FATAL_FAILURE(Ask());
  const absl::Status reason =
      MakeError(Reason::kRenegotiationLimit, "too often");
  wire->engine().Abort(reason);
  EXPECT_EQ(wire->engine().AcceptRenegotiation(), reason);
  EXPECT_EQ(wire->Send("more"), reason);
  EndsWithAlert("no_renegotiation");
}

TEST_F(RenegotiationTest, IsAbortedForOtherReasons) {
  ASSERT_NO_FATAL_FAILURE(Open());
  ASSERT_NO_FATAL_FAILURE(Ask());
  ASSERT_THAT(wire->engine().AcceptRenegotiation(), IsOk());
  wire->engine().Abort(MakeError(Reason::kConnectionReset, "reset"));
  EndsWithAlert("internal_error");
}

TEST_F(RenegotiationTest, CanBeCutOff) {
  ASSERT_NO_FATAL_FAILURE(Open());
  ASSERT_NO_FATAL_FAILURE(Ask());
  ASSERT_THAT(wire->engine().AcceptRenegotiation(), IsOk());
  server->Signal(SIGKILL);
  wire->RunToTheEnd();
  EXPECT_THAT(wire->status(), FailsWith(Reason::kTlsTruncated));
  EXPECT_EQ(MetadataOf(wire->status(), "phase"), "handshake");
}

// The library cannot take it. It is told from what a peer does wrong.
TEST_F(RenegotiationTest, IsCutShortByCleartextInBetween) {
  ASSERT_NO_FATAL_FAILURE(Open());
  ASSERT_THAT(server->Write("r\n"), IsOk());
  ASSERT_TRUE(wire->WaitForRecords(1));
  ASSERT_THAT(server->Write("2 meanwhile\n"), IsOk());
  ASSERT_TRUE(wire->WaitForRecords(2));
  ASSERT_TRUE(wire->RunUntil(
      [&] { return wire->Count<RenegotiationRequested>() == 1; }));
  EXPECT_EQ(wire->cleartext(), "");
  ASSERT_THAT(wire->engine().AcceptRenegotiation(), IsOk());
  wire->RunToTheEnd();
  EXPECT_THAT(wire->status(), FailsWith(Reason::kTlsProtocolError));
}

// What came before the request is not lost.
TEST_F(RenegotiationTest, FollowsCleartextInTheSameDelivery) {
  ASSERT_NO_FATAL_FAILURE(Open());
  ASSERT_THAT(server->Write("2 before\n"), IsOk());
  ASSERT_TRUE(wire->WaitForRecords(1));
  ASSERT_THAT(server->Write("r\n"), IsOk());
  ASSERT_TRUE(wire->WaitForRecords(2));
  ASSERT_TRUE(wire->RunUntil(
      [&] { return wire->Count<RenegotiationRequested>() == 1; }));
  EXPECT_EQ(wire->cleartext(), "2 before\n");
  ASSERT_THAT(wire->engine().AcceptRenegotiation(), IsOk());
  ASSERT_TRUE(Complete());
  ExpectReceived("2 after\n");
}

// The end of our direction.

TEST_F(RenegotiationTest, IsFinishedBeforeCloseNotify) {
  ASSERT_NO_FATAL_FAILURE(Open());
  ASSERT_NO_FATAL_FAILURE(Ask());
  ASSERT_THAT(wire->engine().AcceptRenegotiation(), IsOk());
  ASSERT_THAT(wire->engine().Shutdown(), IsOk());
  ASSERT_THAT(wire->engine().Shutdown(), IsOk());
  ASSERT_TRUE(Complete());
  EXPECT_THAT(wire->Send("more"), FailsWith(Reason::kWriteAfterShutdown));
  EXPECT_THAT(server->WaitForOutput("warning close_notify"), IsOk());
  EXPECT_TRUE(
      wire->RunUntil([&] { return wire->Count<tls::PeerClosed>() == 1; }));
}

// Certificates.

TEST_F(RenegotiationTest, ShowsNoCertificateIfThereIsNone) {
  ASSERT_NO_FATAL_FAILURE(Open());
  ASSERT_NO_FATAL_FAILURE(Renegotiate("R\n"));
  ExpectReceived("2 after\n");
  const std::string output = WholeOutput();
  EXPECT_THAT(output, HasSubstr("CertificateRequest"));
  EXPECT_THAT(output, Not(HasSubstr("CertificateVerify")));
}

TEST_F(RenegotiationTest, ShowsACertificate) {
  client.credentials = {ClientIdentity().Credentials()};
  ASSERT_NO_FATAL_FAILURE(Open());
  ASSERT_NO_FATAL_FAILURE(Renegotiate("R\n"));
  ExpectReceived("2 after\n");
  EXPECT_THAT(server->WaitForOutput("CertificateVerify"), IsOk());
}

TEST_F(RenegotiationTest, ShowsNoCertificateUnasked) {
  client.credentials = {ClientIdentity().Credentials()};
  ASSERT_NO_FATAL_FAILURE(Open());
  ASSERT_NO_FATAL_FAILURE(Renegotiate());
  ExpectReceived("2 after\n");
  EXPECT_THAT(WholeOutput(), Not(HasSubstr("CertificateVerify")));
}

TEST_F(RenegotiationTest, ShowsTheCertificateThatSuits) {
  client.credentials = {RsaServerIdentity().Credentials(),
                        ClientIdentity().Credentials()};
  ASSERT_NO_FATAL_FAILURE(
      StartServer({"-client_sigalgs", "ecdsa_secp256r1_sha256"}));
  ASSERT_NO_FATAL_FAILURE(Open());
  ASSERT_NO_FATAL_FAILURE(Renegotiate("R\n"));
  ExpectReceived("2 after\n");
  EXPECT_THAT(server->WaitForOutput("CertificateVerify"), IsOk());
}

class RemoteKeyRenegotiationTest : public RenegotiationTest {
 protected:
  RemoteKeyRenegotiationTest() {
    tls::RemoteCredentials remote;
    remote.certificate_chain = ClientIdentity().ChainPem();
    client.credentials = {remote};
  }

  void AskForSignature() {
    ASSERT_NO_FATAL_FAILURE(Open());
    ASSERT_NO_FATAL_FAILURE(Ask("R\n"));
    ASSERT_THAT(wire->engine().AcceptRenegotiation(), IsOk());
  }
};

TEST_F(RemoteKeyRenegotiationTest, AsksForTheSignature) {
  ASSERT_NO_FATAL_FAILURE(AskForSignature());
  wire->answer = [](const tls::Question& question) {
    return tls::SignAnswer{SignAsAsked(ClientIdentity().key(),
                                       std::get<tls::SignQuestion>(question))};
  };
  ASSERT_TRUE(Complete()) << wire->status();
  EXPECT_EQ(wire->Count<tls::QuestionAsked>(), 1u);
  ExpectReceived("2 after\n");
  EXPECT_THAT(server->WaitForOutput("CertificateVerify"), IsOk());
}

TEST_F(RemoteKeyRenegotiationTest, AsksWithTheHookOfTheConnection) {
  tls::Hook hook;
  hook.type = tls::HookType::kSign;
  hook.timeout = absl::Seconds(7);
  options.hooks = {hook};
  ASSERT_NO_FATAL_FAILURE(AskForSignature());
  ASSERT_TRUE(
      wire->RunUntil([&] { return wire->Count<tls::QuestionAsked>() == 1; }));
  EXPECT_EQ(wire->Last<tls::QuestionAsked>().hook.timeout, absl::Seconds(7));
  EXPECT_FALSE(wire->engine().has_more());
}

TEST_F(RemoteKeyRenegotiationTest, FailsIfNobodySigns) {
  ASSERT_NO_FATAL_FAILURE(AskForSignature());
  wire->answer = [](const tls::Question&) { return tls::Refusal{}; };
  wire->RunToTheEnd();
  EXPECT_THAT(wire->status(), FailsWith(Reason::kDecisionRefused));
  EXPECT_THAT(server->WaitForOutput("fatal handshake_failure"), IsOk());
}

// With Node, which can do what s_server cannot.
class NodeRenegotiationTest : public RenegotiationTest {
 protected:
  void OpenTo(const TestIdentity& identity) {
    ASSERT_OK_AND_ASSIGN(
        server, StartPeer({"node", "tests/interop/renegotiating_server.js",
                           InputFile("cert", identity.ChainPem()),
                           InputFile("key", identity.KeyPem())}));
    ASSERT_OK_AND_ASSIGN(port, NumberAfter(*server, "port "));
    ASSERT_NO_FATAL_FAILURE(Open());
  }

  // ResumeAt has a session with the usual server, resumes it at that of
  // `identity`, and accepts a renegotiation there.
  void ResumeAt(const TestIdentity& identity) {
    ASSERT_NO_FATAL_FAILURE(OpenTo(ServerIdentity()));
    options.session = wire->engine().session().value().data;
    ASSERT_NO_FATAL_FAILURE(OpenTo(identity));
    ASSERT_TRUE(wire->Last<tls::HandshakeCompleted>().facts.resumed);
    ASSERT_THAT(wire->Send("go"), IsOk());
    ASSERT_TRUE(wire->RunUntil(
        [&] { return wire->Count<RenegotiationRequested>() == 1; }));
    ASSERT_THAT(wire->engine().AcceptRenegotiation(), IsOk());
  }
};

// The server stays who it was, even if it shows another certificate that is as
// good: see https://mitls.org/pages/attacks/3SHAKE.
TEST_F(NodeRenegotiationTest, EndsIfTheServerChangesItsCertificate) {
  IdentitySpec spec;
  spec.key_index = 50;
  ASSERT_NO_FATAL_FAILURE(ResumeAt(IntermediateIdentity().Issue(spec)));
  wire->RunToTheEnd();
  EXPECT_THAT(wire->status(), FailsWith(Reason::kPeerMisbehaved));
  EXPECT_EQ(MetadataOf(wire->status(), "library_reason"),
            "SERVER_CERT_CHANGED");
  EXPECT_EQ(MetadataOf(wire->status(), "alert_sent"), "illegal_parameter");
  EXPECT_EQ(wire->Count<Renegotiated>(), 0u);
}

TEST_F(NodeRenegotiationTest, GoesOnIfTheServerShowsTheSameAgain) {
  ASSERT_NO_FATAL_FAILURE(ResumeAt(ServerIdentity()));
  EXPECT_TRUE(Complete()) << wire->status();
  EXPECT_THAT(server->WaitForOutput("renegotiated"), IsOk());
}

// Who has closed its direction cannot answer.
TEST_F(NodeRenegotiationTest, IsIgnoredAfterShutdown) {
  ASSERT_NO_FATAL_FAILURE(OpenTo(ServerIdentity()));
  ASSERT_THAT(wire->engine().Shutdown(), IsOk());
  EXPECT_TRUE(wire->RunUntil([&] { return wire->cleartext() == "still here"; }))
      << wire->status();
  EXPECT_EQ(wire->Count<RenegotiationRequested>(), 0u);
}

}  // namespace
}  // namespace tlsd::testing
