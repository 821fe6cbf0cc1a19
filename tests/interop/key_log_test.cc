// The key log against two judges: tshark decrypts a capture with it, and
// openssl at the other end writes the same secrets.
#include <grpcpp/grpcpp.h>

#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/rpc_status.h"
#include "tests/integration/daemon_process.h"
#include "tests/interop/interop_fixture.h"
#include "tests/interop/recording_relay.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"
#include "tlsd/v1/key_log_service.grpc.pb.h"

namespace tlsd::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kRequest[] = "GET /confidential HTTP/1.1\r\nHost: a\r\n\r\n";

// A call of WatchKeyLog.
class KeyLogWatch {
 public:
  explicit KeyLogWatch(ControlClient& client, const std::string& listener = "")
      : stub_(v1::KeyLogService::NewStub(client.channel())) {
    v1::WatchKeyLogRequest request;
    request.set_listener(listener);
    reader_ = stub_->WatchKeyLog(&context_.rpc(), request);
  }
  ~KeyLogWatch() { context_.Cancel(); }

  // Next returns the next message, or none at the end.
  v1::WatchKeyLogResponse Next() {
    v1::WatchKeyLogResponse response;
    if (!reader_->Read(&response)) response.Clear();
    return response;
  }

  // Take returns the next `count` lines, which must be of `connection`.
  std::set<std::string> Take(size_t count, const std::string& connection) {
    std::set<std::string> lines;
    for (size_t i = 0; i < count; ++i) {
      const v1::WatchKeyLogResponse next = Next();
      EXPECT_EQ(next.line().connection(), connection);
      lines.insert(next.line().line());
    }
    return lines;
  }

  absl::Status Finish() { return FromRpcStatus(reader_->Finish()); }

 private:
  CallContext context_;
  const std::unique_ptr<v1::KeyLogService::Stub> stub_;
  std::unique_ptr<grpc::ClientReader<v1::WatchKeyLogResponse>> reader_;
};

class KeyLogTest : public ::testing::TestWithParam<v1::TlsVersion> {
 protected:
  void Start(const std::vector<std::string>& flags) {
    const std::string control = absl::StrCat("unix:", folder_ / "control");
    ASSERT_OK_AND_ASSIGN(daemon_, StartDaemonProcess(control, flags));
    client_ = std::make_unique<ControlClient>(control);
  }

  static std::string VersionFlag() {
    return GetParam() == v1::TLS_VERSION_TLS_1_3 ? "-tls1_3" : "-tls1_2";
  }

  // SecretsOfOpenssl returns the lines that openssl has written.
  std::set<std::string> SecretsOfOpenssl() const {
    std::set<std::string> lines;
    std::ifstream file(folder_ / "openssl.log");
    for (std::string line; std::getline(file, line);) {
      if (!absl::StartsWith(line, "#")) lines.insert(line);
    }
    return lines;
  }

  // Decrypt returns the cleartext that tshark finds in a capture.
  std::string Decrypt(const std::string& capture,
                      const std::set<std::string>& secrets) const {
    std::ofstream(folder_ / "capture.pcap", std::ios::binary) << capture;
    std::ofstream keys(folder_ / "keys.log");
    for (const std::string& secret : secrets) keys << secret << "\n";
    keys.close();
    auto tshark =
        StartPeer({"tshark", "-r", folder_ / "capture.pcap", "-o",
                   absl::StrCat("tls.keylog_file:", folder_ / "keys.log"), "-q",
                   "-z", "follow,tls,ascii,0"});
    EXPECT_THAT(tshark, IsOk());
    if (!tshark.ok()) return "";
    EXPECT_THAT((*tshark)->Wait(), IsOk());
    // Else it has not looked into the capture at all.
    EXPECT_THAT((*tshark)->output(), HasSubstr("Node 1"))
        << (*tshark)->error_output();
    return (*tshark)->output();
  }

  const TemporaryFolder folder_;
  std::unique_ptr<Subprocess> daemon_;
  std::unique_ptr<ControlClient> client_;
};

INSTANTIATE_IN_BOTH_VERSIONS(KeyLogTest);

