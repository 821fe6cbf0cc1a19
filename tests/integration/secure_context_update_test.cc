// Changing secure contexts while they are used.
#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "tests/integration/tls_peer.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"

namespace tlsd::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class SecureContextUpdateTest : public DaemonTest {
 protected:
  // An update of the fields that `change` sets.
  static v1::UpdateSecureContextRequest UpdateOf(
      const std::string& name, const v1::SecureContext& change) {
    v1::UpdateSecureContextRequest request;
    *request.mutable_secure_context() = change;
    request.mutable_secure_context()->set_name(name);
    return request;
  }

  static v1::SecureContext Showing(const TestIdentity& identity) {
    v1::SecureContext context;
    *context.add_credentials() = PemOf(identity);
    return context;
  }

  static absl::StatusOr<v1::SecureContext> Get(const std::string& name) {
    v1::GetSecureContextRequest request;
    request.set_name(name);
    return client().Call(request);
  }

  static v1::Listener EchoWith(const std::string& context) {
    v1::Listener listener;
    listener.set_secure_context(context);
    listener.mutable_echo();
    return Listen(listener);
  }
};

TEST_F(SecureContextUpdateTest, ListenersFollowTheContextTheyName) {
  const std::string name = NewContext(Showing(ServerIdentity()));
  const v1::Listener listener = EchoWith(name);
  ASSERT_OK_AND_ASSIGN(const auto before,
                       TlsPeer::Connect(AddressOf(listener)));

  ASSERT_OK_AND_ASSIGN(
      const v1::SecureContext updated,
      client().Call(UpdateOf(name, Showing(RsaServerIdentity()))));

  EXPECT_EQ(updated.credentials(0).certificates(0).public_key(), "RSA 2048");
  ASSERT_OK_AND_ASSIGN(const auto after, TlsPeer::Connect(AddressOf(listener)));
  EXPECT_NE(before->CertificateDigest(), after->CertificateDigest());
  // The connection from before has lost nothing.
  ASSERT_TRUE(before->Send("still here"));
  EXPECT_EQ(before->Receive(), "still here");
}

TEST_F(SecureContextUpdateTest, ChangesWhatIsSetAndNothingElse) {
  v1::SecureContext context = Showing(ServerIdentity());
  context.set_ciphers("ECDHE+AESGCM");
  context.add_alpn_protocols("h2");
  const std::string name = NewContext(context);
  ASSERT_OK_AND_ASSIGN(const v1::SecureContext before, Get(name));
  v1::SecureContext change;
  change.add_alpn_protocols("http/1.1");

  ASSERT_OK_AND_ASSIGN(const v1::SecureContext after,
                       client().Call(UpdateOf(name, change)));

  EXPECT_THAT(after.alpn_protocols(), ElementsAre("http/1.1"));
  EXPECT_EQ(after.ciphers(), "ECDHE+AESGCM");
  // The key is still there, although no call gives it back.
  EXPECT_EQ(after.credentials(0).certificates(0).serial_number(),
            before.credentials(0).certificates(0).serial_number());
  EXPECT_TRUE(Connect(EchoWith(name)).authorized());
  EXPECT_NE(after.etag(), before.etag());
  EXPECT_EQ(after.create_time().seconds(), before.create_time().seconds());
}

TEST_F(SecureContextUpdateTest, ClearsWhatTheMaskNamesAndTheUpdateLeavesOut) {
  v1::SecureContext context = Showing(ServerIdentity());
  context.set_ciphers("ECDHE+AESGCM");
  context.set_secure_protocol("TLSv1_2_method");
  const std::string name = NewContext(context);
  v1::UpdateSecureContextRequest request = UpdateOf(name, {});
  request.mutable_update_mask()->add_paths("ciphers");
  request.mutable_update_mask()->add_paths("min_version");
  request.mutable_secure_context()->set_min_version(v1::TLS_VERSION_TLS_1_2);

  ASSERT_OK_AND_ASSIGN(const v1::SecureContext after, client().Call(request));

  EXPECT_EQ(after.ciphers(), "");
  EXPECT_GT(after.effective_ciphers_size(), 6);
  // It excludes the field that was set.
  EXPECT_EQ(after.secure_protocol(), "");
  EXPECT_EQ(after.max_version(), v1::TLS_VERSION_TLS_1_3);
  EXPECT_EQ(after.credentials_size(), 1);
}

