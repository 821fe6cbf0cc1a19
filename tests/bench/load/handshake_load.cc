#include "tests/bench/load/handshake_load.h"

#include <algorithm>
#include <limits>
#include <memory>

#include "absl/strings/str_cat.h"
#include "tests/bench/load/latencies.h"

namespace tlsd::bench::load {
namespace {

constexpr absl::string_view kByte = "x";
// A server that has so many before it will never keep up.
constexpr size_t kUnderWayMax = 10000;
// After so many for each place a server has had the time to give sessions.
constexpr int kEndsForSessions = 10;

}  // namespace

class HandshakeLoad::Client : public TlsClient {
 public:
  Client(HandshakeLoad& load, absl::Duration begin, bool is_counted)
      : TlsClient(load.thread()),
        load_(load),
        begin_(begin),
        is_counted_(is_counted) {}

  absl::Duration begin_time() const { return begin_; }
  // Whether it was dialled within the interval.
  bool is_counted() const { return is_counted_; }

  // Of Clients.
  size_t place = 0;

 private:
  void OnOpen() override { Write(kByte); }

  void OnCleartext(absl::string_view bytes) override {
    if (is_done_ || bytes != kByte) {
      return Fail(absl::DataLossError("what came back is not the byte sent"));
    }
    is_done_ = true;
    load_.OnDone(*this);
    Close();
  }

  void OnEnd(const absl::Status& status) override {
    load_.OnEnd(*this, status);
  }

  HandshakeLoad& load_;
  const absl::Duration begin_;
  const bool is_counted_;
  bool is_done_ = false;
};

HandshakeLoad::HandshakeLoad(const Options& options, int index,
                             Interval* interval)
    : LoadPart(options, index, interval),
      gap_seconds_(options.rate > 0 ? options.rate : 1),
      left_(options.mode == Mode::kSequence ? options.count
                                            : std::numeric_limits<int>::max()) {
}

HandshakeLoad::~HandshakeLoad() = default;

void HandshakeLoad::Drive() {
  next_arrival_ = Uptime();
  if (options().mode != Mode::kPaced) {
    for (int i = 0; i < connection_count() && ok(); ++i) Dial(Uptime());
  }
  if (options().resume && options().mode == Mode::kHandshakes) AwaitSessions();
  if (options().mode != Mode::kSequence) {
    RunInterval();
    left_ = 0;
  }
  // What is under way ends in order.
  while (!clients_.empty() && Poll()) {
  }
}

void HandshakeLoad::AwaitSessions() {
  const auto offers = [](const auto& client) { return client->offers(); };
  // A server that gives none shows in the result.
  const int end_count_max = kEndsForSessions * connection_count();
  while (!std::all_of(clients_.begin(), clients_.end(), offers) &&
         end_count_ < end_count_max && Poll()) {
  }
}

absl::Duration HandshakeLoad::OnTurn() {
  if (options().mode != Mode::kPaced) return kTurnMax;
  while (next_arrival_ <= Uptime() && ok()) {
    Dial(next_arrival_);
    next_arrival_ += absl::Seconds(gap_seconds_(random_));
  }
  return next_arrival_ - Uptime();
}

void HandshakeLoad::Dial(absl::Duration begin) {
  if (left_ == 0) return;
  if (clients_.size() >= kUnderWayMax) {
    return Fail(absl::ResourceExhaustedError(
        absl::StrCat("the server does not keep up: ", clients_.size(),
                     " handshakes are under way")));
  }
  --left_;
  const absl::Status status =
      clients_.Dial(std::make_unique<Client>(*this, begin, is_counted()));
  if (!status.ok()) Fail(status);
}

void HandshakeLoad::OnDone(const Client& client) {
  const bool counts =
      options().mode == Mode::kPaced ? client.is_counted() : is_counted();
  if (!counts) return;
  NoteDone();
  Tally& tally = own_tally();
  ++tally.count;
  tally.latencies.Add(Uptime() - client.begin_time());
  if (client.resumed()) ++tally.resumed;
}

void HandshakeLoad::OnEnd(const Client& client, const absl::Status& status) {
  clients_.Remove(client);
  ++end_count_;
  if (!status.ok()) return Fail(status);
  if (ok() && options().mode != Mode::kPaced) Dial(Uptime());
}

std::vector<const TlsClient*> HandshakeLoad::Waiting() const {
  return clients_.All();
}

}  // namespace tlsd::bench::load
