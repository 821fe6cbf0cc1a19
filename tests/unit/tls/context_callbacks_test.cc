#include "server/tls/context_callbacks.h"

#include <openssl/bio.h>
#include <openssl/err.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/byte_queue.h"
#include "server/tls/ticket_keys.h"
#include "tests/testing/test_identities.h"
#include "tests/unit/tls/tls_versions.h"

namespace tlsd::tls {
namespace {

using ::testing::SizeIs;
using ::tlsd::testing::ServerIdentity;

using Result = ConnectionCallbacks::Result;

// FakeCallbacks does what a test says, and keeps what it was told.
class FakeCallbacks : public ConnectionCallbacks {
 public:
  bool StoresSessions() const override { return stores_sessions; }
  void StoreSession(std::string id, std::string session) override {
    stored[std::move(id)] = std::move(session);
  }
  Result FindSession(absl::string_view id, std::string& session) override {
    looked_up.emplace_back(id);
    if (find_result == Result::kDone) {
      session =
          replacement.has_value() ? *replacement : stored[looked_up.back()];
    }
    return find_result;
  }
  void OnClientSession(bssl::UniquePtr<SSL_SESSION> made) override {
    client_session = std::move(made);
  }
  ssl_verify_result_t VerifyPeer(uint8_t* out_alert) override {
    *out_alert = SSL_AD_ACCESS_DENIED;
    return verify_result;
  }
  const std::string& alpn_choice() const override { return alpn; }
  void OnKeyLogLine(absl::string_view line) override {
    key_log.emplace_back(line);
  }
  Result Sign(uint16_t algorithm, absl::Span<const uint8_t> input,
              std::string& made) override {
    if (!input.empty()) signed_algorithm = algorithm;
    made = signature;
    return sign_result;
  }

  bool stores_sessions = false;
  std::map<std::string, std::string> stored;
  std::vector<std::string> looked_up;
  Result find_result = Result::kDone;
  std::optional<std::string> replacement;
  bssl::UniquePtr<SSL_SESSION> client_session;
  ssl_verify_result_t verify_result = ssl_verify_ok;
  std::string alpn;
  std::vector<std::string> key_log;
  uint16_t signed_algorithm = 0;
  std::string signature;
  Result sign_result = Result::kDone;
};

class ContextCallbacksTest : public EachTlsVersion {
 protected:
  ContextCallbacksTest() {
    Prepare(server_context_.get());
    Prepare(client_context_.get());
    SSL_CTX_use_certificate(server_context_.get(),
                            ServerIdentity().certificate());
    SSL_CTX_use_PrivateKey(server_context_.get(), ServerIdentity().key());
  }

  void Prepare(SSL_CTX* context, bool gives_ids = true, bool key_log = false) {
    const uint16_t number = is_tls13() ? TLS1_3_VERSION : TLS1_2_VERSION;
    SSL_CTX_set_min_proto_version(context, number);
    SSL_CTX_set_max_proto_version(context, number);
    SSL_CTX_set_app_data(context, keys_.get());
    SetCallbacks(context, gives_ids, key_log);
  }

  // Begin makes both ends; a session that the client has got is offered.
  void Begin() {
    client_.reset(SSL_new(client_context_.get()));
    server_.reset(SSL_new(server_context_.get()));
    BIO* client_bio = nullptr;
    BIO* server_bio = nullptr;
    ASSERT_TRUE(BIO_new_bio_pair(&client_bio, 0, &server_bio, 0));
    SSL_set_bio(client_.get(), client_bio, client_bio);
    SSL_set_bio(server_.get(), server_bio, server_bio);
    SSL_set_connect_state(client_.get());
    SSL_set_accept_state(server_.get());
    ConnectionCallbacks::SetOf(client_.get(), &at_client_);
    ConnectionCallbacks::SetOf(server_.get(), &at_server_);
    if (at_client_.client_session != nullptr) {
      SSL_set_session(client_.get(), at_client_.client_session.get());
    }
  }

