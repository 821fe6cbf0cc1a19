// ConnectionService is the adapter of the proto service of that name: it
// decodes, makes one call, and encodes. `StreamCall` is its bidirectional
// method; what does more to a connection than carry its cleartext is in
// connection_controls.cc. The control server owns it; gRPC's threads call it.
#ifndef TLSD_SERVER_CONTROL_CONNECTION_SERVICE_H_
#define TLSD_SERVER_CONTROL_CONNECTION_SERVICE_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "server/conn/stream_sink.h"
#include "server/control/connection_options.h"
#include "server/control/unary_call.h"
#include "server/tls/secure_context.h"
#include "server/worker/context_table.h"
#include "server/worker/listener_table.h"
#include "server/worker/worker_pool.h"
#include "tlsd/v1/connection_service.grpc.pb.h"

namespace tlsd::control {

// WithMethods adds what handles each method to the generated `Service`.
template <typename Service, template <typename> typename... Methods>
struct WithMethods {
  using Type = Service;
};
template <typename Service, template <typename> typename First,
          template <typename> typename... Rest>
struct WithMethods<Service, First, Rest...> {
  using Type = First<typename WithMethods<Service, Rest...>::Type>;
};

// As the generated CallbackService, but that Stream gets and gives the bytes of
// its messages.
using RawConnectionService =
    WithMethods<v1::ConnectionService::Service,
                v1::ConnectionService::WithCallbackMethod_Connect,
                v1::ConnectionService::WithCallbackMethod_Accept,
                v1::ConnectionService::WithCallbackMethod_GetConnection,
                v1::ConnectionService::WithCallbackMethod_GetPeerCertificate,
                v1::ConnectionService::WithCallbackMethod_GetSession,
                v1::ConnectionService::WithCallbackMethod_GetTlsTicket,
                v1::ConnectionService::WithCallbackMethod_ListConnections,
                v1::ConnectionService::WithRawCallbackMethod_Stream,
                v1::ConnectionService::WithCallbackMethod_Read,
                v1::ConnectionService::WithCallbackMethod_Write,
                v1::ConnectionService::WithCallbackMethod_Shutdown,
                v1::ConnectionService::WithCallbackMethod_Close,
                v1::ConnectionService::WithCallbackMethod_Reset,
                v1::ConnectionService::WithCallbackMethod_Upgrade,
                v1::ConnectionService::WithCallbackMethod_Pipe,
                v1::ConnectionService::WithCallbackMethod_SetSocketOptions,
                v1::ConnectionService::WithCallbackMethod_SetMaxSendFragment,
                v1::ConnectionService::WithCallbackMethod_ExportKeyingMaterial,
                v1::ConnectionService::WithCallbackMethod_GetChannelBindings,
                v1::ConnectionService::WithCallbackMethod_UpdateKeys,
                v1::ConnectionService::WithCallbackMethod_Renegotiate>::Type;

class ConnectionService final : public RawConnectionService {
 public:
  // `default_context` serves a Connect that names none. All must outlive the
  // service.
  ConnectionService(worker::WorkerPool& pool,
                    const worker::ContextTable& contexts,
                    worker::ListenerTable& listeners,
                    std::shared_ptr<const tls::SecureContext> default_context);

