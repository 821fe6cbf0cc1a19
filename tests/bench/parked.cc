#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "tests/bench/bench_daemon.h"
#include "tests/bench/descriptor_limit.h"
#include "tests/bench/load.h"
#include "tests/bench/measurements.h"
#include "tests/bench/peer_set.h"
#include "tests/bench/table.h"

namespace tlsd::bench {
namespace {

using client::DecisionType;

constexpr absl::Duration kPatience = absl::Minutes(2);
constexpr absl::Duration kPollTime = absl::Milliseconds(10);
// So many are dialled ahead of those that wait.
constexpr size_t kAheadMax = 128;
// The most that one handler may hold.
constexpr int kPendingCountMax = 10000;

// Parking takes questions and keeps them unanswered, until all are let go.
class Parking {
 public:
  client::Answerers MakeAnswerers() {
    client::Answerers answerers;
    answerers.client_hello =
        [this](const client::Decision&, const client::ClientHelloQuestion&,
               client::Reply<client::ClientHelloAnswer> reply) {
          Keep([reply] { reply.Send(client::NoOpinion()); });
        };
    answerers.verify_peer = [this](
                                const client::Decision&,
                                const client::VerifyPeerQuestion&,
                                client::Reply<client::VerifyPeerAnswer> reply) {
      Keep([reply] { reply.Send(client::VerifyPeerAnswer{.accept = true}); });
    };
    return answerers;
  }

  size_t size() const {
    absl::MutexLock lock(&mutex_);
    return answers_.size();
  }

  void LetGo() {
    std::vector<std::function<void()>> answers;
    {
      absl::MutexLock lock(&mutex_);
      answers.swap(answers_);
    }
    for (const auto& answer : answers) answer();
  }

 private:
  void Keep(std::function<void()> answer) {
    absl::MutexLock lock(&mutex_);
    answers_.push_back(std::move(answer));
  }

  mutable absl::Mutex mutex_;
  std::vector<std::function<void()>> answers_ ABSL_GUARDED_BY(mutex_);
};

// Kind is what the connections do that are counted.
struct Kind {
  std::string name;
  std::string secure_context;
  std::vector<DecisionType> hooks;
  bool has_certificate = false;
};

// Herd is the peers that wait.
class Herd {
 public:
  Herd(int port, const Kind& kind)
      : port_(port), is_silent_(kind.hooks.empty()) {
    if (is_silent_) return;
    context_ = NewPeerContext({.has_certificate = kind.has_certificate});
  }

