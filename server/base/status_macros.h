// The two macros that pass an absl::Status on. There are no others.
#ifndef TLSD_SERVER_BASE_STATUS_MACROS_H_
#define TLSD_SERVER_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// TLSD_RETURN_IF_ERROR returns from the function if `expression` is an error.
#define TLSD_RETURN_IF_ERROR(expression)                            \
  do {                                                              \
    if (absl::Status tlsd_status = (expression); !tlsd_status.ok()) \
      return tlsd_status;                                           \
  } while (false)

// TLSD_ASSIGN_OR_RETURN puts the value of `expression`, an absl::StatusOr, into
// `target`, which may be a declaration, or returns its error.
#define TLSD_ASSIGN_OR_RETURN(target, expression)                             \
  TLSD_ASSIGN_OR_RETURN_NAMED(TLSD_STATUS_CONCAT(tlsd_or_, __LINE__), target, \
                              expression)
#define TLSD_ASSIGN_OR_RETURN_NAMED(result, target, expression) \
  auto result = (expression);                                   \
  if (!result.ok()) return std::move(result).status();          \
  target = *std::move(result)
#define TLSD_STATUS_CONCAT(a, b) TLSD_STATUS_CONCAT_INNER(a, b)
#define TLSD_STATUS_CONCAT_INNER(a, b) a##b

#endif  // TLSD_SERVER_BASE_STATUS_MACROS_H_
