// UpgradeTest is a test of TLS over connections that are there.
#ifndef TLSD_TESTS_INTEGRATION_UPGRADE_FIXTURE_H_
#define TLSD_TESTS_INTEGRATION_UPGRADE_FIXTURE_H_

#include "absl/status/statusor.h"
#include "tests/integration/carrier_fixture.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::testing {

class UpgradeTest : public CarrierTest {
 protected:
  static v1::StreamAttach StreamOf(const v1::Connection& connection) {
    v1::StreamAttach attach;
    attach.set_connection(connection.name());
    return attach;
  }

  // AsClient and AsServer upgrade one end, and wait for the other.
  static absl::StatusOr<v1::Connection> AsClient(
      const v1::Connection& carrier, const v1::ConnectRequest& options,
      CallContext* context = nullptr) {
    v1::UpgradeRequest request;
    request.set_name(carrier.name());
    *request.mutable_client() = options;
    return client().Call(request, context);
  }
  static absl::StatusOr<v1::Connection> AsClient(
      const v1::Connection& carrier) {
    return AsClient(carrier, ClientOptions(GetParam()));
  }
  static absl::StatusOr<v1::Connection> AsServer(
      const v1::Connection& carrier,
      const v1::ServerOptions& options = ServerOptions()) {
    v1::UpgradeRequest request;
    request.set_name(carrier.name());
    *request.mutable_server() = options;
    return client().Call(request);
  }

  // UpgradeBoth upgrades both ends of `carriers`.
  static Pair UpgradeBoth(const Pair& carriers) {
    auto server = InBackground([&] { return AsServer(carriers.server); });
    const auto connected = AsClient(carriers.client);
    const auto accepted = server.get();
    EXPECT_THAT(connected, IsOk());
    EXPECT_THAT(accepted, IsOk());
    if (!connected.ok() || !accepted.ok()) return Pair();
    return {*connected, *accepted};
  }
};

}  // namespace tlsd::testing

#endif  // TLSD_TESTS_INTEGRATION_UPGRADE_FIXTURE_H_
