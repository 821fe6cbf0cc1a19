#include "tests/testing/control_client.h"

#include <grpcpp/grpcpp.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "proto/status/rpc_status.h"
#include "tlsd/v1/admin_service.grpc.pb.h"
#include "tlsd/v1/certificate_service.grpc.pb.h"
#include "tlsd/v1/connection_service.grpc.pb.h"
#include "tlsd/v1/decision_service.grpc.pb.h"
#include "tlsd/v1/event_service.grpc.pb.h"
#include "tlsd/v1/listener_service.grpc.pb.h"
#include "tlsd/v1/secure_context_service.grpc.pb.h"
#include "tlsd/v1/secure_pair_service.grpc.pb.h"

namespace tlsd::testing {
namespace {

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address,
                                           ControlClient::Window window) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  if (window == ControlClient::Window::kSmall) {
    arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  }
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(),
                                   arguments);
}

template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> Unary(
    Stub& stub,
    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                 Response*),
    const Request& request, CallContext* context) {
  CallContext own;
  Response response;
  const grpc::Status status = (stub.*method)(
      context == nullptr ? &own.rpc() : &context->rpc(), request, &response);
  if (!status.ok()) return FromRpcStatus(status);
  return response;
}

}  // namespace

CallContext::CallContext(absl::Duration timeout)
    : rpc_(std::make_unique<grpc::ClientContext>()) {
  rpc_->set_deadline(absl::ToChronoTime(absl::Now() + timeout));
}

CallContext::~CallContext() = default;

void CallContext::Cancel() { rpc_->TryCancel(); }

struct ControlClient::Stubs {
  explicit Stubs(const std::shared_ptr<grpc::Channel>& channel)
      : contexts(channel),
        listeners(channel),
        connections(channel),
        pairs(channel),
        decisions(channel),
        events(channel),
        admin(channel),
        certificates(channel) {}

  v1::SecureContextService::Stub contexts;
  v1::ListenerService::Stub listeners;
  v1::ConnectionService::Stub connections;
  v1::SecurePairService::Stub pairs;
  v1::DecisionService::Stub decisions;
  v1::EventService::Stub events;
  v1::AdminService::Stub admin;
  v1::CertificateService::Stub certificates;
};

ControlClient::ControlClient(const std::string& address, Window window)
    : channel_(MakeChannel(address, window)),
      stubs_(std::make_unique<Stubs>(channel_)) {}

ControlClient::~ControlClient() = default;

#define TLSD_TEST_CALL(stub, Method, Response)                          \
  absl::StatusOr<Response> ControlClient::Call(                         \
      const v1::Method##Request& request, CallContext* context) {       \
    return Unary(stubs_->stub, &decltype(Stubs::stub)::Method, request, \
                 context);                                              \
  }
