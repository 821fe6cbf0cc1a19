// ControlClient makes the calls of tlsd.v1 for tests, from the generated stubs
// and nothing else: tests that use it test the contract. Errors come back as
// absl::Status with their detail.
//
//   ASSERT_OK_AND_ASSIGN(const v1::Listener listener, client.Call(request));
//
// Every call has a deadline. Several threads may use a ControlClient; the calls
// themselves (StreamClient, EventWatch) belong to one thread, except where they
// say so. gRPC's headers stay in the .cc, because they are slow to compile.
#ifndef TLSD_TESTS_TESTING_CONTROL_CLIENT_H_
#define TLSD_TESTS_TESTING_CONTROL_CLIENT_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/empty.pb.h"
#include "tlsd/v1/admin_service.pb.h"
#include "tlsd/v1/certificate_service.pb.h"
#include "tlsd/v1/connection_service.pb.h"
#include "tlsd/v1/decision_service.pb.h"
#include "tlsd/v1/event_service.pb.h"
#include "tlsd/v1/listener_service.pb.h"
#include "tlsd/v1/secure_context_service.pb.h"
#include "tlsd/v1/secure_pair_service.pb.h"

namespace grpc {
class Channel;
class ClientContext;
}  // namespace grpc

namespace tlsd::testing {

// How long calls may take that take no time unless something is wrong.
inline constexpr absl::Duration kCallTimeout = absl::Seconds(30);

// CallContext is for one call: its deadline, and a way to cancel it from any
// thread, before or while it runs.
class CallContext {
 public:
  explicit CallContext(absl::Duration timeout = kCallTimeout);
  ~CallContext();

  void Cancel();
  grpc::ClientContext& rpc() { return *rpc_; }

 private:
  const std::unique_ptr<grpc::ClientContext> rpc_;
};

class ControlClient {
 public:
  // How much gRPC reads ahead of a caller that does not: 64 KiB, or what it
  // thinks is good.
  enum class Window { kAutomatic, kSmall };

  // `address` is the control address, e.g. "unix:/path". Each client has a
  // socket of its own.
  explicit ControlClient(const std::string& address,
                         Window window = Window::kAutomatic);
  ~ControlClient();

  // Call makes the unary call that takes `request`. Without `context` it gets
  // one of its own.
#define TLSD_TEST_CALL(Request, Response)                   \
  absl::StatusOr<Response> Call(const v1::Request& request, \
                                CallContext* context = nullptr)
  TLSD_TEST_CALL(CreateSecureContextRequest, v1::SecureContext);
  TLSD_TEST_CALL(GetSecureContextRequest, v1::SecureContext);
  TLSD_TEST_CALL(ListSecureContextsRequest, v1::ListSecureContextsResponse);
  TLSD_TEST_CALL(UpdateSecureContextRequest, v1::SecureContext);
  TLSD_TEST_CALL(DeleteSecureContextRequest, google::protobuf::Empty);
  TLSD_TEST_CALL(ListAlgorithmsRequest, v1::ListAlgorithmsResponse);
  TLSD_TEST_CALL(RotateTicketKeysRequest, v1::RotateTicketKeysResponse);
  TLSD_TEST_CALL(SetOcspResponseRequest, v1::SecureContext);
  TLSD_TEST_CALL(CreateListenerRequest, v1::Listener);
  TLSD_TEST_CALL(GetListenerRequest, v1::Listener);
  TLSD_TEST_CALL(ListListenersRequest, v1::ListListenersResponse);
  TLSD_TEST_CALL(DeleteListenerRequest, v1::Listener);
  TLSD_TEST_CALL(AddContextRequest, v1::Listener);
  TLSD_TEST_CALL(RemoveContextRequest, v1::Listener);
  TLSD_TEST_CALL(ListContextsRequest, v1::ListContextsResponse);
  TLSD_TEST_CALL(ConnectRequest, v1::Connection);
  TLSD_TEST_CALL(AcceptRequest, v1::Connection);
  TLSD_TEST_CALL(GetConnectionRequest, v1::Connection);
  TLSD_TEST_CALL(GetPeerCertificateRequest, v1::GetPeerCertificateResponse);
  TLSD_TEST_CALL(GetSessionRequest, v1::GetSessionResponse);
  TLSD_TEST_CALL(GetTlsTicketRequest, v1::GetTlsTicketResponse);
  TLSD_TEST_CALL(ListConnectionsRequest, v1::ListConnectionsResponse);
  TLSD_TEST_CALL(ReadRequest, v1::ReadResponse);
  TLSD_TEST_CALL(WriteRequest, v1::WriteResponse);
  TLSD_TEST_CALL(ShutdownRequest, v1::Connection);
  TLSD_TEST_CALL(CloseRequest, v1::Connection);
  TLSD_TEST_CALL(ResetRequest, v1::Connection);
  TLSD_TEST_CALL(UpgradeRequest, v1::Connection);
  TLSD_TEST_CALL(PipeRequest, v1::Connection);
  TLSD_TEST_CALL(SetSocketOptionsRequest, v1::Connection);
  TLSD_TEST_CALL(SetMaxSendFragmentRequest, v1::Connection);
  TLSD_TEST_CALL(ExportKeyingMaterialRequest, v1::ExportKeyingMaterialResponse);
  TLSD_TEST_CALL(GetChannelBindingsRequest, v1::GetChannelBindingsResponse);
  TLSD_TEST_CALL(UpdateKeysRequest, v1::Connection);
  TLSD_TEST_CALL(RenegotiateRequest, v1::RenegotiateResponse);
  TLSD_TEST_CALL(CreateSecurePairRequest, v1::SecurePair);
  TLSD_TEST_CALL(WaitDecisionRequest, v1::Decision);
  TLSD_TEST_CALL(ResolveDecisionRequest, v1::ResolveDecisionResponse);
  TLSD_TEST_CALL(ListDecisionsRequest, v1::ListDecisionsResponse);
  TLSD_TEST_CALL(ListEventsRequest, v1::ListEventsResponse);
  TLSD_TEST_CALL(GetServerInfoRequest, v1::ServerInfo);
  TLSD_TEST_CALL(ParseCertificateRequest, v1::ParseCertificateResponse);
  TLSD_TEST_CALL(CheckServerIdentityRequest, v1::CheckServerIdentityResponse);
  TLSD_TEST_CALL(ListOwnCertificatesRequest, v1::ListOwnCertificatesResponse);
  TLSD_TEST_CALL(ListTrustedCertificatesRequest,
                 v1::ListTrustedCertificatesResponse);
#undef TLSD_TEST_CALL

