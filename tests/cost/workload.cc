// What cost_test measures: the moves of a connection's life, each often enough
// that what one costs is a whole number that does not change. Allocations and
// bytes go to standard output; instructions become dumps of callgrind.
//
//   workload [QUANTITY...]
//
// measures what is named, or everything. Each load happens on one thread, and
// nothing depends on time, or on chance but for the keys, which cost the same
// whatever they are.
#include <openssl/ssl.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "server/net/event_loop.h"
#include "server/tls/development_authority.h"
#include "server/tls/secure_context.h"
#include "tests/cost/client_peer.h"
#include "tests/cost/memory_load.h"
#include "tests/cost/plan.h"
#include "tests/cost/require.h"
#include "tests/cost/worker_load.h"

namespace tlsd::cost {
namespace {

Version MakeVersion(const std::string& name, tls::TlsVersion version,
                    uint16_t client_version) {
  tls::DevelopmentAuthority authority;
  tls::SecureContextOptions options;
  options.credentials = {tls::DevelopmentCredentials{}};
  options.min_version = options.max_version = version;
  auto context = tls::SecureContext::Create(options, authority, absl::Now());
  Require(context.ok(), "there is a context");
  return {name, *std::move(context), ClientPeer::NewContext(client_version)};
}

void Run(std::vector<std::string> names) {
  const Plan plan = {
      MakeVersion("tls13", tls::TlsVersion::kTls13, TLS1_3_VERSION),
      MakeVersion("tls12", tls::TlsVersion::kTls12, TLS1_2_VERSION),
      std::move(names)};
  auto loop = net::EventLoop::Create();
  Require(loop.ok(), "there is a loop");
  MemoryLoad(plan, **loop).Run();
  if (plan.wants("connection_plain")) {
    WorkerLoad(nullptr, nullptr).MeasureConnections("connection_plain");
  }
  if (plan.wants("connection_tls13")) {
    WorkerLoad(plan.tls13.server, plan.tls13.client.get())
        .MeasureConnections("connection_tls13");
  }
  if (plan.wants("idle_connection")) {
    WorkerLoad(plan.tls13.server, plan.tls13.client.get())
        .MeasureIdle("idle_connection");
  }
}

}  // namespace
}  // namespace tlsd::cost

int main(int argc, char** argv) {
  tlsd::cost::Run({argv + 1, argv + argc});
  return 0;
}
