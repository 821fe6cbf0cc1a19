// The calls of ConnectionService whose ends are hard to reach from outside: a
// service in this process, over real workers.
#include "server/control/connection_service.h"

#include <grpcpp/generic/generic_stub.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "proto/status/rpc_status.h"
#include "server/base/byte_queue.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/unit/worker/data_plane.h"

namespace tlsd::control {
namespace {

// RawStream is a caller of Stream whose messages are any bytes.
class RawStream final
    : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  // It sends `messages`, half-closes, and reads to the end.
  RawStream(const std::shared_ptr<grpc::Channel>& channel,
            std::vector<std::string> messages)
      : stub_(channel), messages_(std::move(messages)) {
    context_.set_deadline(std::chrono::system_clock::now() +
                          std::chrono::seconds(20));
    stub_.PrepareBidiStreamingCall(
        &context_, "/tlsd.v1.ConnectionService/Stream", {}, this);
    StartRead(&response_);
    WriteNext();
    StartCall();
  }

  // Wait returns how the call has ended.
  absl::Status Wait() {
    done_.WaitForNotification();
    return FromRpcStatus(status_);
  }
  const std::vector<v1::StreamResponse>& responses() const {
    return responses_;
  }

 private:
  void WriteNext() {
    if (sent_count_ == messages_.size()) {
      StartWritesDone();
      return;
    }
    const grpc::Slice slice(messages_[sent_count_++]);
    request_ = grpc::ByteBuffer(&slice, 1);
    StartWrite(&request_);
  }
  void OnWriteDone(bool ok) override {
    if (ok) WriteNext();
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    grpc::Slice slice;
    ASSERT_TRUE(response_.DumpToSingleSlice(&slice).ok());
    ASSERT_TRUE(responses_.emplace_back().ParseFromArray(
        slice.begin(), static_cast<int>(slice.size())));
    StartRead(&response_);
  }
  void OnDone(const grpc::Status& status) override {
    status_ = status;
    done_.Notify();
  }

  grpc::GenericStub stub_;
  const std::vector<std::string> messages_;
  size_t sent_count_ = 0;
  grpc::ClientContext context_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  std::vector<v1::StreamResponse> responses_;
  grpc::Status status_;
  absl::Notification done_;
};

using testing::FailsWith;
using testing::IsOk;
using worker::EventType;

class ConnectionServiceTest : public ::testing::Test {
 protected:
  ConnectionServiceTest() {
    grpc::ServerBuilder builder;
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    stub_ = v1::ConnectionService::NewStub(server_->InProcessChannel({}));
    client_ = plane_.Connect(listener_).value().name;
    const auto opened =
        plane_.Await(EventType::kSecureConnection, listener_.name);
    peer_ = opened->subject();
  }

  ~ConnectionServiceTest() override {
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
  }

  absl::StatusOr<v1::Connection> Accept(int timeout_seconds) {
    grpc::ClientContext context;
    v1::AcceptRequest request;
    request.set_listener(listener_.name);
    request.mutable_timeout()->set_seconds(timeout_seconds);
    v1::Connection response;
    const grpc::Status status = stub_->Accept(&context, request, &response);
    if (!status.ok()) return FromRpcStatus(status);
    return response;
  }

