#include "server/worker/live_context.h"

#include <memory>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"

namespace tlsd::worker {
namespace {

using testing::FailsWith;
using ::testing::HasSubstr;
using testing::IsOk;

ContextParts Server() {
  const tls::SecureContextOptions options =
      testing::ServerOptions(tls::TlsVersion::kTls13);
  return {options, testing::MakeContext(options)};
}

ContextParts Client() {
  const tls::SecureContextOptions options =
      testing::ClientOptions(tls::TlsVersion::kTls13);
  return {options, testing::MakeContext(options)};
}

class LiveContextTest : public ::testing::Test {
 protected:
  using Effect = LiveContext::Effect;

  absl::StatusOr<std::shared_ptr<const ContextRecord>> Update(
      const std::string& etag, Effect effect, LiveContext::Make make) {
    return context_.Update(
        etag, effect, make,
        [&](const ContextRecord& record) { replaced_.push_back(record.etag); });
  }

  // The etags of the records that were told of.
  std::vector<std::string> replaced_;
  LiveContext context_{"secureContexts/web", Server()};
};

TEST_F(LiveContextTest, PutsTheNewInThePlaceOfTheOld) {
  const auto before = context_.record();
  const ContextParts next = Server();

  const auto updated =
      Update("", Effect::kReplace, [&](const ContextRecord& present) {
        EXPECT_EQ(present.etag, before->etag);
        return absl::StatusOr<ContextParts>(next);
      });

  ASSERT_THAT(updated, IsOk());
  EXPECT_EQ(*updated, context_.record());
  EXPECT_EQ((*updated)->secure_context, next.secure_context);
  EXPECT_EQ((*updated)->name, "secureContexts/web");
  EXPECT_EQ((*updated)->create_time, before->create_time);
  EXPECT_GE((*updated)->update_time, before->update_time);
  EXPECT_NE((*updated)->etag, before->etag);
  EXPECT_THAT(replaced_, ::testing::ElementsAre((*updated)->etag));
  // Who holds the old one keeps it.
  EXPECT_NE(before->secure_context, next.secure_context);
}

TEST_F(LiveContextTest, ChangesNothingIfTheChangeFails) {
  const auto before = context_.record();

  const auto updated = Update("", Effect::kReplace, [](const ContextRecord&) {
    return absl::StatusOr<ContextParts>(
        MakeError(Reason::kKeyMismatch, "not that key"));
  });

  EXPECT_THAT(updated, FailsWith(Reason::kKeyMismatch));
  EXPECT_EQ(context_.record(), before);
}

TEST_F(LiveContextTest, ChangesOnlyWhatTheEtagNames) {
  const std::string etag = context_.record()->etag;
  const auto change = [](const ContextRecord&) {
    return absl::StatusOr<ContextParts>(Server());
  };

  EXPECT_THAT(Update(etag, Effect::kReplace, change), IsOk());
  EXPECT_THAT(Update(etag, Effect::kReplace, change),
              FailsWith(Reason::kEtagMismatch, "etag"));
}

TEST_F(LiveContextTest, LeavesNoListenerWithoutCredentials) {
  const auto drop = [](const ContextRecord&) {
    return absl::StatusOr<ContextParts>(Client());
  };
  ASSERT_THAT(context_.AddListener("secure_context", "listeners/l1"), IsOk());

  EXPECT_THAT(Update("", Effect::kReplace, drop),
              FailsWith(Reason::kCredentialsRequired, "credentials"));
  EXPECT_TRUE(context_.record()->secure_context->has_credentials());

  context_.RemoveListener("listeners/l1");
  EXPECT_THAT(Update("", Effect::kReplace, drop), IsOk());
  EXPECT_THAT(context_.AddListener("secure_context", "listeners/l1"),
              FailsWith(Reason::kCredentialsRequired, "secure_context"));
  EXPECT_EQ(context_.first_listener(), std::nullopt);
}

TEST_F(LiveContextTest, OnlyChecksIfAsked) {
  const auto before = context_.record();
  const auto drop = [](const ContextRecord&) {
    return absl::StatusOr<ContextParts>(Client());
  };

  EXPECT_THAT(Update("", Effect::kCheckOnly, drop), IsOk());
  EXPECT_EQ(context_.record(), before);
  EXPECT_THAT(replaced_, ::testing::IsEmpty());
  ASSERT_THAT(context_.AddListener("secure_context", "listeners/l1"), IsOk());
  EXPECT_THAT(Update("", Effect::kCheckOnly, drop),
              FailsWith(Reason::kCredentialsRequired));
  EXPECT_THAT(Update("stale", Effect::kCheckOnly, drop),
              FailsWith(Reason::kEtagMismatch));
}

TEST_F(LiveContextTest, RetiresWhenNobodyUsesIt) {
  ASSERT_THAT(context_.AddListener("secure_context", "listeners/l1"), IsOk());
  EXPECT_THAT(context_.Retire("", false), FailsWith(Reason::kContextInUse));
  EXPECT_THAT(context_.Retire("stale", true), FailsWith(Reason::kEtagMismatch));
  EXPECT_THAT(context_.AddListener("secure_context", "listeners/l2"), IsOk());

  EXPECT_THAT(context_.Retire(context_.record()->etag, true), IsOk());

  // Who uses it keeps it; nobody else gets it.
  EXPECT_EQ(context_.first_listener(), "listeners/l1");
  EXPECT_THAT(context_.AddListener("secure_context", "listeners/l3"),
              FailsWith(Reason::kContextNotFound));
  EXPECT_THAT(Update("", Effect::kReplace,
                     [](const ContextRecord&) {
                       return absl::StatusOr<ContextParts>(Server());
                     }),
              FailsWith(Reason::kContextNotFound));
}

TEST_F(LiveContextTest, KeepsNoSecret) {
  tls::SecureContextOptions options;
  tls::PemCredentials pem;
  pem.private_key = "key";
  pem.passphrase = "passphrase";
  tls::Pkcs12Credentials pkcs12;
  pkcs12.pfx = "pfx";
  pkcs12.passphrase = "passphrase";
  options.credentials = {pem, pkcs12};
  options.ticket_keys = {std::string(48, 'k')};
  options.ech_keys = {{"config", "key"}};

  const LiveContext context("secureContexts/web",
                            {options, Server().secure_context});

  const tls::SecureContextOptions& kept = context.record()->options;
  const auto& kept_pem = std::get<tls::PemCredentials>(kept.credentials[0]);
  const auto& kept_pkcs12 =
      std::get<tls::Pkcs12Credentials>(kept.credentials[1]);
  EXPECT_EQ(kept_pem.private_key, "");
  EXPECT_EQ(kept_pem.passphrase, "");
  EXPECT_EQ(kept_pkcs12.pfx, "");
  EXPECT_EQ(kept_pkcs12.passphrase, "");
  EXPECT_TRUE(kept.ticket_keys.empty());
  EXPECT_TRUE(kept.ech_keys.empty());
}

TEST_F(LiveContextTest, TellsWhatClientsEncryptWith) {
  const ContextRecord& record = *context_.record();
  EXPECT_EQ(FactsOf(record).ech_config_list, "");
  ASSERT_THAT(record.secure_context->RotateEchKeys("cover.test", 64), IsOk());
  const std::string list = FactsOf(record).ech_config_list;
  EXPECT_THAT(list, HasSubstr("cover.test"));
  ASSERT_THAT(record.secure_context->RotateEchKeys("cover.test", 64), IsOk());
  EXPECT_NE(FactsOf(record).ech_config_list, list);
}

// Who accepts a connection must not wait for keys that are being parsed.
TEST_F(LiveContextTest, CanBeReadWhileAChangeIsMade) {
  absl::Notification making;
  absl::Notification finish;
  std::thread updater([&] {
    EXPECT_THAT(Update("", Effect::kReplace,
                       [&](const ContextRecord&) {
                         making.Notify();
                         finish.WaitForNotification();
                         return absl::StatusOr<ContextParts>(Server());
                       }),
                IsOk());
  });
  making.WaitForNotification();
  const auto before = context_.record();
  EXPECT_NE(before, nullptr);
  finish.Notify();
  updater.join();
  EXPECT_NE(context_.record(), before);
}

TEST_F(LiveContextTest, LosesNoChangeOfSeveralAtOnce) {
  std::vector<std::thread> updaters;
  for (int i = 0; i < 4; ++i) {
    updaters.emplace_back([&] {
      for (int j = 0; j < 25; ++j) {
        const auto updated =
            Update("", Effect::kReplace, [&](const ContextRecord& present) {
              ContextParts next{present.options, present.secure_context};
              next.options.alpn_protocols.push_back("x");
              return absl::StatusOr<ContextParts>(next);
            });
        EXPECT_THAT(updated, IsOk());
      }
    });
  }
  for (std::thread& updater : updaters) updater.join();
  EXPECT_EQ(context_.record()->options.alpn_protocols.size(), 100u);
  // They are told one after the other: no lock is needed, or taken, for it.
  EXPECT_EQ(replaced_.size(), 100u);
  EXPECT_EQ(replaced_.back(), context_.record()->etag);
}

}  // namespace
}  // namespace tlsd::worker
