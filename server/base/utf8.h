// IsValidUtf8 tells whether bytes are text. It is a pure function; any thread
// may call it.
#ifndef TLSD_SERVER_BASE_UTF8_H_
#define TLSD_SERVER_BASE_UTF8_H_

#include "absl/strings/string_view.h"

namespace tlsd::base {

// IsValidUtf8 reports whether `bytes` are UTF-8 as RFC 3629 has it: no overlong
// forms, no surrogates, nothing above U+10FFFF, no character cut off.
bool IsValidUtf8(absl::string_view bytes);

}  // namespace tlsd::base

#endif  // TLSD_SERVER_BASE_UTF8_H_