TLSD_TEST_CALL(contexts, CreateSecureContext, v1::SecureContext)
TLSD_TEST_CALL(contexts, GetSecureContext, v1::SecureContext)
TLSD_TEST_CALL(contexts, ListSecureContexts, v1::ListSecureContextsResponse)
TLSD_TEST_CALL(contexts, UpdateSecureContext, v1::SecureContext)
TLSD_TEST_CALL(contexts, DeleteSecureContext, google::protobuf::Empty)
TLSD_TEST_CALL(contexts, ListAlgorithms, v1::ListAlgorithmsResponse)
TLSD_TEST_CALL(contexts, RotateTicketKeys, v1::RotateTicketKeysResponse)
TLSD_TEST_CALL(contexts, SetOcspResponse, v1::SecureContext)
TLSD_TEST_CALL(listeners, CreateListener, v1::Listener)
TLSD_TEST_CALL(listeners, GetListener, v1::Listener)
TLSD_TEST_CALL(listeners, ListListeners, v1::ListListenersResponse)
TLSD_TEST_CALL(listeners, DeleteListener, v1::Listener)
TLSD_TEST_CALL(listeners, AddContext, v1::Listener)
TLSD_TEST_CALL(listeners, RemoveContext, v1::Listener)
TLSD_TEST_CALL(listeners, ListContexts, v1::ListContextsResponse)
TLSD_TEST_CALL(connections, Connect, v1::Connection)
TLSD_TEST_CALL(connections, Accept, v1::Connection)
TLSD_TEST_CALL(connections, GetConnection, v1::Connection)
TLSD_TEST_CALL(connections, GetPeerCertificate, v1::GetPeerCertificateResponse)
TLSD_TEST_CALL(connections, GetSession, v1::GetSessionResponse)
TLSD_TEST_CALL(connections, GetTlsTicket, v1::GetTlsTicketResponse)
TLSD_TEST_CALL(connections, ListConnections, v1::ListConnectionsResponse)
TLSD_TEST_CALL(connections, Read, v1::ReadResponse)
TLSD_TEST_CALL(connections, Write, v1::WriteResponse)
TLSD_TEST_CALL(connections, Shutdown, v1::Connection)
TLSD_TEST_CALL(connections, Close, v1::Connection)
TLSD_TEST_CALL(connections, Reset, v1::Connection)
TLSD_TEST_CALL(connections, Upgrade, v1::Connection)
TLSD_TEST_CALL(connections, Pipe, v1::Connection)
TLSD_TEST_CALL(connections, SetSocketOptions, v1::Connection)
TLSD_TEST_CALL(connections, SetMaxSendFragment, v1::Connection)
TLSD_TEST_CALL(connections, ExportKeyingMaterial,
               v1::ExportKeyingMaterialResponse)
TLSD_TEST_CALL(connections, GetChannelBindings, v1::GetChannelBindingsResponse)
TLSD_TEST_CALL(connections, UpdateKeys, v1::Connection)
TLSD_TEST_CALL(connections, Renegotiate, v1::RenegotiateResponse)
TLSD_TEST_CALL(pairs, CreateSecurePair, v1::SecurePair)
TLSD_TEST_CALL(decisions, WaitDecision, v1::Decision)
TLSD_TEST_CALL(decisions, ResolveDecision, v1::ResolveDecisionResponse)
TLSD_TEST_CALL(decisions, ListDecisions, v1::ListDecisionsResponse)
TLSD_TEST_CALL(events, ListEvents, v1::ListEventsResponse)
TLSD_TEST_CALL(admin, GetServerInfo, v1::ServerInfo)
TLSD_TEST_CALL(certificates, ParseCertificate, v1::ParseCertificateResponse)
TLSD_TEST_CALL(certificates, CheckServerIdentity,
               v1::CheckServerIdentityResponse)
TLSD_TEST_CALL(certificates, ListOwnCertificates,
               v1::ListOwnCertificatesResponse)
TLSD_TEST_CALL(certificates, ListTrustedCertificates,
               v1::ListTrustedCertificatesResponse)
#undef TLSD_TEST_CALL

struct StreamClient::Rpc {
  std::unique_ptr<v1::ConnectionService::Stub> stub;
  std::unique_ptr<
      grpc::ClientReaderWriter<v1::StreamRequest, v1::StreamResponse>>
      stream;
};

StreamClient::StreamClient(absl::Duration timeout) : context_(timeout) {}

std::unique_ptr<StreamClient> StreamClient::Open(ControlClient& client,
                                                 absl::Duration timeout) {
  std::unique_ptr<StreamClient> stream(new StreamClient(timeout));
  stream->rpc_ = std::make_unique<Rpc>();
  stream->rpc_->stub = v1::ConnectionService::NewStub(client.channel());
  stream->rpc_->stream = stream->rpc_->stub->Stream(&stream->context_.rpc());
  return stream;
}

absl::StatusOr<std::unique_ptr<StreamClient>> StreamClient::Attach(
    ControlClient& client, const v1::StreamAttach& attach,
    absl::Duration timeout) {
  std::unique_ptr<StreamClient> stream = Open(client, timeout);
  v1::StreamRequest request;
  *request.mutable_attach() = attach;
  stream->Send(request);
  const std::optional<v1::StreamResponse> first = stream->Receive();
  if (!first.has_value()) return stream->Finish();
  if (!first->has_attached()) {
    return absl::InternalError(
        absl::StrCat("first answer: ", first->ShortDebugString()));
  }
  stream->attached_ = first->attached();
  return stream;
}

