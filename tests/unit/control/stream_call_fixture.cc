#include "tests/unit/control/stream_call_fixture.h"

#include <chrono>
#include <random>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "proto/status/error.h"
#include "proto/status/reason.h"
#include "proto/status/rpc_status.h"
#include "server/base/byte_queue.h"
#include "server/control/stream_call.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::control {
namespace {

using conn::Connection;
using testing::IsOk;
using worker::DataPlane;
using worker::EventType;

constexpr absl::Duration kPatience = absl::Seconds(20);

// A service that knows one method.
class StreamService final
    : public v1::ConnectionService::WithRawCallbackMethod_Stream<
          v1::ConnectionService::Service> {
 public:
  explicit StreamService(worker::WorkerPool& pool) : pool_(pool) {}

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Stream(
      grpc::CallbackServerContext* context) override {
    return StreamCall::Start(pool_, *context);
  }

 private:
  worker::WorkerPool& pool_;
};

bool IsNothing(const v1::StreamResponse& response) {
  return response.message_case() == v1::StreamResponse::MESSAGE_NOT_SET;
}

}  // namespace

v1::StreamRequest DataRequest(absl::string_view bytes) {
  v1::StreamRequest request;
  request.set_data(std::string(bytes));
  return request;
}

Caller::Caller(v1::ConnectionService::Stub& stub) {
  context_.set_deadline(absl::ToChronoTime(absl::Now() + kPatience));
  stream_ = stub.Stream(&context_);
}

Caller::~Caller() {
  if (has_finished_) return;
  Cancel();
  stream_->Finish();
}

bool Caller::Send(const v1::StreamRequest& request) {
  return stream_->Write(request);
}

bool Caller::SendData(absl::string_view bytes) {
  return Send(DataRequest(bytes));
}

void Caller::HalfClose() { stream_->WritesDone(); }

void Caller::Cancel() { context_.TryCancel(); }

v1::StreamResponse Caller::Receive() {
  v1::StreamResponse response;
  if (!stream_->Read(&response)) return {};
  has_end_ |= response.has_end();
  return response;
}

std::string Caller::ReceiveBytes(size_t size) {
  std::string bytes;
  while (bytes.size() < size) {
    const v1::StreamResponse response = Receive();
    if (IsNothing(response)) break;
    bytes += response.data() + response.text();
  }
  return bytes;
}

absl::Status Caller::Finish() {
  while (!IsNothing(Receive())) {
  }
  has_finished_ = true;
  return FromRpcStatus(stream_->Finish());
}

StreamCallFixture::StreamCallFixture()
    : service_(std::make_unique<StreamService>(plane_.pool())) {
  worker::ListenerOptions listening =
      DataPlane::OptionsFor(worker::Handler::kStream);
  listening.endpoint = {"", 0, folder_.Path("l")};
  listening.protection = GetParam();
  const worker::ListenerFacts listener =
      plane_.listeners().Create("l1", std::move(listening)).value();
  worker::DialOptions dialling = DataPlane::DialTo(listener.bound_address);
  dialling.connection.protection = GetParam();
  connection_ = plane_.Connect(std::move(dialling)).value().name;
  peer_ = plane_
              .Await(GetParam() == conn::Protection::kNone
                         ? EventType::kConnection
                         : EventType::kSecureConnection,
                     listener.name)
              ->subject();
  grpc::ServerBuilder builder;
  builder.RegisterService(service_.get());
  server_ = builder.BuildAndStart();
  stub_ = v1::ConnectionService::NewStub(server_->InProcessChannel({}));
}

StreamCallFixture::~StreamCallFixture() {
  server_->Shutdown(std::chrono::system_clock::now());
  server_->Wait();
}

v1::StreamRequest StreamCallFixture::AttachRequest(
    v1::DetachPolicy policy) const {
  v1::StreamRequest request;
  request.mutable_attach()->set_connection(connection_);
  request.mutable_attach()->set_detach_policy(policy);
  return request;
}

