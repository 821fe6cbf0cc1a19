#include "client/session_store.h"

#include <iterator>
#include <utility>

namespace tlsd::client {

SessionStore::SessionStore(size_t session_count_max, Clock clock)
    : session_count_max_(session_count_max), clock_(std::move(clock)) {}

void SessionStore::Store(const StoredSession& session) {
  const absl::Time now = clock_();
  absl::MutexLock lock(&mutex_);
  const auto same = by_id_.find(session.session_id);
  if (same != by_id_.end()) Remove(same->second);
  if (session.lifetime <= absl::ZeroDuration()) return;
  entries_.push_front({session.session_id, session.session,
                       now + session.lifetime, session.single_use});
  by_id_.emplace(entries_.front().session_id, entries_.begin());
  while (!entries_.empty() && (entries_.size() > session_count_max_ ||
                               entries_.back().expire_time <= now)) {
    Remove(std::prev(entries_.end()));
  }
}

std::string SessionStore::Lookup(absl::string_view session_id) {
  const absl::Time now = clock_();
  absl::MutexLock lock(&mutex_);
  const auto found = by_id_.find(session_id);
  if (found == by_id_.end()) return "";
  const Entries::iterator entry = found->second;
  if (entry->expire_time <= now) {
    Remove(entry);
    return "";
  }
  if (entry->single_use) {
    std::string session = std::move(entry->session);
    Remove(entry);
    return session;
  }
  entries_.splice(entries_.begin(), entries_, entry);
  return entry->session;
}

size_t SessionStore::size() const {
  absl::MutexLock lock(&mutex_);
  return entries_.size();
}

void SessionStore::AddTo(Answerers& answerers) {
  answerers.session_store = [this](const Decision&,
                                   const SessionStoreQuestion& question) {
    for (const StoredSession& session : question.sessions) Store(session);
    return SessionStoreAnswer();
  };
  answerers.session_lookup = [this](const Decision&,
                                    const SessionLookupQuestion& question) {
    return SessionLookupAnswer{Lookup(question.session_id)};
  };
}

void SessionStore::Remove(Entries::iterator entry) {
  by_id_.erase(entry->session_id);
  entries_.erase(entry);
}

}  // namespace tlsd::client
