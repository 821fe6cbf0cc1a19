#include "server/control/cleartext.h"

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"

namespace tlsd::control {

absl::StatusOr<conn::StreamSink*> GetStreamSink(conn::Connection& connection) {
  auto* sink = dynamic_cast<conn::StreamSink*>(&connection.sink());
  if (sink != nullptr) return sink;
  return MakeError(
      Reason::kHandlerMismatch,
      absl::StrCat("the handler of ", connection.listener(),
                   " keeps the cleartext of ", connection.name(),
                   " to itself; only `stream` gives it away"),
      {{"connection", connection.name()}, {"listener", connection.listener()}});
}

}  // namespace tlsd::control
