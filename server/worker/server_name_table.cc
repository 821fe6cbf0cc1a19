#include "server/worker/server_name_table.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "proto/status/error.h"
#include "server/base/status_macros.h"
#include "server/tls/server_name.h"

namespace tlsd::worker {
namespace {

constexpr absl::string_view kField = "server_name";
constexpr absl::string_view kWildcard = "*.";
constexpr size_t kNameBytesMax = 253;

// ParsePattern returns `text` as the table keeps it.
absl::StatusOr<std::string> ParsePattern(absl::string_view text) {
  if (text.empty()) return FieldRequired(kField);
  absl::string_view name = text;
  const bool is_wildcard = absl::ConsumePrefix(&name, kWildcard);
  const absl::StatusOr<tls::ServerName> parsed =
      tls::ParseServerName(kField, name);
  if (parsed.ok() && parsed->kind == tls::ServerName::Kind::kDns) {
    std::string pattern =
        absl::StrCat(is_wildcard ? kWildcard : "", parsed->text);
    if (pattern.size() <= kNameBytesMax) return pattern;
  }
  return FieldError(Reason::kServerNameInvalid, kField, text,
                    "a DNS name in ASCII (IDNs in the \"xn--\" form), also "
                    "with \"*\" for its whole first label");
}

// WildcardOf returns the wildcard that may stand for `name`, or "".
std::string WildcardOf(absl::string_view name) {
  const size_t dot = name.find('.');
  if (dot == absl::string_view::npos) return "";
  return absl::StrCat("*", name.substr(dot));
}

bool IsDnsName(absl::string_view name) {
  return tls::ParseServerName(kField, name).ok();
}

}  // namespace

ServerNameTable::ServerNameTable(std::string listener,
                                 UnknownNames unknown_names)
    : listener_(std::move(listener)), unknown_names_(unknown_names) {}

ServerNameTable::~ServerNameTable() { Clear(); }

absl::Status ServerNameTable::Add(const ServerNameContext& context) {
  TLSD_ASSIGN_OR_RETURN(const std::string pattern,
                        ParsePattern(context.server_name));
  absl::MutexLock lock(&mutex_);
  const auto found = contexts_.find(pattern);
  if (found == contexts_.end() && contexts_.size() >= kCountMax) {
    return MakeError(Reason::kLimitReached,
                     absl::StrCat(listener_, " has contexts for ", kCountMax,
                                  " server names"),
                     {{"limit", absl::StrCat(kCountMax)}});
  }
  TLSD_RETURN_IF_ERROR(
      context.secure_context->AddListener("secure_context", listener_));
  if (found == contexts_.end()) {
    contexts_.emplace(pattern, context.secure_context);
  } else {
    found->second->RemoveListener(listener_);
    found->second = context.secure_context;
  }
  return absl::OkStatus();
}

absl::Status ServerNameTable::Remove(absl::string_view server_name) {
  if (server_name.empty()) return FieldRequired(kField);
  const absl::StatusOr<std::string> pattern = ParsePattern(server_name);
  absl::MutexLock lock(&mutex_);
  const auto found = pattern.ok() ? contexts_.find(*pattern) : contexts_.end();
  if (found == contexts_.end()) {
    return MakeError(
        Reason::kServerNameNotFound,
        absl::StrCat(listener_, " has no context for the server name ",
                     QuoteForMessage(server_name)),
        {{"server_name", std::string(server_name)}, {"listener", listener_}});
  }
  found->second->RemoveListener(listener_);
  contexts_.erase(found);
  return absl::OkStatus();
}

void ServerNameTable::Clear() {
  absl::MutexLock lock(&mutex_);
  for (const auto& [name, context] : contexts_) {
    context->RemoveListener(listener_);
  }
  contexts_.clear();
}

std::vector<ServerNameFacts> ServerNameTable::List(const std::string& after,
                                                   size_t count_max) const {
  std::vector<ServerNameFacts> facts;
  absl::ReaderMutexLock lock(&mutex_);
  for (auto next = contexts_.upper_bound(after);
       next != contexts_.end() && facts.size() < count_max; ++next) {
    facts.push_back({next->first, next->second->name()});
  }
  return facts;
}

size_t ServerNameTable::size() const {
  absl::ReaderMutexLock lock(&mutex_);
  return contexts_.size();
}

bool ServerNameTable::has_choice() const {
  if (unknown_names_ == UnknownNames::kTurnAway) return true;
  absl::ReaderMutexLock lock(&mutex_);
  return !contexts_.empty();
}

ServerNameTable::Contexts::const_iterator ServerNameTable::Find(
    absl::string_view server_name) const {
  const auto exact = contexts_.find(server_name);
  const auto found = exact != contexts_.end()
                         ? exact
                         : contexts_.find(WildcardOf(server_name));
  // Nobody has checked what a client sends: ".example.com" and "*.example.com"
  // are no names.
  if (found == contexts_.end() || IsDnsName(server_name)) return found;
  return contexts_.end();
}

absl::StatusOr<tls::NamedContext> ServerNameTable::Choose(
    absl::string_view server_name) const {
  {
    absl::ReaderMutexLock lock(&mutex_);
    const auto found = Find(server_name);
    if (found != contexts_.end()) {
      // Under the lock: a context that the listener uses has credentials, and
      // one that was let go may lose them.
      const std::shared_ptr<const ContextRecord> record =
          found->second->record();
      return tls::NamedContext{record->name, record->secure_context};
    }
  }
  if (unknown_names_ == UnknownNames::kAccept) return tls::NamedContext();
  return Unrecognized(server_name);
}

absl::Status ServerNameTable::Unrecognized(
    absl::string_view server_name) const {
  const std::string name = tls::DisplayServerName(server_name);
  return MakeError(Reason::kServerNameUnrecognized,
                   server_name.empty()
                       ? absl::StrCat("the client asks for no server name; ",
                                      listener_, " only has contexts for some")
                       : absl::StrCat("the client asks for the server name ",
                                      QuoteForMessage(server_name), "; ",
                                      listener_, " has no context for it"),
                   {{"server_name", name}, {"listener", listener_}});
}

}  // namespace tlsd::worker
