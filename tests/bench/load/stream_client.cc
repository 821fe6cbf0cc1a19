#include "tests/bench/load/stream_client.h"

#include "absl/strings/str_cat.h"
#include "tests/bench/load/pattern.h"

namespace tlsd::bench::load {

void StreamClient::Send(size_t size) {
  Write(ThePattern().At(static_cast<uint64_t>(sent_), size));
  sent_ += static_cast<int64_t>(size);
}

void StreamClient::OnCleartext(absl::string_view bytes) {
  if (!ThePattern().Matches(static_cast<uint64_t>(received_), bytes)) {
    return Fail(absl::DataLossError(
        absl::StrCat("a wrong byte has come after byte ", received_)));
  }
  received_ += static_cast<int64_t>(bytes.size());
  events_.on_received(*this);
}

}  // namespace tlsd::bench::load
