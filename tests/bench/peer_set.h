// PeerSet waits for many peers at once, and lets those go on that can.
//
// It owns the peers until they are done or have failed. It belongs to one
// thread.
#ifndef TLSD_TESTS_BENCH_PEER_SET_H_
#define TLSD_TESTS_BENCH_PEER_SET_H_

#include <cstddef>
#include <functional>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "tests/bench/bench_peer.h"

namespace tlsd::bench {

class PeerSet {
 public:
  PeerSet();
  ~PeerSet();
  PeerSet(const PeerSet&) = delete;
  PeerSet& operator=(const PeerSet&) = delete;

  // Add takes a peer, which begins in the next Poll.
  void Add(std::unique_ptr<BenchPeer> peer);

  // Poll waits at most `wait` until a peer can go on, lets all go on that can,
  // and gives back those that are done or have failed. `on_end` may add others.
  using OnEnd = std::function<void(std::unique_ptr<BenchPeer>)>;
  void Poll(absl::Duration wait, const OnEnd& on_end);

  size_t size() const { return peers_.size(); }

 private:
  const int descriptor_;
  absl::flat_hash_map<BenchPeer*, std::unique_ptr<BenchPeer>> peers_;
};

}  // namespace tlsd::bench

#endif  // TLSD_TESTS_BENCH_PEER_SET_H_
