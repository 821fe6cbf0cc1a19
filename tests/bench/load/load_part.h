// LoadPart is what one thread does of a load. It counts while the interval says
// so; without one it does a fixed amount, and counts all of it.
//
// It belongs to that thread; the interval must outlive it.
#ifndef TLSD_TESTS_BENCH_LOAD_LOAD_PART_H_
#define TLSD_TESTS_BENCH_LOAD_LOAD_PART_H_

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "tests/bench/load/client_thread.h"
#include "tests/bench/load/interval.h"
#include "tests/bench/load/options.h"
#include "tests/bench/load/result.h"
#include "tests/bench/load/tls_client.h"

namespace tlsd::bench::load {

class LoadPart {
 public:
  // `index` is the number of the thread. `interval` may be null.
  LoadPart(const Options& options, int index, Interval* interval);
  virtual ~LoadPart() = default;
  LoadPart(const LoadPart&) = delete;
  LoadPart& operator=(const LoadPart&) = delete;

  // Run does the load. It fails if any connection does.
  absl::Status Run();

  const Tally& tally() const { return tally_; }

 protected:
  static constexpr absl::Duration kTurnMax = absl::Milliseconds(5);

  // The load itself; it may end as soon as `Poll` says so.
  virtual void Drive() = 0;
  // The connections that something must happen on.
  virtual std::vector<const TlsClient*> Waiting() const = 0;

  // OnTurn is called again and again within the interval, and returns for how
  // long nothing need be done; OnPhase when a phase has begun.
  virtual absl::Duration OnTurn() { return kTurnMax; }
  virtual void OnPhase(Interval::Phase) {}

  // Poll lets things happen for a short while, at most `timeout`, and reports
  // whether to go on: nothing has failed.
  bool Poll(absl::Duration timeout = kTurnMax);
  // RunInterval polls until the interval is over.
  void RunInterval();

  // Fail ends the load. The first failure counts.
  void Fail(const absl::Status& status);
  bool ok() const { return status_.ok(); }

  // Whether what happens at this moment is counted.
  bool is_counted() const {
    return interval_ == nullptr || interval_->is_counted();
  }

  // NoteDone says that something was done that counts.
  void NoteDone() {
    if (interval_ != nullptr) interval_->NoteDone();
  }

  const Options& options() const { return options_; }
  // How many of the load's connections are its own.
  int connection_count() const { return connection_count_; }
  Interval& interval() { return *interval_; }
  ClientThread& thread() { return thread_; }
  Tally& own_tally() { return tally_; }

 private:
  void CheckPatience();

  const Options& options_;
  const int index_;
  Interval* const interval_;
  const int connection_count_;
  ClientThread thread_;
  Tally tally_;
  absl::Duration last_check_;
  absl::Status status_;
};

// Clients are the connections of a part, each of one class.
template <typename Client>
class Clients {
 public:
  // Dial owns `client`, and returns an error if it cannot dial.
  absl::Status Dial(std::unique_ptr<Client> client) {
    const absl::Status status = client->Dial();
    if (!status.ok()) return status;
    client->place = clients_.size();
    clients_.push_back(std::move(client));
    return absl::OkStatus();
  }

  // Remove deletes `client`.
  void Remove(const Client& client) {
    const size_t place = client.place;
    std::swap(clients_[place], clients_.back());
    clients_[place]->place = place;
    clients_.pop_back();
  }

  bool empty() const { return clients_.empty(); }
  size_t size() const { return clients_.size(); }
  auto begin() const { return clients_.begin(); }
  auto end() const { return clients_.end(); }

  std::vector<const TlsClient*> All() const {
    std::vector<const TlsClient*> all;
    for (const auto& client : clients_) all.push_back(client.get());
    return all;
  }

 private:
  std::vector<std::unique_ptr<Client>> clients_;
};

}  // namespace tlsd::bench::load

#endif  // TLSD_TESTS_BENCH_LOAD_LOAD_PART_H_
