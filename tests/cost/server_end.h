// ServerEnd is a server's connection as a worker makes it, over a MemoryWire,
// and the moves of its life. What the server does in them counts; what the
// client does, does not.
//
// It belongs to the thread of its loop.
#ifndef TLSD_TESTS_COST_SERVER_END_H_
#define TLSD_TESTS_COST_SERVER_END_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "server/base/chunk_pool.h"
#include "server/conn/connection.h"
#include "server/net/event_loop.h"
#include "server/tls/secure_context.h"
#include "tests/cost/client_peer.h"
#include "tests/cost/memory_wire.h"
#include "tests/cost/meter.h"

namespace tlsd::cost {

// What all connections of a worker share.
struct WorkerSide {
  Meter& meter;
  net::EventLoop& loop;
  base::ChunkPool& pool;
};

class ServerEnd : private conn::ConnectionOwner {
 public:
  explicit ServerEnd(WorkerSide& side);

  // Handshake makes the connection under `context`, with an echo for its
  // cleartext, and has it open, with all that the server says then, e.g.
  // tickets.
  void Handshake(const std::shared_ptr<const tls::SecureContext>& context,
                 ClientPeer& client);

  // Forward gives the cleartext to a transport, the far end.
  void Forward();

  // ReceiveFromClient takes records of `cleartext` and passes it to the far
  // end; SendToClient takes it from there, in one read.
  void ReceiveFromClient(ClientPeer& client, absl::string_view cleartext);
  void SendToClient(ClientPeer& client, absl::string_view cleartext);

  // End takes the client's close_notify, and drops the connection.
  void End(ClientPeer& client);

 private:
  void OnQuestion(conn::Connection& connection,
                  tls::QuestionAsked asked) override;
  void OnOcspResponse(conn::Connection& connection) override;
  void OnOpen(conn::Connection& connection) override;
  void OnSession(conn::Connection& connection) override;
  void OnRenegotiated(conn::Connection& connection) override;
  void OnSecret(conn::Connection& connection, std::string line) override;
  void OnClosed(conn::Connection& connection) override;

  WorkerSide& side_;
  MemoryWire wire_;
  MemoryWire far_wire_;
  std::unique_ptr<conn::Connection> connection_;
};

}  // namespace tlsd::cost

#endif  // TLSD_TESTS_COST_SERVER_END_H_
