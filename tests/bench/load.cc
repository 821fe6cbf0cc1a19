#include "tests/bench/load.h"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/bench/peer_set.h"

namespace tlsd::bench {
namespace {

// More than any handshake takes, unless something is wrong.
constexpr absl::Duration kPatience = absl::Minutes(1);
constexpr absl::Duration kPollTime = absl::Milliseconds(100);

}  // namespace

// Driver is one thread's share of the load.
class Load::Driver {
 public:
  Driver(const LoadOptions& options, int index)
      : port_(options.port),
        connection_count_(Share(options.connection_count, options, index)),
        session_count_(Share(options.session_count, options, index)),
        context_(NewPeerContext(options.peer)) {}

  void Run(absl::Duration time) {
    status_ = absl::OkStatus();
    result_ = LoadResult();
    const absl::Time begin = absl::Now();
    const absl::Time patience_end = begin + time + kPatience;
    counts_ = true;
    dials_ = true;
    for (size_t i = 0; i < connection_count_; ++i) Dial();
    const absl::Time end = begin + time;
    while (absl::Now() < end || result_.handshake_count == 0) {
      if (!Poll(patience_end)) return;
    }
    result_.time = absl::Now() - begin;
    // What is under way ends, so that no session is lost.
    FinishAll(patience_end);
  }

  // Prime makes the sessions that the first peers offer.
  void Prime() {
    status_ = absl::OkStatus();
    const absl::Time patience_end = absl::Now() + kPatience;
    counts_ = false;
    dials_ = true;
    if (sessions_.size() >= session_count_) return;
    for (size_t i = 0; i < connection_count_; ++i) Dial();
    while (sessions_.size() < session_count_) {
      if (!Poll(patience_end)) return;
    }
    is_primed_ = true;
    FinishAll(patience_end);
  }

  const absl::Status& status() const { return status_; }
  const LoadResult& result() const { return result_; }

 private:
  static size_t Share(int count, const LoadOptions& options, int index) {
    const int threads = options.thread_count;
    return static_cast<size_t>(count / threads +
                               (index < count % threads ? 1 : 0));
  }

  void Dial() {
    bssl::UniquePtr<SSL_SESSION> session;
    if (is_primed_ && !sessions_.empty()) {
      session = std::move(sessions_.front());
      sessions_.pop_front();
    }
    absl::StatusOr<std::unique_ptr<BenchPeer>> peer =
        BenchPeer::Dial(port_, context_.get(), std::move(session));
    if (peer.ok()) {
      peers_.Add(*std::move(peer));
    } else {
      status_ = peer.status();
    }
  }

  // Poll reports whether to go on.
  bool Poll(absl::Time patience_end) {
    peers_.Poll(kPollTime, [this](std::unique_ptr<BenchPeer> peer) {
      OnEnd(*peer);
      peer.reset();
      if (dials_ && status_.ok()) Dial();
    });
    if (status_.ok() && absl::Now() > patience_end) {
      status_ = absl::DeadlineExceededError(
          absl::StrCat(peers_.size(), " handshakes were not complete in time"));
    }
    return status_.ok();
  }

  void FinishAll(absl::Time patience_end) {
    counts_ = false;
    dials_ = false;
    while (peers_.size() > 0 && Poll(patience_end)) {
    }
  }

  void OnEnd(BenchPeer& peer) {
    if (peer.state() == BenchPeer::State::kFailed) {
      status_ = absl::AbortedError(
          absl::StrCat("a handshake has failed: ", peer.failure()));
      return;
    }
    if (session_count_ > 0) {
      bssl::UniquePtr<SSL_SESSION> session = peer.TakeSession();
      if (session != nullptr) sessions_.push_back(std::move(session));
    }
    ++result_.total_count;
    if (!counts_) return;
    ++result_.handshake_count;
    result_.latencies.push_back(peer.age());
    if (peer.offered()) ++result_.offered_count;
    if (peer.resumed()) ++result_.resumed_count;
  }

  const int port_;
  const size_t connection_count_;
  const size_t session_count_;
  const bssl::UniquePtr<SSL_CTX> context_;
  std::deque<bssl::UniquePtr<SSL_SESSION>> sessions_;
  PeerSet peers_;
  bool counts_ = false;
  bool dials_ = false;
  bool is_primed_ = false;
  LoadResult result_;
  absl::Status status_;
};

double LoadResult::rate() const {
  return static_cast<double>(handshake_count) / absl::ToDoubleSeconds(time);
}

Load::Load(const LoadOptions& options) {
  for (int i = 0; i < options.thread_count; ++i) {
    drivers_.push_back(std::make_unique<Driver>(options, i));
  }
}

Load::~Load() = default;

absl::Status Load::OnEachThread(const std::function<void(Driver&)>& work) {
  std::vector<std::thread> threads;
  for (const auto& driver : drivers_) {
    threads.emplace_back([&work, &driver] { work(*driver); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& driver : drivers_) {
    if (!driver->status().ok()) return driver->status();
  }
  return absl::OkStatus();
}

absl::Status Load::Prime() {
  return OnEachThread([](Driver& driver) { driver.Prime(); });
}

absl::StatusOr<LoadResult> Load::Run(absl::Duration time) {
  const absl::Status status =
      OnEachThread([time](Driver& driver) { driver.Run(time); });
  if (!status.ok()) return status;
  LoadResult total;
  for (const auto& driver : drivers_) {
    const LoadResult& part = driver->result();
    total.handshake_count += part.handshake_count;
    total.total_count += part.total_count;
    total.offered_count += part.offered_count;
    total.resumed_count += part.resumed_count;
    total.time = std::max(total.time, part.time);
    total.latencies.insert(total.latencies.end(), part.latencies.begin(),
                           part.latencies.end());
  }
  return total;
}

absl::StatusOr<std::vector<absl::Duration>> HandshakeLatencies(int port,
                                                               int count) {
  const bssl::UniquePtr<SSL_CTX> context = NewPeerContext(PeerOptions());
  std::vector<absl::Duration> latencies;
  PeerSet peers;
  const absl::Time patience_end = absl::Now() + kPatience;
  for (int i = 0; i < count; ++i) {
    absl::StatusOr<std::unique_ptr<BenchPeer>> peer =
        BenchPeer::Dial(port, context.get());
    if (!peer.ok()) return peer.status();
    peers.Add(*std::move(peer));
    std::string failure;
    while (peers.size() > 0 && absl::Now() < patience_end) {
      peers.Poll(kPollTime, [&](std::unique_ptr<BenchPeer> ended) {
        latencies.push_back(ended->age());
        failure = ended->failure();
      });
    }
    if (peers.size() > 0) failure = "not complete in time";
    if (!failure.empty()) {
      return absl::AbortedError(
          absl::StrCat("a handshake has failed: ", failure));
    }
  }
  return latencies;
}

}  // namespace tlsd::bench