  grpc::ServerUnaryReactor* Connect(grpc::CallbackServerContext* context,
                                    const v1::ConnectRequest* request,
                                    v1::Connection* response) override;
  grpc::ServerUnaryReactor* Accept(grpc::CallbackServerContext* context,
                                   const v1::AcceptRequest* request,
                                   v1::Connection* response) override;
  grpc::ServerUnaryReactor* GetConnection(
      grpc::CallbackServerContext* context,
      const v1::GetConnectionRequest* request,
      v1::Connection* response) override;
  grpc::ServerUnaryReactor* GetSession(
      grpc::CallbackServerContext* context,
      const v1::GetSessionRequest* request,
      v1::GetSessionResponse* response) override;
  grpc::ServerUnaryReactor* GetTlsTicket(
      grpc::CallbackServerContext* context,
      const v1::GetTlsTicketRequest* request,
      v1::GetTlsTicketResponse* response) override;
  grpc::ServerUnaryReactor* ListConnections(
      grpc::CallbackServerContext* context,
      const v1::ListConnectionsRequest* request,
      v1::ListConnectionsResponse* response) override;
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Stream(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* Read(grpc::CallbackServerContext* context,
                                 const v1::ReadRequest* request,
                                 v1::ReadResponse* response) override;
  grpc::ServerUnaryReactor* Write(grpc::CallbackServerContext* context,
                                  const v1::WriteRequest* request,
                                  v1::WriteResponse* response) override;
  grpc::ServerUnaryReactor* GetPeerCertificate(
      grpc::CallbackServerContext* context,
      const v1::GetPeerCertificateRequest* request,
      v1::GetPeerCertificateResponse* response) override;
  grpc::ServerUnaryReactor* Shutdown(grpc::CallbackServerContext* context,
                                     const v1::ShutdownRequest* request,
                                     v1::Connection* response) override;
  grpc::ServerUnaryReactor* Close(grpc::CallbackServerContext* context,
                                  const v1::CloseRequest* request,
                                  v1::Connection* response) override;
  grpc::ServerUnaryReactor* Reset(grpc::CallbackServerContext* context,
                                  const v1::ResetRequest* request,
                                  v1::Connection* response) override;
  grpc::ServerUnaryReactor* Upgrade(grpc::CallbackServerContext* context,
                                    const v1::UpgradeRequest* request,
                                    v1::Connection* response) override;
  grpc::ServerUnaryReactor* Pipe(grpc::CallbackServerContext* context,
                                 const v1::PipeRequest* request,
                                 v1::Connection* response) override;
  grpc::ServerUnaryReactor* SetSocketOptions(
      grpc::CallbackServerContext* context,
      const v1::SetSocketOptionsRequest* request,
      v1::Connection* response) override;
  grpc::ServerUnaryReactor* SetMaxSendFragment(
      grpc::CallbackServerContext* context,
      const v1::SetMaxSendFragmentRequest* request,
      v1::Connection* response) override;
  grpc::ServerUnaryReactor* ExportKeyingMaterial(
      grpc::CallbackServerContext* context,
      const v1::ExportKeyingMaterialRequest* request,
      v1::ExportKeyingMaterialResponse* response) override;
  grpc::ServerUnaryReactor* GetChannelBindings(
      grpc::CallbackServerContext* context,
      const v1::GetChannelBindingsRequest* request,
      v1::GetChannelBindingsResponse* response) override;
  grpc::ServerUnaryReactor* UpdateKeys(grpc::CallbackServerContext* context,
                                       const v1::UpdateKeysRequest* request,
                                       v1::Connection* response) override;
  grpc::ServerUnaryReactor* Renegotiate(
      grpc::CallbackServerContext* context,
      const v1::RenegotiateRequest* request,
      v1::RenegotiateResponse* response) override;

 private:
  // AnswerSession answers with what `answer` makes of the session of a client,
  // if it has one.
  template <typename Response>
  grpc::ServerUnaryReactor* AnswerSession(
      const std::string& name, Response* response,
      void (*answer)(const tls::ClientSession& session, Response& response));
  // AnswerWithNewConnection answers `call` with a connection that nobody knows
  // before.
  worker::Worker::ConnectDone AnswerWithNewConnection(
      const std::shared_ptr<UnaryCall>& call, v1::Connection* response);

  // CloseByName closes a connection, if it is still there.
  void CloseByName(const std::string& name);

  // VisitAndAnswer does `act` to the connection called `name` and answers with
  // its facts.
  using Act = absl::AnyInvocable<absl::Status(conn::Connection&) &&>;
  grpc::ServerUnaryReactor* VisitAndAnswer(const std::string& name, Act act,
                                           v1::Connection* response);
  // VisitAndTell answers with what `act` makes of the connection called `name`;
  // `act` fills the response.
  grpc::ServerUnaryReactor* VisitAndTell(const std::string& name, Act act);

  // CarryCleartext starts a read or write on the sink of the connection called
  // `name`; what waits longer than `wait`, or longer than the caller, is ended
  // with `cancel`.
  using StartOnSink =
      absl::AnyInvocable<absl::Status(conn::Connection&, conn::StreamSink&) &&>;
  void CarryCleartext(const std::shared_ptr<UnaryCall>& call,
                      const std::string& name,
                      std::optional<absl::Duration> wait, StartOnSink start,
                      void (conn::StreamSink::*cancel)(const absl::Status&));

  worker::WorkerPool& pool_;
  worker::ListenerTable& listeners_;
  const ConnectionOptionReader options_;
};

}  // namespace tlsd::control

#endif  // TLSD_SERVER_CONTROL_CONNECTION_SERVICE_H_
