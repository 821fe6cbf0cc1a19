#include "tests/bench/load/poller.h"

#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

namespace tlsd::bench::load {
namespace {

constexpr int kEventCountMax = 256;

}  // namespace

Poller::Poller() : descriptor_(epoll_create1(EPOLL_CLOEXEC)) {}

Poller::~Poller() { close(descriptor_); }

void Poller::Watch(int descriptor, uint32_t events, Watcher* watcher) {
  epoll_event event = {};
  event.events = events;
  event.data.ptr = watcher;
  epoll_ctl(descriptor_, EPOLL_CTL_ADD, descriptor, &event);
}

void Poller::Change(int descriptor, uint32_t events, Watcher* watcher) {
  epoll_event event = {};
  event.events = events;
  event.data.ptr = watcher;
  epoll_ctl(descriptor_, EPOLL_CTL_MOD, descriptor, &event);
}

void Poller::Wait(absl::Duration timeout) {
  epoll_event events[kEventCountMax];
  // Milliseconds are too coarse for arrivals at a rate.
  const timespec time =
      absl::ToTimespec(std::max(timeout, absl::ZeroDuration()));
  const int count =
      epoll_pwait2(descriptor_, events, kEventCountMax, &time, nullptr);
  for (int i = 0; i < count; ++i) {
    static_cast<Watcher*>(events[i].data.ptr)->OnReady(events[i].events);
  }
}

}  // namespace tlsd::bench::load