std::unique_ptr<Caller> StreamCallFixture::Attach(v1::DetachPolicy policy) {
  return Attach(AttachRequest(policy));
}

std::unique_ptr<Caller> StreamCallFixture::Attach(
    const v1::StreamRequest& request) {
  std::unique_ptr<Caller> caller;
  v1::StreamResponse response;
  absl::Status status;
  Until([&] {
    caller = Call();
    caller->Send(request);
    response = caller->Receive();
    if (!IsNothing(response)) return true;
    status = caller->Finish();
    return !HasReason(status, Reason::kConnectionAttached);
  });
  EXPECT_EQ(response.attached().name(), connection_) << status;
  return caller;
}

bool StreamCallFixture::Until(const std::function<bool()>& condition) {
  const absl::Time deadline = absl::Now() + kPatience;
  while (!condition()) {
    if (absl::Now() < deadline) continue;
    ADD_FAILURE() << "it does not come about";
    return false;
  }
  return true;
}

void StreamCallFixture::Do(const std::string& name,
                           std::function<void(Connection&)> task) {
  EXPECT_THAT(plane_.Visit(name, std::move(task)), IsOk());
}

conn::ConnectionFacts StreamCallFixture::Facts() {
  conn::ConnectionFacts facts;
  Do(connection_, [&](Connection& c) { facts = c.facts(); });
  return facts;
}

size_t StreamCallFixture::ReceivedSize() {
  return static_cast<size_t>(Facts().cleartext_bytes_received);
}

size_t StreamCallFixture::UntakenSize() {
  size_t size = 0;
  Do(connection_, [&](Connection& c) { size = c.cleartext().size(); });
  return size;
}

void StreamCallFixture::SendPiece(absl::string_view piece) {
  const size_t size = ReceivedSize() + piece.size();
  Do(peer_, [&](Connection& c) {
    EXPECT_THAT(c.Write(base::AsBytes(piece)), IsOk());
  });
  Until([&] { return ReceivedSize() >= size; });
}

std::string StreamCallFixture::SendUntilFull() {
  std::mt19937 random(5);
  std::string sent;
  Until([&] {
    Do(peer_, [&](Connection& c) {
      if (!c.writable()) return;
      std::string piece(10'000, '\0');
      for (char& byte : piece) byte = static_cast<char>(random());
      EXPECT_THAT(c.Write(base::AsBytes(piece)), IsOk());
      sent += piece;
    });
    return UntakenSize() >= Connection::kQueueBytesMax;
  });
  return sent;
}

void StreamCallFixture::EndPeer() {
  Do(peer_, [](Connection& c) { EXPECT_THAT(c.Shutdown(), IsOk()); });
}

std::string StreamCallFixture::WriteUntilFull() {
  const std::string piece(10'000, 'f');
  std::string written;
  Until([&] {
    bool is_full = false;
    bool is_peer_full = false;
    Do(peer_, [&](Connection& c) {
      is_peer_full = c.cleartext().size() >= Connection::kQueueBytesMax;
    });
    Do(connection_, [&](Connection& c) {
      is_full = is_peer_full && !c.writable();
      if (!c.writable()) return;
      EXPECT_THAT(c.Write(base::AsBytes(piece)), IsOk());
      written += piece;
    });
    return is_full;
  });
  return written;
}

std::string StreamCallFixture::TakeFromPeer(size_t size) {
  std::string taken;
  Until([&] {
    bool has_ended = false;
    Do(peer_, [&](Connection& c) {
      taken += c.TakeReadable(size - taken.size());
      has_ended = c.at_end() || (c.state() == conn::ConnectionState::kClosed &&
                                 c.cleartext().empty());
    });
    return taken.size() >= size || has_ended;
  });
  return taken;
}

void StreamCallFixture::ExpectCarries(Caller& caller) {
  EXPECT_TRUE(caller.SendData("ping"));
  EXPECT_EQ(TakeFromPeer(4), "ping");
  SendPiece("pong");
  EXPECT_EQ(caller.ReceiveBytes(4), "pong");
}

}  // namespace tlsd::control
