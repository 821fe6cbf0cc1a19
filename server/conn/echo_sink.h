// EchoSink sends back what a connection receives, and close_notify when the
// peer has sent its own. It keeps nothing: what the peer does not read stays in
// the connection's queue.
#ifndef TLSD_SERVER_CONN_ECHO_SINK_H_
#define TLSD_SERVER_CONN_ECHO_SINK_H_

#include "server/conn/cleartext_sink.h"

namespace tlsd::conn {

class EchoSink final : public CleartextSink {
 public:
  void OnProgress(Connection& connection) override;
};

}  // namespace tlsd::conn

#endif  // TLSD_SERVER_CONN_ECHO_SINK_H_
