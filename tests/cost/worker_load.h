// WorkerLoad is the connections of a worker, as a daemon has them: accepted
// from a socket, known to the worker, and told of as events.
//
// Only the worker's thread is counted, on which the clients live too. Make,
// use and destroy it on another one.
#ifndef TLSD_TESTS_COST_WORKER_LOAD_H_
#define TLSD_TESTS_COST_WORKER_LOAD_H_

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/tls/secure_context.h"
#include "tests/cost/accepting_worker.h"
#include "tests/cost/loopback_client.h"
#include "tests/cost/meter.h"
#include "tests/cost/turns.h"

namespace tlsd::cost {

class WorkerLoad {
 public:
  // Without `client` connections are plain.
  WorkerLoad(std::shared_ptr<const tls::SecureContext> server, SSL_CTX* client);

  // MeasureConnections measures connections of which each echoes a byte and
  // ends, MeasureIdle the bytes of one that has echoed it and waits. Call one
  // of them, once.
  void MeasureConnections(const std::string& quantity);
  void MeasureIdle(const std::string& quantity);

 private:
  // AddConnection makes `client_`, and has it echo a byte.
  void AddConnection();
  void Run();

  SSL_CTX* const client_context_;
  AcceptingWorker accepting_;
  Meter meter_;
  std::optional<Meter::Section> section_;
  std::unique_ptr<LoopbackClient> client_;
  // Of the clients that were left waiting.
  std::vector<int> descriptors_;
  int64_t bytes_before_ = 0;
  Turns turns_;
};

}  // namespace tlsd::cost

#endif  // TLSD_TESTS_COST_WORKER_LOAD_H_