absl::StatusOr<std::unique_ptr<StreamClient>> StreamClient::Attach(
    ControlClient& client, const v1::Connection& connection) {
  v1::StreamAttach attach;
  attach.set_connection(connection.name());
  return Attach(client, attach);
}

StreamClient::~StreamClient() {
  if (finished_) return;
  Cancel();
  Finish().IgnoreError();
}

bool StreamClient::Send(const v1::StreamRequest& request) {
  return rpc_->stream->Write(request);
}

bool StreamClient::SendData(absl::string_view bytes) {
  v1::StreamRequest request;
  request.set_data(std::string(bytes));
  return Send(request);
}

bool StreamClient::SendText(absl::string_view text) {
  v1::StreamRequest request;
  request.set_text(std::string(text));
  return Send(request);
}

void StreamClient::HalfClose() { rpc_->stream->WritesDone(); }

std::optional<v1::StreamResponse> StreamClient::Receive() {
  v1::StreamResponse response;
  if (!rpc_->stream->Read(&response)) return std::nullopt;
  if (response.has_end()) has_end_ = true;
  return response;
}

std::string StreamClient::ReceiveBytes(size_t size) {
  std::string bytes;
  while (bytes.size() < size) {
    const std::optional<v1::StreamResponse> response = Receive();
    if (!response.has_value() || has_end_) break;
    bytes += response->has_text() ? response->text() : response->data();
  }
  return bytes;
}

std::string StreamClient::ReceiveAll() {
  return ReceiveBytes(std::string::npos);
}

absl::Status StreamClient::Finish() {
  while (Receive().has_value()) {
  }
  finished_ = true;
  return FromRpcStatus(rpc_->stream->Finish());
}

struct EventWatch::Rpc {
  std::unique_ptr<v1::EventService::Stub> stub;
  std::unique_ptr<grpc::ClientReader<v1::WatchEventsResponse>> stream;
};

EventWatch::EventWatch(absl::Duration timeout) : context_(timeout) {}

absl::StatusOr<std::unique_ptr<EventWatch>> EventWatch::Start(
    ControlClient& client, const v1::WatchEventsRequest& request,
    absl::Duration timeout) {
  std::unique_ptr<EventWatch> watch(new EventWatch(timeout));
  watch->rpc_ = std::make_unique<Rpc>();
  watch->rpc_->stub = v1::EventService::NewStub(client.channel());
  watch->rpc_->stream =
      watch->rpc_->stub->WatchEvents(&watch->context_.rpc(), request);
  const absl::StatusOr<v1::WatchEventsResponse> first = watch->Receive();
  if (!first.ok()) return first.status();
  if (!first->has_bookmark()) {
    return absl::InternalError(
        absl::StrCat("first message: ", first->ShortDebugString()));
  }
  watch->first_bookmark_ = first->bookmark();
  return watch;
}

EventWatch::~EventWatch() {
  context_.Cancel();
  while (Receive().ok()) {
  }
}

absl::StatusOr<v1::WatchEventsResponse> EventWatch::Receive() {
  v1::WatchEventsResponse response;
  if (!end_.has_value() && rpc_->stream->Read(&response)) return response;
  if (!end_.has_value()) end_ = FromRpcStatus(rpc_->stream->Finish());
  return end_->ok() ? absl::OutOfRangeError("the watch ended with OK") : *end_;
}

absl::StatusOr<v1::Event> EventWatch::Next() {
  while (true) {
    absl::StatusOr<v1::WatchEventsResponse> response = Receive();
    if (!response.ok()) return std::move(response).status();
    if (response->has_event()) return response->event();
  }
}

absl::StatusOr<v1::Event> EventWatch::WaitFor(v1::EventType type,
                                              absl::string_view subject) {
  while (true) {
    absl::StatusOr<v1::Event> event = Next();
    if (!event.ok() || (event->type() == type &&
                        (subject.empty() || event->subject() == subject ||
                         event->connection().listener() == subject))) {
      return event;
    }
  }
}

}  // namespace tlsd::testing
