// The daemon's account of itself: facts, health, reflection, channelz.
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <future>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "gtest/gtest.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"

namespace tlsd::testing {
namespace {

using ::grpc::health::v1::HealthCheckRequest;
using ::grpc::health::v1::HealthCheckResponse;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kServices[] = {
    "tlsd.v1.SecureContextService", "tlsd.v1.ListenerService",
    "tlsd.v1.ConnectionService",    "tlsd.v1.EventService",
    "tlsd.v1.CertificateService",   "tlsd.v1.AdminService"};

class AdminTest : public DaemonTest {
 protected:
  static v1::ServerInfo GetServerInfo() {
    const absl::StatusOr<v1::ServerInfo> info =
        client().Call(v1::GetServerInfoRequest());
    EXPECT_THAT(info, IsOk());
    return info.value_or(v1::ServerInfo());
  }

  static HealthCheckResponse::ServingStatus Health(const std::string& service) {
    HealthCheckRequest request;
    request.set_service(service);
    HealthCheckResponse response;
    CallContext context;
    const grpc::Status status =
        grpc::health::v1::Health::NewStub(client().channel())
            ->Check(&context.rpc(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.status();
  }

  // CallRaw makes a call with one request and one answer in their wire forms.
  static std::string CallRaw(const std::string& method,
                             const std::string& request) {
    grpc::GenericStub stub(client().channel());
    CallContext context;
    const grpc::Slice slice(request);
    const grpc::ByteBuffer sent(&slice, 1);
    grpc::ByteBuffer received;
    std::promise<grpc::Status> done;
    stub.UnaryCall(&context.rpc(), method, {}, &sent, &received,
                   [&done](grpc::Status status) { done.set_value(status); });
    const grpc::Status status = done.get_future().get();
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::vector<grpc::Slice> slices;
    EXPECT_TRUE(received.Dump(&slices).ok());
    std::string bytes;
    for (const grpc::Slice& part : slices) {
      bytes.append(reinterpret_cast<const char*>(part.begin()), part.size());
    }
    return bytes;
  }
};

TEST_F(AdminTest, TellsVersionsAndFacts) {
  const v1::ServerInfo info = GetServerInfo();

  EXPECT_THAT(info.version(), Not(IsEmpty()));
  EXPECT_THAT(info.boringssl_revision(), Not(IsEmpty()));
  EXPECT_EQ(info.grpc_version(), grpc::Version());
  EXPECT_EQ(info.process_id(), getpid());
  EXPECT_EQ(info.worker_count(), 2);
  const absl::Time start = absl::FromUnixSeconds(info.start_time().seconds());
  EXPECT_LE(start, absl::Now());
  EXPECT_GT(start, absl::Now() - absl::Minutes(10));
  EXPECT_THAT(info.development_root(),
              StartsWith("-----BEGIN CERTIFICATE-----"));
}

TEST_F(AdminTest, CountsWhatIsThere) {
  const v1::ServerInfo before = GetServerInfo();

  const v1::Listener listener = Listen();
  const std::unique_ptr<EventWatch> watch = Watch(listener.name());
  NewContext({});
  const Pair pair = Open(listener);

  const v1::ServerInfo during = GetServerInfo();
  EXPECT_EQ(during.listener_count(), before.listener_count() + 1);
  EXPECT_EQ(during.secure_context_count(), before.secure_context_count() + 1);
  EXPECT_EQ(during.connection_count(), before.connection_count() + 2);
  v1::CloseRequest close;
  close.set_name(pair.client.name());
  ASSERT_THAT(client().Call(close), IsOk());
  close.set_name(pair.server.name());
  ASSERT_THAT(client().Call(close), IsOk());
  EXPECT_EQ(GetServerInfo().connection_count(), before.connection_count());
}

TEST_F(AdminTest, GivesTheRootOfDevelopmentCredentials) {
  v1::SecureContext server;
  server.add_credentials()->mutable_development();
  v1::Listener options;
  options.set_secure_context(NewContext(server));
  options.mutable_echo();
  const v1::Listener listener = Listen(options);
  v1::SecureContext trusting;
  trusting.mutable_trust_anchors()->add_pems(
      GetServerInfo().development_root());

  v1::ConnectRequest request = ToConnect(listener);
  request.set_secure_context(NewContext(trusting));
  ASSERT_OK_AND_ASSIGN(const v1::Connection trusted, client().Call(request));
  EXPECT_TRUE(trusted.authorized());
  // Whoever trusts another root does not trust it.
  request.set_secure_context("secureContexts/client");
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kPeerCertificateUntrusted));
}

TEST_F(AdminTest, ServesHealthForEachService) {
  EXPECT_EQ(Health(""), HealthCheckResponse::SERVING);
  for (const char* service : kServices) {
    EXPECT_EQ(Health(service), HealthCheckResponse::SERVING) << service;
  }
  HealthCheckRequest request;
  request.set_service("tlsd.v1.NoSuchService");
  HealthCheckResponse response;
  CallContext context;
  const grpc::Status status =
      grpc::health::v1::Health::NewStub(client().channel())
          ->Check(&context.rpc(), request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(AdminTest, ListsAllServicesByReflection) {
  // ServerReflectionRequest with list_services = "".
  const std::string services =
      CallRaw("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
              std::string("\x3a\x00", 2));

  for (const char* service : kServices) {
    EXPECT_THAT(services, HasSubstr(service));
  }
  EXPECT_THAT(services, HasSubstr("grpc.health.v1.Health"));
  EXPECT_THAT(services, HasSubstr("grpc.channelz.v1.Channelz"));
}

TEST_F(AdminTest, DescribesItsMessagesByReflection) {
  // ServerReflectionRequest with file_containing_symbol.
  const std::string symbol = "tlsd.v1.ConnectRequest";
  const std::string file =
      CallRaw("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
              std::string("\x22") + static_cast<char>(symbol.size()) + symbol);

  EXPECT_THAT(file, HasSubstr("tlsd/v1/connection_service.proto"));
}

TEST_F(AdminTest, AnswersChannelz) {
  // An empty GetServersRequest; the answer holds a server: field 1.
  EXPECT_THAT(CallRaw("/grpc.channelz.v1.Channelz/GetServers", ""),
              StartsWith("\x0a"));
}

}  // namespace
}  // namespace tlsd::testing
