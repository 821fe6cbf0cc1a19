#include "client/unreachable.h"

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"

namespace tlsd::client {
namespace {

constexpr absl::string_view kPayloadType = "tlsd/daemon_unreachable";

}  // namespace

absl::Status DaemonUnreachable(absl::string_view address,
                               absl::string_view cause) {
  absl::Status status = absl::UnavailableError(
      absl::StrCat("no tlsd answers at ", address, ": ", cause));
  status.SetPayload(kPayloadType, absl::Cord(address));
  return status;
}

bool IsDaemonUnreachable(const absl::Status& status) {
  return status.GetPayload(kPayloadType).has_value();
}

}  // namespace tlsd::client
