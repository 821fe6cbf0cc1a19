// The PROXY header that tells an upstream of a connection that is forwarded to
// it. A pure function; any thread may call it.
#ifndef TLSD_SERVER_CONN_FORWARD_HEADER_H_
#define TLSD_SERVER_CONN_FORWARD_HEADER_H_

#include <string>

#include "server/conn/connection_facts.h"

namespace tlsd::conn {

// See ProxyHeaderVersion in proto/tlsd/v1/transport.proto.
enum class ForwardHeader {
  kNone,
  kVersion1,
  kVersion2,
  // Version 2 with what TLS has agreed on.
  kVersion2Tls,
  // The same with the client's certificate.
  kVersion2TlsCertificate,
};

// EncodeForwardHeader returns the header for the upstream of a connection with
// `facts`: empty for kNone. If the connection came with a PROXY header of its
// own, the addresses are those that it claims.
std::string EncodeForwardHeader(ForwardHeader form,
                                const ConnectionFacts& facts);

}  // namespace tlsd::conn

#endif  // TLSD_SERVER_CONN_FORWARD_HEADER_H_
