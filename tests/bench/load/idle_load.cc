#include "tests/bench/load/idle_load.h"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <iterator>
#include <memory>

#include "absl/time/time.h"
#include "tests/bench/load/latencies.h"
#include "tests/bench/load/process_trees.h"

namespace tlsd::bench::load {
namespace {

// Under way at once.
constexpr int kDialsMax = 64;

// At rest is a server that for so many looks in a row has the same memory, but
// for a little, and hardly runs.
constexpr absl::Duration kLookTime = absl::Milliseconds(50);
constexpr size_t kLooks = 6;
constexpr int64_t kUnrestMax = 64 * 1024;
constexpr double kBusyMax = 0.05;

bool IsFlat(const std::deque<int64_t>& looks) {
  const auto [least, most] = std::minmax_element(looks.begin(), looks.end());
  return *most - *least <= kUnrestMax;
}

}  // namespace

IdleLoad::IdleLoad(const Options& options) : LoadPart(options, 0, nullptr) {
  events_.on_end = [this](const absl::Status& status) { Fail(status); };
  events_.on_open = [this](StreamClient& client) {
    const auto move = static_cast<size_t>(this->options().move);
    client.Send(move);
    if (move == 0) OnIdle();
  };
  events_.on_received = [this](StreamClient& client) {
    if (client.received() == client.sent()) OnIdle();
    if (client.received() > client.sent()) {
      client.Fail(absl::DataLossError("more has come back than was sent"));
    }
  };
}

void IdleLoad::Drive() {
  memory_before_ = Measure();
  for (int i = 0; i < kDialsMax; ++i) Dial();
  while (idle_count_ < connection_count() && Poll()) {
  }
  memory_after_ = Measure();
  own_tally().count = idle_count_;
}

void IdleLoad::Dial() {
  if (dialled_count_ == connection_count() || !ok()) return;
  ++dialled_count_;
  const absl::Status status =
      clients_.Dial(std::make_unique<StreamClient>(thread(), events_));
  if (!status.ok()) Fail(status);
}

void IdleLoad::OnIdle() {
  ++idle_count_;
  Dial();
}

int64_t IdleLoad::Measure() {
  const absl::Duration end = Uptime() + options().patience;
  ProcessTrees servers(options().cpu_of);
  std::deque<int64_t> looks;
  while (ok() && Uptime() < end) {
    const absl::Duration begin = Uptime();
    absl::Status status = servers.Begin();
    // Clients that hear something, e.g. their end, hear it here.
    while (status.ok() && Uptime() < begin + kLookTime) Poll();
    const absl::StatusOr<absl::Duration> used = servers.TimeUsed();
    const absl::StatusOr<int64_t> memory = servers.OwnMemory();
    status.Update(used.status());
    status.Update(memory.status());
    if (!status.ok()) {
      Fail(status);
      break;
    }
    if (absl::FDivDuration(*used, Uptime() - begin) > kBusyMax) looks.clear();
    looks.push_back(*memory);
    if (looks.size() > kLooks) looks.pop_front();
    if (looks.size() == kLooks && IsFlat(looks)) return *memory;
  }
  Fail(absl::DeadlineExceededError("the servers do not come to rest"));
  return 0;
}

std::vector<const TlsClient*> IdleLoad::Waiting() const {
  // Nothing shall happen on those that are idle; of all the last must be among
  // those under way.
  if (idle_count_ == dialled_count_ || clients_.empty()) return {};
  return {std::prev(clients_.end())->get()};
}

}  // namespace tlsd::bench::load
