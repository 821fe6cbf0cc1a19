#include "server/worker/expiry_watch.h"

#include <set>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"

namespace tlsd::worker {
namespace {

constexpr absl::Duration kInterval = absl::Hours(1);
// Days before the end.
constexpr int kMarks[] = {30, 14, 7, 3, 1, 0};

size_t MarksPassed(absl::Duration time_left) {
  size_t count = 0;
  for (const int days : kMarks) {
    if (time_left <= absl::Hours(24 * days)) ++count;
  }
  return count;
}

}  // namespace

ExpiryWatch::ExpiryWatch(const ContextTable& contexts, EventHub& events)
    : contexts_(contexts), events_(events) {}

ExpiryWatch::~ExpiryWatch() {
  absl::Notification stopped;
  events_.loop().Post([&] {
    timer_.reset();
    stopped.Notify();
  });
  stopped.WaitForNotification();
}

void ExpiryWatch::Start() {
  events_.loop().Post([this] { Tick(); });
}

void ExpiryWatch::Tick() {
  LookAtAll(absl::Now());
  timer_ = events_.loop().After(kInterval, [this] { Tick(); });
}

void ExpiryWatch::Look(const ContextRecord& record, absl::Time now) {
  for (const auto& chain : record.secure_context->facts().certificate_chains) {
    const tls::CertificateFacts& own = chain.front();
    const size_t passed = MarksPassed(own.not_after - now);
    {
      absl::MutexLock lock(&mutex_);
      size_t& reported = reported_[{record.name, own.sha256_fingerprint}];
      if (passed <= reported) continue;
      reported = passed;
    }
    events_.Publish(
        EventType::kCertificateExpiring,
        PayloadOf(CertificateExpiry{record.name, own, own.not_after - now}));
  }
}

void ExpiryWatch::LookAtAll(absl::Time now) {
  // Those that are reported from now on are not forgotten.
  std::set<std::pair<std::string, std::string>> gone;
  {
    absl::MutexLock lock(&mutex_);
    for (const auto& [certificate, count] : reported_) gone.insert(certificate);
  }
  for (const auto& record : contexts_.List("", ContextTable::kCountMax)) {
    Look(*record, now);
    for (const auto& chain :
         record->secure_context->facts().certificate_chains) {
      gone.erase({record->name, chain.front().sha256_fingerprint});
    }
  }
  absl::MutexLock lock(&mutex_);
  for (const auto& certificate : gone) reported_.erase(certificate);
}

}  // namespace tlsd::worker