  const std::shared_ptr<grpc::Channel>& channel() { return channel_; }

 private:
  struct Stubs;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<Stubs> stubs_;
};

// StreamClient is a call of `Stream`.
class StreamClient {
 public:
  // Open starts the call and sends nothing yet.
  static std::unique_ptr<StreamClient> Open(
      ControlClient& client, absl::Duration timeout = kCallTimeout);
  // Attach starts the call and waits for `attached`.
  static absl::StatusOr<std::unique_ptr<StreamClient>> Attach(
      ControlClient& client, const v1::StreamAttach& attach,
      absl::Duration timeout = kCallTimeout);
  static absl::StatusOr<std::unique_ptr<StreamClient>> Attach(
      ControlClient& client, const v1::Connection& connection);

  // Cancels the call if it has not ended.
  ~StreamClient();

  // What `attached` said.
  const v1::Connection& attached() const { return attached_; }

  // One thread may send while another receives. They return false when the
  // call has ended: `Finish` says why.
  bool Send(const v1::StreamRequest& request);
  bool SendData(absl::string_view bytes);
  bool SendText(absl::string_view text);
  void HalfClose();

  // Receive returns the next message, or nothing when the call has ended.
  std::optional<v1::StreamResponse> Receive();
  // ReceiveBytes returns data and text until there are `size` of them, or until
  // `end` or the end of the call.
  std::string ReceiveBytes(size_t size);
  // ReceiveAll returns data and text until `end`; has_end says if it came.
  std::string ReceiveAll();
  bool has_end() const { return has_end_; }

  void Cancel() { context_.Cancel(); }
  // Finish reads and drops what is left, and returns how the call ended.
  absl::Status Finish();

 private:
  struct Rpc;
  explicit StreamClient(absl::Duration timeout);

  CallContext context_;
  std::unique_ptr<Rpc> rpc_;
  v1::Connection attached_;
  bool has_end_ = false;
  bool finished_ = false;
};

// EventWatch is a call of `WatchEvents`.
class EventWatch {
 public:
  // Start waits for the first bookmark.
  static absl::StatusOr<std::unique_ptr<EventWatch>> Start(
      ControlClient& client, const v1::WatchEventsRequest& request,
      absl::Duration timeout = kCallTimeout);

  // Cancels the call.
  ~EventWatch();

  const v1::Bookmark& first_bookmark() const { return first_bookmark_; }

  // Receive returns the next message of any kind, or why the call has ended.
  absl::StatusOr<v1::WatchEventsResponse> Receive();
  // Next returns the next event.
  absl::StatusOr<v1::Event> Next();
  // WaitFor returns the next event of `type` about `subject`, which may also be
  // the listener of a connection; "" is any. It skips what does not fit.
  absl::StatusOr<v1::Event> WaitFor(v1::EventType type,
                                    absl::string_view subject = "");

 private:
  struct Rpc;
  explicit EventWatch(absl::Duration timeout);

  CallContext context_;
  std::unique_ptr<Rpc> rpc_;
  v1::Bookmark first_bookmark_;
  std::optional<absl::Status> end_;
};

}  // namespace tlsd::testing

#endif  // TLSD_TESTS_TESTING_CONTROL_CLIENT_H_
