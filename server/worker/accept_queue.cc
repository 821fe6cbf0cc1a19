#include "server/worker/accept_queue.h"

#include <utility>

namespace tlsd::worker {

void AcceptQueue::Offer(std::string name) {
  {
    absl::MutexLock lock(&mutex_);
    if (closed_.ok()) Insert(++last_place_, std::move(name));
  }
  Deliver();
}

void AcceptQueue::PutBack(std::string name) {
  {
    absl::MutexLock lock(&mutex_);
    if (closed_.ok()) Insert(--first_place_, std::move(name));
  }
  Deliver();
}

void AcceptQueue::Insert(int64_t place, std::string name) {
  if (!places_.emplace(name, place).second) return;
  names_.emplace(place, std::move(name));
}

void AcceptQueue::Withdraw(const std::string& name) {
  absl::MutexLock lock(&mutex_);
  const auto found = places_.find(name);
  if (found == places_.end()) return;
  names_.erase(found->second);
  places_.erase(found);
}

int64_t AcceptQueue::Wait(OnName on_name) {
  int64_t ticket = 0;
  {
    absl::MutexLock lock(&mutex_);
    ticket = next_ticket_++;
    callers_.emplace(ticket, std::move(on_name));
  }
  Deliver();
  return ticket;
}

void AcceptQueue::Cancel(int64_t ticket, const absl::Status& reason) {
  OnName caller;
  {
    absl::MutexLock lock(&mutex_);
    const auto found = callers_.find(ticket);
    if (found == callers_.end()) return;
    caller = std::move(found->second);
    callers_.erase(found);
  }
  std::move(caller)(reason);
}

void AcceptQueue::Close(const absl::Status& reason) {
  {
    absl::MutexLock lock(&mutex_);
    closed_ = reason;
    names_.clear();
    places_.clear();
  }
  Deliver();
}

void AcceptQueue::Deliver() {
  while (true) {
    OnName caller;
    absl::StatusOr<std::string> answer;
    {
      absl::MutexLock lock(&mutex_);
      if (callers_.empty() || (names_.empty() && closed_.ok())) return;
      if (closed_.ok()) {
        std::string name = std::move(names_.begin()->second);
        names_.erase(names_.begin());
        places_.erase(name);
        answer = std::move(name);
      } else {
        answer = closed_;
      }
      caller = std::move(callers_.begin()->second);
      callers_.erase(callers_.begin());
    }
    std::move(caller)(std::move(answer));
  }
}

}  // namespace tlsd::worker
