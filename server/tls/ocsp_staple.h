// OcspStaple is the OCSP response that credentials show to clients that ask for
// one, as long as it is current.
//
// It judges no response; ocsp_response.h reads them. Contexts share it; any
// thread may use it.
#ifndef TLSD_SERVER_TLS_OCSP_STAPLE_H_
#define TLSD_SERVER_TLS_OCSP_STAPLE_H_

#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/tls/ocsp_response.h"

namespace tlsd::tls {

class OcspStaple {
 public:
  // Set replaces the response, which is shown until its nextUpdate, at most
  // until `end`.
  void Set(OcspResponseFacts response, absl::Time end = absl::InfiniteFuture());
  void Clear();

  // Get returns the response to show at `now`, in DER; empty if there is none.
  std::string Get(absl::Time now) const;
  // Describe returns the same with all that it says; `der` is empty if there is
  // none.
  OcspResponseFacts Describe(absl::Time now) const;

 private:
  mutable absl::Mutex mutex_;
  OcspResponseFacts response_ ABSL_GUARDED_BY(mutex_);
  absl::Time end_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_OCSP_STAPLE_H_
