#include "server/worker/context_table.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "server/base/names.h"
#include "server/base/status_macros.h"

namespace tlsd::worker {
absl::StatusOr<std::shared_ptr<const ContextRecord>> ContextTable::Add(
    std::string id, ContextParts parts) {
  if (id.empty()) id = base::RandomId('s');
  const std::string name = base::MakeName(base::kSecureContexts, id);
  const auto context = std::make_shared<LiveContext>(name, std::move(parts));
  absl::MutexLock lock(&mutex_);
  if (contexts_.count(name) > 0) {
    return MakeError(
        Reason::kContextExists,
        absl::StrCat(name, " exists; delete it or choose another id"),
        {{"secure_context", name}});
  }
  if (contexts_.size() >= kCountMax) {
    return MakeError(
        Reason::kLimitReached,
        absl::StrCat("the daemon has ", kCountMax, " secure contexts"),
        {{"limit", absl::StrCat(kCountMax)}});
  }
  contexts_.emplace(name, context);
  return context->record();
}

absl::StatusOr<std::shared_ptr<LiveContext>> ContextTable::Find(
    const std::string& name) const {
  absl::MutexLock lock(&mutex_);
  const auto found = contexts_.find(name);
  if (found == contexts_.end()) return ContextNotFound(name);
  return found->second;
}

absl::StatusOr<std::shared_ptr<const ContextRecord>> ContextTable::Get(
    const std::string& name) const {
  TLSD_ASSIGN_OR_RETURN(const std::shared_ptr<LiveContext> context, Find(name));
  return context->record();
}

std::vector<std::shared_ptr<const ContextRecord>> ContextTable::List(
    const std::string& after, size_t count_max) const {
  std::vector<std::shared_ptr<const ContextRecord>> records;
  absl::MutexLock lock(&mutex_);
  for (auto next = contexts_.upper_bound(after);
       next != contexts_.end() && records.size() < count_max; ++next) {
    records.push_back(next->second->record());
  }
  return records;
}

absl::Status ContextTable::Remove(const std::string& name,
                                  const std::string& etag, bool force) {
  absl::MutexLock lock(&mutex_);
  const auto found = contexts_.find(name);
  if (found == contexts_.end()) return ContextNotFound(name);
  TLSD_RETURN_IF_ERROR(found->second->Retire(etag, force));
  contexts_.erase(found);
  return absl::OkStatus();
}

size_t ContextTable::size() const {
  absl::MutexLock lock(&mutex_);
  return contexts_.size();
}

}  // namespace tlsd::worker
