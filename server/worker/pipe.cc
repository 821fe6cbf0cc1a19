#include "server/worker/pipe.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "server/base/status_macros.h"
#include "server/conn/echo_sink.h"
#include "server/net/transport_pair.h"

namespace tlsd::worker {
namespace {

// One pipe that is being laid: the first connection is claimed, then the second
// joined, then the first. Each step runs where its connection lives.
struct Laying {
  WorkerPool& pool;
  std::string name;
  std::string peer;
  // What carries the first.
  std::string carrier;
  Worker::ConnectDone done;
};

absl::Status ClaimPeer(conn::Connection& connection, const Laying& laying) {
  // Its ciphertext would feed itself.
  if (laying.carrier == laying.peer || connection.carrier() == laying.name) {
    return FieldError(Reason::kFieldsConflict, "peer", laying.peer,
                      "a connection that does not carry the other");
  }
  return ClaimCleartext(connection).status();
}

// JoinFirst ends the laying: with `joined`, or by joining the first connection
// to `end`.
void JoinFirst(Laying laying, const absl::Status& joined,
               std::unique_ptr<net::Transport> end) {
  WorkerPool& pool = laying.pool;
  const std::string name = laying.name;
  pool.Visit(name, [laying = std::move(laying), joined, end = std::move(end)](
                       absl::StatusOr<conn::Connection*> found) mutable {
    if (!found.ok()) {
      std::move(laying.done)(found.status());
      return;
    }
    conn::Connection& connection = **found;
    if (!joined.ok()) {
      // What was claimed is still there.
      (*conn::StreamSink::Of(connection))->Release(conn::Direction::kBoth);
      std::move(laying.done)(joined);
      return;
    }
    Join(connection, std::move(end), {conn::FarEnd::Kind::kPipe, laying.peer},
         laying.peer);
    std::move(laying.done)(connection.facts());
  });
}

void JoinSecond(Laying laying) {
  WorkerPool& pool = laying.pool;
  const std::string peer = laying.peer;
  pool.Visit(peer, [laying = std::move(laying)](
                       absl::StatusOr<conn::Connection*> found) mutable {
    absl::Status claimed = found.status();
    if (claimed.ok()) claimed = ClaimPeer(**found, laying);
    if (!claimed.ok()) {
      JoinFirst(std::move(laying), claimed, nullptr);
      return;
    }
    Worker& first = *laying.pool.FindWorker(laying.name);
    Worker& second = *laying.pool.FindWorker(laying.peer);
    net::TransportPair pair = net::MakeTransportPair(
        first.loop(), first.pool(), second.loop(), second.pool());
    Join(**found, std::move(pair.second),
         {conn::FarEnd::Kind::kPipe, laying.name}, laying.name);
    JoinFirst(std::move(laying), absl::OkStatus(), std::move(pair.first));
  });
}

}  // namespace

void Pipe(WorkerPool& pool, const std::string& name, const std::string& peer,
          Worker::ConnectDone done) {
  pool.Visit(name, [laying = Laying{pool, name, peer, "", std::move(done)}](
                       absl::StatusOr<conn::Connection*> found) mutable {
    absl::Status claimed = found.status();
    if (claimed.ok()) claimed = ClaimCleartext(**found).status();
    if (!claimed.ok()) {
      std::move(laying.done)(claimed);
    } else if (laying.name == laying.peer) {
      (*found)->SetSink(std::make_unique<conn::EchoSink>(), laying.name);
      std::move(laying.done)((*found)->facts());
    } else {
      laying.carrier = (*found)->carrier();
      JoinSecond(std::move(laying));
    }
  });
}

}  // namespace tlsd::worker
