#include "server/tls/ocsp_staple.h"

#include <algorithm>
#include <utility>

namespace tlsd::tls {

void OcspStaple::Set(OcspResponseFacts response, absl::Time end) {
  absl::MutexLock lock(&mutex_);
  end_ = std::min(end, response.next_update_time.value_or(end));
  response_ = std::move(response);
}

void OcspStaple::Clear() { Set({}, absl::InfinitePast()); }

std::string OcspStaple::Get(absl::Time now) const {
  absl::MutexLock lock(&mutex_);
  return now < end_ ? response_.der : "";
}

OcspResponseFacts OcspStaple::Describe(absl::Time now) const {
  absl::MutexLock lock(&mutex_);
  return now < end_ ? response_ : OcspResponseFacts();
}

}  // namespace tlsd::tls
