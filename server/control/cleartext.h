// Cleartext between protos and a connection: which sink, which form. Everything
// here runs on the thread of the connection's worker.
#ifndef TLSD_SERVER_CONTROL_CLEARTEXT_H_
#define TLSD_SERVER_CONTROL_CLEARTEXT_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "server/base/utf8.h"
#include "server/conn/connection.h"
#include "server/conn/stream_sink.h"

namespace tlsd::control {

// GetStreamSink returns the sink of a connection whose cleartext callers may
// carry, else HANDLER_MISMATCH.
absl::StatusOr<conn::StreamSink*> GetStreamSink(conn::Connection& connection);

// SetCleartext puts `bytes` into the `data` or `text` of `message`.
template <typename Message>
void SetCleartext(std::string bytes, bool as_text, Message& message) {
  if (as_text && base::IsValidUtf8(bytes)) {
    message.set_text(std::move(bytes));
  } else {
    message.set_data(std::move(bytes));
  }
}

}  // namespace tlsd::control

#endif  // TLSD_SERVER_CONTROL_CLEARTEXT_H_
