// DecisionAsker asks decisions of a hub, adds handlers to it, and writes down
// who was told what, and what came of it.
//
// Decisions are known by a label, which is their server name. Handlers call
// from the thread that asks; it belongs to one thread.
#ifndef TLSD_TESTS_UNIT_WORKER_DECISION_ASKER_H_
#define TLSD_TESTS_UNIT_WORKER_DECISION_ASKER_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/worker/decision_hub.h"

namespace tlsd::worker {

// QuestionOf returns an empty question of a type.
inline tls::Question QuestionOf(tls::HookType type) {
  switch (type) {
    case tls::HookType::kClientHello:
      break;
    case tls::HookType::kOcspStaple:
      return tls::OcspStapleQuestion();
    case tls::HookType::kSessionLookup:
      return tls::SessionLookupQuestion();
    case tls::HookType::kSessionStore:
      return tls::SessionStoreQuestion();
    case tls::HookType::kVerifyPeer:
      return tls::VerifyPeerQuestion();
    case tls::HookType::kSign:
      return tls::SignQuestion();
  }
  return tls::ClientHelloFacts();
}

// DecisionOf returns a decision of a type on listeners/a and secureContexts/a.
inline Decision DecisionOf(const std::string& label, tls::HookType type) {
  Decision decision;
  decision.question = std::make_shared<const tls::Question>(QuestionOf(type));
  decision.connection = "connections/c-1-0";
  decision.listener = "listeners/a";
  decision.secure_context = "secureContexts/a";
  decision.server_name = label;
  return decision;
}

class DecisionAsker {
 public:
  explicit DecisionAsker(DecisionHub& hub) : hub_(hub) {}

  // Ask writes "LABEL:nothing" or "LABEL:answer" into done() when it is done.
  void Ask(Decision decision) {
    const std::string label = decision.server_name;
    names_[label] = hub_.Ask(
        std::move(decision), [this, label](std::optional<tls::Answer> answer) {
          done_.push_back(
              absl::StrCat(label, answer.has_value() ? ":answer" : ":nothing"));
        });
  }
  void Ask(const std::string& label,
           tls::HookType type = tls::HookType::kClientHello) {
    Ask(DecisionOf(label, type));
  }
  // The same, without waiting for a handler.
  void AskOrSkip(const std::string& label) {
    Decision decision = DecisionOf(label, tls::HookType::kClientHello);
    decision.skip_without_handler = true;
    Ask(std::move(decision));
  }

  absl::Status Resolve(const std::string& label,
                       tls::Answer answer = tls::NoOpinion()) {
    return hub_.Resolve(names_.at(label), std::move(answer));
  }
  bool Withdraw(const std::string& label) {
    return hub_.Withdraw(names_.at(label));
  }
  void GiveBack(const std::string& label) { hub_.GiveBack(names_.at(label)); }

  // AddHandler and Wait write "WHO:LABEL" into told().
  int64_t AddHandler(const std::string& who, DecisionFilter filter = {},
                     size_t pending_count_max = 1000) {
    return hub_.AddHandler(
        std::move(filter), pending_count_max,
        [this, who](std::shared_ptr<const Decision> decision) {
          told_.push_back(absl::StrCat(who, ":", decision->server_name));
        });
  }
  int64_t Wait(const std::string& who, DecisionFilter filter = {}) {
    return hub_.Wait(
        std::move(filter), [this, who](std::shared_ptr<const Decision> taken) {
          told_.push_back(absl::StrCat(who, ":", taken->server_name));
        });
  }

  const std::string& name(const std::string& label) const {
    return names_.at(label);
  }
  const std::vector<std::string>& told() const { return told_; }
  const std::vector<std::string>& done() const { return done_; }

 private:
  DecisionHub& hub_;
  std::map<std::string, std::string> names_;
  std::vector<std::string> told_;
  std::vector<std::string> done_;
};

}  // namespace tlsd::worker

#endif  // TLSD_TESTS_UNIT_WORKER_DECISION_ASKER_H_
