#include "tests/bench/load/stream_load.h"

#include <algorithm>
#include <memory>

#include "tests/bench/load/latencies.h"
#include "tests/bench/load/pattern.h"

namespace tlsd::bench::load {
namespace {

// So much of an echo is under way on each connection.
constexpr int64_t kEchoWindow = 512 * 1024;
// Records are full.
constexpr int64_t kRecordSize = 16 * 1024;

void FillUp(StreamClient& client) {
  if (client.unsent() < Pattern::kPieceMax / 2) client.Send(Pattern::kPieceMax);
}

void FillWindow(StreamClient& client) {
  int64_t room = kEchoWindow - (client.sent() - client.received());
  room -= room % kRecordSize;
  while (room > 0) {
    const auto piece =
        std::min<int64_t>(room, static_cast<int64_t>(Pattern::kPieceMax));
    client.Send(static_cast<size_t>(piece));
    room -= piece;
  }
}

}  // namespace

StreamLoad::StreamLoad(const Options& options, int index, Interval* interval)
    : LoadPart(options, index, interval) {
  events_.on_open = [this](StreamClient& client) {
    OnOpen(static_cast<Client&>(client));
  };
  events_.on_end = [this](const absl::Status& status) { Fail(status); };
  if (options.mode == Mode::kUp) events_.on_turn = FillUp;
  if (options.mode == Mode::kEcho) events_.on_turn = FillWindow;
  events_.on_received = [this](StreamClient&) {
    if (is_counted()) NoteDone();
  };
  if (options.mode == Mode::kRoundTrips) {
    events_.on_received = [this](StreamClient& client) {
      OnAnswer(static_cast<Client&>(client));
    };
  }
}

void StreamLoad::Drive() {
  for (int i = 0; i < connection_count() && ok(); ++i) {
    const absl::Status status =
        clients_.Dial(std::make_unique<Client>(thread(), events_));
    if (!status.ok()) Fail(status);
  }
  while (open_count_ < connection_count() && Poll()) {
  }
  if (ok()) RunInterval();
}

void StreamLoad::OnOpen(Client& client) {
  ++open_count_;
  if (options().mode == Mode::kUp) client.set_writes_on(true);
  if (options().mode == Mode::kRoundTrips) Ask(client);
}

void StreamLoad::Ask(Client& client) {
  client.ask_time = Uptime();
  client.Send(static_cast<size_t>(options().size));
}

void StreamLoad::OnAnswer(Client& client) {
  // A long answer comes in pieces.
  if (client.received() < client.sent()) return;
  if (is_counted()) {
    NoteDone();
    ++own_tally().count;
    own_tally().latencies.Add(Uptime() - client.ask_time);
  }
  Ask(client);
}

void StreamLoad::OnPhase(Interval::Phase phase) {
  const bool counts_bytes =
      options().mode == Mode::kDown || options().mode == Mode::kEcho;
  for (const auto& client : clients_) {
    if (phase == Interval::Phase::kCounted) {
      client->received_before = client->received();
    } else if (counts_bytes) {
      own_tally().bytes.push_back(client->received() - client->received_before);
    }
  }
}

std::vector<const TlsClient*> StreamLoad::Waiting() const {
  return clients_.All();
}

}  // namespace tlsd::bench::load
