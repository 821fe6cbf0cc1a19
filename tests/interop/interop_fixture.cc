#include "tests/interop/interop_fixture.h"

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <random>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace tlsd::testing {
namespace {

// The packages of Debian that `tools/dev test` installs peers from.
const std::map<std::string, std::string>& Packages() {
  static const auto& packages = *new std::map<std::string, std::string>{
      {"openssl", "openssl"},
      {"gnutls-cli", "gnutls-bin"},
      {"gnutls-serv", "gnutls-bin"},
      {"curl", "curl"},
      {"node", "nodejs"},
      {"java", "openjdk-17-jdk-headless"},
      {"go", "golang-go"},
      {"tshark", "tshark"},
  };
  return packages;
}

void SetVersion(v1::TlsVersion version, v1::SecureContext& context) {
  context.set_min_version(version);
  context.set_max_version(version);
}

// SocketsOf returns the inodes of a process's sockets.
std::set<std::string> SocketsOf(pid_t pid) {
  std::set<std::string> inodes;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(
           absl::StrCat("/proc/", pid, "/fd"), error)) {
    const std::string target =
        std::filesystem::read_symlink(entry.path(), error).string();
    if (!absl::StartsWith(target, "socket:[")) continue;
    inodes.insert(target.substr(8, target.size() - 9));
  }
  return inodes;
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

absl::StatusOr<std::unique_ptr<Subprocess>> StartPeer(const Command& command) {
  auto peer = Subprocess::Start(command);
  auto package = Packages().find(command.front());
  if (peer.ok() || package == Packages().end()) return peer;
  return absl::NotFoundError(absl::StrCat("this test needs ", command.front(),
                                          ": apt-get install ", package->second,
                                          ", as tools/dev test does (",
                                          peer.status().message(), ")"));
}

absl::StatusOr<int> NumberAfter(Subprocess& peer, absl::string_view text) {
  absl::Status came = peer.WaitForOutput(text);
  if (!came.ok()) return came;
  std::string digits;
  while (true) {
    const std::string output = peer.output();
    size_t end = absl::string_view(output).find(text) + text.size();
    const size_t start = end;
    while (end < output.size() && absl::ascii_isdigit(output[end])) ++end;
    digits = output.substr(start, end - start);
    if (end < output.size()) break;
    // What follows the number has not come yet.
    came = peer.WaitForOutput(absl::StrCat(text, digits, "\n"));
    if (!came.ok()) return came;
  }
  int number = 0;
  if (absl::SimpleAtoi(digits, &number)) return number;
  return absl::InternalError(absl::StrCat("no number after ", text));
}

absl::StatusOr<int> ListeningPort(const Subprocess& peer) {
  const std::set<std::string> inodes = SocketsOf(peer.pid());
  std::ifstream table(absl::StrCat("/proc/", peer.pid(), "/net/tcp"));
  for (std::string line; std::getline(table, line);) {
    // proc(5): "0: 0100007F:1F90 00000000:0000 0A ... inode"; 0A is LISTEN.
    const std::vector<std::string> fields =
        absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (fields.size() < 10 || fields[3] != "0A") continue;
    if (!inodes.contains(fields[9])) continue;
    int port = 0;
    if (absl::SimpleHexAtoi(fields[1].substr(fields[1].find(':') + 1), &port)) {
      return port;
    }
  }
  return absl::NotFoundError("the peer listens on no IPv4 port");
}

Command Plus(Command command, const Command& more) {
  command.insert(command.end(), more.begin(), more.end());
  return command;
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
