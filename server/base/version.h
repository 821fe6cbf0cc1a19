// The version of tlsd (semantic versioning), as CHANGELOG.md has it.
#ifndef TLSD_SERVER_BASE_VERSION_H_
#define TLSD_SERVER_BASE_VERSION_H_

#include "absl/strings/string_view.h"

namespace tlsd::base {

inline constexpr absl::string_view kVersion = "0.1.0";

}  // namespace tlsd::base

#endif  // TLSD_SERVER_BASE_VERSION_H_
