// MemoryLoad is the moves of a connection's life that need no worker and no
// socket, and the bytes of connections that wait.
//
// It belongs to the thread that runs its loop.
#ifndef TLSD_TESTS_COST_MEMORY_LOAD_H_
#define TLSD_TESTS_COST_MEMORY_LOAD_H_

#include <functional>
#include <string>

#include "server/base/chunk_pool.h"
#include "server/net/event_loop.h"
#include "tests/cost/client_peer.h"
#include "tests/cost/meter.h"
#include "tests/cost/plan.h"
#include "tests/cost/server_end.h"
#include "tests/cost/turns.h"

namespace tlsd::cost {

class MemoryLoad {
 public:
  // `plan` and `loop` must outlive it.
  MemoryLoad(const Plan& plan, net::EventLoop& loop);

  // Run measures what the plan wants, and runs the loop for it. Call it once.
  void Run();

 private:
  using Move = std::function<void(ServerEnd&, ClientPeer&)>;

  // AddHandshakes measures handshakes, resumed ones if `resumes`.
  void AddHandshakes(const std::string& quantity, const Version& version,
                     bool resumes);
  // AddEnds measures how connections end, and go.
  void AddEnds(const std::string& quantity, const Version& version);
  // AddMoves measures `move` on a forwarded connection.
  void AddMoves(const std::string& quantity, const Version& version,
                const Move& move);
  // AddIdle measures the bytes of a connection that waits, after `move`.
  void AddIdle(const std::string& quantity, const Version& version,
               const Move& move);

  const Plan& plan_;
  net::EventLoop& loop_;
  Meter meter_;
  base::ChunkPool pool_;
  WorkerSide side_;
  Turns turns_;
};

}  // namespace tlsd::cost

#endif  // TLSD_TESTS_COST_MEMORY_LOAD_H_
