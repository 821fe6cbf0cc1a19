#include "server/control/unary_call.h"

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "proto/status/rpc_status.h"
#include "tests/testing/status_matchers.h"
#include "tlsd/v1/admin_service.grpc.pb.h"

namespace tlsd::control {
namespace {

using testing::FailsWith;
using testing::IsOk;

absl::Status Late() { return MakeError(Reason::kShuttingDown, "late"); }

// A server in this process whose one method is what a test makes of it.
class UnaryCallTest : public ::testing::Test,
                      private v1::AdminService::CallbackService {
 protected:
  UnaryCallTest() {
    grpc::ServerBuilder builder;
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    stub_ = v1::AdminService::NewStub(server_->InProcessChannel({}));
  }

  ~UnaryCallTest() override { server_->Shutdown(); }

  // Runs `handler` on gRPC's thread and returns what the caller got.
  absl::Status Call(
      std::function<void(const std::shared_ptr<UnaryCall>&)> handler) {
    handler_ = std::move(handler);
    v1::ServerInfo response;
    return FromRpcStatus(stub_->GetServerInfo(&client_, {}, &response));
  }

  // A value whose end is told.
  static std::shared_ptr<int> Watched(absl::Notification& gone) {
    return {new int(0), [&gone](int* value) {
              delete value;
              gone.Notify();
            }};
  }

  grpc::ClientContext client_;

 private:
  grpc::ServerUnaryReactor* GetServerInfo(
      grpc::CallbackServerContext* /*context*/,
      const v1::GetServerInfoRequest* /*request*/,
      v1::ServerInfo* /*response*/) override {
    const std::shared_ptr<UnaryCall> call = UnaryCall::Start();
    handler_(call);
    return call.get();
  }

  std::function<void(const std::shared_ptr<UnaryCall>&)> handler_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::AdminService::Stub> stub_;
};

TEST_F(UnaryCallTest, AnswersWithAStatus) {
  EXPECT_THAT(Call([](const auto& call) { call->Answer(absl::OkStatus()); }),
              IsOk());
}

TEST_F(UnaryCallTest, GivesTheFirstAnswer) {
  EXPECT_THAT(Call([](const auto& call) {
                EXPECT_FALSE(call->claimed());
                call->Answer(MakeError(Reason::kListenerClosing, "first"));
                EXPECT_TRUE(call->claimed());
                call->Answer(Late());
                call->Answer(absl::OkStatus());
              }),
              FailsWith(Reason::kListenerClosing));
}

TEST_F(UnaryCallTest, LetsTheFirstClaimAnswer) {
  EXPECT_THAT(Call([](const auto& call) {
                EXPECT_TRUE(call->Claim());
                EXPECT_FALSE(call->Claim());
                call->Answer(Late());
                call->Finish(grpc::Status::OK);
              }),
              IsOk());
}

TEST_F(UnaryCallTest, AnswersFromAnotherThread) {
  std::thread answering;
  EXPECT_THAT(Call([&](const auto& call) {
                answering = std::thread([call] { call->Answer(Late()); });
              }),
              FailsWith(Reason::kShuttingDown));
  answering.join();
}

TEST_F(UnaryCallTest, GivesUpAfterItsTimeout) {
  EXPECT_THAT(Call([](const auto& call) {
                call->OnGiveUp(absl::Milliseconds(1),
                               [call](const absl::Status& reason) {
                                 call->Answer(reason);
                               });
              }),
              FailsWith(Reason::kWaitTimeout));
}

TEST_F(UnaryCallTest, GivesUpAtOnceWithoutTime) {
  EXPECT_THAT(Call([](const auto& call) {
                call->OnGiveUp(absl::ZeroDuration(),
                               [call](const absl::Status& reason) {
                                 call->Answer(reason);
                               });
              }),
              FailsWith(Reason::kWaitTimeout));
}

TEST_F(UnaryCallTest, GivesNothingUpThatWasAnswered) {
  absl::Notification gone;
  bool has_given_up = false;
  EXPECT_THAT(Call([&, held = Watched(gone)](const auto& call) mutable {
                call->OnGiveUp(absl::Hours(1), [&, held = std::move(held)](
                                                   const absl::Status&) {
                  has_given_up = true;
                });
                call->Answer(absl::OkStatus());
              }),
              IsOk());

  gone.WaitForNotification();
  EXPECT_FALSE(has_given_up);
}

TEST_F(UnaryCallTest, GivesUpWhenTheCallerLeaves) {
  absl::Notification started;
  absl::Status given;
  std::thread leaving([&] {
    started.WaitForNotification();
    client_.TryCancel();
  });
  absl::Notification done;
  EXPECT_EQ(Call([&](const auto& call) {
              call->OnGiveUp(std::nullopt, [&, call](const absl::Status& why) {
                given = why;
                call->Answer(why);
                done.Notify();
              });
              started.Notify();
            }).code(),
            absl::StatusCode::kCancelled);

  leaving.join();
  done.WaitForNotification();
  EXPECT_THAT(given, FailsWith(Reason::kCallCancelled));
}

TEST_F(UnaryCallTest, GivesUpWhenTheCallerHasLeftBefore) {
  absl::Notification started;
  std::thread leaving([&] {
    started.WaitForNotification();
    client_.TryCancel();
  });
  std::shared_ptr<UnaryCall> call;
  EXPECT_EQ(Call([&](const auto& begun) {
              call = begun;
              started.Notify();
            }).code(),
            absl::StatusCode::kCancelled);
  leaving.join();
  absl::Notification done;
  int count = 0;

  call->OnGiveUp(absl::Hours(1), [&](const absl::Status& reason) {
    ++count;
    call->Answer(reason);
    done.Notify();
  });

  done.WaitForNotification();
  EXPECT_EQ(count, 1);
}

TEST_F(UnaryCallTest, GivesUpOnceThoughItIsLateAndTheCallerLeaves) {
  absl::Notification gone;
  absl::Notification late;
  std::atomic<int> count{0};
  std::thread leaving([&] {
    late.WaitForNotification();
    client_.TryCancel();
  });
  std::shared_ptr<UnaryCall> call;
  EXPECT_EQ(Call([&, held = Watched(gone)](const auto& begun) mutable {
              call = begun;
              call->OnGiveUp(absl::Milliseconds(1),
                             [&, held = std::move(held)](const absl::Status&) {
                               ++count;
                               late.Notify();
                             });
            }).code(),
            absl::StatusCode::kCancelled);
  leaving.join();
  call->Answer(Late());
  call.reset();

  gone.WaitForNotification();
  EXPECT_EQ(count, 1);
}

// Kept, it would keep what it holds for ever.
TEST_F(UnaryCallTest, DropsAGiveUpThatComesAfterTheEnd) {
  std::shared_ptr<UnaryCall> call;
  absl::Notification done;
  absl::Notification early;
  EXPECT_THAT(Call([&, held = Watched(done)](const auto& begun) mutable {
                call = begun;
                call->OnGiveUp(std::nullopt, [held = std::move(held)](
                                                 const absl::Status&) {});
                call->Answer(absl::OkStatus());
              }),
              IsOk());
  done.WaitForNotification();

  call->OnGiveUp(absl::ZeroDuration(),
                 [held = Watched(early)](const absl::Status&) { FAIL(); });

  early.WaitForNotification();
}

}  // namespace
}  // namespace tlsd::control
