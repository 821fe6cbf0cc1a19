// How a caller tells "no daemon answers" from an answer of the daemon.
//
// It is a fact about a status, kept beside proto/status because no daemon can
// say it. It holds no state and may be used from any thread.
#ifndef TLSD_CLIENT_UNREACHABLE_H_
#define TLSD_CLIENT_UNREACHABLE_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace tlsd::client {

// DaemonUnreachable returns the error that no daemon answers at `address`,
// because of `cause`. Its code is UNAVAILABLE.
absl::Status DaemonUnreachable(absl::string_view address,
                               absl::string_view cause);

// IsDaemonUnreachable reports whether `status` says that no daemon answers, or
// that the way to it was lost in the middle of a call. An UNAVAILABLE that the
// daemon sent, e.g. CONNECT_REFUSED, is none.
bool IsDaemonUnreachable(const absl::Status& status);

}  // namespace tlsd::client

#endif  // TLSD_CLIENT_UNREACHABLE_H_
