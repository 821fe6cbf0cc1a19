#include "server/worker/decision_hub.h"

#include <algorithm>
#include <variant>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "server/base/names.h"
#include "server/base/secret.h"

namespace tlsd::worker {
namespace {

constexpr tls::HookType kTypes[] = {
    tls::HookType::kClientHello,   tls::HookType::kOcspStaple,
    tls::HookType::kSessionLookup, tls::HookType::kSessionStore,
    tls::HookType::kVerifyPeer,    tls::HookType::kSign,
};

absl::Status NotPending(const std::string& name) {
  return MakeError(Reason::kDecisionNotPending,
                   absl::StrCat(QuoteForMessage(name),
                                " does not wait for an answer: it was "
                                "answered, its time is up, or its connection "
                                "has ended"),
                   {{"decision", name}});
}

// What parked decisions are found by; "" finds all.
std::vector<std::string> SubjectsOf(const Decision& decision) {
  std::vector<std::string> subjects = {""};
  for (const std::string& name : {decision.listener, decision.secure_context}) {
    if (!name.empty()) subjects.push_back(name);
  }
  return subjects;
}

void WipeSecrets(tls::Answer& answer) {
  if (auto* lookup = std::get_if<tls::SessionLookupAnswer>(&answer)) {
    base::Wipe(lookup->session);
  }
}

}  // namespace

class DecisionHub::Calls {
 public:
  void Tell(std::shared_ptr<Handler> handler) {
    handlers_.push_back(std::move(handler));
  }
  void Taken(OnTaken on_taken, std::shared_ptr<const Decision> decision) {
    taken_.emplace_back(std::move(on_taken), std::move(decision));
  }
  void Dropped(Done done) { dropped_.push_back(std::move(done)); }

  // Handlers come first: others may wait for the end of what was begun here.
  void Run(DecisionHub& hub) {
    for (const auto& handler : handlers_) hub.Tell(*handler);
    for (auto& [on_taken, decision] : taken_) {
      std::move(on_taken)(std::move(decision));
    }
    for (Done& done : dropped_) std::move(done)(std::nullopt);
  }

