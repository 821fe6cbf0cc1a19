#include "tests/interop/interop_fixture.h"

#include <fstream>
#include <functional>
#include <map>
#include <random>

#include "absl/strings/str_cat.h"

namespace tlsd::testing {
namespace {

void SetVersion(v1::TlsVersion version, v1::SecureContext& context) {
  context.set_min_version(version);
  context.set_max_version(version);
}

// IssuedBy keeps what it issues in `issued`.
const TestIdentity& IssuedBy(const TestIdentity& authority, KeyKind kind,
                             std::map<KeyKind, TestIdentity>& issued) {
  IdentitySpec spec;
  spec.key = kind;
  return issued.try_emplace(kind, authority.Issue(spec)).first->second;
}

}  // namespace

const std::string& Mebibyte() {
  static const auto& text = *new std::string([] {
    std::minstd_rand random(1);
    std::string digits;
    while (digits.size() < 1024 * 1024) {
      const bool ends_line = digits.size() % 64 == 63;
      digits += ends_line ? '\n' : static_cast<char>('0' + random() % 10);
    }
    return digits;
  }());
  return text;
}

const std::vector<KeyKind>& PeerKeyKinds() {
  static const auto& kinds = *new std::vector<KeyKind>{
      KeyKind::kRsa2048, KeyKind::kP256, KeyKind::kP384, KeyKind::kEd25519};
  return kinds;
}

std::string PublicKeyName(KeyKind kind) {
  static const auto& names = *new std::map<KeyKind, std::string>{
      {KeyKind::kRsa2048, "RSA 2048"},
      {KeyKind::kP256, "EC P-256"},
      {KeyKind::kP384, "EC P-384"},
      {KeyKind::kEd25519, "Ed25519"},
  };
  return names.at(kind);
}

const TestIdentity& IdentityOf(KeyKind kind) {
  static auto& identities = *new std::map<KeyKind, TestIdentity>;
  return IssuedBy(IntermediateIdentity(), kind, identities);
}

const TestIdentity& StrangerOf(KeyKind kind) {
  static auto& strangers = *new std::map<KeyKind, TestIdentity>;
  return IssuedBy(OtherRootIdentity(), kind, strangers);
}

std::string InteropTest::CertificateFile(const TestIdentity& identity) {
  return InputFile(identity.CertificatePem());
}

std::string InteropTest::ChainFile(const TestIdentity& identity) {
  return InputFile(identity.ChainPem());
}

std::string InteropTest::KeyFile(const TestIdentity& identity) {
  return InputFile(identity.KeyPem());
}

std::string InteropTest::InputFile(absl::string_view text) {
  const std::string path =
      folder() /
      absl::StrCat("file-", std::hash<std::string>()(std::string(text)));
  std::ofstream(path) << text;
  return path;
}

v1::SecureContext InteropTest::ServerContext(const TestIdentity& identity) {
  v1::SecureContext context;
  *context.add_credentials() = PemOf(identity);
  context.add_alpn_protocols("h2");
  context.add_alpn_protocols("http/1.1");
  SetVersion(GetParam(), context);
  return context;
}

v1::SecureContext InteropTest::AskingContext(v1::ClientCertificateMode mode) {
  v1::SecureContext context = ServerContext();
  context.mutable_trust_anchors()->add_pems(RootIdentity().CertificatePem());
  context.set_client_certificate_mode(mode);
  return context;
}

v1::SecureContext InteropTest::ClientContext() {
  v1::SecureContext context;
  context.mutable_trust_anchors()->add_pems(RootIdentity().CertificatePem());
  context.add_alpn_protocols("http/1.1");
  SetVersion(GetParam(), context);
  return context;
}

v1::Listener InteropTest::ServeEcho(const v1::SecureContext& context) {
  v1::Listener listener;
  listener.set_secure_context(NewContext(context));
  listener.mutable_echo();
  return Listen(listener);
}

v1::Listener InteropTest::ServeStream(const v1::SecureContext& context) {
  v1::Listener listener;
  listener.set_secure_context(NewContext(context));
  return Listen(listener);
}

absl::StatusOr<v1::Connection> InteropTest::ConnectTo(
    int port, const v1::SecureContext& context) {
  v1::ConnectRequest request;
  request.set_address(absl::StrCat("127.0.0.1:", port));
  request.set_server_name("localhost");
  request.set_secure_context(NewContext(context));
  return client().Call(request);
}

v1::Connection InteropTest::NextConnection(EventWatch& watch,
                                           v1::EventType type) {
  absl::StatusOr<v1::Event> event = watch.WaitFor(type);
  EXPECT_THAT(event, IsOk());
  return event.ok() ? event->connection() : v1::Connection();
}

v1::Connection InteropTest::NextEnd(EventWatch& watch) {
  while (true) {
    absl::StatusOr<v1::Event> event = watch.Next();
    EXPECT_THAT(event, IsOk());
    if (!event.ok()) return {};
    if (event->type() == v1::EVENT_TYPE_CLIENT_ERROR ||
        event->type() == v1::EVENT_TYPE_CONNECTION_CLOSED) {
      return event->connection();
    }
  }
}

}  // namespace tlsd::testing
