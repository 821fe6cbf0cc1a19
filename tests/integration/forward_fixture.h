// ForwardTest is a test of listeners that pass their connections on.
//
//   dialled -> accepted (the listener's) -> upstream (accepted there)
#ifndef TLSD_TESTS_INTEGRATION_FORWARD_FIXTURE_H_
#define TLSD_TESTS_INTEGRATION_FORWARD_FIXTURE_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "tests/integration/carrier_fixture.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::testing {

class ForwardTest : public CarrierTest {
 protected:
  // Route is a listener that forwards to another.
  struct Route {
    v1::Listener front;
    v1::Listener back;
  };

  // Through is one connection on it.
  struct Through {
    v1::Connection dialled;
    v1::Connection accepted;
    v1::Connection upstream;
  };

  // ListenForward forwards as `upstream` says. The listener's own side is TLS
  // unless `options` say otherwise.
  static v1::Listener ListenForward(
      const v1::ConnectRequest& upstream, v1::Listener options = {},
      v1::ProxyHeaderVersion header = v1::PROXY_HEADER_VERSION_UNSPECIFIED) {
    *options.mutable_forward()->mutable_upstream() = upstream;
    options.mutable_forward()->set_send_proxy_header(header);
    return Listen(std::move(options));
  }

  static Route PlainRoute() {
    Route route;
    route.back = ListenPlain();
    route.front = ListenForward(ToConnectPlain(AddressOf(route.back)));
    return route;
  }

  static Route TlsRoute(const v1::Listener& back_options = {}) {
    Route route;
    route.back = Listen(back_options);
    route.front = ListenForward(ToConnect(route.back, GetParam()));
    return route;
  }

  static Through Pass(const Route& route) {
    Through through;
    through.dialled = Connect(route.front, GetParam());
    const auto upstream = Accept(route.back.name());
    EXPECT_THAT(upstream, IsOk());
    if (upstream.ok()) through.upstream = *upstream;
    through.accepted = AcceptedBy(route.front);
    return through;
  }

  // AcceptedBy returns the first connection of `listener`.
  static v1::Connection AcceptedBy(const v1::Listener& listener) {
    const v1::EventType type = listener.protection() == v1::PROTECTION_NONE
                                   ? v1::EVENT_TYPE_CONNECTION
                                   : v1::EVENT_TYPE_SECURE_CONNECTION;
    return Await(type, listener.name()).connection();
  }

  // ExpectUpstreamFailed looks how the connections of `front` have ended.
  static void ExpectUpstreamFailed(const v1::Connection& accepted,
                                   const std::string& cause) {
    const v1::Failure failure = AwaitClosed(accepted).failure();
    EXPECT_EQ(failure.reason(), "UPSTREAM_FAILED");
    const auto found = failure.metadata().find("cause");
    EXPECT_EQ(found == failure.metadata().end() ? "" : found->second, cause);
  }
};

}  // namespace tlsd::testing

#endif  // TLSD_TESTS_INTEGRATION_FORWARD_FIXTURE_H_