  // Run goes on as far as both come, or until the server fails, and returns
  // whether it is done.
  bool Run() {
    bool is_done = false;
    for (int turn = 0; turn < 10; ++turn) {
      char byte = 0;
      ERR_clear_error();
      if (SSL_do_handshake(client_.get()) == 1) {
        SSL_read(client_.get(), &byte, 1);
      }
      ERR_clear_error();
      const int result = SSL_do_handshake(server_.get());
      server_error_ = SSL_get_error(server_.get(), result);
      if (result == 1 && !is_done) SSL_write(server_.get(), "", 0);
      is_done = result == 1;
      if (server_error_ == SSL_ERROR_SSL) return false;
    }
    return is_done;
  }

  bool Handshake() {
    Begin();
    return Run();
  }

  bool Resumes() {
    return Handshake() && SSL_session_reused(server_.get()) == 1;
  }

  std::string Ticket() const {
    const uint8_t* ticket = nullptr;
    size_t size = 0;
    SSL_SESSION_get0_ticket(at_client_.client_session.get(), &ticket, &size);
    return std::string(base::AsText({ticket, size}));
  }

  std::string Alpn() const {
    const uint8_t* data = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(client_.get(), &data, &size);
    return std::string(base::AsText({data, size}));
  }

  void OfferAlpn(const std::string& wire) {
    SSL_CTX_set_alpn_protos(client_context_.get(),
                            reinterpret_cast<const uint8_t*>(wire.data()),
                            wire.size());
  }

  std::shared_ptr<TicketKeys> keys_ = TicketKeys::Automatic();
  bssl::UniquePtr<SSL_CTX> server_context_{SSL_CTX_new(TLS_method())};
  bssl::UniquePtr<SSL_CTX> client_context_{SSL_CTX_new(TLS_method())};
  FakeCallbacks at_server_;
  FakeCallbacks at_client_;
  bssl::UniquePtr<SSL> client_;
  bssl::UniquePtr<SSL> server_;
  int server_error_ = 0;
};
INSTANTIATE_TLS_VERSIONS(ContextCallbacksTest);

TEST_P(ContextCallbacksTest, SealsTicketsWithTheKeysOfTheContext) {
  ASSERT_TRUE(Handshake());
  ASSERT_NE(at_client_.client_session, nullptr);
  EXPECT_TRUE(at_server_.stored.empty());

  EXPECT_TRUE(Resumes());
  EXPECT_TRUE(at_server_.looked_up.empty());

  const auto other_keys = TicketKeys::Automatic();
  SSL_CTX_set_app_data(server_context_.get(), other_keys.get());
  EXPECT_FALSE(Resumes());
}

TEST_P(ContextCallbacksTest, WorksForConnectionsWithoutCallbacks) {
  Begin();
  ConnectionCallbacks::SetOf(client_.get(), nullptr);
  ConnectionCallbacks::SetOf(server_.get(), nullptr);
  EXPECT_TRUE(Run());
  EXPECT_EQ(at_client_.client_session, nullptr);
}

// NotingListener counts ClientHellos.
class NotingListener : public HelloListener {
 public:
  bool OnClientHello(const SSL_CLIENT_HELLO& hello) override {
    ++told_count;
    EXPECT_GT(hello.cipher_suites_len, 0u);
    return goes_on;
  }

