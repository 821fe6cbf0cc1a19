// How what lies below a connection looks to a person: sockets, PROXY headers,
// and where a listener passes its connections on to.
//
// Functions take the message and return text; they print and call nothing. They
// hold no state and may be used from any thread.
#ifndef TLSD_CLIENT_CLI_SHOW_TRANSPORT_H_
#define TLSD_CLIENT_CLI_SHOW_TRANSPORT_H_

#include <string>
#include <vector>

#include "tlsd/v1/connection_service.pb.h"
#include "tlsd/v1/listener_service.pb.h"
#include "tlsd/v1/transport.pb.h"

namespace tlsd::client::cli {

// SocketText returns what differs from the defaults, "" if nothing does.
std::string SocketText(const v1::SocketOptions& options);

// ProxyHeaderText returns who has claimed what, "" without a header.
std::string ProxyHeaderText(const v1::Connection& connection);

// ProxyFieldTexts returns a text for each field of version 2, by its name in
// the protocol.
std::vector<std::string> ProxyFieldTexts(const v1::ProxyHeader& header);

// ForwardText returns where to, how, and what the upstream is told.
std::string ForwardText(const v1::ForwardHandler& forward);

}  // namespace tlsd::client::cli

#endif  // TLSD_CLIENT_CLI_SHOW_TRANSPORT_H_
