#include "server/control/key_log_call.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/rpc_status.h"
#include "server/control/key_log_service.h"
#include "server/worker/event_hub.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::control {
namespace {

using testing::FailsWith;
using worker::KeyLog;

// A server in this process, with a key log that the test fills.
class KeyLogCallTest : public ::testing::Test {
 protected:
  // A watch of the service.
  struct Watch {
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReader<v1::WatchKeyLogResponse>> reader;

    // Next returns what comes next; empty at the end.
    v1::WatchKeyLogResponse Next() {
      v1::WatchKeyLogResponse response;
      if (!reader->Read(&response)) response.Clear();
      return response;
    }
    absl::Status Finish() { return FromRpcStatus(reader->Finish()); }
  };

  ~KeyLogCallTest() override {
    if (server_ == nullptr) return;
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
  }

  void Serve(KeyLog* key_log) {
    service_ = std::make_unique<KeyLogService>(key_log, events_->loop());
    grpc::ServerBuilder builder;
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    stub_ = v1::KeyLogService::NewStub(server_->InProcessChannel({}));
  }

  std::unique_ptr<Watch> Begin(const std::string& listener = "") {
    auto watch = std::make_unique<Watch>();
    watch->context.set_deadline(std::chrono::system_clock::now() +
                                std::chrono::seconds(60));
    v1::WatchKeyLogRequest request;
    request.set_listener(listener);
    watch->reader = stub_->WatchKeyLog(&watch->context, request);
    return watch;
  }

  // OnLoop runs `task` on the thread of the calls.
  template <typename Task>
  void OnLoop(Task task) {
    absl::Notification done;
    events_->loop().Post([&] {
      task();
      done.Notify();
    });
    done.WaitForNotification();
  }

  KeyLog key_log_;
  std::unique_ptr<worker::EventHub> events_ =
      worker::EventHub::Create().value();

 private:
  std::unique_ptr<KeyLogService> service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::KeyLogService::Stub> stub_;
};

TEST_F(KeyLogCallTest, TellsLinesAfterItsStart) {
  Serve(&key_log_);
  key_log_.Publish({"too early", "connections/c-0", ""});
  const auto watch = Begin();
  ASSERT_TRUE(watch->Next().has_started());

  key_log_.Publish({"first", "connections/c-1", "listeners/a"});
  key_log_.Publish({"second", "connections/c-2", ""});

  v1::WatchKeyLogResponse next = watch->Next();
  EXPECT_EQ(next.line().line(), "first");
  EXPECT_EQ(next.line().connection(), "connections/c-1");
  next = watch->Next();
  EXPECT_EQ(next.line().line(), "second");
  EXPECT_EQ(next.line().connection(), "connections/c-2");
}

TEST_F(KeyLogCallTest, TellsTheLinesOfOneListener) {
  Serve(&key_log_);
  const auto watch = Begin("listeners/a");
  ASSERT_TRUE(watch->Next().has_started());

  key_log_.Publish({"of b", "connections/c-1", "listeners/b"});
  key_log_.Publish({"of a client", "connections/c-2", ""});
  key_log_.Publish({"of a", "connections/c-3", "listeners/a"});

  EXPECT_EQ(watch->Next().line().line(), "of a");
}

// More than fit into one batch.
TEST_F(KeyLogCallTest, TellsManyLinesInTheirOrder) {
  Serve(&key_log_);
  const auto watch = Begin();
  ASSERT_TRUE(watch->Next().has_started());

  for (int i = 0; i < 1000; ++i) key_log_.Publish({absl::StrCat(i), "", ""});

  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(watch->Next().line().line(), absl::StrCat(i));
  }
}

TEST_F(KeyLogCallTest, TellsHowManyLinesAreMissingWhereTheyAre) {
  Serve(&key_log_);
  const auto watch = Begin();
  ASSERT_TRUE(watch->Next().has_started());

  // The call can read nothing meanwhile.
  OnLoop([&] {
    for (size_t i = 0; i < KeyLog::kLineCountMax + 3; ++i) {
      key_log_.Publish({absl::StrCat(i), "", ""});
    }
  });

  v1::WatchKeyLogResponse next = watch->Next();
  EXPECT_EQ(next.gap().dropped_count(), 3) << next.ShortDebugString();
  for (size_t i = 3; i < KeyLog::kLineCountMax + 3; ++i) {
    ASSERT_EQ(watch->Next().line().line(), absl::StrCat(i));
  }
  key_log_.Publish({"more", "", ""});
  EXPECT_EQ(watch->Next().line().line(), "more") << "no gap";
}

TEST_F(KeyLogCallTest, EndsTheWatchWhenTheCallerLeaves) {
  Serve(&key_log_);
  const auto watch = Begin();
  ASSERT_TRUE(watch->Next().has_started());
  EXPECT_TRUE(key_log_.is_watched());

  watch->context.TryCancel();
  EXPECT_EQ(watch->Finish().code(), absl::StatusCode::kCancelled);

  // The server hears of it a moment later.
  while (key_log_.is_watched()) OnLoop([] {});
}

TEST_F(KeyLogCallTest, RefusesAnythingButAListener) {
  Serve(&key_log_);
  for (const char* name :
       {"connections/c-1", "listeners/", "a", "listeners/A"}) {
    const auto watch = Begin(name);
    EXPECT_EQ(watch->Next().message_case(),
              v1::WatchKeyLogResponse::MESSAGE_NOT_SET);
    EXPECT_THAT(watch->Finish(), FailsWith(Reason::kNameInvalid, "listener"))
        << name;
  }
  EXPECT_FALSE(key_log_.is_watched());
}

TEST_F(KeyLogCallTest, IsRefusedByADaemonWithoutAKeyLog) {
  Serve(nullptr);
  const auto watch = Begin();
  EXPECT_EQ(watch->Next().message_case(),
            v1::WatchKeyLogResponse::MESSAGE_NOT_SET);
  EXPECT_THAT(watch->Finish(), FailsWith(Reason::kKeyLogDisabled));
}

}  // namespace
}  // namespace tlsd::control
