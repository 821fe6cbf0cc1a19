#include "client/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "proto/status/error.h"
#include "tests/unit/client/fake_daemon.h"

namespace tlsd::client {
namespace {

class ClientTest : public ::testing::Test {
 protected:
  Client Open() {
    absl::StatusOr<Client> client = Client::Open(daemon_.address());
    EXPECT_TRUE(client.ok()) << client.status();
    return *std::move(client);
  }

  // ServeStreams makes each stream last until its client has ended.
  void ServeStreams() {
    daemon_.on.stream = [](const v1::StreamAttach&,
                           testing::CleartextStream& stream) {
      testing::ReadAll(stream);
      stream.Write(testing::End());
      return absl::OkStatus();
    };
  }

  testing::FakeDaemon daemon_;
};

TEST_F(ClientTest, OpensOnlyWhenADaemonAnswers) {
  testing::SocketFolder folder;

  EXPECT_TRUE(Client::Open(daemon_.address()).ok());
  EXPECT_TRUE(IsDaemonUnreachable(
      Client::Open("unix:" + folder.path() + "/none").status()));
  EXPECT_TRUE(
      HasReason(Client::Open("nonsense").status(), Reason::kAddressInvalid));
}

TEST_F(ClientTest, CreatesASecureContextAndGivesItsHandle) {
  v1::CreateSecureContextRequest seen;
  daemon_.on.create_secure_context = [&](const auto& request, auto& context) {
    seen = request;
    context.set_name("secureContexts/web");
    return absl::OkStatus();
  };

  const auto context = Open().CreateSecureContext({.id = "web"});

  ASSERT_TRUE(context.ok()) << context.status();
  EXPECT_EQ(context->name(), "secureContexts/web");
  EXPECT_EQ(seen.secure_context_id(), "web");
}

TEST_F(ClientTest, GivesTheFieldOfAnErrorToItsCaller) {
  daemon_.on.create_secure_context = [](const auto&, auto&) {
    return FieldError(Reason::kPemInvalid, "pem.private_key", "x", "a key");
  };

  const auto context = Open().CreateSecureContext({});

  ASSERT_TRUE(HasReason(context.status(), Reason::kPemInvalid));
  EXPECT_EQ(GetErrorDetail(context.status())->metadata.at("field"),
            "pem.private_key");
}

TEST_F(ClientTest, ListsAllPages) {
  daemon_.on.list_listeners = [](const auto& request, auto& page) {
    const bool is_first = request.page_token().empty();
    page.add_listeners()->set_name(is_first ? "listeners/a" : "listeners/b");
    if (is_first) page.set_next_page_token("next");
    return absl::OkStatus();
  };

  const auto listeners = Open().ListListeners();

  ASSERT_TRUE(listeners.ok()) << listeners.status();
  ASSERT_EQ(listeners->size(), 2u);
  EXPECT_EQ((*listeners)[0].name(), "listeners/a");
  EXPECT_EQ((*listeners)[1].name(), "listeners/b");
}

TEST_F(ClientTest, ListensAndTellsTheBoundAddress) {
  daemon_.on.create_listener = [](const auto& request, auto& listener) {
    listener = request.listener();
    listener.set_name("listeners/l");
    listener.mutable_bound_address()->set_family("IPv4");
    listener.mutable_bound_address()->set_address("127.0.0.1");
    listener.mutable_bound_address()->set_port(1234);
    return absl::OkStatus();
  };

  const auto listener = Open().Listen(
      {.address = "127.0.0.1:0", .secure_context = "secureContexts/web"});

  ASSERT_TRUE(listener.ok()) << listener.status();
  EXPECT_EQ(listener->address(), "127.0.0.1:1234");
}

TEST_F(ClientTest, ConnectsAndAttaches) {
  ServeStreams();
  daemon_.on.connect = [](const auto&, auto& connection) {
    connection.set_name("connections/c");
    return absl::OkStatus();
  };

  auto connection = Open().Connect({.address = "localhost:1"});

  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_EQ(connection->name(), "connections/c");
  EXPECT_TRUE(connection->facts().authorized);
}

TEST_F(ClientTest, ClosesAConnectionThatItCannotAttach) {
  std::string closed;
  daemon_.on.connect = [](const auto&, auto& connection) {
    connection.set_name("connections/c");
    return absl::OkStatus();
  };
  daemon_.on.close = [&](const auto& request, auto&) {
    closed = request.name();
    return absl::OkStatus();
  };

  const auto connection = Open().Connect({.address = "localhost:1"});

  EXPECT_EQ(connection.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(closed, "connections/c");
}

TEST_F(ClientTest, AcceptsWithTheTimeoutInTheRequest) {
  ServeStreams();
  daemon_.on.create_listener = [](const auto&, auto& listener) {
    listener.set_name("listeners/l");
    return absl::OkStatus();
  };
  daemon_.on.accept = [](const v1::AcceptRequest& request, v1::Connection&) {
    EXPECT_EQ(request.listener(), "listeners/l");
    EXPECT_EQ(request.timeout().nanos(), 1000000);
    return MakeError(Reason::kWaitTimeout, "nobody came");
  };
  const auto listener = Open().Listen({});
  ASSERT_TRUE(listener.ok());

  const auto connection = listener->Accept(absl::Milliseconds(1));

  EXPECT_TRUE(HasReason(connection.status(), Reason::kWaitTimeout));
}

TEST_F(ClientTest, ClosesAListenerWithOrWithoutADeadline) {
  v1::DeleteListenerRequest seen;
  daemon_.on.create_listener = [](const auto&, auto& listener) {
    listener.set_name("listeners/l");
    return absl::OkStatus();
  };
  daemon_.on.delete_listener = [&](const auto& request, auto&) {
    seen = request;
    return absl::OkStatus();
  };
  const auto listener = Open().Listen({});
  ASSERT_TRUE(listener.ok());

  ASSERT_TRUE(listener->Close().ok());
  EXPECT_FALSE(seen.has_drain_timeout());
  ASSERT_TRUE(listener->Close(absl::ZeroDuration()).ok());
  EXPECT_TRUE(seen.has_drain_timeout());
}

}  // namespace
}  // namespace tlsd::client
