// Two transports joined back to back: what is written to one is read from the
// other, without a socket. The ends may belong to different loops.
//
// Each end is a Transport like any other: it belongs to the thread of its loop,
// its observer is called from that loop only, and reading one slowly holds the
// writer of the other back, because bytes that are on their way or not yet
// taken count as `unsent_size` of the writer. Neither end has an address.
//
// Between two loops, bytes are copied into messages. On one loop with one pool
// the chunks change hands, in the turn of the loop in which they are written.
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

// At most so many bytes are on their way between two loops to a reader that
// does not read, in each direction; what was written beyond waits at the
// writer's side.
inline constexpr size_t kPairWindowBytes = 64 * 1024;

// When no more than so many bytes are left unsent, OnDrained says so too, so
// that the writer goes on while the reader is still busy with these.
inline constexpr size_t kPairLowBytes = kPairWindowBytes / 2;

// MakeTransportPair makes a pair. `first` belongs to `first_loop` and takes its
// chunks from `first_pool`, which must outlive the loop; `second` likewise.
// Both loops may be the same. Any thread may call it, before either end is
// used.
//
// An end that is destroyed or reset gives its peer OnError, behind what is on
// its way; one that is closed gently gives it OnEnd, drops what still comes,
// and gives it OnError with CONNECTION_CLOSED when it is gone, unless the peer
// has ended too: kLingerTime after the peer has taken all, for which it has
// kFlushTime.
TransportPair MakeTransportPair(EventLoop& first_loop,
                                base::ChunkPool& first_pool,
                                EventLoop& second_loop,
                                base::ChunkPool& second_pool);

}  // namespace tlsd::net

#endif  // TLSD_SERVER_NET_TRANSPORT_PAIR_H_
