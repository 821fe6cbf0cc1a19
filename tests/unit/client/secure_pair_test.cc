#include "client/secure_pair.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "client/client.h"
#include "proto/status/error.h"
#include "tests/unit/client/fake_daemon.h"

namespace tlsd::client {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// SecurePairTest has a daemon that joins nothing, and notes what is asked.
class SecurePairTest : public ::testing::Test {
 protected:
  SecurePairTest() {
    daemon_.on.create_secure_pair = [this](const auto& request, auto& pair) {
      seen_ = request;
      pair.mutable_cleartext()->set_name("connections/clear");
      pair.mutable_encrypted()->set_name("connections/sealed");
      return absl::OkStatus();
    };
    daemon_.on.stream = [this](const v1::StreamAttach& attach,
                               testing::CleartextStream& stream) {
      {
        absl::MutexLock lock(&mutex_);
        attached_.push_back(attach.connection());
      }
      stream.Write(testing::Data(attach.connection()));
      testing::ReadAll(stream);
      stream.Write(testing::End());
      return absl::OkStatus();
    };
    daemon_.on.close = [this](const auto& request, auto&) {
      absl::MutexLock lock(&mutex_);
      closed_.push_back(request.name());
      return absl::OkStatus();
    };
  }

  Client Open() {
    absl::StatusOr<Client> client = Client::Open(daemon_.address());
    EXPECT_TRUE(client.ok()) << client.status();
    return *std::move(client);
  }

  absl::Mutex mutex_;
  v1::CreateSecurePairRequest seen_;
  std::vector<std::string> attached_;
  std::vector<std::string> closed_;
  testing::FakeDaemon daemon_;
};

TEST_F(SecurePairTest, AttachesToBothSides) {
  auto pair = Open().CreateSecurePair(
      {.client = ConnectOptions{.server_name = "a.test", .early_data = "E"}});

  ASSERT_TRUE(pair.ok()) << pair.status();
  EXPECT_EQ(pair->cleartext.Read().value_or(""), "connections/clear");
  EXPECT_EQ(pair->encrypted.Read().value_or(""), "connections/sealed");
  EXPECT_EQ(seen_.client().server_name(), "a.test");
  EXPECT_EQ(seen_.client().early_data(), "E");
  EXPECT_TRUE(pair->cleartext.Close().ok());
  EXPECT_TRUE(pair->encrypted.Close().ok());
  EXPECT_THAT(closed_, IsEmpty());
}

TEST_F(SecurePairTest, PlaysTheServer) {
  auto pair = Open().CreateSecurePair(
      {.server = ServerOptions{.secure_context = "secureContexts/s"}});

  ASSERT_TRUE(pair.ok()) << pair.status();
  EXPECT_EQ(seen_.server().secure_context(), "secureContexts/s");
}

TEST_F(SecurePairTest, IsLeftDetachedToBePiped) {
  daemon_.on.pipe = [](const auto& request, auto&) {
    EXPECT_EQ(request.name(), "connections/sealed");
    EXPECT_EQ(request.peer(), "connections/sealed");
    return absl::OkStatus();
  };
  {
    auto pair = Open().CreateDetachedSecurePair({.client = ConnectOptions{}});
    ASSERT_TRUE(pair.ok()) << pair.status();
    EXPECT_THAT(attached_, IsEmpty());
    EXPECT_TRUE(Open().Pipe(pair->encrypted, pair->encrypted).ok());
  }
  EXPECT_THAT(closed_, ElementsAre("connections/clear"));
}

TEST_F(SecurePairTest, NeedsOneRole) {
  EXPECT_TRUE(
      HasReason(Open().CreateSecurePair({}).status(), Reason::kFieldRequired));
  EXPECT_TRUE(HasReason(Open()
                            .CreateSecurePair({.client = ConnectOptions{},
                                               .server = ServerOptions{}})
                            .status(),
                        Reason::kFieldsConflict));
  EXPECT_FALSE(seen_.has_client() || seen_.has_server());
}

TEST_F(SecurePairTest, TellsWhyThereIsNone) {
  daemon_.on.create_secure_pair = [](const auto&, auto&) {
    return MakeError(Reason::kCredentialsRequired, "no certificate");
  };

  EXPECT_TRUE(
      HasReason(Open().CreateSecurePair({.server = ServerOptions{}}).status(),
                Reason::kCredentialsRequired));
}

TEST_F(SecurePairTest, IsClosedIfOneSideCannotBeAttached) {
  daemon_.on.stream = nullptr;

  EXPECT_FALSE(Open().CreateSecurePair({.client = ConnectOptions{}}).ok());

  EXPECT_THAT(closed_,
              UnorderedElementsAre("connections/clear", "connections/sealed"));
}

}  // namespace
}  // namespace tlsd::client
