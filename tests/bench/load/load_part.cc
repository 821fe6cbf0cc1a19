#include "tests/bench/load/load_part.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/bench/load/latencies.h"
#include "tests/bench/load/sockets.h"

namespace tlsd::bench::load {
namespace {

constexpr absl::Duration kCheckTime = absl::Seconds(1);

int Share(int count, int threads, int index) {
  return count / threads + (index < count % threads ? 1 : 0);
}

}  // namespace

LoadPart::LoadPart(const Options& options, int index, Interval* interval)
    : options_(options),
      index_(index),
      interval_(interval),
      connection_count_(Share(options.connections, options.threads, index)),
      thread_(options, index) {}

absl::Status LoadPart::Run() {
  if (!options_.processors.empty()) {
    const size_t turn = static_cast<size_t>(index_);
    const absl::Status status =
        Pin(options_.processors[turn % options_.processors.size()]);
    if (!status.ok()) Fail(status);
  }
  if (ok()) Drive();
  return status_;
}

bool LoadPart::Poll(absl::Duration timeout) {
  if (!ok()) return false;
  thread_.poller().Wait(timeout);
  CheckPatience();
  return ok();
}

void LoadPart::RunInterval() {
  const bool is_first = index_ == 0;
  Interval::Phase last = interval_->phase();
  interval_->Ready();
  while (ok()) {
    if (is_first) {
      interval_->Tick();
      if (!interval_->status().ok()) return Fail(interval_->status());
    }
    const Interval::Phase phase = interval_->phase();
    if (phase != last) OnPhase(phase);
    last = phase;
    if (phase == Interval::Phase::kOver) return;
    const absl::Duration timeout = OnTurn();
    Poll(is_first ? std::min(timeout, interval_->TimeToTick()) : timeout);
  }
}

void LoadPart::Fail(const absl::Status& status) {
  if (status_.ok()) status_ = status;
  if (interval_ != nullptr) interval_->Abort();
}

void LoadPart::CheckPatience() {
  const absl::Duration now = Uptime();
  if (now - last_check_ < kCheckTime) return;
  last_check_ = now;
  for (const TlsClient* client : Waiting()) {
    if (now - client->last_progress() < options_.patience) continue;
    return Fail(absl::DeadlineExceededError(
        absl::StrCat("nothing has happened on a connection for ",
                     absl::FormatDuration(options_.patience))));
  }
}

}  // namespace tlsd::bench::load
