#include "tests/cost/worker_load.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "tests/cost/allocations.h"
#include "tests/cost/plan.h"
#include "tests/cost/require.h"

namespace tlsd::cost {
namespace {

constexpr int kConnectionCount = 20;
constexpr int kIdleCount = 50;

}  // namespace

WorkerLoad::WorkerLoad(std::shared_ptr<const tls::SecureContext> server,
                       SSL_CTX* client)
    : client_context_(client),
      accepting_(std::move(server)),
      turns_(accepting_.worker().loop()) {}

void WorkerLoad::AddConnection() {
  turns_.Add([this] {
    const Meter::Pause pause(meter_);
    client_ =
        std::make_unique<LoopbackClient>(accepting_.port(), client_context_);
  });
  turns_.AddUntil([this] {
    const Meter::Pause pause(meter_);
    return client_->Advance();
  });
}

void WorkerLoad::MeasureConnections(const std::string& quantity) {
  for (int i = 0; i < kWarmUpCount + kConnectionCount; ++i) {
    if (i == kWarmUpCount) turns_.Add([this] { meter_.Begin(); });
    turns_.Add([this] { section_.emplace(meter_); });
    AddConnection();
    turns_.Add([this] {
      const Meter::Pause pause(meter_);
      client_->EndWriting();
    });
    turns_.AddUntil([this] {
      const Meter::Pause pause(meter_);
      return client_->has_ended();
    });
    turns_.Add([this] {
      section_.reset();
      client_.reset();
      Require(accepting_.worker().OpenCount() == 0, "the connection has ended");
    });
  }
  turns_.Add([this, quantity] { meter_.Finish(quantity, kConnectionCount); });
  Run();
}

void WorkerLoad::MeasureIdle(const std::string& quantity) {
  descriptors_.reserve(kWarmUpCount + kIdleCount);
  for (int i = 0; i < kWarmUpCount + kIdleCount; ++i) {
    AddConnection();
    turns_.Add([this] {
      descriptors_.push_back(client_->Release());
      client_.reset();
    });
    if (i + 1 == kWarmUpCount) {
      turns_.Add([this] { bytes_before_ = LiveBytes(); });
    }
  }
  turns_.Add([this, quantity] {
    Report(absl::StrCat(quantity, ".bytes"),
           static_cast<double>((LiveBytes() - bytes_before_) / kIdleCount));
    for (const int descriptor : descriptors_) close(descriptor);
  });
  Run();
}

void WorkerLoad::Run() {
  absl::Notification done;
  // Not from the last step itself, which `turns_` must outlive.
  turns_.Start(
      [this, &done] { accepting_.worker().Post([&done] { done.Notify(); }); });
  done.WaitForNotification();
}

}  // namespace tlsd::cost
