#include "server/worker/decision.h"

#include "absl/algorithm/container.h"

namespace tlsd::worker {

bool DecisionFilter::Matches(const Decision& decision) const {
  const auto is_subject = [&](const std::string& subject) {
    return subject == decision.listener || subject == decision.secure_context;
  };
  return (types.empty() || absl::c_linear_search(types, decision.type())) &&
         (subjects.empty() || absl::c_any_of(subjects, is_subject));
}

}  // namespace tlsd::worker