TEST_F(SecureContextUpdateTest, ReplacesAllIfTheMaskSaysSo) {
  v1::SecureContext context = Showing(ServerIdentity());
  context.add_alpn_protocols("h2");
  const std::string name = NewContext(context);
  v1::UpdateSecureContextRequest request =
      UpdateOf(name, Showing(RsaServerIdentity()));
  request.mutable_update_mask()->add_paths("*");

  ASSERT_OK_AND_ASSIGN(const v1::SecureContext after, client().Call(request));

  EXPECT_EQ(after.alpn_protocols_size(), 0);
  EXPECT_EQ(after.credentials(0).certificates(0).public_key(), "RSA 2048");
}

TEST_F(SecureContextUpdateTest, ChangesNothingIfItIsRefused) {
  const std::string name = NewContext(Showing(ServerIdentity()));
  ASSERT_OK_AND_ASSIGN(const v1::SecureContext before, Get(name));
  v1::SecureContext wrong_key = Showing(ServerIdentity());
  wrong_key.mutable_credentials(0)->mutable_pem()->set_private_key(
      ClientIdentity().KeyPem());

  EXPECT_THAT(client().Call(UpdateOf(name, wrong_key)),
              FailsWith(Reason::kKeyMismatch,
                        "secure_context.credentials[0].pem.private_key"));
  // What comes back of a read has no key in it.
  EXPECT_THAT(client().Call(UpdateOf(name, before)),
              FailsWith(Reason::kFieldRequired,
                        "secure_context.credentials[0].pem.private_key"));
  v1::UpdateSecureContextRequest bad_mask = UpdateOf(name, {});
  bad_mask.mutable_update_mask()->add_paths("effective_ciphers");
  EXPECT_THAT(client().Call(bad_mask),
              FailsWith(Reason::kFieldInvalid, "update_mask"));
  v1::SecureContext stale;
  stale.set_etag("stale");
  stale.add_alpn_protocols("h2");
  EXPECT_THAT(client().Call(UpdateOf(name, stale)),
              FailsWith(Reason::kEtagMismatch, "secure_context.etag"));
  EXPECT_THAT(client().Call(UpdateOf("secureContexts/nobody", {})),
              FailsWith(Reason::kContextNotFound));
  EXPECT_THAT(client().Call(UpdateOf("nobody", {})),
              FailsWith(Reason::kNameInvalid, "secure_context.name"));

  ASSERT_OK_AND_ASSIGN(const v1::SecureContext after, Get(name));
  EXPECT_EQ(after.SerializeAsString(), before.SerializeAsString());
}

TEST_F(SecureContextUpdateTest, LeavesNoListenerWithoutCredentials) {
  const std::string name = NewContext(Showing(ServerIdentity()));
  const v1::Listener listener = EchoWith(name);
  v1::UpdateSecureContextRequest request = UpdateOf(name, {});
  request.mutable_update_mask()->add_paths("credentials");

  const absl::Status refused = client().Call(request).status();

  EXPECT_THAT(refused, FailsWith(Reason::kCredentialsRequired));
  EXPECT_EQ(MetadataOf(refused, "listener"), listener.name());
  EXPECT_TRUE(Connect(listener).authorized());
}

TEST_F(SecureContextUpdateTest, TakesItsOwnAnswerBack) {
  v1::SecureContext context = Showing(ServerIdentity());
  context.set_secure_protocol("TLSv1_2_method");
  context.set_alpn_protocols_wire("\x01\xff\x02h2");
  const std::string name = NewContext(context);
  ASSERT_OK_AND_ASSIGN(v1::SecureContext got, Get(name));
  // It holds no key, which therefore stays.
  got.clear_credentials();
  // What is not UTF-8 can only be told escaped.
  EXPECT_THAT(got.alpn_protocols(), ElementsAre("\\xff", "h2"));
  got.clear_alpn_protocols();
  got.set_ciphers("ECDHE+AESGCM");

  ASSERT_OK_AND_ASSIGN(const v1::SecureContext after,
                       client().Call(UpdateOf(name, got)));

  EXPECT_EQ(after.secure_protocol(), "TLSv1_2_method");
  EXPECT_EQ(after.credentials_size(), 1);
}

