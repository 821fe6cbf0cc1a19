#include "tests/bench/grpc/stream_echo.h"

#include <grpcpp/grpcpp.h>

#include <cstdio>
#include <utility>

namespace tlsd::bench {
namespace {

// Calls that wait for a connection.
constexpr int kAcceptCount = 8;

std::unique_ptr<v1::ConnectionService::Stub> NewStub(
    const std::string& control) {
  grpc::ChannelArguments arguments;
  // Proxies are for other hosts.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // Each has a socket of its own.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return v1::ConnectionService::NewStub(grpc::CreateCustomChannel(
      control, grpc::InsecureChannelCredentials(), arguments));
}

// A client that is done does not say so: nobody measures that.
bool IsEndOfLoad(const grpc::Status& status) {
  return status.ok() || status.error_code() == grpc::StatusCode::DATA_LOSS ||
         status.error_code() == grpc::StatusCode::UNAVAILABLE;
}

}  // namespace

class StreamEcho::Stream
    : public grpc::ClientBidiReactor<v1::StreamRequest, v1::StreamResponse> {
 public:
  Stream(StreamEcho& owner, const std::string& connection) : owner_(owner) {
    owner_.OnCallBegin();
    request_.mutable_attach()->set_connection(connection);
    owner_.streams_->async()->Stream(&context_, this);
    StartWrite(&request_);
    StartCall();
  }

 private:
  // When the call has ended, too: it is done only when all that has come was
  // read.
  void OnWriteDone(bool) override { StartRead(&response_); }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    if (response_.has_data()) {
      request_.mutable_data()->swap(*response_.mutable_data());
      if (owner_.spoils_) request_.mutable_data()->front() ^= 1;
      StartWrite(&request_);
    } else if (response_.has_end()) {
      StartWritesDone();
    } else {
      // `attached`.
      StartRead(&response_);
    }
  }

  void OnDone(const grpc::Status& status) override {
    if (!IsEndOfLoad(status)) {
      std::fprintf(stderr, "echo_handler: a stream has ended: %s\n",
                   status.error_message().c_str());
    }
    StreamEcho& owner = owner_;
    delete this;
    owner.OnCallEnd();
  }

  StreamEcho& owner_;
  grpc::ClientContext context_;
  v1::StreamRequest request_;
  v1::StreamResponse response_;
};

StreamEcho::StreamEcho(const std::string& control, std::string listener,
                       bool spoils)
    : listener_(std::move(listener)),
      spoils_(spoils),
      acceptor_(NewStub(control)),
      streams_(NewStub(control)) {}

void StreamEcho::Start() {
  for (int i = 0; i < kAcceptCount; ++i) Accept();
}

void StreamEcho::Accept() {
  struct Call {
    grpc::ClientContext context;
    v1::AcceptRequest request;
    v1::Connection connection;
  };
  OnCallBegin();
  auto call = std::make_shared<Call>();
  call->request.set_listener(listener_);
  acceptor_->async()->Accept(&call->context, &call->request, &call->connection,
                             [this, call](const grpc::Status& status) {
                               if (status.ok()) {
                                 Accept();
                                 new Stream(*this, call->connection.name());
                               } else if (!IsEndOfLoad(status)) {
                                 std::fprintf(stderr,
                                              "echo_handler: Accept: %s\n",
                                              status.error_message().c_str());
                               }
                               OnCallEnd();
                             });
}

void StreamEcho::WaitForEnd() {
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(
      +[](int* call_count) { return *call_count == 0; }, &call_count_));
}

void StreamEcho::OnCallBegin() {
  absl::MutexLock lock(&mutex_);
  ++call_count_;
}

void StreamEcho::OnCallEnd() {
  absl::MutexLock lock(&mutex_);
  --call_count_;
}

}  // namespace tlsd::bench
