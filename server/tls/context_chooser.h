// ContextChooser finds the secure context of a server name, while a ClientHello
// waits.
//
// Listeners have one; engines share it. Any thread may use it.
#ifndef TLSD_SERVER_TLS_CONTEXT_CHOOSER_H_
#define TLSD_SERVER_TLS_CONTEXT_CHOOSER_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/tls/secure_context.h"

namespace tlsd::tls {

class ContextChooser {
 public:
  virtual ~ContextChooser() = default;

  // has_choice reports whether a server name makes a difference: if not, no
  // ClientHello needs to be read for it.
  virtual bool has_choice() const = 0;

  // Choose returns the context for a client that asks for `server_name` (in
  // lower case, without a dot at its end; empty if for none); one without
  // `context` means the listener's own. It fails with SERVER_NAME_UNRECOGNIZED
  // for a client that shall be turned away.
  virtual absl::StatusOr<NamedContext> Choose(
      absl::string_view server_name) const = 0;
};

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_CONTEXT_CHOOSER_H_
