// What tests say to handshakes that ask: hooks, the next question, answers.
//
//   listener.mutable_hooks()->Add(HookOf(v1::DECISION_TYPE_SIGN));
//   ASSERT_OK_AND_ASSIGN(const v1::Decision decision,
//                        NextDecision(client(), listener.name()));
//   ASSERT_THAT(Resolve(client(), SignatureTo(decision, identity)), IsOk());
//
// It is for tests only. Functions that take a client may be called by any
// thread.
#ifndef TLSD_TESTS_TESTING_DECISIONS_H_
#define TLSD_TESTS_TESTING_DECISIONS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/testing/control_client.h"
#include "tests/testing/test_identities.h"
#include "tlsd/v1/decision_service.pb.h"
#include "tlsd/v1/types.pb.h"

namespace tlsd::testing {

// HookOf returns a hook that waits for as long as a call may take.
v1::Hook HookOf(v1::DecisionType type, absl::Duration timeout = kCallTimeout);

// SessionHooks returns both hooks that sessions need.
std::vector<v1::Hook> SessionHooks();

// NextDecision takes the next question of `subject`, a listener or a secure
// context; of `type` only, if it is given.
absl::StatusOr<v1::Decision> NextDecision(
    ControlClient& client, const std::string& subject,
    v1::DecisionType type = v1::DECISION_TYPE_UNSPECIFIED);

// Resolve answers.
absl::Status Resolve(ControlClient& client, const v1::DecisionAnswer& answer);

// IsPending reports whether `decision` waits; PendingCount how many do.
bool IsPending(ControlClient& client, const v1::Decision& decision);
int64_t PendingCount(ControlClient& client);

// AnswerTo returns an answer that says nothing yet.
v1::DecisionAnswer AnswerTo(const v1::Decision& decision);
v1::DecisionAnswer NoOpinionOn(const v1::Decision& decision);
v1::DecisionAnswer RefusalOf(const v1::Decision& decision,
                             absl::string_view alert = "");
v1::DecisionAnswer VerdictOn(const v1::Decision& decision, bool accept,
                             absl::string_view alert = "");
v1::DecisionAnswer ContextFor(const v1::Decision& decision,
                              const std::string& secure_context);
v1::DecisionAnswer StapleFor(const v1::Decision& decision,
                             const std::string& ocsp_response);

// SignatureTo signs what SIGN asks for with the key of `identity`.
v1::DecisionAnswer SignatureTo(const v1::Decision& decision,
                               const TestIdentity& identity);

// RemoteOf returns credentials for a secure context without their key.
v1::Credentials RemoteOf(const TestIdentity& identity);

// DerOf returns the own certificate of `identity`.
std::string DerOf(const TestIdentity& identity);

}  // namespace tlsd::testing

#endif  // TLSD_TESTS_TESTING_DECISIONS_H_
