#include "client/connection_controls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "client/client.h"
#include "proto/status/error.h"
#include "tests/unit/client/fake_daemon.h"

namespace tlsd::client {
namespace {

using ::testing::HasSubstr;

class ConnectionControlsTest : public ::testing::Test {
 protected:
  ConnectionControlsTest() {
    daemon_.on.get_connection = [](const auto& request, auto& connection) {
      if (request.name() != "connections/c") {
        return MakeError(Reason::kConnectionNotFound, "none");
      }
      connection.set_name(request.name());
      return absl::OkStatus();
    };
  }

  Client Open() {
    absl::StatusOr<Client> client = Client::Open(daemon_.address());
    EXPECT_TRUE(client.ok()) << client.status();
    return *std::move(client);
  }

  ConnectionControls Controls() {
    absl::StatusOr<ConnectionControls> controls =
        Open().GetControls("connections/c");
    EXPECT_TRUE(controls.ok()) << controls.status();
    return *std::move(controls);
  }

  testing::FakeDaemon daemon_;
};

TEST_F(ConnectionControlsTest, AreThereForAConnectionThatExists) {
  EXPECT_EQ(Controls().name(), "connections/c");
  EXPECT_EQ(Controls().GetFacts()->name, "connections/c");
  EXPECT_TRUE(HasReason(Open().GetControls("connections/d").status(),
                        Reason::kConnectionNotFound));
}

TEST_F(ConnectionControlsTest, SetSocketOptions) {
  v1::SetSocketOptionsRequest seen;
  daemon_.on.set_socket_options = [&](const auto& request, auto& connection) {
    seen = request;
    *connection.mutable_socket_options() = request.socket_options();
    return absl::OkStatus();
  };

  const auto facts = Controls().SetSocketOptions(
      {.idle_timeout = absl::Seconds(5), .delay_small_writes = true});

  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(facts->socket_options.idle_timeout, absl::Seconds(5));
  EXPECT_EQ(seen.name(), "connections/c");
  EXPECT_TRUE(seen.socket_options().delay_small_writes());
  EXPECT_FALSE(seen.socket_options().has_keep_alive());
}

TEST_F(ConnectionControlsTest, LimitTheRecordsThatAreSent) {
  daemon_.on.set_max_send_fragment = [](const auto& request, auto& connection) {
    EXPECT_EQ(request.name(), "connections/c");
    if (request.size() < 512) {
      return FieldError(Reason::kFieldInvalid, "size", "511", "512 to 16384");
    }
    connection.set_max_send_fragment(request.size());
    return absl::OkStatus();
  };

  const auto facts = Controls().SetMaxSendFragment(512);

  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(facts->max_send_fragment, 512);
  EXPECT_TRUE(HasReason(Controls().SetMaxSendFragment(511).status(),
                        Reason::kFieldInvalid));
}

TEST_F(ConnectionControlsTest, ExportKeyingMaterialWithAndWithoutAContext) {
  v1::ExportKeyingMaterialRequest seen;
  daemon_.on.export_keying_material = [&](const auto& request, auto& response) {
    seen = request;
    response.set_keying_material("secret");
    return absl::OkStatus();
  };

  EXPECT_EQ(Controls().ExportKeyingMaterial("label", 6).value_or(""), "secret");
  EXPECT_EQ(seen.name(), "connections/c");
  EXPECT_EQ(seen.label(), "label");
  EXPECT_EQ(seen.length(), 6);
  EXPECT_TRUE(seen.without_context());

  EXPECT_TRUE(Controls().ExportKeyingMaterial("label", 6, "").ok());
  EXPECT_FALSE(seen.without_context());
  EXPECT_TRUE(Controls().ExportKeyingMaterial("label", 6, "bound").ok());
  EXPECT_FALSE(seen.without_context());
  EXPECT_EQ(seen.context(), "bound");
}

TEST_F(ConnectionControlsTest, GetChannelBindings) {
  daemon_.on.get_channel_bindings = [](const auto& request, auto& response) {
    EXPECT_EQ(request.name(), "connections/c");
    response.set_tls_exporter("E");
    return absl::OkStatus();
  };

  const auto bindings = Controls().GetChannelBindings();

  ASSERT_TRUE(bindings.ok()) << bindings.status();
  EXPECT_EQ(bindings->tls_exporter, "E");
  EXPECT_EQ(bindings->finished, "");
}

TEST_F(ConnectionControlsTest, UpdateOurKeysOrThoseOfBoth) {
  v1::UpdateKeysRequest seen;
  daemon_.on.update_keys = [&](const auto& request, auto&) {
    seen = request;
    return absl::OkStatus();
  };

  ASSERT_TRUE(Controls().UpdateKeys().ok());
  EXPECT_EQ(seen.name(), "connections/c");
  EXPECT_FALSE(seen.request_peer());
  ASSERT_TRUE(Controls().UpdateKeys(KeyUpdate::kBoth).ok());
  EXPECT_TRUE(seen.request_peer());
}

TEST_F(ConnectionControlsTest, RenegotiateFailsAsTheDaemonSays) {
  daemon_.on.renegotiate = [](const auto& request, auto&) {
    EXPECT_EQ(request.name(), "connections/c");
    return MakeError(Reason::kRenegotiationUnsupported, "use UpdateKeys");
  };

  const absl::Status status = Controls().Renegotiate();

  EXPECT_TRUE(HasReason(status, Reason::kRenegotiationUnsupported));
  EXPECT_THAT(std::string(status.message()), HasSubstr("use UpdateKeys"));
}

TEST_F(ConnectionControlsTest, Reset) {
  std::string seen;
  daemon_.on.reset = [&](const auto& request, auto&) {
    seen = request.name();
    return absl::OkStatus();
  };

  EXPECT_TRUE(Controls().Reset().ok());
  EXPECT_EQ(seen, "connections/c");
}

TEST_F(ConnectionControlsTest, TellWhyAConnectionHasNoTls) {
  const auto refuse = [](const auto&, auto&) {
    return MakeError(Reason::kProtectionMismatch, "it is plain");
  };
  daemon_.on.set_max_send_fragment = refuse;
  daemon_.on.export_keying_material = refuse;
  daemon_.on.get_channel_bindings = refuse;
  daemon_.on.update_keys = refuse;
  const ConnectionControls controls = Controls();

  for (const absl::Status& status :
       {controls.SetMaxSendFragment(512).status(),
        controls.ExportKeyingMaterial("l", 1).status(),
        controls.GetChannelBindings().status(),
        controls.UpdateKeys().status()}) {
    EXPECT_TRUE(HasReason(status, Reason::kProtectionMismatch)) << status;
  }
}

TEST_F(ConnectionControlsTest, AreThoseOfAnAttachedConnectionToo) {
  daemon_.on.stream = [](const v1::StreamAttach&,
                         testing::CleartextStream& stream) {
    testing::ReadAll(stream);
    stream.Write(testing::End());
    return absl::OkStatus();
  };
  daemon_.on.update_keys = [](const auto& request, auto&) {
    EXPECT_EQ(request.name(), "connections/c");
    return absl::OkStatus();
  };
  auto connection = Open().Attach("connections/c");
  ASSERT_TRUE(connection.ok()) << connection.status();

  EXPECT_TRUE(connection->UpdateKeys().ok());
  const ConnectionControls controls = *connection;
  EXPECT_TRUE(connection->Close().ok());
  EXPECT_EQ(controls.GetFacts()->name, "connections/c");
}

}  // namespace
}  // namespace tlsd::client
