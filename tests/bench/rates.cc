#include "tests/bench/rates.h"

#include <utility>

#include "tests/bench/load/process_trees.h"

namespace tlsd::bench {

size_t Rates::Add(const std::string& name, int port, const PeerOptions& peer,
                  size_t base, int session_count) {
  LoadOptions load = {.port = port,
                      .peer = peer,
                      .connection_count = options_.connection_count,
                      .thread_count = options_.load_thread_count,
                      .session_count = session_count};
  rows_.push_back({.name = name,
                   .peer = peer,
                   .base = base,
                   .load = std::make_unique<Load>(load)});
  return rows_.size() - 1;
}

absl::Status Rates::Run() {
  for (int i = 0; i < options_.repeat_count; ++i) {
    for (Row& row : rows_) {
      const absl::Status status = RunOnce(row);
      if (!status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

absl::Status Rates::RunOnce(Row& row) {
  // Sessions are made before anything counts.
  absl::Status status = row.load->Prime();
  if (!status.ok()) return status;
  const absl::Duration daemon_before = daemon_.processor_time();
  const absl::Duration load_before = load::OwnTime();
  absl::StatusOr<LoadResult> result = row.load->Run(options_.time);
  if (!result.ok()) return result.status();
  const absl::Duration daemon_time = daemon_.processor_time() - daemon_before;
  const absl::Duration load_time = load::OwnTime() - load_before;
  if (row.best.handshake_count > 0 && result->rate() < row.best.rate()) {
    return absl::OkStatus();
  }
  row.best = *std::move(result);
  row.daemon_time = daemon_time / row.best.total_count;
  row.load_time = load_time / row.best.total_count;
  return absl::OkStatus();
}

std::string VersionName(const PeerOptions& peer) {
  return peer.version == TLS1_2_VERSION ? "1.2" : "1.3";
}

}  // namespace tlsd::bench
