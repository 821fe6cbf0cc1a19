// Errors on the wire: one ErrorInfo in the trailer, and a message that names
// the reason too.
#include <grpcpp/grpcpp.h>

#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "tests/integration/raw_socket.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"
#include "tlsd/v1/connection_service.grpc.pb.h"
#include "tlsd/v1/listener_service.grpc.pb.h"
#include "tlsd/v1/secure_context_service.grpc.pb.h"

namespace tlsd::testing {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

class ErrorsTest : public DaemonTest {
 protected:
  // ExpectError expects that `status` says `reason` in all its forms, and
  // returns its metadata.
  static google::protobuf::Map<std::string, std::string> ExpectError(
      const grpc::Status& status, Reason reason) {
    const ReasonInfo& expected = GetReasonInfo(reason);
    EXPECT_EQ(static_cast<int>(status.error_code()),
              static_cast<int>(expected.code));
    EXPECT_THAT(status.error_message(),
                EndsWith(absl::StrCat(" [", expected.name, "]")));
    google::rpc::Status wire;
    EXPECT_TRUE(wire.ParseFromString(status.error_details()));
    EXPECT_EQ(wire.code(), static_cast<int>(status.error_code()));
    EXPECT_EQ(wire.message(), status.error_message());
    google::rpc::ErrorInfo info;
    EXPECT_EQ(wire.details_size(), 1);
    if (wire.details_size() != 1 || !wire.details(0).UnpackTo(&info)) return {};
    EXPECT_EQ(info.reason(), expected.name);
    EXPECT_EQ(info.domain(), "tlsd");
    return info.metadata();
  }

  static grpc::Status Connect(const v1::ConnectRequest& request) {
    CallContext context;
    v1::Connection response;
    return v1::ConnectionService::NewStub(client().channel())
        ->Connect(&context.rpc(), request, &response);
  }

  static grpc::Status Create(const v1::SecureContext& secure_context) {
    v1::CreateSecureContextRequest request;
    *request.mutable_secure_context() = secure_context;
    CallContext context;
    v1::SecureContext response;
    return v1::SecureContextService::NewStub(client().channel())
        ->CreateSecureContext(&context.rpc(), request, &response);
  }
};

TEST_F(ErrorsTest, NameWhatTheCallerAskedFor) {
  v1::GetListenerRequest request;
  request.set_name("listeners/nobody");
  CallContext context;
  v1::Listener response;

  const grpc::Status status =
      v1::ListenerService::NewStub(client().channel())
          ->GetListener(&context.rpc(), request, &response);

  auto metadata = ExpectError(status, Reason::kListenerNotFound);
  EXPECT_EQ(metadata["listener"], "listeners/nobody");
  EXPECT_THAT(status.error_message(), HasSubstr("listeners/nobody"));
}

TEST_F(ErrorsTest, NameTheFieldThatIsWrong) {
  v1::SecureContext context;
  *context.add_credentials() = PemOf(ServerIdentity());
  context.mutable_credentials(0)->mutable_pem()->set_private_key("?");

  const grpc::Status status = Create(context);

  auto metadata = ExpectError(status, Reason::kKeyRequired);
  EXPECT_EQ(metadata["field"], "secure_context.credentials[0].pem.private_key");
  EXPECT_TRUE(absl::StartsWith(status.error_message(), metadata["field"]));
}

TEST_F(ErrorsTest, NameWhatThePeerDid) {
  v1::ConnectRequest request = ToConnect(ListenEcho());
  v1::SecureContext stranger;
  stranger.mutable_trust_anchors()->add_pems(
      OtherRootIdentity().CertificatePem());
  request.set_secure_context(NewContext(stranger));

  ExpectError(Connect(request), Reason::kPeerCertificateUntrusted);
}

TEST_F(ErrorsTest, NameWhatLiesBetween) {
  const RawListener nobody(RawListener::Answer::kRefuses);
  v1::ConnectRequest request;
  request.set_address(nobody.address());

  const grpc::Status status = Connect(request);

  auto metadata = ExpectError(status, Reason::kConnectRefused);
  EXPECT_EQ(metadata["endpoint"], nobody.address());
  EXPECT_THAT(status.error_message(), HasSubstr(nobody.address()));
}

TEST_F(ErrorsTest, NameWhatTheDaemonDoes) {
  const v1::Listener listener = Listen();
  const Pair open = Open(listener);
  v1::DeleteListenerRequest remove;
  remove.set_name(listener.name());
  ASSERT_THAT(client().Call(remove), IsOk());
  v1::AcceptRequest request;
  request.set_listener(listener.name());
  CallContext context;
  v1::Connection response;

  const grpc::Status status = v1::ConnectionService::NewStub(client().channel())
                                  ->Accept(&context.rpc(), request, &response);

  auto metadata = ExpectError(status, Reason::kListenerClosing);
  EXPECT_EQ(metadata["listener"], listener.name());
}

TEST_F(ErrorsTest, EscapeAndCutWhatTheCallerSent) {
  v1::ConnectRequest request;
  request.set_address("\x1b[2J\n\x01" + std::string(100000, 'a'));

  const grpc::Status status = Connect(request);

  ExpectError(status, Reason::kAddressInvalid);
  EXPECT_LT(status.error_message().size(), 1000u);
  for (const char c : status.error_message()) EXPECT_GE(c, ' ');
}

TEST_F(ErrorsTest, NeverHoldKeysOrPassphrases) {
  v1::SecureContext context;
  *context.add_credentials() = PemOf(ServerIdentity());
  v1::PemCredentials& pem = *context.mutable_credentials(0)->mutable_pem();
  pem.set_private_key(ServerIdentity().EncryptedKeyPem("right"));
  pem.set_passphrase("tell nobody");

  const grpc::Status status = Create(context);

  ExpectError(status, Reason::kPassphraseWrong);
  EXPECT_THAT(status.error_details(), ::testing::Not(HasSubstr("tell nobody")));
  EXPECT_THAT(status.error_details(), ::testing::Not(HasSubstr("PRIVATE KEY")));
}

}  // namespace
}  // namespace tlsd::testing
