// How the daemon, listeners and events look to a person: a block for one, a
// table for many, a line for an event. The others have headers of their own.
//
// Functions take the message and the time it is, and return values of text.h;
// they print and call nothing. They hold no state and may be used from any
// thread.
#ifndef TLSD_CLIENT_CLI_SHOW_H_
#define TLSD_CLIENT_CLI_SHOW_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/cli/text.h"
#include "tlsd/v1/admin_service.pb.h"
#include "tlsd/v1/event_service.pb.h"
#include "tlsd/v1/listener_service.pb.h"

namespace tlsd::client::cli {

Block ServerInfoBlock(const v1::ServerInfo& info, absl::string_view address,
                      absl::Time now);

Block ListenerBlock(const v1::Listener& listener, absl::Time now);
Table ListenerTable(const v1::ListListenersResponse& list, absl::Time now);
Table ServerNameTable(const v1::ListContextsResponse& list);

// EventLine returns one line with its line end.
std::string EventLine(const v1::Event& event, ColourMode mode);

}  // namespace tlsd::client::cli

#endif  // TLSD_CLIENT_CLI_SHOW_H_
