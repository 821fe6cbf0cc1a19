#include "server/control/control_server.h"

#include <grpc/grpc.h>
#include <grpc/support/log.h>
#include <grpcpp/ext/channelz_service_plugin.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>

#include <utility>

#include "absl/base/call_once.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "proto/rpc/callback_waker.h"
#include "proto/status/error.h"
#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/control/admin_service.h"
#include "server/control/certificate_service.h"
#include "server/control/connection_service.h"
#include "server/control/decision_service.h"
#include "server/control/event_service.h"
#include "server/control/key_log_service.h"
#include "server/control/listener_service.h"
#include "server/control/secure_context_service.h"
#include "server/control/secure_pair_service.h"
#include "server/net/control_socket.h"
#include "server/net/socket_address.h"

namespace tlsd::control {
namespace {

constexpr int kMessageBytesMax = 4 * 1024 * 1024;
constexpr int kHeaderBytesMax = 16 * 1024;
constexpr int kStreamCountMax = 1000;
constexpr size_t kMemoryBytesMax = size_t{256} * 1024 * 1024;

// Limits hold against clients that are clumsy, not only those that are hostile
// (docs/defaults.md).
void SetLimits(grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(kMessageBytesMax);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kHeaderBytesMax);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kStreamCountMax);
  // Else a second daemon would share the port of the first.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(
      GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10000);
  grpc::ResourceQuota quota("control");
  builder.SetResourceQuota(quota.Resize(kMemoryBytesMax));
}

// Into the daemon's own log, which has one form and never waits for its reader.
void LogOfGrpc(gpr_log_func_args* args) {
  base::Log(args->severity == GPR_LOG_SEVERITY_ERROR ? base::Severity::kWarning
                                                     : base::Severity::kInfo,
            "grpc", {{"says", args->message}});
}

void InitPlugins() {
  static absl::once_flag once;
  absl::call_once(once, [] {
    gpr_set_log_function(LogOfGrpc);
    // Never given back: the last grpc_shutdown joins a thread that sleeps for
    // up to 20 s after a write that had to wait (tcp_posix.cc, run_poller).
    grpc_init();
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::channelz::experimental::InitChannelzService();
  });
}

// Refuses every TCP address but loopback.
absl::Status CheckTcp(const net::Endpoint& endpoint, const std::string& address,
                      TcpControl tcp) {
  const bool loopback = endpoint.host == "127.0.0.1" || endpoint.host == "::1";
  if (loopback && tcp == TcpControl::kAllow) return absl::OkStatus();
  return MakeError(
      Reason::kAddressDenied,
      loopback
          ? absl::StrCat("control address ", QuoteForMessage(address),
                         ": any user of this host can reach a TCP port; use "
                         "unix:/path, or allow it with --allow_tcp_control")
          : absl::StrCat("control address ", QuoteForMessage(address),
                         ": the control port has no authentication and may "
                         "not leave the host; allowed: unix:/path, or "
                         "127.0.0.1:port and [::1]:port with "
                         "--allow_tcp_control"),
      {{"field", "control"}, {"got", address}});
}

class GrpcControlServer final : public ControlServer {
 public:
  explicit GrpcControlServer(const Core& core)
      : secure_contexts_(core.contexts, core.events, core.expiry_watch,
                         core.authority, core.key_log != nullptr),
        listeners_(core.contexts, core.listeners, core.default_context),
        connections_(core.pool, core.contexts, core.listeners,
                     core.default_context),
        secure_pairs_(core.pool, core.contexts, core.listeners,
                      core.default_context),
        certificates_(core.contexts, core.default_context),
        events_(core.events),
        decisions_(core.decisions, core.contexts),
        key_log_(core.key_log, core.events.loop()),
        admin_(core.pool, core.contexts, core.listeners, core.decisions,
               core.authority, core.key_log) {}

  ~GrpcControlServer() override { Stop(absl::ZeroDuration()); }

