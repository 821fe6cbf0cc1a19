#include "server/tls/certificate_table.h"

#include <algorithm>
#include <utility>

#include "server/tls/certificate.h"
#include "server/tls/sha256.h"

namespace tlsd::tls {
std::shared_ptr<const CertificateFacts> CertificateTable::Share(
    X509* certificate) {
  std::string digest = Sha256(EncodeDer(certificate));
  {
    absl::MutexLock lock(&mutex_);
    const auto found = entries_.find(digest);
    if (found != entries_.end()) {
      if (auto facts = found->second.lock()) return facts;
    }
  }
  // Not make_shared: the memory of the facts would stay with the entry.
  std::shared_ptr<const CertificateFacts> facts(
      new CertificateFacts(DescribeCertificate(certificate)));
  absl::MutexLock lock(&mutex_);
  std::weak_ptr<const CertificateFacts>& entry = entries_[std::move(digest)];
  // Another thread may have been faster.
  if (auto others = entry.lock()) return others;
  entry = facts;
  SweepIfDoubled();
  return facts;
}

size_t CertificateTable::size() const {
  absl::MutexLock lock(&mutex_);
  return entries_.size();
}

void CertificateTable::SweepIfDoubled() {
  if (entries_.size() <= sweep_size_) return;
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    entry = entry->second.expired() ? entries_.erase(entry) : std::next(entry);
  }
  sweep_size_ = std::max(kSweepSizeMin, 2 * entries_.size());
}

std::shared_ptr<const CertificateFacts> ShareCertificateFacts(
    X509* certificate) {
  static auto& table = *new CertificateTable;
  return table.Share(certificate);
}

}  // namespace tlsd::tls
