// Several daemons as one service.
#include <memory>
#include <string>
#include <utility>

#include "client/client.h"
#include "client/decision_handler.h"
#include "client/session_store.h"
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

// OneOfMany is a daemon with an echo listener.
class OneOfMany {
 public:
  // What makes its sessions those of others too: keys, or hooks and a name.
  explicit OneOfMany(const v1::SecureContext& shared)
      : control_("unix:" + (folder_ / "control")) {
    auto daemon = StartDaemonProcess(control_);
    EXPECT_THAT(daemon, IsOk());
    if (!daemon.ok()) return;
    daemon_ = *std::move(daemon);
    ControlClient client(control_);
    v1::CreateSecureContextRequest context;
    context.set_secure_context_id("web");
    *context.mutable_secure_context() = shared;
    *context.mutable_secure_context()->add_credentials() =
        PemOf(ServerIdentity());
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

  // Store answers its questions about sessions with `store`.
  void Store(client::SessionStore& store) {
    auto opened = client::Client::Open(control_);
    ASSERT_THAT(opened, IsOk());
    client_ = std::make_unique<client::Client>(*std::move(opened));
    client::Answerers answerers;
    store.AddTo(answerers);
    auto handler = client_->HandleDecisions({}, std::move(answerers));
    ASSERT_THAT(handler, IsOk());
    handler_ = std::make_unique<client::DecisionHandler>(*std::move(handler));
  }

 private:
  TemporaryFolder folder_;
  std::string control_;
  std::unique_ptr<Subprocess> daemon_;
  std::string address_;
  std::unique_ptr<client::Client> client_;
  std::unique_ptr<client::DecisionHandler> handler_;
};

v1::SecureContext WithTicketKey(char fill) {
  v1::SecureContext shared;
  shared.add_ticket_keys(std::string(48, fill));
  return shared;
}

v1::SecureContext WithStore() {
  v1::SecureContext shared;
  shared.set_session_id_context("web");
  shared.add_hooks()->set_type(v1::DECISION_TYPE_SESSION_STORE);
  shared.add_hooks()->set_type(v1::DECISION_TYPE_SESSION_LOOKUP);
  return shared;
}

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
  const OneOfMany one(WithTicketKey('k'));
  const OneOfMany same(WithTicketKey('k'));
  const OneOfMany other(WithTicketKey('o'));
  EXPECT_TRUE(HasResumed(one, same));
  EXPECT_TRUE(HasResumed(same, one));
  EXPECT_FALSE(HasResumed(one, other));
}

TEST_P(DaemonsTest, ResumeEachOthersSessionsIfTheyShareAStore) {
  client::SessionStore shared;
  client::SessionStore of_its_own;
  OneOfMany one(WithStore());
  OneOfMany same(WithStore());
  OneOfMany other(WithStore());
  one.Store(shared);
  same.Store(shared);
  other.Store(of_its_own);
  EXPECT_TRUE(HasResumed(one, same));
  EXPECT_TRUE(HasResumed(same, one));
  EXPECT_FALSE(HasResumed(one, other));
}

}  // namespace
}  // namespace tlsd::testing
