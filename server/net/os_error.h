// What the operating system's error numbers mean to tlsd.
//
// Pure functions; any thread may call them.
#ifndef TLSD_SERVER_NET_OS_ERROR_H_
#define TLSD_SERVER_NET_OS_ERROR_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace tlsd::net {

// DescribeErrno returns e.g. "Connection refused (ECONNREFUSED)".
std::string DescribeErrno(int error);

// IsShortage reports whether `error` says that the process or the host has no
// descriptor or memory left, which may pass.
bool IsShortage(int error);

// ListenError returns the error of a `field` that holds `address`, on which the
// daemon could not listen for `error`: ADDRESS_IN_USE, ADDRESS_DENIED,
// ADDRESS_UNAVAILABLE, DESCRIPTORS_EXHAUSTED or INTERNAL.
absl::Status ListenError(absl::string_view field, absl::string_view address,
                         int error);

}  // namespace tlsd::net

#endif  // TLSD_SERVER_NET_OS_ERROR_H_
