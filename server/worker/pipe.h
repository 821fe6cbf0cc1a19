// Pipe joins the cleartext of two connections, whichever workers have them. Any
// thread may call it.
#ifndef TLSD_SERVER_WORKER_PIPE_H_
#define TLSD_SERVER_WORKER_PIPE_H_

#include <string>

#include "server/worker/worker_pool.h"

namespace tlsd::worker {

// Pipe gives the cleartext of each connection to the other; of one that is
// piped with itself, back to it. It calls `done` with the facts of the first,
// on a worker's thread or at once. It fails as WorkerPool::Visit for each, as
// ClaimCleartext, and with FIELDS_CONFLICT if one carries the other: then
// neither is changed. `pool` must outlive the call.
void Pipe(WorkerPool& pool, const std::string& name, const std::string& peer,
          Worker::ConnectDone done);

}  // namespace tlsd::worker

#endif  // TLSD_SERVER_WORKER_PIPE_H_
