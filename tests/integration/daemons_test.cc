// Several daemons as one service.
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "tests/integration/daemon_process.h"
#include "tests/integration/tls_peer.h"
#include "tests/testing/control_client.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/subprocess.h"
#include "tests/testing/test_identities.h"

namespace tlsd::testing {
namespace {

// OneOfMany is a daemon with an echo listener whose ticket keys were given.
class OneOfMany {
 public:
  explicit OneOfMany(const std::string& ticket_key)
      : control_("unix:" + (folder_ / "control")) {
    auto daemon = StartDaemonProcess(control_);
    EXPECT_THAT(daemon, IsOk());
    if (!daemon.ok()) return;
    daemon_ = *std::move(daemon);
    ControlClient client(control_);
    v1::CreateSecureContextRequest context;
    context.set_secure_context_id("web");
    *context.mutable_secure_context()->add_credentials() =
        PemOf(ServerIdentity());
    context.mutable_secure_context()->add_ticket_keys(ticket_key);
    EXPECT_THAT(client.Call(context), IsOk());
    v1::CreateListenerRequest listener;
    listener.mutable_listener()->set_address("127.0.0.1:0");
    listener.mutable_listener()->set_secure_context("secureContexts/web");
    listener.mutable_listener()->mutable_echo();
    const auto made = client.Call(listener);
    EXPECT_THAT(made, IsOk());
    if (made.ok()) address_ = AddressOf(*made);
  }

  const std::string& address() const { return address_; }

 private:
  TemporaryFolder folder_;
  std::string control_;
  std::unique_ptr<Subprocess> daemon_;
  std::string address_;
};

class DaemonsTest : public ::testing::TestWithParam<v1::TlsVersion> {
 protected:
  // HasResumed says whether a session of `first` is resumed by `second`.
  static bool HasResumed(const OneOfMany& first, const OneOfMany& second) {
    const auto earlier = TlsPeer::Connect(first.address(), GetParam());
    EXPECT_THAT(earlier, IsOk());
    if (!earlier.ok()) return false;
    // Under TLS 1.3 tickets come after the handshake.
    EXPECT_TRUE((*earlier)->Send("x"));
    EXPECT_EQ((*earlier)->Receive(), "x");
    const auto later = TlsPeer::Resume(second.address(), GetParam(), **earlier);
    EXPECT_THAT(later, IsOk());
    return later.ok() && (*later)->resumed();
  }
};
INSTANTIATE_IN_BOTH_VERSIONS(DaemonsTest);

TEST_P(DaemonsTest, ResumeEachOthersSessionsIfTheyShareTicketKeys) {
  const OneOfMany one(std::string(48, 'k'));
  const OneOfMany same(std::string(48, 'k'));
  const OneOfMany other(std::string(48, 'o'));
  EXPECT_TRUE(HasResumed(one, same));
  EXPECT_TRUE(HasResumed(same, one));
  EXPECT_FALSE(HasResumed(one, other));
}

}  // namespace
}  // namespace tlsd::testing