  absl::Status Listen(const std::string& address, TcpControl tcp) {
    TLSD_ASSIGN_OR_RETURN(const net::Endpoint endpoint,
                          net::ParseEndpoint("control", address));
    InitPlugins();
    waker_ = rpc::CallbackWaker::Shared();
    grpc::ServerBuilder builder;
    SetLimits(builder);
    builder.RegisterService(&secure_contexts_);
    builder.RegisterService(&listeners_);
    builder.RegisterService(&connections_);
    builder.RegisterService(&secure_pairs_);
    builder.RegisterService(&certificates_);
    builder.RegisterService(&events_);
    builder.RegisterService(&decisions_);
    builder.RegisterService(&key_log_);
    builder.RegisterService(&admin_);
    if (endpoint.is_unix()) {
      address_ = endpoint.ToString();
      TLSD_RETURN_IF_ERROR(ListenUnix(endpoint.path, builder));
    } else {
      TLSD_RETURN_IF_ERROR(CheckTcp(endpoint, address, tcp));
      TLSD_RETURN_IF_ERROR(ListenTcp(endpoint, builder));
    }
    ServeHealth();
    return absl::OkStatus();
  }

  const std::string& address() const override { return address_; }

  void Stop(absl::Duration grace) override {
    socket_.reset();
    if (server_ == nullptr) return;
    server_->GetHealthCheckService()->SetServingStatus(false);
    server_->Shutdown(absl::ToChronoTime(absl::Now() + grace));
    server_->Wait();
    server_.reset();
  }

 private:
  absl::Status ListenUnix(const std::string& path,
                          grpc::ServerBuilder& builder) {
    TLSD_ASSIGN_OR_RETURN(socket_, net::ControlSocket::Create(path));
    // gRPC's own unix listener takes its mode from the umask, unlinks whatever
    // is at the path, and asks nobody who they are.
    acceptor_ = builder.experimental().AddExternalConnectionAcceptor(
        grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
        grpc::InsecureServerCredentials());
    server_ = builder.BuildAndStart();
    if (server_ == nullptr) {
      return MakeError(Reason::kInternal, "gRPC could not start its server");
    }
    socket_->Start([this](int descriptor) {
      grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters
          parameters;
      parameters.listener_fd = -1;
      parameters.fd = descriptor;
      acceptor_->HandleNewConnection(&parameters);
    });
    return absl::OkStatus();
  }

  absl::Status ListenTcp(const net::Endpoint& endpoint,
                         grpc::ServerBuilder& builder) {
    int port = 0;
    builder.AddListeningPort(endpoint.ToString(),
                             grpc::InsecureServerCredentials(), &port);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || port == 0) {
      server_.reset();
      return MakeError(Reason::kAddressInUse,
                       absl::StrCat("control address ", endpoint.ToString(),
                                    " cannot be bound; is another daemon "
                                    "there?"),
                       {{"field", "control"}, {"got", endpoint.ToString()}});
    }
    net::Endpoint bound = endpoint;
    bound.port = static_cast<uint16_t>(port);
    address_ = bound.ToString();
    return absl::OkStatus();
  }

  void ServeHealth() {
    for (const char* service : {v1::SecureContextService::service_full_name(),
                                v1::ListenerService::service_full_name(),
                                v1::ConnectionService::service_full_name(),
                                v1::SecurePairService::service_full_name(),
                                v1::CertificateService::service_full_name(),
                                v1::EventService::service_full_name(),
                                v1::DecisionService::service_full_name(),
                                v1::KeyLogService::service_full_name(),
                                v1::AdminService::service_full_name()}) {
      server_->GetHealthCheckService()->SetServingStatus(service, true);
    }
  }

  SecureContextService secure_contexts_;
  ListenerService listeners_;
  ConnectionService connections_;
  SecurePairService secure_pairs_;
  CertificateService certificates_;
  EventService events_;
  DecisionService decisions_;
  KeyLogService key_log_;
  AdminService admin_;
  std::string address_;
  std::shared_ptr<rpc::CallbackWaker> waker_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_;
  std::unique_ptr<grpc::Server> server_;
  // Last, so that nobody is accepted while the server goes.
  std::unique_ptr<net::ControlSocket> socket_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ControlServer>> ControlServer::Start(
    const std::string& address, TcpControl tcp, const Core& core) {
  auto server = std::make_unique<GrpcControlServer>(core);
  TLSD_RETURN_IF_ERROR(server->Listen(address, tcp));
  return server;
}

}  // namespace tlsd::control
