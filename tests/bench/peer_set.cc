#include "tests/bench/peer_set.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace tlsd::bench {

PeerSet::PeerSet() : descriptor_(epoll_create1(EPOLL_CLOEXEC)) {}

PeerSet::~PeerSet() {
  peers_.clear();
  close(descriptor_);
}

void PeerSet::Add(std::unique_ptr<BenchPeer> peer) {
  // A connected socket can be written to: that is the first event.
  epoll_event event = {};
  event.events = EPOLLIN | EPOLLOUT | EPOLLET;
  event.data.ptr = peer.get();
  epoll_ctl(descriptor_, EPOLL_CTL_ADD, peer->descriptor(), &event);
  BenchPeer* const key = peer.get();
  peers_.emplace(key, std::move(peer));
}

void PeerSet::Poll(absl::Duration wait, const OnEnd& on_end) {
  std::array<epoll_event, 64> events;
  const int count =
      epoll_wait(descriptor_, events.data(), static_cast<int>(events.size()),
                 static_cast<int>(absl::ToInt64Milliseconds(wait)));
  for (int i = 0; i < count; ++i) {
    auto* const peer = static_cast<BenchPeer*>(events[i].data.ptr);
    if (peer->Advance() == BenchPeer::State::kWaiting) continue;
    const auto found = peers_.find(peer);
    std::unique_ptr<BenchPeer> ended = std::move(found->second);
    peers_.erase(found);
    epoll_ctl(descriptor_, EPOLL_CTL_DEL, ended->descriptor(), nullptr);
    on_end(std::move(ended));
  }
}

}  // namespace tlsd::bench
