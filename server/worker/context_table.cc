#include "server/worker/context_table.h"

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "proto/status/error.h"
#include "server/base/names.h"

namespace tlsd::worker {
namespace {

absl::Status NotFound(const std::string& name) {
  return MakeError(Reason::kContextNotFound,
                   "there is no secure context " + QuoteForMessage(name),
                   {{"secure_context", name}});
}

void DropSecrets(tls::SecureContextOptions& options) {
  for (tls::CredentialsOptions& credentials : options.credentials) {
    if (auto* pem = std::get_if<tls::PemCredentials>(&credentials)) {
      pem->private_key.clear();
      pem->passphrase.clear();
    }
  }
}

}  // namespace

absl::Status CheckEtag(const std::string& name, const std::string& wanted,
                       const std::string& etag) {
  if (wanted.empty() || wanted == etag) return absl::OkStatus();
  return MakeError(
      Reason::kEtagMismatch,
      absl::StrCat("etag: got ", QuoteForMessage(wanted), "; ", name, " has ",
                   QuoteForMessage(etag), "; read it again"),
      {{"field", "etag"}, {"got", wanted}, {"allowed", etag}});
}

absl::StatusOr<std::shared_ptr<const ContextRecord>> ContextTable::Add(
    std::string id, tls::SecureContextOptions options,
    std::shared_ptr<const tls::SecureContext> secure_context) {
  if (id.empty()) id = base::RandomId('s');
  DropSecrets(options);
  auto record = std::make_shared<ContextRecord>();
  record->name = base::MakeName(base::kSecureContexts, id);
  record->options = std::move(options);
  record->secure_context = std::move(secure_context);
  record->create_time = absl::Now();
  record->etag = base::RandomId('e');
  absl::MutexLock lock(&mutex_);
  if (records_.count(record->name) > 0) {
    return MakeError(
        Reason::kContextExists,
        absl::StrCat(record->name, " exists; delete it or choose another id"),
        {{"secure_context", record->name}});
  }
  if (records_.size() >= kCountMax) {
    return MakeError(
        Reason::kLimitReached,
        absl::StrCat("the daemon has ", kCountMax, " secure contexts"),
        {{"limit", absl::StrCat(kCountMax)}});
  }
  records_.emplace(record->name, record);
  return record;
}

absl::StatusOr<std::shared_ptr<const ContextRecord>> ContextTable::Get(
    const std::string& name) const {
  absl::MutexLock lock(&mutex_);
  const auto found = records_.find(name);
  if (found == records_.end()) return NotFound(name);
  return found->second;
}

std::vector<std::shared_ptr<const ContextRecord>> ContextTable::List(
    const std::string& after, size_t count_max) const {
  std::vector<std::shared_ptr<const ContextRecord>> records;
  absl::MutexLock lock(&mutex_);
  for (auto next = records_.upper_bound(after);
       next != records_.end() && records.size() < count_max; ++next) {
    records.push_back(next->second);
  }
  return records;
}

absl::Status ContextTable::Remove(const std::string& name,
                                  const std::string& etag) {
  absl::MutexLock lock(&mutex_);
  const auto found = records_.find(name);
  if (found == records_.end()) return NotFound(name);
  const absl::Status matches = CheckEtag(name, etag, found->second->etag);
  if (matches.ok()) records_.erase(found);
  return matches;
}

size_t ContextTable::size() const {
  absl::MutexLock lock(&mutex_);
  return records_.size();
}

}  // namespace tlsd::worker
