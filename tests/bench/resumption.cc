#include <openssl/rand.h>

#include <cstddef>
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

// As large as those that the daemon stores.
constexpr size_t kSessionSize = 1500;
constexpr size_t kSessionIdSize = 16;

// Fill stores sessions of clients that do not come back meanwhile.
void Fill(int count, client::SessionStore& store) {
  for (int i = 0; i < count; ++i) {
    std::string id(kSessionIdSize, '\0');
    RAND_bytes(reinterpret_cast<uint8_t*>(id.data()), id.size());
    store.Store({.session_id = id,
                 .session = std::string(kSessionSize, 's'),
                 .lifetime = absl::Hours(1),
                 .single_use = true});
  }
}

void Print(const BenchOptions& options, const Rates& rates,
           size_t stored_count) {
  Table table({"TLS", "sessions", "resumed/s", "ratio", "daemon each", "ratio",
               "load each", "p50", "hits"});
  for (const Rates::Row& row : rates.rows()) {
    const Rates::Row& base = rates.base(row);
    const LoadResult& best = row.best;
    const double resumed = static_cast<double>(best.resumed_count);
    const double seconds = absl::ToDoubleSeconds(best.time);
    const double base_rate = static_cast<double>(base.best.resumed_count) /
                             absl::ToDoubleSeconds(base.best.time);
    table.AddRow(
        {VersionName(row.peer), row.name,
         absl::StrFormat("%.0f", resumed / seconds),
         Ratio(resumed / seconds, base_rate), InMicroseconds(row.daemon_time),
         Ratio(absl::FDivDuration(row.daemon_time, base.daemon_time), 1),
         InMicroseconds(row.load_time),
         InMilliseconds(Percentile(best.latencies, 50)),
         absl::StrFormat(
             "%.2f %%",
             100.0 * resumed / static_cast<double>(best.offered_count))});
  }
  table.Print(
      absl::StrFormat("Resumed handshakes, %d under way at once; %d sessions "
                      "in the store at the end",
                      options.connection_count, stored_count));
}

}  // namespace

absl::Status MeasureResumption(const BenchOptions& options) {
  const auto daemon = BenchDaemon::Start(options.worker_count);
  if (!daemon.ok()) return daemon.status();
  const auto handler = BenchHandler::Start(**daemon, options.stored_count);
  if (!handler.ok()) return handler.status();
  Fill(options.stored_count, (*handler)->sessions());
  const auto tickets = (*daemon)->Listen("secureContexts/plain");
  if (!tickets.ok()) return tickets.status();
  const auto stored = (*daemon)->Listen("secureContexts/plain",
                                        {client::DecisionType::kSessionStore,
                                         client::DecisionType::kSessionLookup});
  if (!stored.ok()) return stored.status();
  Rates rates(**daemon, options);
  for (const uint16_t version : {TLS1_3_VERSION, TLS1_2_VERSION}) {
    const PeerOptions peer = {.version = version};
    const size_t base = rates.Add("in tickets", *tickets, peer,
                                  rates.rows().size(), options.session_count);
    rates.Add("in a store", *stored, peer, base, options.session_count);
  }
  const absl::Status status = rates.Run();
  if (!status.ok()) return status;
  Print(options, rates, (*handler)->sessions().size());
  return (*handler)->Check();
}

}  // namespace tlsd::bench
