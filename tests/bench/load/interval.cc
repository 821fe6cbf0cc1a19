#include "tests/bench/load/interval.h"

#include <algorithm>
#include <utility>

#include "tests/bench/load/latencies.h"

namespace tlsd::bench::load {
namespace {

constexpr absl::Duration kTickMax = absl::Milliseconds(5);

}  // namespace

Interval::Interval(const Options& options)
    : warmup_(options.warmup),
      time_(options.time),
      patience_(options.patience),
      thread_count_(options.threads),
      servers_(options.cpu_of) {}

void Interval::set_observers(Observer on_begin, Observer on_end) {
  on_begin_ = std::move(on_begin);
  on_end_ = std::move(on_end);
}

void Interval::Tick() {
  if (is_over()) return;
  const absl::Duration now = Uptime();
  if (next_ == absl::InfiniteDuration()) {
    if (ready_count_.load() < thread_count_) return;
    next_phase_ = next_ = now + warmup_;
    return;
  }
  if (now < next_) return;
  const bool is_begin = phase() == Phase::kWarmup;
  const absl::Status status = is_begin ? Begin() : End();
  if (absl::IsFailedPrecondition(status) && now < next_phase_ + patience_) {
    next_ = now + kTickMax;
  } else if (!status.ok()) {
    status_ = status;
    Abort();
  }
}

absl::Duration Interval::TimeToTick() const {
  return std::min(next_ - Uptime(), kTickMax);
}

absl::Status Interval::Begin() {
  absl::Status status = servers_.Begin();
  if (status.ok() && on_begin_) status = on_begin_();
  if (!status.ok()) return status;
  own_time_ = OwnTime();
  begin_ = Uptime();
  next_phase_ = next_ = begin_ + time_;
  phase_.store(Phase::kCounted, std::memory_order_release);
  return absl::OkStatus();
}

absl::Status Interval::End() {
  absl::Status status = on_end_ ? on_end_() : absl::OkStatus();
  if (!has_done_.load(std::memory_order_relaxed) && !on_end_) {
    status = absl::FailedPreconditionError("nothing was done");
  }
  if (!status.ok()) return status;
  phase_.store(Phase::kOver, std::memory_order_release);
  end_ = Uptime();
  own_time_ = OwnTime() - own_time_;
  const absl::StatusOr<absl::Duration> used = servers_.TimeUsed();
  if (used.ok()) server_time_ = *used;
  return used.status();
}

}  // namespace tlsd::bench::load