  worker::DataPlane plane_;
  worker::ContextTable contexts_;
  ConnectionService service_{
      plane_.pool(), contexts_, plane_.listeners(),
      testing::MakeContext(testing::ClientOptions(tls::TlsVersion::kTls13))};
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::ConnectionService::Stub> stub_;
  const worker::ListenerFacts listener_ =
      plane_.Listen("l1", worker::Handler::kStream);
  // The two ends of one connection.
  std::string client_;
  std::string peer_;
};

TEST_F(ConnectionServiceTest, GivesAConnectionToOneAccept) {
  const auto accepted = Accept(0);
  ASSERT_THAT(accepted, IsOk());
  EXPECT_EQ(accepted->name(), peer_);

  EXPECT_THAT(Accept(0), FailsWith(Reason::kWaitTimeout));
}

// Though it takes the connection's worker longer than that to look at it.
TEST_F(ConnectionServiceTest, FindsWhatWaitsWithoutWaiting) {
  // Shared with threads that may still be waking up when the test is over.
  const auto go_on = std::make_shared<absl::Notification>();
  for (int index : {0, 1}) {
    plane_.pool().worker(index).Post([go_on] { go_on->WaitForNotification(); });
  }
  const auto timer = std::make_shared<std::unique_ptr<net::Timer>>();
  net::EventLoop& loop = plane_.events().loop();
  loop.Post([&loop, timer, go_on] {
    *timer = loop.After(absl::Milliseconds(50), [timer, go_on] {
      go_on->Notify();
      timer->reset();
    });
  });

  EXPECT_THAT(Accept(0), IsOk());
  go_on->WaitForNotification();
}

TEST_F(ConnectionServiceTest, LosesNothingToAnAcceptThatTimedOut) {
  ASSERT_THAT(Accept(0), IsOk());
  EXPECT_THAT(Accept(0), FailsWith(Reason::kWaitTimeout));
  ASSERT_THAT(plane_.Connect(listener_), IsOk());

  EXPECT_THAT(Accept(20), IsOk());
}

TEST_F(ConnectionServiceTest, TurnsAcceptAwayWhenTheListenerIsDeleted) {
  ASSERT_THAT(plane_.Delete(listener_.name, absl::Hours(1)), IsOk());

  EXPECT_THAT(Accept(20), FailsWith(Reason::kListenerClosing));
}

// The stream's own write fails because another call has shut the connection
// down; what the peer had sent before is still delivered, and then the call
// ends.
TEST_F(ConnectionServiceTest, EndsAStreamWhoseWriteFailedWhenItHasReadAll) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::seconds(20));
  const auto stream = stub_->Stream(&context);
  v1::StreamRequest attach;
  attach.mutable_attach()->set_connection(client_);
  ASSERT_TRUE(stream->Write(attach));
  v1::StreamResponse response;
  ASSERT_TRUE(stream->Read(&response));
  ASSERT_TRUE(response.has_attached());
  // Two pieces: the stream is busy with the first when the second comes.
  ASSERT_THAT(plane_.Visit(peer_,
                           [](conn::Connection& connection) {
                             ASSERT_THAT(
                                 connection.Write(base::AsBytes("first")),
                                 IsOk());
                           }),
              IsOk());
  while (plane_.CountOf(EventType::kConnectionClosed, client_) == 0) {
    ASSERT_THAT(plane_.Visit(peer_,
                             [](conn::Connection& connection) {
                               if (!connection.CheckWrite().ok()) return;
                               ASSERT_THAT(
                                   connection.Write(base::AsBytes("second")),
                                   IsOk());
                               ASSERT_THAT(connection.Shutdown(), IsOk());
                             }),
                IsOk());
    ASSERT_THAT(plane_.Visit(client_,
                             [](conn::Connection& connection) {
                               if (!connection.facts().peer_closed) return;
                               ASSERT_THAT(connection.Shutdown(), IsOk());
                             }),
                IsOk());
  }

  v1::StreamRequest data;
  data.set_data("too late");
  stream->Write(data);
  std::string received;
  bool has_ended = false;
  while (stream->Read(&response)) {
    received += response.data();
    has_ended |= response.has_end();
  }
  const absl::Status status = FromRpcStatus(stream->Finish());

  EXPECT_EQ(received, "firstsecond");
  EXPECT_TRUE(has_ended);
  EXPECT_THAT(status, FailsWith(Reason::kConnectionClosed));
}

class RawStreamTest : public ConnectionServiceTest {
 protected:
  // Attach returns the message that attaches to `client_`.
  std::string Attach() const {
    v1::StreamRequest attach;
    attach.mutable_attach()->set_connection(client_);
    return attach.SerializeAsString();
  }

  // TakeFromPeer returns what the other end has got, and then ends it.
  std::string TakeFromPeer() {
    std::string taken;
    bool has_ended = false;
    while (!has_ended) {
      EXPECT_THAT(plane_.Visit(peer_,
                               [&](conn::Connection& connection) {
                                 taken += connection.TakeReadable(1 << 20);
                                 has_ended = connection.at_end();
                                 if (has_ended) connection.Close();
                               }),
                  IsOk());
    }
    return taken;
  }

  const std::shared_ptr<grpc::Channel> channel_ = server_->InProcessChannel({});
};

TEST_F(RawStreamTest, CarriesCleartextInEveryForm) {
  v1::StreamRequest data;
  data.set_data("data ");
  v1::StreamRequest text;
  text.set_text("text ");
  v1::StreamRequest empty;
  empty.set_data("");
  // A field that is not known, and a tag that is longer than it has to be.
  const std::string unknown("\x78\x01", 2);
  const std::string long_tag(
      "\x92\x00\x04"
      "long",
      7);
  RawStream stream(
      channel_,
      {Attach(), data.SerializeAsString(), empty.SerializeAsString(),
       text.SerializeAsString(), unknown + data.SerializeAsString(), long_tag});

  EXPECT_EQ(TakeFromPeer(), "data text data long");

  EXPECT_THAT(stream.Wait(), IsOk());
  ASSERT_EQ(stream.responses().size(), 2);
  EXPECT_EQ(stream.responses()[0].attached().name(), client_);
  EXPECT_TRUE(stream.responses()[1].has_end());
}

// What came before is sealed; what comes behind is not.
TEST_F(RawStreamTest, EndsAtAMessageThatIsNone) {
  v1::StreamRequest data;
  data.set_data("before");
  v1::StreamRequest behind;
  behind.set_data("behind");
  RawStream stream(channel_, {Attach(), data.SerializeAsString(), "\x07",
                              behind.SerializeAsString()});

  EXPECT_EQ(TakeFromPeer(), "before");
  EXPECT_THAT(stream.Wait(), FailsWith(Reason::kStreamMessageInvalid));
}

TEST_F(RawStreamTest, AttachesWithNothingElse) {
  RawStream stream(channel_, {"\x07"});

  EXPECT_THAT(stream.Wait(), FailsWith(Reason::kStreamMessageInvalid));
  EXPECT_TRUE(stream.responses().empty());
}

}  // namespace
}  // namespace tlsd::control
