// One line of log per fact, on standard error, as "key=value" pairs.
//
// It is for what an operator must know; what happens to connections is told by
// events. It never carries cleartext, keys or PEM. Any thread may call it; a
// line is written with one call, cut at 4 KiB. It is lost if standard error is
// closed or takes nothing more: Log never waits.
#ifndef TLSD_SERVER_BASE_LOG_H_
#define TLSD_SERVER_BASE_LOG_H_

#include <initializer_list>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace tlsd::base {

enum class Severity { kInfo, kWarning, kError };

// Log writes e.g.
// `2026-01-31T12:00:00.000Z info listening address="[::]:8443"`.
void Log(Severity severity, absl::string_view fact,
         std::initializer_list<std::pair<absl::string_view, std::string>>
             values = {});

}  // namespace tlsd::base

#endif  // TLSD_SERVER_BASE_LOG_H_
