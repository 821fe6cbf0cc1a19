// Clients that share no code with the daemon, at listeners that choose by name
// or ask a store for sessions.
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/client.h"
#include "client/session_store.h"
#include "tests/interop/interop_fixture.h"
#include "tests/testing/decisions.h"

namespace tlsd::testing {
namespace {

using ::testing::HasSubstr;

class ForeignDecisionsTest : public InteropTest {
 protected:
  // GnutlsCli asks for `name`, and wants a certificate for it.
  static Command GnutlsCli(const v1::Listener& listener,
                           absl::string_view name) {
    return {"gnutls-cli",
            "--port",
            absl::StrCat(listener.bound_address().port()),
            "--x509cafile",
            CertificateFile(RootIdentity()),
            "--sni-hostname",
            std::string(name),
            "--verify-hostname",
            std::string(name),
            "--priority",
            absl::StrCat("NORMAL:-VERS-ALL:+VERS-TLS1.", IsTls13() ? "3" : "2"),
            "127.0.0.1"};
  }
  // NodeClient does so too; `option` and `value` are one more of its options.
  static Command NodeClient(const v1::Listener& listener,
                            absl::string_view option, absl::string_view value) {
    return {"node", "tests/interop/node_client.js",
            absl::StrCat("{\"version\":\"", Protocol(), "\",\"port\":\"",
                         listener.bound_address().port(), "\",\"ca\":\"",
                         CertificateFile(RootIdentity()), "\",\"", option,
                         "\":\"", value, "\"}")};
  }

  // ServeByName shows wrong.example only to those that ask for it; if it is
  // strict, others are turned away.
  static v1::Listener ServeByName(bool is_strict) {
    v1::CreateListenerRequest request;
    v1::Listener& listener = *request.mutable_listener();
    listener.set_address("127.0.0.1:0");
    listener.set_secure_context(NewContext(ServerContext()));
    listener.mutable_echo();
    listener.set_strict_server_names(is_strict);
    v1::ServerNameContext& by_name = *request.add_contexts();
    by_name.set_server_name("wrong.example");
    by_name.set_secure_context(
        NewContext(ServerContext(WrongNameServerIdentity())));
    const absl::StatusOr<v1::Listener> made = client().Call(request);
    EXPECT_THAT(made, IsOk());
    return made.ok() ? *made : v1::Listener();
  }

  // ServeStored asks for sessions; Keep answers for `store`.
  static v1::Listener ServeStored() {
    v1::SecureContext context = ServerContext();
    for (const v1::Hook& hook : SessionHooks()) *context.add_hooks() = hook;
    return ServeEcho(context);
  }
  void Keep(client::SessionStore& store) {
    ASSERT_OK_AND_ASSIGN(const auto daemon,
                         client::Client::Open(control_address()));
    client::Answerers answerers;
    store.AddTo(answerers);
    ASSERT_OK_AND_ASSIGN(auto handler,
                         daemon.HandleDecisions({}, std::move(answerers)));
    handler_ = std::make_unique<client::DecisionHandler>(std::move(handler));
  }

  static void Echo(Subprocess& peer) {
    ASSERT_THAT(peer.Write("1 hello\n"), IsOk());
    ASSERT_THAT(peer.WaitForOutput("1 hello\n"), IsOk());
  }

 private:
  std::unique_ptr<client::DecisionHandler> handler_;
};

INSTANTIATE_IN_BOTH_VERSIONS(ForeignDecisionsTest);

TEST_P(ForeignDecisionsTest, GnutlsGetsTheContextOfTheName) {
  const v1::Listener listener = ServeByName(/*is_strict=*/false);
  auto watch = Watch(listener.name());
  for (const std::string name : {"wrong.example", "localhost"}) {
    ASSERT_OK_AND_ASSIGN(auto peer, StartPeer(GnutlsCli(listener, name)));
    ASSERT_NO_FATAL_FAILURE(Echo(*peer));
    EXPECT_EQ(NextConnection(*watch, v1::EVENT_TYPE_SECURE_CONNECTION)
                  .handshake()
                  .server_name(),
              name);
  }
}

TEST_P(ForeignDecisionsTest, NodeGetsTheContextOfTheName) {
  const v1::Listener listener = ServeByName(/*is_strict=*/false);
  for (const std::string name : {"wrong.example", "localhost"}) {
    ASSERT_OK_AND_ASSIGN(auto peer,
                         StartPeer(NodeClient(listener, "name", name)));
    ASSERT_NO_FATAL_FAILURE(Echo(*peer));
    EXPECT_THAT(peer->error_output(), HasSubstr("\"authorized\":true"));
  }
}

TEST_P(ForeignDecisionsTest, StrangersToAStrictListenerAreTurnedAway) {
  const v1::Listener listener = ServeByName(/*is_strict=*/true);
  ASSERT_OK_AND_ASSIGN(auto welcome,
                       StartPeer(GnutlsCli(listener, "wrong.example")));
  ASSERT_NO_FATAL_FAILURE(Echo(*welcome));

  ASSERT_OK_AND_ASSIGN(auto gnutls,
                       StartPeer(GnutlsCli(listener, "localhost")));
  EXPECT_THAT(gnutls->WaitForOutput("Received alert [112]"), IsOk());
  ASSERT_OK_AND_ASSIGN(auto node,
                       StartPeer(NodeClient(listener, "name", "localhost")));
  EXPECT_THAT(node->WaitForErrorOutput("UNRECOGNIZED_NAME"), IsOk());
}

TEST_P(ForeignDecisionsTest, GnutlsResumesASessionOfTheStore) {
  client::SessionStore store;
  ASSERT_NO_FATAL_FAILURE(Keep(store));
  const v1::Listener listener = ServeStored();
  auto watch = Watch(listener.name());
  // It connects, disconnects, and resumes.
  ASSERT_OK_AND_ASSIGN(auto peer,
                       StartPeer(Plus(GnutlsCli(listener, "localhost"),
                                      {"--resume", "--waitresumption"})));
  for (const bool resumes : {false, true}) {
    EXPECT_EQ(NextConnection(*watch, v1::EVENT_TYPE_SECURE_CONNECTION)
                  .handshake()
                  .resumed(),
              resumes);
  }
  EXPECT_GT(store.size(), 0u);
}

TEST_P(ForeignDecisionsTest, NodeResumesASessionOfItsStoreOnly) {
  client::SessionStore store;
  ASSERT_NO_FATAL_FAILURE(Keep(store));
  const v1::Listener listener = ServeStored();
  const std::string session = UnusedPath();
  auto watch = Watch(listener.name());
  client::SessionStore empty;
  for (const char* visit : {"first", "with the store", "without"}) {
    const bool is_first = visit == std::string("first");
    const bool resumes = visit == std::string("with the store");
    if (visit == std::string("without")) {
      ASSERT_NO_FATAL_FAILURE(Keep(empty));
    }
    ASSERT_OK_AND_ASSIGN(
        auto peer,
        StartPeer(NodeClient(listener, is_first ? "keepSession" : "session",
                             session)));
    ASSERT_NO_FATAL_FAILURE(Echo(*peer)) << visit;
    peer->CloseInput();
    ASSERT_THAT(peer->Wait(), IsOk());
    EXPECT_EQ(NextConnection(*watch, v1::EVENT_TYPE_SECURE_CONNECTION)
                  .handshake()
                  .resumed(),
              resumes)
        << visit;
  }
}

}  // namespace
}  // namespace tlsd::testing
