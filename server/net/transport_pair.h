// Two transports joined back to back: what is written to one is read from the
// other, without a socket. The ends may belong to different loops.
//
// Each end is a Transport like any other: it belongs to the thread of its loop,
// its observer is called from that loop only, and reading one slowly holds the
// writer of the other back, because bytes that are on their way or not yet
// taken count as `unsent_size` of the writer. Neither end has an address.
#ifndef TLSD_SERVER_NET_TRANSPORT_PAIR_H_
#define TLSD_SERVER_NET_TRANSPORT_PAIR_H_

#include <cstddef>
#include <memory>

#include "server/base/chunk_pool.h"
#include "server/net/event_loop.h"
#include "server/net/transport.h"

namespace tlsd::net {

struct TransportPair {
  std::unique_ptr<Transport> first;
  std::unique_ptr<Transport> second;
};

// At most so many bytes are on their way to a reader that does not read, in
// each direction; what was written beyond waits at the writer's side.
inline constexpr size_t kPairWindowBytes = 64 * 1024;

// MakeTransportPair makes a pair. `first` belongs to `first_loop` and takes its
// chunks from `first_pool`, which must outlive the loop; `second` likewise.
// Both loops may be the same. Any thread may call it, before either end is
// used.
//
// An end that is destroyed or reset gives its peer OnError; one that is closed
// gently gives it OnEnd, drops what still comes, and gives it OnError with
// CONNECTION_CLOSED when it is gone (kLingerTime later at most, unless the peer
// has ended too).
TransportPair MakeTransportPair(EventLoop& first_loop,
                                base::ChunkPool& first_pool,
                                EventLoop& second_loop,
                                base::ChunkPool& second_pool);

}  // namespace tlsd::net

#endif  // TLSD_SERVER_NET_TRANSPORT_PAIR_H_
