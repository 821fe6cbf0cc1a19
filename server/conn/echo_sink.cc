#include "server/conn/echo_sink.h"

#include "server/conn/connection.h"

namespace tlsd::conn {

void EchoSink::OnProgress(Connection& connection) {
  while (connection.writable() && !connection.Readable().empty()) {
    const absl::Span<const uint8_t> bytes = connection.Readable();
    // An error has ended the connection, which tells its owner.
    if (!connection.Write(bytes).ok()) return;
    connection.Consume(bytes.size());
  }
  if (connection.at_end() && connection.CheckWrite().ok()) {
    connection.Shutdown().IgnoreError();
  }
}

}  // namespace tlsd::conn
