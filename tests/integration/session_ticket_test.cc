// Session tickets across listeners: equal keys and equal rules, or none.
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "tests/integration/tls_peer.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"

namespace tlsd::testing {
namespace {

class SessionTicketTest : public VersionTest {
 protected:
  static v1::SecureContext Options() {
    v1::SecureContext context;
    *context.add_credentials() = PemOf(ServerIdentity());
    context.add_ticket_keys(std::string(48, 'k'));
    return context;
  }

  // Serve starts an echo listener with a context of its own.
  static std::string Serve(const v1::SecureContext& context) {
    v1::Listener listener;
    listener.set_secure_context(NewContext(context));
    listener.mutable_echo();
    return AddressOf(Listen(listener));
  }

  // HasResumed says whether a session from `first` is resumed at `second`.
  static bool HasResumed(const std::string& first, const std::string& second) {
    const auto earlier = TlsPeer::Connect(first, GetParam());
    EXPECT_THAT(earlier, IsOk());
    // Under TLS 1.3 tickets come after the handshake.
    EXPECT_TRUE((*earlier)->Send("x"));
    EXPECT_EQ((*earlier)->Receive(), "x");
    const auto later = TlsPeer::Resume(second, GetParam(), **earlier);
    EXPECT_THAT(later, IsOk());
    return (*later)->resumed();
  }
};
INSTANTIATE_IN_BOTH_VERSIONS(SessionTicketTest);

TEST_P(SessionTicketTest, AreGoodAtListenersWithTheSameKeys) {
  EXPECT_TRUE(HasResumed(Serve(Options()), Serve(Options())));
}

TEST_P(SessionTicketTest, AreNoGoodWithOtherKeysOrNone) {
  v1::SecureContext other = Options();
  other.set_ticket_keys(0, std::string(48, 'o'));
  EXPECT_FALSE(HasResumed(Serve(Options()), Serve(other)));
  other.clear_ticket_keys();
  EXPECT_FALSE(HasResumed(Serve(Options()), Serve(other)));
  EXPECT_FALSE(HasResumed(Serve(other), Serve(other)));
}

TEST_P(SessionTicketTest, AreNoGoodInAnotherSessionIdContext) {
  v1::SecureContext other = Options();
  other.set_session_id_context("other");
  EXPECT_FALSE(HasResumed(Serve(Options()), Serve(other)));
  EXPECT_TRUE(HasResumed(Serve(other), Serve(other)));
}

TEST_P(SessionTicketTest, OutliveARotationOfKeys) {
  v1::SecureContext rotated = Options();
  rotated.clear_ticket_keys();
  rotated.add_ticket_keys(std::string(48, 'n'));
  rotated.add_ticket_keys(std::string(48, 'k'));
  EXPECT_TRUE(HasResumed(Serve(Options()), Serve(rotated)));
  // New tickets are sealed with the first key, which the others do not have.
  EXPECT_FALSE(HasResumed(Serve(rotated), Serve(Options())));
}

TEST_P(SessionTicketTest, SurviveAChangeOfTheCertificate) {
  v1::SecureContext options = Options();
  options.clear_ticket_keys();
  const std::string name = NewContext(options);
  v1::Listener listener;
  listener.set_secure_context(name);
  listener.mutable_echo();
  const std::string address = AddressOf(Listen(listener));
  ASSERT_OK_AND_ASSIGN(const auto earlier,
                       TlsPeer::Connect(address, GetParam()));
  ASSERT_TRUE(earlier->Send("x"));
  ASSERT_EQ(earlier->Receive(), "x");
  IdentitySpec renewed;
  renewed.key_index = 1;
  v1::UpdateSecureContextRequest update;
  update.mutable_secure_context()->set_name(name);
  *update.mutable_secure_context()->add_credentials() =
      PemOf(IntermediateIdentity().Issue(renewed));
  ASSERT_THAT(client().Call(update), IsOk());

  ASSERT_OK_AND_ASSIGN(const auto later,
                       TlsPeer::Resume(address, GetParam(), *earlier));

  EXPECT_TRUE(later->resumed());
}

TEST_P(SessionTicketTest, AreNotGivenIfDisabled) {
  v1::SecureContext options = Options();
  options.clear_ticket_keys();
  options.set_disable_session_tickets(true);
  const std::string address = Serve(options);
  EXPECT_FALSE(HasResumed(address, address));
}

}  // namespace
}  // namespace tlsd::testing
