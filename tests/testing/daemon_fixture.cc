#include "tests/testing/daemon_fixture.h"

#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/main/daemon.h"

namespace tlsd::testing {
namespace {

// More than one, so that what goes from worker to worker is tested.
constexpr int kWorkerCount = 2;

template <typename T>
T ValueOrFail(absl::StatusOr<T> result) {
  if (result.ok()) return *std::move(result);
  ADD_FAILURE() << result.status();
  return T();
}

std::unique_ptr<Daemon> StartDaemon(const std::string& address) {
  DaemonOptions options;
  options.control_address = address;
  options.worker_count = kWorkerCount;
  absl::StatusOr<std::unique_ptr<Daemon>> daemon = Daemon::Start(options);
  if (daemon.ok()) return *std::move(daemon);
  // Nothing can be tested.
  ADD_FAILURE() << daemon.status();
  abort();
}

void CreateContext(ControlClient& client, const std::string& id,
                   const v1::SecureContext& context) {
  v1::CreateSecureContextRequest request;
  request.set_secure_context_id(id);
  *request.mutable_secure_context() = context;
  ValueOrFail(client.Call(request));
}

void CreateContexts(ControlClient& client) {
  v1::SecureContext server;
  *server.add_credentials() = PemOf(ServerIdentity());
  CreateContext(client, "server", server);
  v1::SecureContext context;
  context.mutable_trust_anchors()->add_pems(RootIdentity().CertificatePem());
  CreateContext(client, "client", context);
  context.set_max_version(v1::TLS_VERSION_TLS_1_2);
  CreateContext(client, "client-tls12", context);
  context.clear_max_version();
  context.set_min_version(v1::TLS_VERSION_TLS_1_3);
  CreateContext(client, "client-tls13", context);
}

}  // namespace

TemporaryFolder::TemporaryFolder() : path_("/tmp/tlsd-XXXXXX") {
  if (mkdtemp(path_.data()) == nullptr) abort();
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryFolder::operator/(absl::string_view name) const {
  return absl::StrCat(path_, "/", name);
}

std::string AddressOf(const v1::Listener& listener) {
  const v1::SocketAddress& bound = listener.bound_address();
  if (bound.family() == "unix") return absl::StrCat("unix:", bound.path());
  if (bound.address() == "::") return absl::StrCat("[::1]:", bound.port());
  if (bound.family() == "IPv6") {
    return absl::StrCat("[", bound.address(), "]:", bound.port());
  }
  return absl::StrCat(bound.address(), ":", bound.port());
}

absl::Duration FromProto(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) +
         absl::Nanoseconds(duration.nanos());
}

google::protobuf::Duration ToProto(absl::Duration duration) {
  google::protobuf::Duration proto;
  proto.set_seconds(absl::ToInt64Seconds(duration));
  proto.set_nanos(static_cast<int32_t>(
      absl::ToInt64Nanoseconds(duration - absl::Seconds(proto.seconds()))));
  return proto;
}

v1::Credentials PemOf(const TestIdentity& identity) {
  v1::Credentials credentials;
  credentials.mutable_pem()->set_certificate_chain(identity.ChainPem());
  credentials.mutable_pem()->set_private_key(identity.KeyPem());
  return credentials;
}

std::unique_ptr<TemporaryFolder> DaemonTest::folder_;
std::unique_ptr<Daemon> DaemonTest::daemon_;
std::unique_ptr<ControlClient> DaemonTest::client_;

void DaemonTest::SetUpTestSuite() {
  folder_ = std::make_unique<TemporaryFolder>();
  daemon_ = StartDaemon(control_address());
  client_ = std::make_unique<ControlClient>(control_address());
  CreateContexts(*client_);
}

void DaemonTest::TearDownTestSuite() {
  client_.reset();
  daemon_.reset();
  folder_.reset();
}

void DaemonTest::RestartDaemon() {
  client_.reset();
  daemon_.reset();
  daemon_ = StartDaemon(control_address());
  client_ = std::make_unique<ControlClient>(control_address());
  CreateContexts(*client_);
}

std::string DaemonTest::control_address() {
  return absl::StrCat("unix:", *folder_ / "control");
}

std::string DaemonTest::NewContext(const v1::SecureContext& context) {
  v1::CreateSecureContextRequest request;
  *request.mutable_secure_context() = context;
  return ValueOrFail(client().Call(request)).name();
}

v1::Listener DaemonTest::Listen(v1::Listener listener) {
  if (listener.address().empty()) listener.set_address("127.0.0.1:0");
  if (listener.secure_context().empty() &&
      listener.protection() != v1::PROTECTION_NONE) {
    listener.set_secure_context("secureContexts/server");
  }
  v1::CreateListenerRequest request;
  *request.mutable_listener() = std::move(listener);
  return ValueOrFail(client().Call(request));
}

v1::Listener DaemonTest::ListenEcho() {
  v1::Listener listener;
  listener.mutable_echo();
  return Listen(listener);
}

v1::Listener DaemonTest::ListenUnix() {
  v1::Listener listener;
  listener.set_address(absl::StrCat("unix:", UnusedPath()));
  return Listen(listener);
}

std::string DaemonTest::UnusedPath() {
  static std::atomic<int> count = 0;
  return folder() / absl::StrCat("unused-", ++count);
}

v1::ConnectRequest DaemonTest::ToConnect(const v1::Listener& listener,
                                         v1::TlsVersion version) {
  v1::ConnectRequest request;
  request.set_address(AddressOf(listener));
  request.set_server_name("localhost");
  request.set_secure_context(
      version == v1::TLS_VERSION_TLS_1_2   ? "secureContexts/client-tls12"
      : version == v1::TLS_VERSION_TLS_1_3 ? "secureContexts/client-tls13"
                                           : "secureContexts/client");
  return request;
}

v1::Connection DaemonTest::Connect(const v1::Listener& listener,
                                   v1::TlsVersion version) {
  return ValueOrFail(client().Call(ToConnect(listener, version)));
}

Pair DaemonTest::Open(const v1::Listener& listener, v1::TlsVersion version) {
  Pair pair;
  pair.client = Connect(listener, version);
  pair.server = ValueOrFail(Accept(listener.name()));
  return pair;
}

std::unique_ptr<StreamClient> DaemonTest::Attach(
    const v1::Connection& connection) {
  absl::StatusOr<std::unique_ptr<StreamClient>> stream =
      StreamClient::Attach(client(), connection);
  if (stream.ok()) return *std::move(stream);
  ADD_FAILURE() << stream.status();
  // A call that will fail, so that the test need not look.
  return StreamClient::Open(client());
}

std::unique_ptr<EventWatch> DaemonTest::Watch(absl::string_view subject) {
  v1::WatchEventsRequest request;
  if (!subject.empty()) request.add_subjects(std::string(subject));
  absl::StatusOr<std::unique_ptr<EventWatch>> watch =
      EventWatch::Start(client(), request);
  if (watch.ok()) return *std::move(watch);
  ADD_FAILURE() << watch.status();
  abort();
}

absl::StatusOr<v1::Connection> DaemonTest::Accept(const std::string& listener,
                                                  CallContext* context) {
  v1::AcceptRequest request;
  request.set_listener(listener);
  return client().Call(request, context);
}

absl::StatusOr<v1::Connection> DaemonTest::Get(
    const v1::Connection& connection) {
  v1::GetConnectionRequest request;
  request.set_name(connection.name());
  return client().Call(request);
}

absl::StatusOr<v1::Listener> DaemonTest::Get(const v1::Listener& listener) {
  v1::GetListenerRequest request;
  request.set_name(listener.name());
  return client().Call(request);
}

v1::Event DaemonTest::Await(v1::EventType type, const std::string& subject) {
  v1::ListEventsRequest request;
  request.add_types(type);
  request.add_subjects(subject);
  *request.mutable_timeout() = ToProto(kCallTimeout / 2);
  const v1::ListEventsResponse response = ValueOrFail(client().Call(request));
  if (response.events_size() > 0) return response.events(0);
  ADD_FAILURE() << "no " << v1::EventType_Name(type) << " of " << subject;
  return v1::Event();
}

v1::Connection DaemonTest::AwaitClosed(const v1::Connection& connection) {
  return Await(v1::EVENT_TYPE_CONNECTION_CLOSED, connection.name())
      .connection();
}

absl::Status DaemonTest::Write(const v1::Connection& connection,
                               absl::string_view data) {
  v1::WriteRequest request;
  request.set_name(connection.name());
  request.set_data(std::string(data));
  return client().Call(request).status();
}

absl::StatusOr<v1::ReadResponse> DaemonTest::Read(
    const v1::Connection& connection) {
  v1::ReadRequest request;
  request.set_name(connection.name());
  return client().Call(request);
}

absl::StatusOr<std::string> DaemonTest::ReadAll(
    const v1::Connection& connection) {
  std::string bytes;
  while (true) {
    absl::StatusOr<v1::ReadResponse> read = Read(connection);
    if (!read.ok()) return std::move(read).status();
    if (read->end()) return bytes;
    bytes += read->data();
  }
}

std::string VersionName(const ::testing::TestParamInfo<v1::TlsVersion>& info) {
  return info.param == v1::TLS_VERSION_TLS_1_2 ? "Tls12" : "Tls13";
}

}  // namespace tlsd::testing
