#include "tests/interop/driven_peer_fixture.h"

#include "absl/strings/str_cat.h"

namespace tlsd::testing {
namespace {

// What comes last counts.
PeerOptions Joined(PeerOptions options, const PeerOptions& more) {
  options.insert(options.end(), more.begin(), more.end());
  return options;
}

// Libraries differ in the alerts they choose, and change their minds.
bool IsAboutCertificate(absl::string_view alert) {
  return alert == "bad_certificate" || alert == "certificate_unknown" ||
         alert == "unknown_ca" || alert == "certificate_required" ||
         // RFC 5246 section 7.4.6.
         alert == "handshake_failure";
}

}  // namespace

std::unique_ptr<DrivenPeer> DrivenPeerTest::peer_;

void DrivenPeerTest::SetUpTestSuite() {
  InteropTest::SetUpTestSuite();
  ASSERT_OK_AND_ASSIGN(const Command command, TheProgram().Prepare(folder()));
  ASSERT_OK_AND_ASSIGN(peer_, DrivenPeer::Start(command));
}

void DrivenPeerTest::TearDownTestSuite() {
  peer_.reset();
  InteropTest::TearDownTestSuite();
}

void DrivenPeerTest::SetUp() {
  ASSERT_NE(peer_, nullptr) << "it has not started";
}

std::string DrivenPeerTest::Echoed() {
  return absl::StrCat("echoed ", kTextSize);
}

std::string DrivenPeerTest::OtherProtocol() {
  return IsTls13() ? "TLSv1.2" : "TLSv1.3";
}

PeerOptions DrivenPeerTest::Showing(const TestIdentity& identity) {
  const absl::StatusOr<PeerOptions> files =
      TheProgram().OwnFiles(ChainFile(identity), KeyFile(identity));
  EXPECT_THAT(files, IsOk());
  return files.ok() ? *files : PeerOptions();
}

PeerTask DrivenPeerTest::Client(const v1::Listener& listener,
                                const PeerOptions& more) {
  return peer_->Do(
      Joined({{"role", "client"},
              {"port", absl::StrCat(listener.bound_address().port())},
              {"version", Protocol()},
              {"trust", CertificateFile(RootIdentity())},
              {"alpn", "http/1.1"},
              {"file", InputFile(Text())}},
             more));
}

PeerTask DrivenPeerTest::Server(const TestIdentity& identity,
                                const PeerOptions& more) {
  return peer_->Do(Joined(Joined({{"role", "server"},
                                  {"version", Protocol()},
                                  {"trust", CertificateFile(RootIdentity())},
                                  {"alpn", "h2,http/1.1"}},
                                 Showing(identity)),
                          more));
}

absl::StatusOr<v1::Connection> DrivenPeerTest::ConnectTo(
    PeerTask& server, const v1::SecureContext& context) {
  const absl::StatusOr<int> port = server.Port();
  if (!port.ok()) return port.status();
  return InteropTest::ConnectTo(*port, context);
}

std::string DrivenPeerTest::Said(PeerTask& task) {
  const absl::StatusOr<std::string> said = task.Finish();
  EXPECT_THAT(said, IsOk());
  return said.ok() ? *said : "";
}

::testing::Matcher<std::string> DrivenPeerTest::Heard(absl::string_view alert) {
  return ::testing::HasSubstr(TheProgram().AlertText(alert));
}

v1::SecureContext DrivenPeerTest::RequiringContext(
    const TestIdentity& identity) {
  v1::SecureContext context =
      AskingContext(v1::CLIENT_CERTIFICATE_MODE_REQUIRE);
  context.clear_credentials();
  *context.add_credentials() = PemOf(identity);
  return context;
}

v1::SecureContext DrivenPeerTest::ContextOf(const TestIdentity& identity) {
  v1::SecureContext context = ClientContext();
  *context.add_credentials() = PemOf(identity);
  return context;
}

void DrivenPeerTest::Echo(StreamClient& stream) {
  auto received = InBackground([&] { return stream.ReceiveBytes(kTextSize); });
  ASSERT_TRUE(stream.SendData(Text()));
  EXPECT_TRUE(received.get() == Text());
}

void DrivenPeerTest::ExpectRefused(
    const absl::StatusOr<v1::Connection>& connection) {
  absl::Status status = connection.status();
  // RFC 8446 section 4.4.4: the client is done before the server judges it.
  if (IsTls13() && connection.ok()) status = Read(*connection).status();
  EXPECT_THAT(status, FailsWith(Reason::kPeerAlert));
  EXPECT_TRUE(IsAboutCertificate(MetadataOf(status, "alert"))) << status;
}

void DrivenPeerTest::ExpectRefusedByClient(const v1::Connection& connection) {
  EXPECT_THAT(connection, EndedFor(Reason::kPeerAlert));
  const auto& metadata = connection.failure().metadata();
  const auto alert = metadata.find("alert");
  ASSERT_NE(alert, metadata.end());
  EXPECT_TRUE(IsAboutCertificate(alert->second)) << alert->second;
}

}  // namespace tlsd::testing
