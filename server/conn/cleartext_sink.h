// CleartextSink is where the cleartext of a connection goes, and comes from.
//
// A sink is told that there is something to do, and does it by calling the
// connection; it never sees ciphertext. The connection owns its sink, and calls
// it on its worker's thread, never from inside one of the sink's own calls.
#ifndef TLSD_SERVER_CONN_CLEARTEXT_SINK_H_
#define TLSD_SERVER_CONN_CLEARTEXT_SINK_H_

namespace tlsd::conn {

class Connection;

class CleartextSink {
 public:
  virtual ~CleartextSink() = default;

  // Something has changed: the handshake is complete, cleartext or its end has
  // arrived, there is room to write again, or the connection has ended. It may
  // be called when nothing has.
  virtual void OnProgress(Connection& connection) = 0;
};

}  // namespace tlsd::conn

#endif  // TLSD_SERVER_CONN_CLEARTEXT_SINK_H_
