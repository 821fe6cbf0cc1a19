#include "tests/bench/load/tls_client.h"

#include <unistd.h>

#include <cstdint>
#include <string>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "tests/bench/load/client_thread.h"
#include "tests/bench/load/latencies.h"
#include "tests/bench/load/options.h"
#include "tests/bench/load/sockets.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::bench::load {
namespace {

using testing::IsOk;

// SilentClient says nothing, and does not care what comes.
class SilentClient : public TlsClient {
 public:
  using TlsClient::TlsClient;

 private:
  void OnOpen() override {}
  void OnCleartext(absl::string_view) override {}
  void OnEnd(const absl::Status&) override {}
};

class TlsClientTest : public ::testing::TestWithParam<uint16_t> {};

// Otherwise its load would take it for one that has been silent for long.
TEST_P(TlsClientTest, HasMadeProgressWhenItIsDialled) {
  ASSERT_OK_AND_ASSIGN(const int listening, Listen());
  const absl::Cleanup close_listening = [listening] { close(listening); };
  ClientThread thread({.port = PortOf(listening), .version = GetParam()}, 0);
  SilentClient client(thread);
  const absl::Duration before = Uptime();

  ASSERT_THAT(client.Dial(), IsOk());

  EXPECT_GE(client.last_progress(), before);
}

TEST_P(TlsClientTest, HasMadeNoneBefore) {
  ClientThread thread({.version = GetParam()}, 0);

  EXPECT_EQ(SilentClient(thread).last_progress(), absl::ZeroDuration());
}

INSTANTIATE_TEST_SUITE_P(, TlsClientTest,
                         ::testing::Values(kWithoutTls,
                                           uint16_t{TLS1_2_VERSION},
                                           uint16_t{TLS1_3_VERSION}),
                         [](const auto& info) -> std::string {
                           switch (info.param) {
                             case kWithoutTls:
                               return "WithoutTls";
                             case TLS1_2_VERSION:
                               return "Tls12";
                             default:
                               return "Tls13";
                           }
                         });

}  // namespace
}  // namespace tlsd::bench::load