TEST_P(KeyLogTest, LetsTsharkReadWhatAServerSaid) {
  ASSERT_NO_FATAL_FAILURE(Start({"--key_log"}));
  ASSERT_OK_AND_ASSIGN(const v1::Listener listener, StartEcho(*client_));
  KeyLogWatch watch(*client_, listener.name());
  ASSERT_TRUE(watch.Next().has_started());
  RecordingRelay relay(listener.bound_address().port());

  ASSERT_OK_AND_ASSIGN(
      auto peer,
      StartPeer({"openssl", "s_client", "-quiet", "-no_ign_eof", VersionFlag(),
                 "-connect", absl::StrCat("127.0.0.1:", relay.port()),
                 "-keylogfile", folder_ / "openssl.log"}));
  ASSERT_THAT(peer->Write(kRequest), IsOk());
  ASSERT_THAT(peer->WaitForOutput("confidential"), IsOk());
  ASSERT_OK_AND_ASSIGN(const v1::ListConnectionsResponse open,
                       client_->Call(v1::ListConnectionsRequest()));
  ASSERT_EQ(open.connections_size(), 1);
  peer->CloseInput();
  ASSERT_THAT(peer->Wait(), IsOk());

  const std::set<std::string> theirs = SecretsOfOpenssl();
  const std::set<std::string> ours =
      watch.Take(theirs.size(), open.connections(0).name());
  EXPECT_FALSE(ours.empty());
  EXPECT_EQ(ours, theirs);
  const std::string capture = relay.Capture();
  EXPECT_THAT(Decrypt(capture, ours), HasSubstr("GET /confidential HTTP/1.1"));
  EXPECT_THAT(Decrypt(capture, {}), Not(HasSubstr("confidential")));
}

TEST_P(KeyLogTest, LetsTsharkReadWhatAClientSaid) {
  ASSERT_NO_FATAL_FAILURE(Start({"--key_log"}));
  KeyLogWatch watch(*client_);
  ASSERT_TRUE(watch.Next().has_started());
  std::ofstream(folder_ / "chain.pem") << ServerIdentity().ChainPem();
  std::ofstream(folder_ / "key.pem") << ServerIdentity().KeyPem();
  ASSERT_OK_AND_ASSIGN(
      auto peer,
      StartPeer({"openssl", "s_server", VersionFlag(), "-accept", "127.0.0.1:0",
                 "-cert", folder_ / "chain.pem", "-cert_chain",
                 folder_ / "chain.pem", "-key", folder_ / "key.pem",
                 "-keylogfile", folder_ / "openssl.log"}));
  ASSERT_OK_AND_ASSIGN(const int port, NumberAfter(*peer, "ACCEPT 127.0.0.1:"));
  RecordingRelay relay(port);

  v1::CreateSecureContextRequest context;
  context.mutable_secure_context()->mutable_trust_anchors()->add_pems(
      RootIdentity().CertificatePem());
  ASSERT_OK_AND_ASSIGN(const v1::SecureContext trusting,
                       client_->Call(context));
  v1::ConnectRequest connect;
  connect.set_address(absl::StrCat("127.0.0.1:", relay.port()));
  connect.set_server_name("localhost");
  connect.set_secure_context(trusting.name());
  ASSERT_OK_AND_ASSIGN(const v1::Connection connection, client_->Call(connect));
  v1::WriteRequest write;
  write.set_name(connection.name());
  write.set_text(kRequest);
  write.set_shut_down(true);
  ASSERT_THAT(client_->Call(write), IsOk());
  ASSERT_THAT(peer->WaitForOutput("confidential"), IsOk());

  const std::set<std::string> theirs = SecretsOfOpenssl();
  const std::set<std::string> ours =
      watch.Take(theirs.size(), connection.name());
  EXPECT_FALSE(ours.empty());
  EXPECT_EQ(ours, theirs);
  v1::CloseRequest close;
  close.set_name(connection.name());
  ASSERT_THAT(client_->Call(close), IsOk());
  peer.reset();
  const std::string capture = relay.Capture();
  EXPECT_THAT(Decrypt(capture, ours), HasSubstr("GET /confidential HTTP/1.1"));
  EXPECT_THAT(Decrypt(capture, {}), Not(HasSubstr("confidential")));
}

TEST_P(KeyLogTest, IsOffUnlessTheDaemonIsToldOtherwise) {
  ASSERT_NO_FATAL_FAILURE(Start({}));

  ASSERT_OK_AND_ASSIGN(const v1::ServerInfo info,
                       client_->Call(v1::GetServerInfoRequest()));
  EXPECT_FALSE(info.key_log_enabled());
  KeyLogWatch watch(*client_);
  EXPECT_FALSE(watch.Next().has_started());
  EXPECT_THAT(watch.Finish(), FailsWith(Reason::kKeyLogDisabled));
  EXPECT_THAT(daemon_->error_output(),
              AllOf(HasSubstr("serving"), Not(HasSubstr("key log"))));
}

TEST_P(KeyLogTest, IsToldOfWhenItIsOn) {
  ASSERT_NO_FATAL_FAILURE(Start({"--key_log"}));

  ASSERT_OK_AND_ASSIGN(const v1::ServerInfo info,
                       client_->Call(v1::GetServerInfoRequest()));
  EXPECT_TRUE(info.key_log_enabled());
  EXPECT_THAT(daemon_->WaitForErrorOutput("warning key log on"), IsOk());
  KeyLogWatch watch(*client_);
  EXPECT_TRUE(watch.Next().has_started());
  EXPECT_THAT(daemon_->WaitForErrorOutput("warning key log watched"), IsOk());
}

}  // namespace
}  // namespace tlsd::testing