  int told_count = 0;
  bool goes_on = true;
};

TEST_P(ContextCallbacksTest, TellsOfAClientHelloOnce) {
  NotingListener listener;
  Begin();
  HelloListener::SetOf(server_.get(), &listener);
  EXPECT_TRUE(Run());
  EXPECT_EQ(listener.told_count, 1);
}

TEST_P(ContextCallbacksTest, EndsTheHandshakeThatAListenerRefuses) {
  NotingListener listener;
  listener.goes_on = false;
  Begin();
  HelloListener::SetOf(server_.get(), &listener);
  EXPECT_FALSE(Run());
  EXPECT_EQ(listener.told_count, 1);
}

// A ticket must be as long as the session, because BoringSSL gives no more room
// when it is opened.
TEST_P(ContextCallbacksTest, StoresSessionsUnderAnIdThatIsTheTicket) {
  at_server_.stores_sessions = true;
  ASSERT_TRUE(Handshake());

  ASSERT_THAT(at_server_.stored, SizeIs(is_tls13() ? 2 : 1));
  const std::string ticket = Ticket();
  const std::string id = ticket.substr(0, 16);
  ASSERT_EQ(at_server_.stored.count(id), 1u);
  EXPECT_EQ(ticket.size(), at_server_.stored[id].size());
  EXPECT_EQ(ticket.find(at_server_.stored[id]), std::string::npos);

  EXPECT_TRUE(Resumes());
  ASSERT_FALSE(at_server_.looked_up.empty());
  EXPECT_EQ(at_server_.looked_up[0], id);
}

TEST_P(ContextCallbacksTest, ResumesNothingThatIsNotFound) {
  at_server_.stores_sessions = true;
  const std::optional<std::string> replacements[] = {
      std::nullopt, "", "no session", std::string(100'000, 'x')};
  for (const auto& replacement : replacements) {
    ASSERT_TRUE(Handshake());
    at_server_.replacement = replacement;
    at_server_.find_result =
        replacement.has_value() ? Result::kDone : Result::kNothing;

    EXPECT_TRUE(Handshake());
    EXPECT_FALSE(SSL_session_reused(server_.get()));
  }
}

TEST_P(ContextCallbacksTest, WaitsForASession) {
  at_server_.stores_sessions = true;
  ASSERT_TRUE(Handshake());
  at_server_.find_result = Result::kWait;

  Begin();
  EXPECT_FALSE(Run());
  EXPECT_EQ(server_error_, SSL_ERROR_PENDING_TICKET);

  at_server_.find_result = Result::kDone;
  EXPECT_TRUE(Run());
  EXPECT_TRUE(SSL_session_reused(server_.get()));
}

// RFC 5246 section 7.4.1.2: clients that have no tickets get an id.
TEST_P(ContextCallbacksTest, StoresSessionsOfClientsWithoutTickets) {
  if (is_tls13()) return;
  SSL_CTX_set_options(client_context_.get(), SSL_OP_NO_TICKET);
  at_server_.stores_sessions = true;
  ASSERT_TRUE(Handshake());
  ASSERT_THAT(at_server_.stored, SizeIs(1));
  EXPECT_THAT(at_server_.stored.begin()->first, SizeIs(32));

  at_server_.find_result = Result::kWait;
  Begin();
  EXPECT_FALSE(Run());
  EXPECT_EQ(server_error_, SSL_ERROR_PENDING_SESSION);
  at_server_.find_result = Result::kDone;
  EXPECT_TRUE(Run());
  EXPECT_TRUE(SSL_session_reused(server_.get()));
  EXPECT_EQ(at_server_.looked_up[0], at_server_.stored.begin()->first);

  at_server_.find_result = Result::kNothing;
  EXPECT_FALSE(Resumes());
}

TEST_P(ContextCallbacksTest, GivesIdsOnlyIfTold) {
  if (is_tls13()) return;
  SSL_CTX_set_options(client_context_.get(), SSL_OP_NO_TICKET);
  at_server_.stores_sessions = true;
  Prepare(server_context_.get(), /*gives_ids=*/false);
  EXPECT_TRUE(Handshake());
  EXPECT_TRUE(at_server_.stored.empty());
  EXPECT_EQ(at_client_.client_session, nullptr);

  Prepare(server_context_.get(), /*gives_ids=*/true);
  EXPECT_TRUE(Handshake());
  EXPECT_NE(at_client_.client_session, nullptr);
}

// BoringSSL leaves an error in its queue, which would fail the handshake.
TEST_P(ContextCallbacksTest, ResumesNoGarbageById) {
  if (is_tls13()) return;
  SSL_CTX_set_options(client_context_.get(), SSL_OP_NO_TICKET);
  at_server_.stores_sessions = true;
  ASSERT_TRUE(Handshake());
  at_server_.replacement = "no session";

  EXPECT_TRUE(Handshake());
  EXPECT_FALSE(SSL_session_reused(server_.get()));
  EXPECT_FALSE(at_server_.looked_up.empty());
}

TEST_P(ContextCallbacksTest, ChoosesAmongTheServersProtocols) {
  const std::string supported = "\2h3\2h2";
  SetServerAlpn(server_context_.get(), &supported);
  OfferAlpn("\10http/1.1\2h2");

  EXPECT_TRUE(Handshake());
  EXPECT_EQ(Alpn(), "h2");

  // RFC 7301 section 3.2.
  OfferAlpn("\10http/1.1");
  EXPECT_FALSE(Handshake());
}

TEST_P(ContextCallbacksTest, ChoosesTheProtocolOfTheConnectionFirst) {
  const std::string supported = "\2h2";
  SetServerAlpn(server_context_.get(), &supported);
  OfferAlpn("\10http/1.1\2h2");
  at_server_.alpn = "\10http/1.1";

  EXPECT_TRUE(Handshake());
  EXPECT_EQ(Alpn(), "http/1.1");

  at_server_.alpn = "\2h3";
  EXPECT_FALSE(Handshake());
}

TEST_P(ContextCallbacksTest, AnswersNoAlpnWithoutProtocols) {
  const std::string none;
  SetServerAlpn(server_context_.get(), &none);
  OfferAlpn("\2h2");
  EXPECT_TRUE(Handshake());
  EXPECT_EQ(Alpn(), "");
}

TEST_P(ContextCallbacksTest, TellsSecretsOnlyIfAsked) {
  ASSERT_TRUE(Handshake());
  EXPECT_TRUE(at_server_.key_log.empty());

  Prepare(server_context_.get(), /*gives_ids=*/false, /*key_log=*/true);
  ASSERT_TRUE(Handshake());
  ASSERT_FALSE(at_server_.key_log.empty());
  EXPECT_TRUE(absl::StartsWith(
      at_server_.key_log[0],
      is_tls13() ? "CLIENT_HANDSHAKE_TRAFFIC_SECRET " : "CLIENT_RANDOM "));
  EXPECT_TRUE(at_client_.key_log.empty());
}

TEST_P(ContextCallbacksTest, AsksTheConnectionAboutItsPeer) {
  SSL_CTX_set_custom_verify(client_context_.get(), SSL_VERIFY_PEER,
                            OnVerifyPeer);
  EXPECT_TRUE(Handshake());

  at_client_.client_session.reset();
  at_client_.verify_result = ssl_verify_invalid;
  EXPECT_FALSE(Handshake());
  EXPECT_EQ(server_error_, SSL_ERROR_SSL);
}

TEST_P(ContextCallbacksTest, UsesNoSignatureThatIsNone) {
  SSL_CTX_set_private_key_method(server_context_.get(), RemoteKeyMethod());

  at_server_.sign_result = Result::kWait;
  Begin();
  EXPECT_FALSE(Run());
  EXPECT_EQ(server_error_, SSL_ERROR_WANT_PRIVATE_KEY_OPERATION);
  EXPECT_EQ(at_server_.signed_algorithm, SSL_SIGN_ECDSA_SECP256R1_SHA256);

  for (const auto& [result, signature] :
       {std::pair(Result::kNothing, ""),
        std::pair(Result::kDone, "of another key")}) {
    at_server_.sign_result = result;
    at_server_.signature = signature;
    EXPECT_FALSE(Handshake());
  }
  // Longer than any of this key.
  at_server_.sign_result = Result::kDone;
  at_server_.signature = std::string(100'000, 'x');
  EXPECT_FALSE(Handshake());
  EXPECT_EQ(server_error_, SSL_ERROR_SSL);
}

}  // namespace
}  // namespace tlsd::tls
