// The questions of a worker's handshakes.
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "proto/status/error.h"
#include "server/worker/worker.h"

namespace tlsd::worker {

void Worker::OnQuestion(conn::Connection& connection,
                        tls::QuestionAsked asked) {
  const std::string name = connection.name();
  const conn::ConnectionFacts facts = connection.facts();
  Decision decision;
  decision.question = std::move(asked.question);
  decision.connection = name;
  decision.listener = facts.listener;
  decision.secure_context = facts.secure_context;
  decision.role = facts.role;
  decision.local_address = facts.local_address;
  decision.remote_address = facts.remote_address;
  // However the client has spelt it: handlers compare.
  decision.server_name =
      absl::AsciiStrToLower(absl::StripSuffix(facts.server_name, "."));
  decision.create_time = absl::Now();
  decision.expire_time = decision.create_time + asked.hook.timeout;
  decision.skip_without_handler = asked.hook.skip_without_handler;
  Parked& parked = parked_[name];
  parked.hook = asked.hook;
  parked.timer = loop().After(asked.hook.timeout,
                              [this, name] { OnDecisionTimeout(name); });
  parked.decision = parts_.decisions.Ask(
      std::move(decision), [this, name](std::optional<tls::Answer> answer) {
        Post([this, name, answer = std::move(answer)]() mutable {
          OnDecided(name, std::move(answer));
        });
      });
}

void Worker::OnDecided(const std::string& name,
                       std::optional<tls::Answer> answer) {
  const auto found = parked_.find(name);
  // The connection may have ended while the answer was on its way.
  if (found == parked_.end()) return;
  const tls::Hook hook = found->second.hook;
  parked_.erase(found);
  if (answer.has_value()) {
    Find(name)->Answer(*std::move(answer));
  } else {
    DoWithoutAnswer(name, hook);
  }
}

void Worker::OnDecisionTimeout(const std::string& name) {
  const auto found = parked_.find(name);
  // Else an answer is on its way.
  if (!parts_.decisions.Withdraw(found->second.decision)) return;
  const tls::Hook hook = found->second.hook;
  parked_.erase(found);
  DoWithoutAnswer(name, hook);
}

void Worker::DoWithoutAnswer(const std::string& name, const tls::Hook& hook) {
  if (!hook.fails_without_answer) {
    Find(name)->Answer(tls::NoOpinion());
    return;
  }
  const std::string type(tls::HookName(hook.type));
  Find(name)->Abort(MakeError(
      Reason::kDecisionTimeout, absl::StrCat("nobody has decided ", type),
      {{"decision_type", type},
       {"timeout", absl::FormatDuration(hook.timeout)}}));
}

}  // namespace tlsd::worker
