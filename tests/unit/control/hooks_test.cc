#include "server/control/hooks.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::control {
namespace {

using testing::FailsWith;
using testing::IsOk;
using tls::HookType;
using Protos = google::protobuf::RepeatedPtrField<v1::Hook>;

Protos OfTypes(std::initializer_list<v1::DecisionType> types) {
  Protos protos;
  for (const v1::DecisionType type : types) protos.Add()->set_type(type);
  return protos;
}

Protos OfTimeout(int64_t seconds, int32_t nanos) {
  Protos protos = OfTypes({v1::DECISION_TYPE_SIGN});
  protos[0].mutable_timeout()->set_seconds(seconds);
  protos[0].mutable_timeout()->set_nanos(nanos);
  return protos;
}

absl::StatusOr<tls::Hooks> OnListener(const Protos& protos) {
  return ToHooks("hooks", protos, HookPlace::kListener);
}

TEST(HooksTest, ReadsEveryTypeWithItsDefaults) {
  const Protos protos = OfTypes(
      {v1::DECISION_TYPE_CLIENT_HELLO, v1::DECISION_TYPE_OCSP_STAPLE,
       v1::DECISION_TYPE_SESSION_LOOKUP, v1::DECISION_TYPE_SESSION_STORE,
       v1::DECISION_TYPE_VERIFY_PEER, v1::DECISION_TYPE_SIGN});

  for (const HookPlace place :
       {HookPlace::kListener, HookPlace::kSecureContext}) {
    ASSERT_OK_AND_ASSIGN(const tls::Hooks hooks,
                         ToHooks("hooks", protos, place));
    ASSERT_EQ(hooks.size(), 6u);
    EXPECT_EQ(hooks[0].type, HookType::kClientHello);
    EXPECT_EQ(hooks[1].type, HookType::kOcspStaple);
    EXPECT_EQ(hooks[2].type, HookType::kSessionLookup);
    EXPECT_EQ(hooks[3].type, HookType::kSessionStore);
    EXPECT_EQ(hooks[4].type, HookType::kVerifyPeer);
    EXPECT_EQ(hooks[5].type, HookType::kSign);
    for (const tls::Hook& hook : hooks) {
      EXPECT_EQ(hook.timeout, absl::Seconds(5));
      EXPECT_FALSE(hook.skip_without_handler);
      EXPECT_EQ(hook.fails_without_answer, hook.type == HookType::kVerifyPeer ||
                                               hook.type == HookType::kSign);
    }
  }
}

TEST(HooksTest, ReadsNothingAsNone) {
  ASSERT_OK_AND_ASSIGN(const tls::Hooks hooks, OnListener(Protos()));

  EXPECT_TRUE(hooks.empty());
}

TEST(HooksTest, ReadsWhatIsSaid) {
  Protos protos =
      OfTypes({v1::DECISION_TYPE_CLIENT_HELLO, v1::DECISION_TYPE_VERIFY_PEER});
  protos[0].mutable_timeout()->set_seconds(3600);
  protos[0].set_without_answer(v1::Hook::WITHOUT_ANSWER_FAIL);
  protos[0].set_skip_without_handler(true);
  protos[1].mutable_timeout()->set_nanos(1);
  protos[1].set_without_answer(v1::Hook::WITHOUT_ANSWER_CONTINUE);

  ASSERT_OK_AND_ASSIGN(const tls::Hooks hooks, OnListener(protos));
  EXPECT_EQ(hooks[0].timeout, absl::Hours(1));
  EXPECT_TRUE(hooks[0].fails_without_answer);
  EXPECT_TRUE(hooks[0].skip_without_handler);
  EXPECT_EQ(hooks[1].timeout, absl::Nanoseconds(1));
  EXPECT_FALSE(hooks[1].fails_without_answer);
  EXPECT_FALSE(hooks[1].skip_without_handler);
}

TEST(HooksTest, RefusesATypeThatIsNone) {
  for (const int type : {0, 7, -1}) {
    Protos protos = OfTypes({v1::DECISION_TYPE_SIGN});
    protos.Add()->set_type(static_cast<v1::DecisionType>(type));
    EXPECT_THAT(OnListener(protos),
                FailsWith(Reason::kFieldInvalid, "hooks[1].type"));
  }
}

TEST(HooksTest, RefusesATypeTwice) {
  EXPECT_THAT(ToHooks("secure_context.hooks",
                      OfTypes({v1::DECISION_TYPE_SIGN, v1::DECISION_TYPE_SIGN}),
                      HookPlace::kSecureContext),
              FailsWith(Reason::kFieldInvalid, "secure_context.hooks[1].type"));
}

TEST(HooksTest, RefusesTimeoutsThatAreNone) {
  EXPECT_THAT(OnListener(OfTimeout(0, 1)), IsOk());
  EXPECT_THAT(OnListener(OfTimeout(3600, 0)), IsOk());

  for (const Protos& protos : {OfTimeout(0, 0), OfTimeout(-1, 0),
                               OfTimeout(3600, 1), OfTimeout(1, -1)}) {
    EXPECT_THAT(OnListener(protos),
                FailsWith(Reason::kFieldInvalid, "hooks[0].timeout"));
  }
}

TEST(HooksTest, RefusesToGoOnWithoutASignature) {
  Protos protos = OfTypes({v1::DECISION_TYPE_SIGN});
  protos[0].set_without_answer(v1::Hook::WITHOUT_ANSWER_FAIL);
  EXPECT_THAT(OnListener(protos), IsOk());

  protos[0].set_without_answer(v1::Hook::WITHOUT_ANSWER_CONTINUE);
  EXPECT_THAT(OnListener(protos),
              FailsWith(Reason::kFieldInvalid, "hooks[0].without_answer"));
}

TEST(HooksTest, RefusesAnUnknownWithoutAnswer) {
  Protos protos = OfTypes({v1::DECISION_TYPE_CLIENT_HELLO});
  protos[0].set_without_answer(static_cast<v1::Hook::WithoutAnswer>(3));

  EXPECT_THAT(OnListener(protos),
              FailsWith(Reason::kFieldInvalid, "hooks[0].without_answer"));
}

TEST(HooksTest, RefusesOneHookOfSessionsWithoutTheOther) {
  EXPECT_THAT(OnListener(OfTypes({v1::DECISION_TYPE_SESSION_STORE,
                                  v1::DECISION_TYPE_SESSION_LOOKUP})),
              IsOk());

  for (const v1::DecisionType type :
       {v1::DECISION_TYPE_SESSION_LOOKUP, v1::DECISION_TYPE_SESSION_STORE}) {
    EXPECT_THAT(OnListener(OfTypes({type, v1::DECISION_TYPE_SIGN})),
                FailsWith(Reason::kFieldInvalid, "hooks"));
  }
}

TEST(HooksTest, RefusesHooksThatAClientHasNot) {
  const auto in_connect = [](const Protos& protos) {
    return ToHooks("hooks", protos, HookPlace::kConnect);
  };
  EXPECT_THAT(in_connect(OfTypes(
                  {v1::DECISION_TYPE_VERIFY_PEER, v1::DECISION_TYPE_SIGN})),
              IsOk());

  for (const v1::DecisionType type :
       {v1::DECISION_TYPE_CLIENT_HELLO, v1::DECISION_TYPE_OCSP_STAPLE,
        v1::DECISION_TYPE_SESSION_LOOKUP, v1::DECISION_TYPE_SESSION_STORE}) {
    EXPECT_THAT(in_connect(OfTypes({v1::DECISION_TYPE_SIGN, type})),
                FailsWith(Reason::kFieldInvalid, "hooks[1].type"));
  }
}

TEST(HooksTest, WritesWhatHoldsSoThatItReadsTheSame) {
  Protos said = OfTypes(
      {v1::DECISION_TYPE_CLIENT_HELLO, v1::DECISION_TYPE_OCSP_STAPLE,
       v1::DECISION_TYPE_SESSION_LOOKUP, v1::DECISION_TYPE_SESSION_STORE,
       v1::DECISION_TYPE_VERIFY_PEER, v1::DECISION_TYPE_SIGN});
  said[1].mutable_timeout()->set_seconds(2);
  said[1].set_skip_without_handler(true);
  ASSERT_OK_AND_ASSIGN(const tls::Hooks hooks, OnListener(said));

  Protos written = OfTypes({v1::DECISION_TYPE_SIGN});
  ToProto(hooks, &written);
  ASSERT_EQ(written.size(), 6);
  EXPECT_EQ(written[0].type(), v1::DECISION_TYPE_CLIENT_HELLO);
  EXPECT_EQ(written[0].timeout().seconds(), 5);
  EXPECT_EQ(written[0].without_answer(), v1::Hook::WITHOUT_ANSWER_CONTINUE);
  EXPECT_FALSE(written[0].skip_without_handler());
  EXPECT_EQ(written[1].timeout().seconds(), 2);
  EXPECT_TRUE(written[1].skip_without_handler());
  EXPECT_EQ(written[5].without_answer(), v1::Hook::WITHOUT_ANSWER_FAIL);
  ASSERT_OK_AND_ASSIGN(const tls::Hooks again, OnListener(written));
  for (size_t i = 0; i < hooks.size(); ++i) {
    EXPECT_EQ(again[i].type, hooks[i].type);
    EXPECT_EQ(again[i].timeout, hooks[i].timeout);
    EXPECT_EQ(again[i].fails_without_answer, hooks[i].fails_without_answer);
    EXPECT_EQ(again[i].skip_without_handler, hooks[i].skip_without_handler);
  }
}

TEST(HooksTest, ReadsAndWritesEveryTypeAlone) {
  for (int type = v1::DECISION_TYPE_CLIENT_HELLO;
       type <= v1::DECISION_TYPE_SIGN; ++type) {
    ASSERT_OK_AND_ASSIGN(const HookType read, ToHookType("types", type));
    EXPECT_EQ(ToProto(read), type);
  }
  EXPECT_THAT(ToHookType("types", v1::DECISION_TYPE_UNSPECIFIED),
              FailsWith(Reason::kFieldInvalid, "types"));
}

}  // namespace
}  // namespace tlsd::control
