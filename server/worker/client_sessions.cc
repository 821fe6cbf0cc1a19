#include "server/worker/client_sessions.h"

#include <algorithm>
#include <iterator>

#include "server/base/secret.h"

namespace tlsd::worker {

ClientSessions::~ClientSessions() {
  absl::MutexLock lock(&mutex_);
  while (!kept_.empty()) Drop(kept_.begin());
}

void ClientSessions::Put(const std::string& server,
                         const tls::ClientSession& session) {
  absl::MutexLock lock(&mutex_);
  kept_.push_front({server, session});
  std::deque<KeptList::iterator>& of_server = by_server_[server];
  of_server.push_front(kept_.begin());
  if (of_server.size() > kServerCountMax) Drop(of_server.back());
  if (kept_.size() > kCountMax) Drop(std::prev(kept_.end()));
}

std::string ClientSessions::Take(const std::string& server, absl::Time now) {
  absl::MutexLock lock(&mutex_);
  for (auto found = by_server_.find(server); found != by_server_.end();
       found = by_server_.find(server)) {
    const KeptList::iterator newest = found->second.front();
    if (newest->session.expire_time <= now) {
      Drop(newest);
      continue;
    }
    std::string data = newest->session.data;
    if (newest->session.single_use) {
      Drop(newest);
    } else {
      kept_.splice(kept_.begin(), kept_, newest);
    }
    return data;
  }
  return "";
}

void ClientSessions::Drop(KeptList::iterator kept) {
  const auto of_server = by_server_.find(kept->server);
  std::deque<KeptList::iterator>& sessions = of_server->second;
  sessions.erase(std::find(sessions.begin(), sessions.end(), kept));
  if (sessions.empty()) by_server_.erase(of_server);
  base::Wipe(kept->session.data);
  kept_.erase(kept);
}

size_t ClientSessions::size() const {
  absl::MutexLock lock(&mutex_);
  return kept_.size();
}

}  // namespace tlsd::worker
