// DevelopmentAuthority is a certificate authority that lives in memory, for
// development and tests: its root is fresh on each start and dies with the
// daemon.
//
// It is not for production, and it is no CA product: it issues what
// `DevelopmentCredentials` ask for and nothing else. The daemon owns one; any
// thread may use it. Its root is made on first use.
#ifndef TLSD_SERVER_TLS_DEVELOPMENT_AUTHORITY_H_
#define TLSD_SERVER_TLS_DEVELOPMENT_AUTHORITY_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/tls/secure_context_options.h"

namespace tlsd::tls {

class DevelopmentAuthority {
 public:
  DevelopmentAuthority();
  ~DevelopmentAuthority();
  DevelopmentAuthority(const DevelopmentAuthority&) = delete;
  DevelopmentAuthority& operator=(const DevelopmentAuthority&) = delete;

  // root_pem returns the root in PEM.
  absl::StatusOr<std::string> RootPem();

  // Issue returns a fresh P-256 key and a chain (leaf, without the root) for
  // the names of `options`, usable by servers and clients, valid from a day
  // before `now` for 90 days. It fails with SERVER_NAME_INVALID, field
  // "server_names[i]", or FIELD_INVALID for more than 100 names.
  absl::StatusOr<PemCredentials> Issue(const DevelopmentCredentials& options,
                                       absl::Time now);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_DEVELOPMENT_AUTHORITY_H_
