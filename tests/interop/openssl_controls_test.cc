// What both ends of a connection of the daemon derive or change together, where
// the other end is openssl.
#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "proto/status/rpc_status.h"
#include "tests/interop/interop_fixture.h"
#include "tlsd/v1/connection_service.grpc.pb.h"

namespace tlsd::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kLabel[] = "EXPERIMENTAL-tlsd";
// What openssl tells of a KeyUpdate that it gets, or sends.
constexpr char kUpdateCame[] =
    "<<< TLS 1.3, Handshake [length 0005], KeyUpdate";
constexpr char kUpdateWent[] =
    ">>> TLS 1.3, Handshake [length 0005], KeyUpdate";

class OpensslControlsTest : public InteropTest {
 protected:
  // StartServer and StartClient start openssl, which tells all messages.
  void StartServer() {
    const TestIdentity& identity = ServerIdentity();
    ASSERT_OK_AND_ASSIGN(
        peer, StartPeer({"openssl", "s_server", "-accept", "127.0.0.1:0",
                         IsTls13() ? "-tls1_3" : "-tls1_2", "-msg", "-cert",
                         CertificateFile(identity), "-key", KeyFile(identity),
                         "-cert_chain", CertificateFile(IntermediateIdentity()),
                         "-keymatexport", kLabel, "-keymatexportlen", "48"}));
    ASSERT_OK_AND_ASSIGN(const int port,
                         NumberAfter(*peer, "ACCEPT 127.0.0.1:"));
    ASSERT_OK_AND_ASSIGN(connection, ConnectTo(port, ClientContext()));
  }
  void StartClient() {
    const v1::Listener listener = ServeStream(ServerContext());
    ASSERT_OK_AND_ASSIGN(
        peer, StartPeer({"openssl", "s_client", "-connect", AddressOf(listener),
                         IsTls13() ? "-tls1_3" : "-tls1_2", "-msg",
                         "-keymatexport", kLabel, "-keymatexportlen", "48"}));
    ASSERT_OK_AND_ASSIGN(connection, Accept(listener.name()));
  }

  void ExpectDataBothWays(absl::string_view what) {
    const std::string sent = absl::StrCat("1 ", what, "\n");
    ASSERT_THAT(Write(connection, sent), IsOk());
    ASSERT_THAT(peer->WaitForOutput(sent), IsOk());
    const std::string answered = absl::StrCat("2 ", what, "\n");
    ASSERT_THAT(peer->Write(answered), IsOk());
    ASSERT_OK_AND_ASSIGN(const v1::ReadResponse read, Read(connection));
    EXPECT_EQ(read.data(), answered);
  }

  absl::Status UpdateKeys(bool request_peer) {
    v1::UpdateKeysRequest request;
    request.set_name(connection.name());
    request.set_request_peer(request_peer);
    CallContext context;
    v1::Connection response;
    return FromRpcStatus(stub->UpdateKeys(&context.rpc(), request, &response));
  }

  // Exported returns what the connection derives for `label`, as openssl
  // writes it.
  std::string Exported(absl::string_view label) {
    v1::ExportKeyingMaterialRequest request;
    request.set_name(connection.name());
    request.set_label(std::string(label));
    request.set_without_context(true);
    request.set_length(48);
    CallContext context;
    v1::ExportKeyingMaterialResponse response;
    EXPECT_THAT(FromRpcStatus(stub->ExportKeyingMaterial(&context.rpc(),
                                                         request, &response)),
                IsOk());
    return absl::AsciiStrToUpper(
        absl::BytesToHexString(response.keying_material()));
  }

  void ExpectTheSameMaterial() {
    EXPECT_THAT(peer->WaitForOutput(
                    absl::StrCat("Keying material: ", Exported(kLabel), "\n")),
                IsOk());
    EXPECT_THAT(peer->output(), Not(HasSubstr(Exported("EXPERIMENTAL-other"))));
  }

  const std::unique_ptr<v1::ConnectionService::Stub> stub =
      v1::ConnectionService::NewStub(client().channel());
  std::unique_ptr<Subprocess> peer;
  v1::Connection connection;
};

INSTANTIATE_IN_BOTH_VERSIONS(OpensslControlsTest);

TEST_P(OpensslControlsTest, ExportsWhatAClientDoes) {
  ASSERT_NO_FATAL_FAILURE(StartClient());
  ExpectTheSameMaterial();
}

TEST_P(OpensslControlsTest, ExportsWhatAServerDoes) {
  ASSERT_NO_FATAL_FAILURE(StartServer());
  ExpectTheSameMaterial();
}

TEST_P(OpensslControlsTest, UpdatesKeysWithAServer) {
  ASSERT_NO_FATAL_FAILURE(StartServer());
  if (!IsTls13()) {
    EXPECT_THAT(UpdateKeys(/*request_peer=*/true),
                FailsWith(Reason::kVersionMismatch));
    ExpectDataBothWays("after");
    return;
  }
  ASSERT_THAT(UpdateKeys(/*request_peer=*/false), IsOk());
  EXPECT_THAT(peer->WaitForOutput(kUpdateCame), IsOk());
  ASSERT_NO_FATAL_FAILURE(ExpectDataBothWays("after the first"));
  EXPECT_THAT(peer->output(), Not(HasSubstr(kUpdateWent)));

  ASSERT_THAT(UpdateKeys(/*request_peer=*/true), IsOk());
  // openssl answers with the next that it sends.
  ASSERT_NO_FATAL_FAILURE(ExpectDataBothWays("after the second"));
  EXPECT_THAT(peer->WaitForOutput(kUpdateWent), IsOk());
  ExpectDataBothWays("after the answer");
}

TEST_P(OpensslControlsTest, UpdatesKeysAsAClientDoes) {
  if (!IsTls13()) GTEST_SKIP() << "TLS 1.2 has no KeyUpdate";
  ASSERT_NO_FATAL_FAILURE(StartClient());
  ASSERT_THAT(peer->Write("k\n"), IsOk());
  ASSERT_THAT(peer->WaitForOutput(kUpdateWent), IsOk());
  ASSERT_NO_FATAL_FAILURE(ExpectDataBothWays("after the first"));
  EXPECT_THAT(peer->output(), Not(HasSubstr(kUpdateCame)));

  // With "K" it asks for an answer, which needs nothing to come with.
  ASSERT_THAT(peer->Write("K\n"), IsOk());
  EXPECT_THAT(peer->WaitForOutput(kUpdateCame), IsOk());
  ExpectDataBothWays("after the second");
}

}  // namespace
}  // namespace tlsd::testing