 private:
  std::vector<std::shared_ptr<Handler>> handlers_;
  std::vector<std::pair<OnTaken, std::shared_ptr<const Decision>>> taken_;
  std::vector<Done> dropped_;
};

std::string DecisionHub::Ask(Decision decision, Done done) {
  decision.name = base::MakeName(kDecisions, base::RandomId('d'));
  const std::string name = decision.name;
  auto shared = std::make_shared<const Decision>(std::move(decision));
  Calls calls;
  {
    absl::MutexLock lock(&mutex_);
    if (table_.size() >= kPendingCountMax) {
      calls.Dropped(std::move(done));
    } else {
      Pending& pending = table_[name];
      pending.decision = std::move(shared);
      pending.done = std::move(done);
      pending.place = next_place_++;
      Offer(pending, calls);
    }
  }
  calls.Run(*this);
  return name;
}

bool DecisionHub::Withdraw(const std::string& name) {
  // What it holds goes without the lock.
  Done done;
  Calls calls;
  {
    absl::MutexLock lock(&mutex_);
    const auto found = table_.find(name);
    if (found == table_.end()) return false;
    done = Take(found, calls);
  }
  calls.Run(*this);
  return true;
}

absl::Status DecisionHub::Resolve(const std::string& name, tls::Answer answer) {
  std::shared_ptr<const Decision> decision;
  {
    absl::MutexLock lock(&mutex_);
    const auto found = table_.find(name);
    if (found != table_.end()) decision = found->second.decision;
  }
  const absl::Status status =
      decision == nullptr ? NotPending(name)
                          : tls::CheckAnswer(*decision->question, answer);
  if (!status.ok()) {
    WipeSecrets(answer);
    return status;
  }
  Done done;
  Calls calls;
  {
    absl::MutexLock lock(&mutex_);
    // Somebody may have been faster meanwhile. Names never come again.
    const auto found = table_.find(name);
    if (found != table_.end()) done = Take(found, calls);
  }
  if (!done) {
    WipeSecrets(answer);
    return NotPending(name);
  }
  std::move(done)(std::move(answer));
  calls.Run(*this);
  return absl::OkStatus();
}

int64_t DecisionHub::AddHandler(DecisionFilter filter, size_t pending_count_max,
                                OnDecision on_decision) {
  const auto handler = std::make_shared<Handler>();
  handler->filter = std::move(filter);
  handler->pending_count_max = pending_count_max;
  handler->on_decision = std::move(on_decision);
  Calls calls;
  int64_t id = 0;
  {
    absl::MutexLock lock(&mutex_);
    id = next_id_++;
    handlers_.emplace(id, handler);
    Fill(id, handler, calls);
  }
  calls.Run(*this);
  return id;
}

void DecisionHub::RemoveHandler(int64_t id) {
  std::shared_ptr<Handler> handler;
  Calls calls;
  {
    absl::MutexLock lock(&mutex_);
    const auto found = handlers_.find(id);
    if (found == handlers_.end()) return;
    handler = std::move(found->second);
    handlers_.erase(found);
    handler->untold.clear();
    const Queue held = std::move(handler->held);
    for (const auto& [place, pending] : held) {
      pending->holder = kNobody;
      Offer(*pending, calls);
    }
    DropSkipped(calls);
  }
  // Before waiting: another thread may wait for what this one has begun.
  calls.Run(*this);
  absl::MutexLock lock(&mutex_);
  const auto is_idle = [](Handler* told) { return !told->is_being_told; };
  mutex_.Await(absl::Condition(+is_idle, handler.get()));
}

int64_t DecisionHub::Wait(DecisionFilter filter, OnTaken on_taken) {
  Calls calls;
  int64_t id = 0;
  {
    absl::MutexLock lock(&mutex_);
    id = next_id_++;
    if (Pending* oldest = OldestParked(filter); oldest != nullptr) {
      Unpark(*oldest);
      oldest->holder = kWaiter;
      calls.Taken(std::move(on_taken), oldest->decision);
    } else {
      waiters_.emplace(id, Waiter{std::move(filter), std::move(on_taken)});
    }
  }
  calls.Run(*this);
  return id;
}

bool DecisionHub::CancelWait(int64_t id) {
  OnTaken on_taken;
  absl::MutexLock lock(&mutex_);
  const auto found = waiters_.find(id);
  if (found == waiters_.end()) return false;
  on_taken = std::move(found->second.on_taken);
  waiters_.erase(found);
  return true;
}

void DecisionHub::GiveBack(const std::string& name) {
  Calls calls;
  {
    absl::MutexLock lock(&mutex_);
    const auto found = table_.find(name);
    if (found == table_.end() || found->second.holder != kWaiter) return;
    found->second.holder = kNobody;
    Offer(found->second, calls);
  }
  calls.Run(*this);
}

std::vector<std::shared_ptr<const Decision>> DecisionHub::List(
    const std::string& after, size_t count_max) const {
  std::vector<std::shared_ptr<const Decision>> decisions;
  absl::MutexLock lock(&mutex_);
  for (auto next = table_.upper_bound(after);
       next != table_.end() && decisions.size() < count_max; ++next) {
    decisions.push_back(next->second.decision);
  }
  return decisions;
}

bool DecisionHub::is_pending(const std::string& name) const {
  absl::MutexLock lock(&mutex_);
  return table_.count(name) > 0;
}

size_t DecisionHub::pending_count() const {
  absl::MutexLock lock(&mutex_);
  return table_.size();
}

void DecisionHub::Offer(Pending& pending, Calls& calls) {
  const Decision& decision = *pending.decision;
  for (auto waiter = waiters_.begin(); waiter != waiters_.end(); ++waiter) {
    if (!waiter->second.filter.Matches(decision)) continue;
    pending.holder = kWaiter;
    calls.Taken(std::move(waiter->second.on_taken), pending.decision);
    waiters_.erase(waiter);
    return;
  }
  bool has_handler = false;
  auto chosen = handlers_.end();
  for (auto next = handlers_.begin(); next != handlers_.end(); ++next) {
    const Handler& handler = *next->second;
    if (!handler.filter.Matches(decision)) continue;
    has_handler = true;
    if (handler.held.size() >= handler.pending_count_max) continue;
    if (chosen == handlers_.end() ||
        handler.held.size() < chosen->second->held.size()) {
      chosen = next;
    }
  }
  if (chosen != handlers_.end()) {
    GiveTo(chosen->first, chosen->second, pending, calls);
  } else if (has_handler || !decision.skip_without_handler) {
    Park(pending);
  } else {
    Drop(pending, calls);
  }
}

void DecisionHub::GiveTo(int64_t id, const std::shared_ptr<Handler>& handler,
                         Pending& pending, Calls& calls) {
  pending.holder = id;
  handler->held.emplace(pending.place, &pending);
  handler->untold.push_back(pending.decision);
  if (handler->is_being_told) return;
  handler->is_being_told = true;
  calls.Tell(handler);
}

void DecisionHub::Fill(int64_t id, const std::shared_ptr<Handler>& handler,
                       Calls& calls) {
  while (handler->held.size() < handler->pending_count_max) {
    Pending* oldest = OldestParked(handler->filter);
    if (oldest == nullptr) return;
    Unpark(*oldest);
    GiveTo(id, handler, *oldest, calls);
  }
}

void DecisionHub::DropSkipped(Calls& calls) {
  for (auto next = skipped_.begin(); next != skipped_.end();) {
    Pending& pending = *next->second;
    const uint64_t place = pending.place;
    if (!HasHandler(*pending.decision)) {
      Unpark(pending);
      Drop(pending, calls);
    }
    next = skipped_.upper_bound(place);
  }
}

void DecisionHub::Drop(Pending& pending, Calls& calls) {
  const std::string name = pending.decision->name;
  calls.Dropped(std::move(pending.done));
  table_.erase(name);
}

bool DecisionHub::HasHandler(const Decision& decision) const {
  for (const auto& [id, handler] : handlers_) {
    if (handler->filter.Matches(decision)) return true;
  }
  return false;
}

DecisionHub::Done DecisionHub::Take(Table::iterator found, Calls& calls) {
  Pending& pending = found->second;
  Done done = std::move(pending.done);
  if (pending.holder == kNobody) Unpark(pending);
  const auto holder = handlers_.find(pending.holder);
  if (holder != handlers_.end()) holder->second->held.erase(pending.place);
  table_.erase(found);
  if (holder != handlers_.end()) Fill(holder->first, holder->second, calls);
  return done;
}

void DecisionHub::Park(Pending& pending) {
  const Decision& decision = *pending.decision;
  pending.holder = kNobody;
  for (const std::string& subject : SubjectsOf(decision)) {
    parked_[QueueKey(decision.type(), subject)].emplace(pending.place,
                                                        &pending);
  }
  if (decision.skip_without_handler) {
    skipped_.emplace(pending.place, &pending);
  }
}

void DecisionHub::Unpark(const Pending& pending) {
  const Decision& decision = *pending.decision;
  for (const std::string& subject : SubjectsOf(decision)) {
    const auto found = parked_.find(QueueKey(decision.type(), subject));
    if (found == parked_.end()) continue;
    found->second.erase(pending.place);
    if (found->second.empty()) parked_.erase(found);
  }
  skipped_.erase(pending.place);
}

DecisionHub::Pending* DecisionHub::OldestParked(
    const DecisionFilter& filter) const {
  if (parked_.empty()) return nullptr;
  Pending* oldest = nullptr;
  const auto look = [&](tls::HookType type, const std::string& subject) {
    const auto found = parked_.find(QueueKey(type, subject));
    if (found == parked_.end()) return;
    Pending* first = found->second.begin()->second;
    if (oldest == nullptr || first->place < oldest->place) oldest = first;
  };
  const auto look_at_type = [&](tls::HookType type) {
    if (filter.subjects.empty()) look(type, "");
    for (const std::string& subject : filter.subjects) look(type, subject);
  };
  if (filter.types.empty()) {
    for (const tls::HookType type : kTypes) look_at_type(type);
  }
  for (const tls::HookType type : filter.types) look_at_type(type);
  return oldest;
}

void DecisionHub::Tell(Handler& handler) {
  while (true) {
    std::shared_ptr<const Decision> next;
    {
      absl::MutexLock lock(&mutex_);
      if (handler.untold.empty()) {
        handler.is_being_told = false;
        return;
      }
      next = std::move(handler.untold.front());
      handler.untold.pop_front();
    }
    handler.on_decision(std::move(next));
  }
}

}  // namespace tlsd::worker
