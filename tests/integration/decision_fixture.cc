#include "tests/integration/decision_fixture.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::testing {
namespace {

// AddHooks arms `hook`, and what it cannot be without.
void AddHooks(const v1::Hook& hook, v1::Listener& listener) {
  *listener.add_hooks() = hook;
  const bool stores = hook.type() == v1::DECISION_TYPE_SESSION_STORE;
  if (!stores && hook.type() != v1::DECISION_TYPE_SESSION_LOOKUP) return;
  // Its partner stays silent, as nobody answers it.
  v1::Hook& partner = *listener.add_hooks();
  partner.set_type(stores ? v1::DECISION_TYPE_SESSION_LOOKUP
                          : v1::DECISION_TYPE_SESSION_STORE);
  partner.set_skip_without_handler(true);
}

}  // namespace

const std::vector<v1::DecisionType>& ServerQuestions() {
  static const auto& types = *new std::vector<v1::DecisionType>{
      v1::DECISION_TYPE_CLIENT_HELLO,   v1::DECISION_TYPE_OCSP_STAPLE,
      v1::DECISION_TYPE_SESSION_LOOKUP, v1::DECISION_TYPE_SESSION_STORE,
      v1::DECISION_TYPE_VERIFY_PEER,    v1::DECISION_TYPE_SIGN,
  };
  return types;
}

v1::SecureContext DecisionTest::ServerOptions(const TestIdentity& identity) {
  v1::SecureContext context;
  *context.add_credentials() = PemOf(identity);
  return context;
}

v1::SecureContext DecisionTest::ClientOptions() {
  v1::SecureContext context;
  context.mutable_trust_anchors()->add_pems(RootIdentity().CertificatePem());
  context.set_min_version(GetParam());
  context.set_max_version(GetParam());
  return context;
}

v1::SecureContext DecisionTest::Judging(v1::SecureContext options,
                                        v1::ClientCertificateMode mode) {
  options.mutable_trust_anchors()->add_pems(RootIdentity().CertificatePem());
  options.set_client_certificate_mode(mode);
  return options;
}

v1::Listener DecisionTest::Serve(const std::vector<v1::Hook>& hooks,
                                 const v1::SecureContext& context) {
  v1::Listener listener;
  listener.set_secure_context(NewContext(context));
  listener.mutable_hooks()->Assign(hooks.begin(), hooks.end());
  return Listen(listener);
}

DecisionTest::Asking DecisionTest::AskingFor(const v1::Hook& hook) {
  v1::SecureContext server =
      Judging(ServerOptions(), v1::CLIENT_CERTIFICATE_MODE_REQUEST);
  v1::SecureContext dialling = ClientOptions();
  if (hook.type() == v1::DECISION_TYPE_VERIFY_PEER) {
    *dialling.add_credentials() = PemOf(ClientIdentity());
  }
  if (hook.type() == v1::DECISION_TYPE_SIGN) {
    *server.mutable_credentials(0) = RemoteOf(ServerIdentity());
  }
  v1::Listener options;
  options.set_secure_context(NewContext(server));
  AddHooks(hook, options);

  Asking asking;
  asking.type = hook.type();
  asking.listener = Listen(options);
  asking.request = ToConnect(asking.listener, GetParam());
  asking.request.set_secure_context(NewContext(dialling));
  asking.request.set_request_ocsp(hook.type() == v1::DECISION_TYPE_OCSP_STAPLE);
  if (hook.type() != v1::DECISION_TYPE_SESSION_LOOKUP) return asking;
  // A session to look for. Nobody has kept it.
  auto earlier = client().Call(asking.request);
  EXPECT_THAT(earlier, IsOk());
  if (earlier.ok()) asking.request.set_session(NewestSession(*earlier));
  return asking;
}

DecisionTest::Asking DecisionTest::AskingFor(v1::DecisionType type) {
  return AskingFor(HookOf(type));
}

DecisionTest::Handshake DecisionTest::Start(const v1::ConnectRequest& request) {
  return InBackground([request] { return client().Call(request); });
}

DecisionTest::Handshake DecisionTest::Start(const v1::Listener& listener) {
  return Start(ToConnect(listener, GetParam()));
}

absl::StatusOr<v1::Decision> DecisionTest::Next(const std::string& subject) {
  return NextDecision(client(), subject);
}

absl::StatusOr<v1::Decision> DecisionTest::Next(const Asking& asking) {
  return NextDecision(client(), asking.listener.name(), asking.type);
}

absl::Status DecisionTest::Answer(const v1::DecisionAnswer& answer) {
  return Resolve(client(), answer);
}

absl::StatusOr<v1::Connection> DecisionTest::Waiting(
    const v1::Decision& decision) {
  v1::Connection connection;
  connection.set_name(decision.connection());
  return Get(connection);
}

v1::Failure DecisionTest::FailureOf(const v1::Listener& listener) {
  return Await(v1::EVENT_TYPE_CLIENT_ERROR, listener.name())
      .connection()
      .failure();
}

std::string DecisionTest::AlertSeen(Handshake& handshake) {
  const absl::StatusOr<v1::Connection> connection = handshake.get();
  if (!connection.ok()) return MetadataOf(connection.status(), "alert");
  const v1::Connection closed = AwaitClosed(*connection);
  const auto& metadata = closed.failure().metadata();
  const auto found = metadata.find("alert");
  return found == metadata.end() ? "" : found->second;
}

std::string DecisionTest::NewestSession(const v1::Connection& connection) {
  Await(v1::EVENT_TYPE_SESSION, connection.name());
  v1::GetSessionRequest request;
  request.set_name(connection.name());
  const auto session = client().Call(request);
  EXPECT_THAT(session, IsOk());
  return session.ok() ? session->session() : "";
}

void DecisionTest::ExpectGone(const v1::Decision& decision) {
  EXPECT_FALSE(IsPending(client(), decision));
  EXPECT_THAT(Answer(RefusalOf(decision)),
              FailsWith(Reason::kDecisionNotPending));
}

std::string NameOf(v1::DecisionType type) {
  std::string name;
  const std::string full = v1::DecisionType_Name(type);
  for (const absl::string_view word :
       absl::StrSplit(absl::string_view(full).substr(14), '_')) {
    name += word[0];
    name += absl::AsciiStrToLower(word.substr(1));
  }
  return name;
}

}  // namespace tlsd::testing
