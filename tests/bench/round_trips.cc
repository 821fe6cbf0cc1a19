#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "grpc/health/v1/health.grpc.pb.h"
#include "tests/bench/bench_daemon.h"
#include "tests/bench/bench_handler.h"
#include "tests/bench/load.h"
#include "tests/bench/measurements.h"
#include "tests/bench/peer_set.h"
#include "tests/bench/table.h"

namespace tlsd::bench {
namespace {

using Durations = std::vector<absl::Duration>;

// Threads of gRPC that have had nothing to do for a second do not look for
// 100 ms: see docs/performance.md.
constexpr absl::Duration kSilence = absl::Milliseconds(1050);

void KeepSilence() {
  PeerSet nobody;
  nobody.Poll(kSilence, [](const std::unique_ptr<BenchPeer>&) {});
}

// UnaryCalls makes the smallest call that the daemon serves.
class UnaryCalls {
 public:
  explicit UnaryCalls(const std::string& address)
      : stub_(grpc::health::v1::Health::NewStub(grpc::CreateChannel(
            address, grpc::InsecureChannelCredentials()))) {}

  absl::StatusOr<absl::Duration> Time() {
    grpc::ClientContext context;
    grpc::health::v1::HealthCheckResponse response;
    const auto begin = std::chrono::steady_clock::now();
    const grpc::Status status = stub_->Check(&context, {}, &response);
    const auto end = std::chrono::steady_clock::now();
    if (!status.ok()) return absl::UnavailableError(status.error_message());
    return absl::FromChrono(end - begin);
  }

 private:
  const std::unique_ptr<grpc::health::v1::Health::Stub> stub_;
};

// Figures are percentiles of one run.
struct Figures {
  absl::Duration call, plain, asked, way, late_call, late_asked;

  // What an answered question adds to a handshake.
  absl::Duration round_trip() const { return asked - plain; }
};

struct Run {
  Durations calls, plain, asked, ways;
  // After kSilence.
  Durations late_calls, late_asked;

  Figures At(int percent) const {
    return {Percentile(calls, percent),      Percentile(plain, percent),
            Percentile(asked, percent),      Percentile(ways, percent),
            Percentile(late_calls, percent), Percentile(late_asked, percent)};
  }
};

// Places are the listeners' ports.
struct Places {
  int plain = 0;
  int asked = 0;
};

absl::Status MeasureLate(const Places& places, int count, UnaryCalls& calls,
                         Run& run) {
  for (int i = 0; i < count; ++i) {
    KeepSilence();
    const absl::StatusOr<absl::Duration> call = calls.Time();
    if (!call.ok()) return call.status();
    run.late_calls.push_back(*call);
    KeepSilence();
    const absl::StatusOr<Durations> asked = HandshakeLatencies(places.asked, 1);
    if (!asked.ok()) return asked.status();
    run.late_asked.push_back(asked->front());
  }
  return absl::OkStatus();
}

// In turns, so that what disturbs the one disturbs the others.
absl::StatusOr<Run> Measure(const Places& places, int count, UnaryCalls& calls,
                            BenchHandler& handler) {
  Run run;
  const auto append = [](const Durations& from, Durations& to) {
    to.insert(to.end(), from.begin(), from.end());
  };
  for (int i = 0; i < count; ++i) {
    const absl::StatusOr<absl::Duration> call = calls.Time();
    if (!call.ok()) return call.status();
    run.calls.push_back(*call);
    const absl::StatusOr<Durations> plain = HandshakeLatencies(places.plain, 1);
    if (!plain.ok()) return plain.status();
    append(*plain, run.plain);
    const absl::StatusOr<Durations> asked = HandshakeLatencies(places.asked, 1);
    if (!asked.ok()) return asked.status();
    append(*asked, run.asked);
  }
  run.ways = handler.TakeWays();
  return run;
}

void Print(const Run& run) {
  const Figures half = run.At(50);
  const Figures most = run.At(99);
  Table table({"one at a time", "p50", "p99", "ratio of p50"});
  const auto add = [&](const std::string& what,
                       absl::Duration Figures::*figure) {
    table.AddRow({what, InMicroseconds(half.*figure),
                  InMicroseconds(most.*figure),
                  Ratio(absl::FDivDuration(half.*figure, half.call), 1)});
  };
  add("unary call on the same socket", &Figures::call);
  add("handshake without a hook", &Figures::plain);
  add("handshake with CLIENT_HELLO answered", &Figures::asked);
  table.AddRow({"round trip of the decision (the difference)",
                InMicroseconds(half.round_trip()),
                InMicroseconds(most.round_trip()),
                Ratio(absl::FDivDuration(half.round_trip(), half.call), 1)});
  add("of that, the question's way to the handler", &Figures::way);
  add("unary call after 1.05 s of silence", &Figures::late_call);
  add("handshake with CLIENT_HELLO after 1.05 s of silence",
      &Figures::late_asked);
  table.Print("Round trip of a decision over the unix socket");
}

}  // namespace

absl::Status MeasureRoundTrips(const BenchOptions& options) {
  const auto daemon = BenchDaemon::Start(options.worker_count);
  if (!daemon.ok()) return daemon.status();
  const auto handler = BenchHandler::Start(**daemon, options.stored_count);
  if (!handler.ok()) return handler.status();
  const auto plain = (*daemon)->Listen("secureContexts/plain");
  if (!plain.ok()) return plain.status();
  const auto asked = (*daemon)->Listen("secureContexts/plain",
                                       {client::DecisionType::kClientHello});
  if (!asked.ok()) return asked.status();
  const Places places = {*plain, *asked};
  UnaryCalls calls((*daemon)->control_address());
  // The first calls and handshakes open what later ones find open.
  absl::StatusOr<Run> best = Measure(places, 10, calls, **handler);
  if (!best.ok()) return best.status();
  for (int i = 0; i < options.repeat_count; ++i) {
    absl::StatusOr<Run> run =
        Measure(places, options.round_trip_count, calls, **handler);
    if (!run.ok()) return run.status();
    if (i == 0 || run->At(50).round_trip() < best->At(50).round_trip()) {
      best = std::move(run);
    }
  }
  const absl::Status late =
      MeasureLate(places, options.silence_count, calls, *best);
  if (!late.ok()) return late;
  Print(*best);
  return (*handler)->Check();
}

}  // namespace tlsd::bench
