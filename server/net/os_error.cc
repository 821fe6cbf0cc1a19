#include "server/net/os_error.h"

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"

namespace tlsd::net {
namespace {

absl::string_view ErrnoName(int error) {
  const char* name = strerrorname_np(error);
  return name == nullptr ? "unknown" : name;
}

Reason ListenReason(int error) {
  if (IsShortage(error)) return Reason::kDescriptorsExhausted;
  switch (error) {
    case EADDRINUSE:
      return Reason::kAddressInUse;
    case EACCES:
    case EPERM:
    case EROFS:
      return Reason::kAddressDenied;
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
    case ENODEV:
    case ENOENT:
    case ENOTDIR:
    // A link-local address without its interface.
    case EINVAL:
      return Reason::kAddressUnavailable;
    default:
      return Reason::kInternal;
  }
}

absl::string_view Remedy(Reason reason) {
  switch (reason) {
    case Reason::kAddressInUse:
      return "; choose another, or stop the program that has it";
    case Reason::kAddressDenied:
      return "; choose an address that the daemon's user may use";
    case Reason::kAddressUnavailable:
      return "; choose an address of this host, or a path in a folder that "
             "exists";
    case Reason::kDescriptorsExhausted:
      return "; close connections, or raise the limit (ulimit -n)";
    default:
      return "";
  }
}

}  // namespace

std::string DescribeErrno(int error) {
  const char* text = strerrordesc_np(error);
  return absl::StrCat(text == nullptr ? "Unknown error" : text, " (",
                      ErrnoName(error), ")");
}

bool IsShortage(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS ||
         error == ENOMEM;
}

absl::Status ListenError(absl::string_view field, absl::string_view address,
                         int error) {
  const Reason reason = ListenReason(error);
  return MakeError(
      reason,
      absl::StrCat(field, ": cannot listen on ", QuoteForMessage(address), ": ",
                   DescribeErrno(error), Remedy(reason)),
      {{"field", std::string(field)},
       {"address", std::string(address)},
       {"errno", std::string(ErrnoName(error))}});
}

}  // namespace tlsd::net
