// CertificateTable lets all who see one certificate share its facts, however
// many connections show it.
//
// It keeps no facts alive: they go with the last who holds them, and what is
// left of their entry goes when the table has doubled since it last looked. One
// for all the process is behind ShareCertificateFacts. Any thread may use it.
#ifndef TLSD_SERVER_TLS_CERTIFICATE_TABLE_H_
#define TLSD_SERVER_TLS_CERTIFICATE_TABLE_H_

#include <openssl/x509.h>

#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/tls/certificate_facts.h"

namespace tlsd::tls {

class CertificateTable {
 public:
  // A table that has fewer entries than this is never looked through.
  static constexpr size_t kSweepSizeMin = 64;

  // Share returns the facts of `certificate`: those that somebody holds, if
  // anybody does.
  std::shared_ptr<const CertificateFacts> Share(X509* certificate);

  // size counts the entries, with those whose facts have gone: at most
  // kSweepSizeMin, or twice as many as were left when the table was last looked
  // through.
  size_t size() const;

 private:
  void SweepIfDoubled() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable absl::Mutex mutex_;
  // By SHA-256 over the DER.
  std::unordered_map<std::string, std::weak_ptr<const CertificateFacts>>
      entries_ ABSL_GUARDED_BY(mutex_);
  size_t sweep_size_ ABSL_GUARDED_BY(mutex_) = kSweepSizeMin;
};

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_CERTIFICATE_TABLE_H_
