// Cleartext in messages. Any thread may call it.
#ifndef TLSD_SERVER_CONTROL_CLEARTEXT_H_
#define TLSD_SERVER_CONTROL_CLEARTEXT_H_

#include <string>
#include <utility>

#include "server/base/utf8.h"

namespace tlsd::control {

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
