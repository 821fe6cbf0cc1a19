#include "tests/bench/load/transfer_load.h"

#include <algorithm>
#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "tests/bench/load/latencies.h"
#include "tests/bench/load/pattern.h"

namespace tlsd::bench::load {
namespace {

constexpr int64_t kMebibyte = 1024 * 1024;
constexpr int kRequestBits = 64;

}  // namespace

TransferLoad::TransferLoad(const Options& options)
    : LoadPart(options, 0, nullptr), size_(options.count * kMebibyte) {
  events_.on_end = [this](const absl::Status& status) {
    has_ended_ = true;
    if (!status.ok()) Fail(status);
  };
  if (options.is_up) {
    events_.on_open = [](StreamClient& client) { client.set_writes_on(true); };
    events_.on_turn = [this](StreamClient& client) { SendSome(client); };
  } else {
    events_.on_open = [this](StreamClient& client) { Request(client); };
    events_.on_received = [this](StreamClient& client) { OnReceived(client); };
  }
}

void TransferLoad::Drive() {
  SinkWatch watch(options().report_port);
  absl::Status status = options().is_up ? watch.Start() : absl::OkStatus();
  client_ = std::make_unique<StreamClient>(thread(), events_);
  if (status.ok()) status = client_->Dial();
  if (!status.ok()) return Fail(status);
  if (options().is_up) {
    AwaitArrival(watch);
    client_->Close();
  }
  while (!has_ended_ && Poll()) {
  }
  own_tally().bytes = {size_};
}

void TransferLoad::Request(StreamClient& client) const {
  std::string request;
  for (int shift = kRequestBits - 8; shift >= 0; shift -= 8) {
    request += static_cast<char>(size_ >> shift);
  }
  client.SendText(request);
}

void TransferLoad::SendSome(StreamClient& client) const {
  if (client.unsent() >= Pattern::kPieceMax / 2) return;
  const int64_t piece = std::min<int64_t>(
      size_ - client.sent(), static_cast<int64_t>(Pattern::kPieceMax));
  client.Send(static_cast<size_t>(piece));
  if (client.sent() == size_) client.set_writes_on(false);
}

void TransferLoad::OnReceived(StreamClient& client) const {
  if (client.received() > size_) {
    client.Fail(absl::DataLossError(
        absl::StrCat("more than ", size_, " bytes have come")));
  } else if (client.received() == size_) {
    client.Close();
  }
}

void TransferLoad::AwaitArrival(SinkWatch& watch) {
  absl::Duration last_growth = Uptime();
  int64_t arrived = 0;
  while (arrived < size_ && Poll()) {
    const absl::StatusOr<int64_t> now = watch.OwnSize();
    if (!now.ok()) return Fail(now.status());
    if (*now > arrived) {
      last_growth = Uptime();
      arrived = *now;
    } else if (Uptime() - last_growth > options().patience) {
      return Fail(absl::DeadlineExceededError(
          absl::StrCat("only ", arrived, " bytes have come to the sink")));
    }
  }
}

std::vector<const TlsClient*> TransferLoad::Waiting() const {
  // What waits for the sink is looked after there.
  if (options().is_up) return {};
  return {client_.get()};
}

}  // namespace tlsd::bench::load
