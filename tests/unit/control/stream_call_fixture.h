// What tests of StreamCall share: a connection of real workers, whose both ends
// the test has, and callers that attach to the first.
//
// Callers are in this process, where a message waits until it is read: one that
// does not read is as slow as can be. All methods are the test thread's, and
// block.
#ifndef TLSD_TESTS_UNIT_CONTROL_STREAM_CALL_FIXTURE_H_
#define TLSD_TESTS_UNIT_CONTROL_STREAM_CALL_FIXTURE_H_

#include <grpcpp/grpcpp.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "server/conn/connection.h"
#include "server/conn/connection_facts.h"
#include "server/conn/connection_options.h"
#include "tests/unit/net/net_testing.h"
#include "tests/unit/worker/data_plane.h"
#include "tlsd/v1/connection_service.grpc.pb.h"

namespace tlsd::control {

// DataRequest returns a message with cleartext.
v1::StreamRequest DataRequest(absl::string_view bytes);

// Caller is the other end of a call. When it goes before the call has ended, it
// leaves.
class Caller {
 public:
  explicit Caller(v1::ConnectionService::Stub& stub);
  ~Caller();
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  // They return when the call has taken the message; false if it has ended.
  bool Send(const v1::StreamRequest& request);
  bool SendData(absl::string_view bytes);
  void HalfClose();
  void Cancel();

  // Receive returns a message without content at the end of the call.
  v1::StreamResponse Receive();
  // ReceiveBytes waits for at least so much cleartext; ReceiveAll for all of
  // it.
  std::string ReceiveBytes(size_t size);
  std::string ReceiveAll() { return ReceiveBytes(std::string::npos); }
  // has_end reports whether the peer's end has been received.
  bool has_end() const { return has_end_; }

  // Finish drops what still comes, and returns how the call has ended.
  absl::Status Finish();

 private:
  grpc::ClientContext context_;
  std::unique_ptr<
      grpc::ClientReaderWriter<v1::StreamRequest, v1::StreamResponse>>
      stream_;
  bool has_end_ = false;
  bool has_finished_ = false;
};

// Its socket is a unix one, which takes what it has room for and no more.
class StreamCallFixture : public ::testing::TestWithParam<conn::Protection> {
 protected:
  StreamCallFixture();
  ~StreamCallFixture() override;

  std::unique_ptr<Caller> Call() { return std::make_unique<Caller>(*stub_); }
  v1::StreamRequest AttachRequest(v1::DetachPolicy policy) const;
  // Attach returns an attached caller. While a call that was left still has the
  // connection, it tries again.
  std::unique_ptr<Caller> Attach(
      v1::DetachPolicy policy = v1::DETACH_POLICY_CLOSE);
  std::unique_ptr<Caller> Attach(const v1::StreamRequest& request);

  // Until tries `condition` until it holds; it fails the test, and returns
  // false, if that takes more than 20 seconds.
  static bool Until(const std::function<bool()>& condition);

  // Do runs `task` with one end of the connection, on its worker's thread.
  void Do(const std::string& name, std::function<void(conn::Connection&)> task);

  // Of the end that calls attach to; and how much of its cleartext has arrived,
  // and was not taken by a call.
  conn::ConnectionFacts Facts();
  size_t ReceivedSize();
  size_t UntakenSize();

  // SendPiece has the peer send `piece`, and waits until it has arrived.
  void SendPiece(absl::string_view piece);
  // SendUntilFull has the peer send until the connection reads no more, because
  // nobody takes its cleartext. It returns what was sent.
  std::string SendUntilFull();
  // EndPeer ends the peer's direction.
  void EndPeer();
  // WriteUntilFull writes to the connection until it takes no more, because its
  // peer does not read. It returns what was written.
  std::string WriteUntilFull();
  // TakeFromPeer returns so much of what the peer gets, or all that comes
  // before the end.
  std::string TakeFromPeer(size_t size = std::string::npos);

  // ExpectCarries tries whether the call carries bytes both ways.
  void ExpectCarries(Caller& caller);

  const net::TempFolder folder_;
  worker::DataPlane plane_;
  std::unique_ptr<grpc::Service> service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::ConnectionService::Stub> stub_;
  // The two ends; calls attach to the first.
  std::string connection_;
  std::string peer_;
};

#define INSTANTIATE_WITH_BOTH_PROTECTIONS(Test)                           \
  INSTANTIATE_TEST_SUITE_P(                                               \
      All, Test,                                                          \
      ::testing::Values(conn::Protection::kTls, conn::Protection::kNone), \
      [](const ::testing::TestParamInfo<conn::Protection>& info) {        \
        return info.param == conn::Protection::kTls ? "Tls" : "Plain";    \
      })

}  // namespace tlsd::control

#endif  // TLSD_TESTS_UNIT_CONTROL_STREAM_CALL_FIXTURE_H_
