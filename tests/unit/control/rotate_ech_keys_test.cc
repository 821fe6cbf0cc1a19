// RotateEchKeys over a channel in this process, and what updates make of keys.
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/rpc_status.h"
#include "server/control/secure_context_service.h"
#include "server/tls/development_authority.h"
#include "server/worker/context_table.h"
#include "server/worker/event_hub.h"
#include "server/worker/expiry_watch.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::control {
namespace {

using testing::FailsWith;
using ::testing::HasSubstr;
using testing::IsOk;
using ::testing::Not;

class RotateEchKeysTest : public ::testing::Test {
 protected:
  RotateEchKeysTest() {
    grpc::ServerBuilder builder;
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    stub_ = v1::SecureContextService::NewStub(server_->InProcessChannel({}));
    v1::CreateSecureContextRequest request;
    request.set_secure_context_id("web");
    request.mutable_secure_context()->add_credentials()->mutable_development();
    v1::SecureContext created;
    EXPECT_TRUE(
        stub_->CreateSecureContext(Context().get(), request, &created).ok());
  }
  ~RotateEchKeysTest() override {
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
  }

  static std::unique_ptr<grpc::ClientContext> Context() {
    auto context = std::make_unique<grpc::ClientContext>();
    context->set_deadline(std::chrono::system_clock::now() +
                          std::chrono::seconds(20));
    return context;
  }

  absl::StatusOr<v1::RotateEchKeysResponse> Rotate(
      const std::string& public_name, int max_name_length = 0,
      const std::string& name = "secureContexts/web") {
    v1::RotateEchKeysRequest request;
    request.set_name(name);
    request.set_public_name(public_name);
    request.set_max_name_length(max_name_length);
    v1::RotateEchKeysResponse response;
    const grpc::Status status =
        stub_->RotateEchKeys(Context().get(), request, &response);
    if (!status.ok()) return FromRpcStatus(status);
    return response;
  }

  absl::Status Update(const v1::UpdateSecureContextRequest& request) {
    v1::SecureContext updated;
    return FromRpcStatus(
        stub_->UpdateSecureContext(Context().get(), request, &updated));
  }

  // List returns what is published.
  std::string List() {
    return contexts_.Get("secureContexts/web")
        .value()
        ->secure_context->EchConfigList();
  }

  worker::ContextTable contexts_;
  std::unique_ptr<worker::EventHub> events_ =
      worker::EventHub::Create(/*ring_count_max=*/10).value();
  worker::ExpiryWatch expiry_watch_{contexts_, *events_};
  tls::DevelopmentAuthority authority_;
  SecureContextService service_{contexts_, *events_, expiry_watch_, authority_,
                                /*key_log=*/false};
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::SecureContextService::Stub> stub_;
};

TEST_F(RotateEchKeysTest, GivesTheListOfTheNewestKey) {
  ASSERT_OK_AND_ASSIGN(const auto first, Rotate("first.test"));
  EXPECT_EQ(first.key_count(), 1);
  EXPECT_THAT(first.ech_config_list(), HasSubstr("\x40\x0a"
                                                 "first.test"));
  EXPECT_EQ(List(), first.ech_config_list());

  ASSERT_OK_AND_ASSIGN(const auto second, Rotate("second.test", 255));
  EXPECT_EQ(second.key_count(), 2);
  EXPECT_THAT(second.ech_config_list(), HasSubstr("\xff\x0b"
                                                  "second.test"));
  EXPECT_THAT(second.ech_config_list(), Not(HasSubstr("first.test")));
  EXPECT_EQ(List(), second.ech_config_list());
}

TEST_F(RotateEchKeysTest, RefusesWhatItCannotUse) {
  EXPECT_THAT(Rotate("cover.test", 0, "secureContexts/none"),
              FailsWith(Reason::kContextNotFound));
  EXPECT_THAT(Rotate(""), FailsWith(Reason::kFieldRequired, "public_name"));
  EXPECT_THAT(Rotate("127.0.0.1"),
              FailsWith(Reason::kServerNameInvalid, "public_name"));
  EXPECT_THAT(Rotate("cover.test", 256),
              FailsWith(Reason::kFieldInvalid, "max_name_length"));
  EXPECT_THAT(Rotate("cover.test", -1),
              FailsWith(Reason::kFieldInvalid, "max_name_length"));
  EXPECT_EQ(List(), "");
}

TEST_F(RotateEchKeysTest, SurvivesAnUpdateThatDoesNotNameTheKeys) {
  ASSERT_THAT(Rotate("cover.test"), IsOk());
  const std::string list = List();
  v1::UpdateSecureContextRequest request;
  request.mutable_secure_context()->set_name("secureContexts/web");
  request.mutable_secure_context()->set_early_data(true);
  ASSERT_THAT(Update(request), IsOk());
  EXPECT_EQ(List(), list);
  ASSERT_OK_AND_ASSIGN(const auto next, Rotate("cover.test"));
  EXPECT_EQ(next.key_count(), 2);

  request.mutable_update_mask()->add_paths("ech_keys");
  ASSERT_THAT(Update(request), IsOk());
  EXPECT_EQ(List(), "");
}

TEST_F(RotateEchKeysTest, IsNotTouchedByAnUpdateThatFails) {
  ASSERT_THAT(Rotate("cover.test"), IsOk());
  const std::string list = List();
  v1::UpdateSecureContextRequest request;
  request.mutable_secure_context()->set_name("secureContexts/web");
  request.mutable_secure_context()->add_ech_keys()->set_config("none");
  EXPECT_THAT(Update(request),
              FailsWith(Reason::kEchKeyInvalid,
                        "secure_context.ech_keys[0].private_key"));
  EXPECT_EQ(List(), list);
}

}  // namespace
}  // namespace tlsd::control