  // Gather returns when `count` wait.
  absl::Status Gather(size_t count, const std::function<size_t()>& waiting) {
    const absl::Time end = absl::Now() + kPatience;
    while (waiting() < count) {
      while (peers_.size() < count && peers_.size() < waiting() + kAheadMax) {
        absl::StatusOr<std::unique_ptr<BenchPeer>> peer =
            BenchPeer::Dial(port_, context_.get());
        if (!peer.ok()) return peer.status();
        peers_.Add(*std::move(peer));
      }
      const absl::Status status = Poll(end);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  // Finish returns when all handshakes are complete.
  absl::Status Finish() {
    const absl::Time end = absl::Now() + kPatience;
    while (!is_silent_ && peers_.size() > 0) {
      const absl::Status status = Poll(end);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Poll(absl::Time end) {
    std::string failure;
    peers_.Poll(kPollTime, [&](std::unique_ptr<BenchPeer> peer) {
      if (!peer->failure().empty()) failure = peer->failure();
    });
    if (failure.empty() && absl::Now() > end) failure = "not in time";
    if (failure.empty()) return absl::OkStatus();
    return absl::AbortedError(
        absl::StrCat("a handshake that has waited has failed: ", failure));
  }

  const int port_;
  const bool is_silent_;
  bssl::UniquePtr<SSL_CTX> context_;
  PeerSet peers_;
};

// Best of several runs of handshakes, one at a time, on `port`.
struct Latency {
  absl::Duration half = absl::InfiniteDuration();
  absl::Duration most = absl::InfiniteDuration();
};

absl::StatusOr<Latency> MeasureLatency(const BenchOptions& options, int port) {
  Latency best;
  for (int i = 0; i < options.repeat_count; ++i) {
    const absl::StatusOr<std::vector<absl::Duration>> latencies =
        HandshakeLatencies(port, options.round_trip_count);
    if (!latencies.ok()) return latencies.status();
    best.half = std::min(best.half, Percentile(*latencies, 50));
    best.most = std::min(best.most, Percentile(*latencies, 99));
  }
  return best;
}

// Outcome is what a kind has cost.
struct Outcome {
  int64_t bytes_each = 0;
  Latency before, meanwhile;
  absl::Duration finish_time;
};

absl::StatusOr<Outcome> Measure(const BenchOptions& options,
                                const BenchDaemon& daemon, const Kind& kind) {
  const absl::StatusOr<int> other = daemon.Listen("secureContexts/plain");
  if (!other.ok()) return other.status();
  const absl::StatusOr<int> port =
      daemon.Listen(kind.secure_context, kind.hooks);
  if (!port.ok()) return port.status();
  Parking parking;
  const absl::StatusOr<client::DecisionHandler> handler =
      daemon.client().HandleDecisions({.max_pending = kPendingCountMax},
                                      parking.MakeAnswerers());
  if (!handler.ok()) return handler.status();

  Outcome outcome;
  absl::StatusOr<Latency> latency = MeasureLatency(options, *other);
  if (!latency.ok()) return latency.status();
  outcome.before = *latency;

  const auto count = static_cast<size_t>(options.parked_count);
  const auto waiting = [&]() -> size_t {
    if (!kind.hooks.empty()) return parking.size();
    const auto facts = daemon.client().GetDaemonFacts();
    return facts.ok() ? static_cast<size_t>(facts->connection_count) : 0;
  };
  Herd herd(*port, kind);
  const int64_t bytes_before = daemon.resident_bytes();
  absl::Status status = herd.Gather(count, waiting);
  if (!status.ok()) return status;
  outcome.bytes_each =
      (daemon.resident_bytes() - bytes_before) / options.parked_count;

  latency = MeasureLatency(options, *other);
  if (!latency.ok()) return latency.status();
  outcome.meanwhile = *latency;

  const absl::Time begin = absl::Now();
  parking.LetGo();
  status = herd.Finish();
  if (!status.ok()) return status;
  outcome.finish_time = absl::Now() - begin;
  return outcome;
}

}  // namespace

absl::Status MeasureParked(const BenchOptions& options) {
  // Beside the connections: what a daemon opens for itself.
  const absl::Status raised = RaiseDescriptorLimit(options.parked_count + 1000);
  if (!raised.ok()) return raised;
  Table table({"that wait", "memory each", "p50 before", "p50 meanwhile",
               "ratio", "p99 before", "p99 meanwhile", "ratio",
               "all complete after"});
  const Kind kinds[] = {
      {"silent connections", "secureContexts/plain", {}},
      {"CLIENT_HELLO", "secureContexts/plain", {DecisionType::kClientHello}},
      {"VERIFY_PEER",
       "secureContexts/mutual",
       {DecisionType::kVerifyPeer},
       true},
  };
  for (const Kind& kind : kinds) {
    // A fresh one: its memory holds nothing else.
    const auto daemon = BenchDaemon::Start(options.worker_count);
    if (!daemon.ok()) return daemon.status();
    const absl::StatusOr<Outcome> outcome = Measure(options, **daemon, kind);
    if (!outcome.ok()) return outcome.status();
    const Latency& before = outcome->before;
    const Latency& meanwhile = outcome->meanwhile;
    table.AddRow(
        {kind.name, absl::StrCat(outcome->bytes_each, " bytes"),
         InMicroseconds(before.half), InMicroseconds(meanwhile.half),
         Ratio(absl::FDivDuration(meanwhile.half, before.half), 1),
         InMicroseconds(before.most), InMicroseconds(meanwhile.most),
         Ratio(absl::FDivDuration(meanwhile.most, before.most), 1),
         kind.hooks.empty() ? "-" : InMilliseconds(outcome->finish_time)});
  }
  table.Print(absl::StrFormat(
      "%d handshakes that wait, and others on a listener without hooks, one "
      "at a time",
      options.parked_count));
  return absl::OkStatus();
}

}  // namespace tlsd::bench
