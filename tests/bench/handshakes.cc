#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "tests/bench/bench_daemon.h"
#include "tests/bench/bench_handler.h"
#include "tests/bench/measurements.h"
#include "tests/bench/rates.h"
#include "tests/bench/table.h"

namespace tlsd::bench {
namespace {

using client::DecisionType;

// Kind is a way to make handshakes.
struct Kind {
  std::string name;
  std::string secure_context;
  std::vector<DecisionType> hooks;
  bool asks_for_staple = false;
  bool has_certificate = false;
};

constexpr char kPlain[] = "secureContexts/plain";
constexpr char kMutual[] = "secureContexts/mutual";
constexpr char kRemote[] = "secureContexts/remote";

// One without a hook goes before those that are compared with it.
std::vector<Kind> Kinds() {
  return {
      {"none", kPlain, {}},
      {"CLIENT_HELLO", kPlain, {DecisionType::kClientHello}},
      {"OCSP_STAPLE", kPlain, {DecisionType::kOcspStaple}, true},
      {"SIGN", kRemote, {DecisionType::kSign}},
      {"SESSION_STORE, SESSION_LOOKUP",
       kPlain,
       {DecisionType::kSessionStore, DecisionType::kSessionLookup}},
      {"none, client certificate", kMutual, {}, false, true},
      {"VERIFY_PEER", kMutual, {DecisionType::kVerifyPeer}, false, true},
  };
}

absl::Status AddAll(const BenchDaemon& daemon, Rates& rates) {
  for (const uint16_t version : {TLS1_3_VERSION, TLS1_2_VERSION}) {
    size_t base = 0;
    for (const Kind& kind : Kinds()) {
      const absl::StatusOr<int> port =
          daemon.Listen(kind.secure_context, kind.hooks);
      if (!port.ok()) return port.status();
      if (kind.hooks.empty()) base = rates.rows().size();
      const PeerOptions peer = {.version = version,
                                .asks_for_staple = kind.asks_for_staple,
                                .has_certificate = kind.has_certificate};
      rates.Add(kind.name, *port, peer, base);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status MeasureHandshakes(const BenchOptions& options) {
  const auto daemon = BenchDaemon::Start(options.worker_count);
  if (!daemon.ok()) return daemon.status();
  const auto handler = BenchHandler::Start(**daemon, options.stored_count);
  if (!handler.ok()) return handler.status();
  Rates rates(**daemon, options);
  absl::Status status = AddAll(**daemon, rates);
  if (!status.ok()) return status;
  status = rates.Run();
  if (!status.ok()) return status;
  Table table({"TLS", "hook", "handshakes/s", "ratio", "daemon each", "ratio",
               "load each", "p50", "p99"});
  for (const Rates::Row& row : rates.rows()) {
    const Rates::Row& base = rates.base(row);
    table.AddRow(
        {VersionName(row.peer), row.name,
         absl::StrFormat("%.0f", row.best.rate()),
         Ratio(row.best.rate(), base.best.rate()),
         InMicroseconds(row.daemon_time),
         Ratio(absl::FDivDuration(row.daemon_time, base.daemon_time), 1),
         InMicroseconds(row.load_time),
         InMilliseconds(Percentile(row.best.latencies, 50)),
         InMilliseconds(Percentile(row.best.latencies, 99))});
  }
  table.Print(
      absl::StrFormat("Full handshakes, %d under way at once, each question "
                      "answered by one handler in C++",
                      options.connection_count));
  return (*handler)->Check();
}

}  // namespace tlsd::bench
