#include "server/tls/certificate_table.h"

#include <openssl/sha.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "server/tls/certificate.h"

namespace tlsd::tls {
namespace {

std::string Digest(X509* certificate) {
  const std::string der = EncodeDer(certificate);
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const uint8_t*>(der.data()), der.size(),
         reinterpret_cast<uint8_t*>(digest.data()));
  return digest;
}

}  // namespace

std::shared_ptr<const CertificateFacts> CertificateTable::Share(
    X509* certificate) {
  std::string digest = Digest(certificate);
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
