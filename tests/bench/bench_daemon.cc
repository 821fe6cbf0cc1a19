#include "tests/bench/bench_daemon.h"

#include <stdlib.h>
#include <time.h>

#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/testing/test_identities.h"

namespace tlsd::bench {
namespace {

// Relative to the folder in which Bazel runs what it has built.
constexpr char kBinary[] = "server/main/tlsd";

// Longer than anything that is measured.
constexpr absl::Duration kTimeout = absl::Minutes(10);
constexpr int kConnectionCountMax = 100000;

}  // namespace

absl::StatusOr<std::unique_ptr<BenchDaemon>> BenchDaemon::Start(
    int worker_count) {
  std::unique_ptr<BenchDaemon> daemon(new BenchDaemon());
  daemon->folder_ = "/tmp/tlsd-bench-XXXXXX";
  if (mkdtemp(daemon->folder_.data()) == nullptr) {
    return absl::InternalError("mkdtemp has failed");
  }
  daemon->control_address_ = absl::StrCat("unix:", daemon->folder_, "/control");
  absl::StatusOr<std::unique_ptr<testing::Subprocess>> process =
      testing::Subprocess::Start(
          {kBinary, absl::StrCat("--control=", daemon->control_address_),
           absl::StrCat("--workers=", worker_count)});
  if (!process.ok()) return process.status();
  daemon->process_ = *std::move(process);
  absl::Status status =
      daemon->process_->WaitForErrorOutput("serving control=");
  if (!status.ok()) return status;
  absl::StatusOr<client::Client> client =
      client::Client::Open(daemon->control_address_);
  if (!client.ok()) return client.status();
  daemon->client_ = std::make_unique<client::Client>(*std::move(client));
  status = daemon->CreateContexts();
  if (!status.ok()) return status;
  return daemon;
}

BenchDaemon::~BenchDaemon() {
  client_.reset();
  process_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

absl::Status BenchDaemon::CreateContexts() const {
  const testing::TestIdentity& identity = testing::ServerIdentity();
  const client::PemCredentials pem = {.certificate_chain = identity.ChainPem(),
                                      .private_key = identity.KeyPem()};
  const client::SecureContextOptions contexts[] = {
      {.id = "plain", .credentials = {pem}},
      {.id = "mutual",
       .credentials = {pem},
       .trust_anchors = {.pems = {testing::RootIdentity().CertificatePem()}},
       .client_certificate_mode = client::ClientCertificateMode::kRequire},
      {.id = "remote",
       .credentials = {client::RemoteCredentials{.certificate_chain =
                                                     identity.ChainPem()}}},
  };
  for (const client::SecureContextOptions& context : contexts) {
    const absl::Status status = client_->CreateSecureContext(context).status();
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<int> BenchDaemon::Listen(
    const std::string& secure_context,
    const std::vector<client::DecisionType>& hooks) const {
  client::ListenerOptions options = {.address = "127.0.0.1:0",
                                     .secure_context = secure_context,
                                     .handler = client::Handler::kEcho,
                                     .handshake_timeout = kTimeout,
                                     .max_connections = kConnectionCountMax};
  for (const client::DecisionType type : hooks) {
    options.hooks.push_back({.type = type, .timeout = kTimeout});
  }
  const absl::StatusOr<client::Listener> listener = client_->Listen(options);
  if (!listener.ok()) return listener.status();
  return listener->facts().bound_address.port;
}

absl::StatusOr<int> BenchDaemon::Forward(const std::string& secure_context,
                                         int upstream_port) const {
  client::ListenerOptions options = {.address = "127.0.0.1:0",
                                     .secure_context = secure_context,
                                     .max_connections = kConnectionCountMax};
  options.forward = client::ForwardOptions{
      .upstream = {.address = absl::StrCat("127.0.0.1:", upstream_port),
                   .protection = client::Protection::kNone}};
  const absl::StatusOr<client::Listener> listener = client_->Listen(options);
  if (!listener.ok()) return listener.status();
  return listener->facts().bound_address.port;
}

absl::Duration BenchDaemon::processor_time() const {
  clockid_t clock = {};
  timespec time = {};
  clock_getcpuclockid(process_->pid(), &clock);
  clock_gettime(clock, &time);
  return absl::DurationFromTimespec(time);
}

int64_t BenchDaemon::resident_bytes() const {
  std::ifstream status(absl::StrCat("/proc/", process_->pid(), "/status"));
  std::string line;
  while (std::getline(status, line)) {
    if (!absl::StartsWith(line, "VmRSS:")) continue;
    const std::vector<std::string> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    int64_t kibibytes = 0;
    if (words.size() == 3 && absl::SimpleAtoi(words[1], &kibibytes)) {
      return kibibytes * 1024;
    }
  }
  return 0;
}

}  // namespace tlsd::bench
