#include "tests/bench/load/run.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "tests/bench/load/handshake_load.h"
#include "tests/bench/load/idle_load.h"
#include "tests/bench/load/interval.h"
#include "tests/bench/load/process_trees.h"
#include "tests/bench/load/sink_report.h"
#include "tests/bench/load/stream_load.h"
#include "tests/bench/load/transfer_load.h"

namespace tlsd::bench::load {
namespace {

// So much of the load must have resumed.
constexpr double kResumedMin = 0.99;

std::unique_ptr<LoadPart> MakePart(const Options& options, int index,
                                   Interval* interval) {
  if (options.mode == Mode::kHandshakes || options.mode == Mode::kPaced) {
    return std::make_unique<HandshakeLoad>(options, index, interval);
  }
  return std::make_unique<StreamLoad>(options, index, interval);
}

// RunParts returns the first error of any.
absl::Status RunParts(const std::vector<std::unique_ptr<LoadPart>>& parts) {
  std::vector<absl::Status> statuses(parts.size());
  std::vector<std::thread> threads;
  for (size_t i = 1; i < parts.size(); ++i) {
    threads.emplace_back([&, i] { statuses[i] = parts[i]->Run(); });
  }
  statuses[0] = parts[0]->Run();
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& status : statuses) {
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<Result> RunInterval(const Options& options) {
  Interval interval(options);
  SinkWatch watch(options.report_port);
  absl::StatusOr<std::vector<int64_t>> arrived;
  if (options.mode == Mode::kUp) {
    const absl::Status status = watch.Start();
    if (!status.ok()) return status;
    interval.set_observers([&] { return watch.Begin(options.connections); },
                           [&] {
                             arrived = watch.End();
                             return arrived.status();
                           });
  }
  std::vector<std::unique_ptr<LoadPart>> parts;
  for (int i = 0; i < options.threads; ++i) {
    parts.push_back(MakePart(options, i, &interval));
  }
  const absl::Status status = RunParts(parts);
  if (!status.ok()) return status;
  Result result = {.length = interval.length(),
                   .server_time = interval.server_time(),
                   .own_time = interval.own_time()};
  for (const auto& part : parts) result.tally.Add(part->tally());
  if (options.mode == Mode::kUp) result.tally.bytes = *arrived;
  return result;
}

// RunWhole measures a load from its begin to its end.
absl::StatusOr<Result> RunWhole(const Options& options, LoadPart& part) {
  ProcessTrees servers(options.cpu_of);
  absl::Status status = servers.Begin();
  if (!status.ok()) return status;
  const absl::Duration begin = Uptime();
  const absl::Duration own_begin = OwnTime();
  status = part.Run();
  if (!status.ok()) return status;
  const absl::StatusOr<absl::Duration> used = servers.TimeUsed();
  if (!used.ok()) return used.status();
  return Result{.tally = part.tally(),
                .length = Uptime() - begin,
                .server_time = *used,
                .own_time = OwnTime() - own_begin};
}

absl::Status CheckResumed(const Options& options, const Tally& tally) {
  // The first of a sequence have nothing to resume.
  const int64_t count =
      tally.count - (options.mode == Mode::kSequence ? options.connections : 0);
  if (!options.resume || options.allow_full ||
      static_cast<double>(tally.resumed) >=
          kResumedMin * static_cast<double>(count)) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat("only ", tally.resumed, " of ", tally.count,
                   " handshakes have resumed a session"));
}

}  // namespace

absl::StatusOr<Result> Run(const Options& options) {
  absl::StatusOr<Result> result;
  if (HasInterval(options.mode)) {
    result = RunInterval(options);
  } else if (options.mode == Mode::kSequence) {
    HandshakeLoad load(options, 0, nullptr);
    result = RunWhole(options, load);
  } else if (options.mode == Mode::kMegabytes) {
    TransferLoad load(options);
    result = RunWhole(options, load);
  } else {
    IdleLoad load(options);
    result = RunWhole(options, load);
    if (result.ok()) {
      result->memory_before = load.memory_before();
      result->memory_after = load.memory_after();
    }
  }
  if (!result.ok()) return result;
  const absl::Status status = CheckResumed(options, result->tally);
  if (!status.ok()) return status;
  return result;
}

}  // namespace tlsd::bench::load
