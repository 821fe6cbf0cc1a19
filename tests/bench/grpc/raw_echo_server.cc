// A server of gRPC that gives back every message of a `Stream`, and does
// nothing else: what gRPC costs without tlsd. It is written as its users write
// servers, on the callback API.
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/status/status.h"
#include "tests/bench/grpc/grpc_program.h"
#include "tlsd/v1/connection_service.grpc.pb.h"

ABSL_FLAG(std::string, listen, "127.0.0.1:0",
          "where: unix:/path, or 127.0.0.1:port; port 0 is a free one");
ABSL_FLAG(int, cpu, -1, "run on this processor only; -1: on any");
ABSL_FLAG(bool, spoil, false,
          "change the first byte of each message, to see that a load notices");

namespace tlsd::bench {
namespace {

class EchoService : public v1::ConnectionService::CallbackService {
 public:
  explicit EchoService(bool spoils) : spoils_(spoils) {}

 private:
  class Echo
      : public grpc::ServerBidiReactor<v1::StreamRequest, v1::StreamResponse> {
   public:
    explicit Echo(bool spoils) : spoils_(spoils) { StartRead(&request_); }

   private:
    void OnReadDone(bool ok) override {
      if (!ok) return Finish(grpc::Status::OK);
      response_.mutable_data()->swap(*request_.mutable_data());
      if (spoils_) response_.mutable_data()->front() ^= 1;
      StartWrite(&response_);
    }
    void OnWriteDone(bool ok) override {
      if (!ok) return Finish(grpc::Status::OK);
      StartRead(&request_);
    }
    void OnDone() override { delete this; }

    const bool spoils_;
    v1::StreamRequest request_;
    v1::StreamResponse response_;
  };

  grpc::ServerBidiReactor<v1::StreamRequest, v1::StreamResponse>* Stream(
      grpc::CallbackServerContext*) override {
    return new Echo(spoils_);
  }

  const bool spoils_;
};

int Main() {
  const absl::Status begun = BeginGrpc(absl::GetFlag(FLAGS_cpu));
  if (!begun.ok()) {
    std::fprintf(stderr, "raw_echo_server: %s\n",
                 std::string(begun.message()).c_str());
    return 2;
  }
  EchoService service(absl::GetFlag(FLAGS_spoil));
  const std::string address = absl::GetFlag(FLAGS_listen);
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    std::fprintf(stderr, "raw_echo_server: cannot listen at %s\n",
                 address.c_str());
    return 1;
  }
  if (address.rfind("unix:", 0) == 0) {
    std::printf("{\"target\":\"%s\"}\n", address.c_str());
  } else {
    std::printf("{\"target\":\"127.0.0.1:%d\"}\n", port);
  }
  std::fflush(stdout);
  AwaitEndOfInput();
  server->Shutdown(std::chrono::system_clock::now());
  return 0;
}

}  // namespace
}  // namespace tlsd::bench

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "raw_echo_server gives back every message of a stream of gRPC, until its "
      "input ends.\n\nIt prints one line: {\"target\":\"unix:/path\"}\n\n"
      "Example: raw_echo_server --listen=unix:/tmp/echo.sock --cpu=0");
  if (absl::ParseCommandLine(argc, argv).size() > 1) {
    std::fprintf(stderr, "raw_echo_server: unexpected argument\n");
    return 2;
  }
  return tlsd::bench::Main();
}
