// What lies below connections, to protos. Pure functions; any thread may call
// them.
#ifndef TLSD_SERVER_CONTROL_CONVERT_TRANSPORT_H_
#define TLSD_SERVER_CONTROL_CONVERT_TRANSPORT_H_

#include "server/conn/connection_options.h"
#include "server/net/proxy_header.h"
#include "server/net/socket_address.h"
#include "server/worker/dial_options.h"
#include "tlsd/v1/listener_service.pb.h"
#include "tlsd/v1/transport.pb.h"
#include "tlsd/v1/types.pb.h"

namespace tlsd::control {

void ToProto(const net::SocketAddress& address, v1::SocketAddress& proto);
v1::Protection ToProto(conn::Protection protection);
void ToProto(const conn::SocketOptions& options, v1::SocketOptions& proto);
void ToProto(const net::ProxyHeader& header, v1::ProxyHeader& proto);
// Without secrets: a forward has none.
void ToProto(const worker::ForwardOptions& options, v1::ForwardHandler& proto);

}  // namespace tlsd::control

#endif  // TLSD_SERVER_CONTROL_CONVERT_TRANSPORT_H_
