// What an engine lets its caller do besides reading and writing, when nobody
// has asked for it. What each control does has a test of its own:
// max_send_fragment_test, keying_material_test, channel_bindings_test,
// key_update_test, and, with servers that can ask,
// tests/interop/renegotiation_test.
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/unit/tls/judged_peer.h"
#include "tests/unit/tls/roles_and_versions.h"

namespace tlsd::tls {
namespace {

using ::tlsd::testing::ClientOptions;
using ::tlsd::testing::EnginePair;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::MakeContext;
using ::tlsd::testing::MetadataOf;
using ::tlsd::testing::ServerOptions;

class EngineControlsTest : public EachRoleAndVersion {
 protected:
  TlsEngine& engine() { return *pair.end(role()).engine; }
  EnginePair::End& peer() { return pair.end(OtherRole(role())); }

  EnginePair pair{MakeContext(ClientOptions(version())),
                  MakeContext(ServerOptions(version()))};
};
INSTANTIATE_ROLES_AND_VERSIONS(EngineControlsTest);

TEST_P(EngineControlsTest, CanSendOnceTheHandshakeIsComplete) {
  EXPECT_FALSE(engine().can_send());
  EXPECT_THAT(engine().Send(base::AsBytes("early")),
              FailsWith(Reason::kHandshakeNotComplete));
  pair.Pump();
  EXPECT_TRUE(engine().can_send());
  EXPECT_THAT(engine().Send(base::AsBytes("text")), IsOk());
  pair.Pump();
  EXPECT_EQ(peer().TakeCleartext(), "text");
}

TEST_P(EngineControlsTest, AcceptNoRenegotiationThatNobodyAsksFor) {
  EXPECT_THAT(engine().AcceptRenegotiation(), IsOk());
  EXPECT_FALSE(engine().can_send());
  pair.Pump();
  EXPECT_THAT(engine().AcceptRenegotiation(), IsOk());
  EXPECT_TRUE(engine().can_send());
  EXPECT_FALSE(engine().has_more());
  EXPECT_TRUE(engine().ciphertext().empty());

  const absl::Status reason = MakeError(Reason::kConnectionReset, "reset");
  engine().Abort(reason);
  EXPECT_EQ(engine().AcceptRenegotiation(), reason);
}

TEST_P(EngineControlsTest, EndWithTheAlertThatFits) {
  struct Row {
    Reason reason;
    const char* alert;
  };
  for (const Row& row : {Row{Reason::kRenegotiationLimit, "no_renegotiation"},
                         Row{Reason::kHandshakeTimeout, "user_canceled"},
                         Row{Reason::kCallCancelled, "user_canceled"},
                         Row{Reason::kConnectionReset, "internal_error"}}) {
    EnginePair ended(MakeContext(ClientOptions(version())),
                     MakeContext(ServerOptions(version())));
    ended.Pump();
    ended.end(role()).engine->Abort(MakeError(row.reason, "ended"));
    ended.Pump();
    const absl::Status& status = ended.end(OtherRole(role())).status;
    EXPECT_THAT(status, FailsWith(Reason::kPeerAlert));
    EXPECT_EQ(MetadataOf(status, "alert"), row.alert);
  }
}

}  // namespace
}  // namespace tlsd::tls
