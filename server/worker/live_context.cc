#include "server/worker/live_context.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "proto/status/error.h"
#include "server/base/names.h"
#include "server/base/status_macros.h"

namespace tlsd::worker {
namespace {

std::shared_ptr<ContextRecord> MakeRecord(const std::string& name,
                                          ContextParts parts) {
  tls::WipeSecrets(parts.options);
  auto record = std::make_shared<ContextRecord>();
  record->name = name;
  record->options = std::move(parts.options);
  record->secure_context = std::move(parts.secure_context);
  record->create_time = record->update_time = absl::Now();
  record->etag = base::RandomId('e');
  return record;
}

}  // namespace

ContextFacts FactsOf(const ContextRecord& record) {
  ContextFacts facts;
  facts.name = record.name;
  facts.options = record.options;
  facts.facts = record.secure_context->facts();
  const absl::Time now = absl::Now();
  for (size_t i = 0; i < facts.facts.certificate_chains.size(); ++i) {
    facts.staples.push_back(record.secure_context->DescribeStaple(i, now));
  }
  facts.ech_config_list = record.secure_context->EchConfigList();
  facts.create_time = record.create_time;
  facts.update_time = record.update_time;
  facts.etag = record.etag;
  return facts;
}

absl::Status ContextNotFound(const std::string& name) {
  return MakeError(Reason::kContextNotFound,
                   "there is no secure context " + QuoteForMessage(name),
                   {{"secure_context", name}});
}

absl::Status CheckEtag(const std::string& name, const std::string& wanted,
                       const std::string& etag) {
  if (wanted.empty() || wanted == etag) return absl::OkStatus();
  return MakeError(
      Reason::kEtagMismatch,
      absl::StrCat("etag: got ", QuoteForMessage(wanted), "; ", name, " has ",
                   QuoteForMessage(etag), "; read it again"),
      {{"field", "etag"}, {"got", wanted}, {"allowed", etag}});
}

LiveContext::LiveContext(std::string name, ContextParts parts)
    : name_(std::move(name)), record_(MakeRecord(name_, std::move(parts))) {}

std::shared_ptr<const ContextRecord> LiveContext::record() const {
  absl::MutexLock lock(&mutex_);
  return record_;
}

absl::StatusOr<std::shared_ptr<const ContextRecord>> LiveContext::Update(
    const std::string& etag, Effect effect, Make make, OnReplaced on_replaced) {
  absl::MutexLock update_lock(&update_mutex_);
  const std::shared_ptr<const ContextRecord> present = record();
  TLSD_RETURN_IF_ERROR(CheckEtag(name_, etag, present->etag));
  TLSD_ASSIGN_OR_RETURN(ContextParts parts, make(*present));
  const bool has_credentials = parts.secure_context->has_credentials();
  std::shared_ptr<ContextRecord> next = MakeRecord(name_, std::move(parts));
  next->create_time = present->create_time;
  TLSD_RETURN_IF_ERROR(Put(next, has_credentials, effect));
  if (effect == Effect::kReplace) on_replaced(*next);
  return next;
}

absl::Status LiveContext::Put(std::shared_ptr<const ContextRecord> next,
                              bool has_credentials, Effect effect) {
  absl::MutexLock lock(&mutex_);
  if (is_retired_) return ContextNotFound(name_);
  if (!has_credentials && !listeners_.empty()) {
    return MakeError(
        Reason::kCredentialsRequired,
        absl::StrCat("credentials: ", *listeners_.begin(), " uses ", name_,
                     " and needs a certificate and its key"),
        {{"field", "credentials"}, {"listener", *listeners_.begin()}});
  }
  if (effect == Effect::kReplace) record_ = std::move(next);
  return absl::OkStatus();
}

absl::Status LiveContext::Retire(const std::string& etag, bool force) {
  absl::MutexLock lock(&mutex_);
  TLSD_RETURN_IF_ERROR(CheckEtag(name_, etag, record_->etag));
  if (!listeners_.empty() && !force) {
    const std::string& user = *listeners_.begin();
    return MakeError(
        Reason::kContextInUse,
        absl::StrCat(name_, " is used by ", user,
                     "; take it from the listener first, or delete that, or "
                     "set force"),
        {{"secure_context", name_}, {"listener", user}});
  }
  is_retired_ = true;
  return absl::OkStatus();
}

absl::Status LiveContext::AddListener(absl::string_view field,
                                      const std::string& listener) {
  absl::MutexLock lock(&mutex_);
  if (is_retired_) return ContextNotFound(name_);
  if (!record_->secure_context->has_credentials()) {
    return MakeError(
        Reason::kCredentialsRequired,
        absl::StrCat(field, ": ", name_,
                     " has no credentials; a server needs a certificate and "
                     "its key"),
        {{"field", std::string(field)}, {"got", name_}});
  }
  listeners_.insert(listener);
  return absl::OkStatus();
}

void LiveContext::RemoveListener(const std::string& listener) {
  absl::MutexLock lock(&mutex_);
  const auto found = listeners_.find(listener);
  if (found != listeners_.end()) listeners_.erase(found);
}

std::optional<std::string> LiveContext::first_listener() const {
  absl::MutexLock lock(&mutex_);
  if (listeners_.empty()) return std::nullopt;
  return *listeners_.begin();
}

}  // namespace tlsd::worker