TEST_F(SecureContextUpdateTest, OnlyChecksIfAsked) {
  const std::string name = NewContext(Showing(ServerIdentity()));
  ASSERT_OK_AND_ASSIGN(const v1::SecureContext before, Get(name));
  v1::SecureContext change;
  change.set_ciphers("ECDHE+AESGCM:NO-SUCH");
  v1::UpdateSecureContextRequest request = UpdateOf(name, change);
  request.set_validate_only(true);

  ASSERT_OK_AND_ASSIGN(const v1::SecureContext checked, client().Call(request));
  EXPECT_THAT(checked.ignored_cipher_tokens(), ElementsAre("NO-SUCH"));
  request.mutable_secure_context()->set_strict_ciphers(true);
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kCiphersInvalid, "secure_context.ciphers"));

  ASSERT_OK_AND_ASSIGN(const v1::SecureContext after, Get(name));
  EXPECT_EQ(after.SerializeAsString(), before.SerializeAsString());
  v1::CreateSecureContextRequest create;
  create.set_secure_context_id("only-checked");
  create.set_validate_only(true);
  *create.mutable_secure_context() = Showing(ServerIdentity());
  EXPECT_THAT(client().Call(create), IsOk());
  EXPECT_THAT(Get("secureContexts/only-checked"),
              FailsWith(Reason::kContextNotFound));
}

TEST_F(SecureContextUpdateTest, IsToldWithoutPem) {
  const std::string name = NewContext(Showing(ServerIdentity()));
  const std::unique_ptr<EventWatch> watch = Watch(name);
  v1::SecureContext change;
  change.add_alpn_protocols("h2");
  ASSERT_THAT(client().Call(UpdateOf(name, change)), IsOk());

  ASSERT_OK_AND_ASSIGN(
      const v1::Event event,
      watch->WaitFor(v1::EVENT_TYPE_SECURE_CONTEXT_UPDATED, name));

  EXPECT_THAT(event.secure_context().alpn_protocols(), ElementsAre("h2"));
  EXPECT_THAT(event.DebugString(), Not(HasSubstr("BEGIN")));
}

TEST_F(SecureContextUpdateTest, ACertificateThatEndsSoonIsToldAtOnce) {
  const std::unique_ptr<EventWatch> watch = Watch("");
  // Test identities are valid for a day.
  const std::string name = NewContext(Showing(ServerIdentity()));

  ASSERT_OK_AND_ASSIGN(
      const v1::Event event,
      watch->WaitFor(v1::EVENT_TYPE_CERTIFICATE_EXPIRING, name));

  const v1::CertificateExpiry& expiry = event.certificate_expiry();
  EXPECT_EQ(expiry.secure_context(), name);
  EXPECT_THAT(expiry.certificate().subject(), HasSubstr("CN=localhost"));
  EXPECT_GT(expiry.time_left().seconds(), 0);
  EXPECT_LE(expiry.time_left().seconds(), 24 * 3600);
}

// Full handshakes without a break, while the context is changed a hundred
// times: none fails, and connections from before stay.
TEST_F(SecureContextUpdateTest, NoHandshakeFailsWhileContextsAreSwapped) {
  constexpr int kSwaps = 100;
  constexpr int kThreads = 3;
  const std::string name = NewContext(Showing(ServerIdentity()));
  const v1::Listener listener = EchoWith(name);
  ASSERT_OK_AND_ASSIGN(const auto before,
                       TlsPeer::Connect(AddressOf(listener)));
  std::atomic<bool> done = false;
  std::atomic<int> failures = 0;
  std::vector<std::set<std::string>> seen(kThreads);
  std::vector<std::thread> load;
  for (int i = 0; i < kThreads; ++i) {
    load.emplace_back([&, i] {
      do {
        const auto peer = TlsPeer::Connect(AddressOf(listener));
        if (!peer.ok() || !(*peer)->Send("ping") ||
            (*peer)->Receive() != "ping") {
          ++failures;
          continue;
        }
        seen[static_cast<size_t>(i)].insert((*peer)->CertificateDigest());
      } while (!done);
    });
  }

  for (int swap = 0; swap < kSwaps; ++swap) {
    const TestIdentity& next =
        swap % 2 == 0 ? RsaServerIdentity() : ServerIdentity();
    EXPECT_THAT(client().Call(UpdateOf(name, Showing(next))), IsOk());
  }
  done = true;
  for (std::thread& thread : load) thread.join();

  EXPECT_EQ(failures, 0);
  std::set<std::string> all;
  for (const auto& digests : seen) all.insert(digests.begin(), digests.end());
  EXPECT_EQ(all.size(), 2u);
  ASSERT_TRUE(before->Send("still here"));
  EXPECT_EQ(before->Receive(), "still here");
}

}  // namespace
}  // namespace tlsd::testing
