// A server engine whose client tries to renegotiate.
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/interop/engine_wire.h"
#include "tests/interop/foreign_peer.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/subprocess.h"

namespace tlsd::testing {
namespace {

// TLS 1.3 has no renegotiation that a client could try.
TEST(RenegotiationRefusedTest, EndsTheConnectionAtTheFirstAttempt) {
  EngineWire wire(MakeContext(ServerOptions(tls::TlsVersion::kTls12)),
                  tls::Role::kServer, tls::EngineOptions());
  ASSERT_OK_AND_ASSIGN(const int port, wire.Listen());
  ASSERT_OK_AND_ASSIGN(
      auto client,
      StartPeer({"openssl", "s_client", "-connect",
                 absl::StrCat("127.0.0.1:", port), "-msg", "-tls1_2"}));
  ASSERT_THAT(client->Write("1 before\n"), IsOk());
  ASSERT_TRUE(wire.RunUntil([&] { return wire.cleartext() == "1 before\n"; }));
  EXPECT_THAT(wire.status(), IsOk());

  ASSERT_THAT(client->Write("R\n"), IsOk());
  wire.RunToTheEnd();
  EXPECT_THAT(wire.status(), FailsWith(Reason::kRenegotiationRefused));
  EXPECT_EQ(MetadataOf(wire.status(), "alert_sent"), "no_renegotiation");
  EXPECT_THAT(client->WaitForOutput("fatal no_renegotiation"), IsOk());
}

}  // namespace
}  // namespace tlsd::testing
