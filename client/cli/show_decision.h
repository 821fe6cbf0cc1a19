// How decisions look to a person: a block for one, a table for many, and how to
// answer.
//
// Functions take the message and the time it is, and return values of text.h;
// they print and call nothing. They hold no state and may be used from any
// thread.
#ifndef TLSD_CLIENT_CLI_SHOW_DECISION_H_
#define TLSD_CLIENT_CLI_SHOW_DECISION_H_

#include <google/protobuf/repeated_field.h>

#include <string>

#include "absl/time/time.h"
#include "client/cli/text.h"
#include "tlsd/v1/decision_service.pb.h"

namespace tlsd::client::cli {

using CertificateProtos = google::protobuf::RepeatedPtrField<v1::Certificate>;

// QuestionPem returns the certificates that the question of `decision` is
// about, in PEM: those of a peer, or that which needs a staple. It is empty if
// it is about none.
std::string QuestionPem(const v1::Decision& decision);

// DecisionBlock shows `certificates`, those of QuestionPem as the daemon reads
// them, as far as they are there.
Block DecisionBlock(const v1::Decision& decision,
                    const CertificateProtos& certificates, absl::Time now);
Table DecisionTable(const v1::ListDecisionsResponse& list, absl::Time now);

// AnswerHint returns the command that answers, with what there is to say.
std::string AnswerHint(const v1::Decision& decision);

}  // namespace tlsd::client::cli

#endif  // TLSD_CLIENT_CLI_SHOW_DECISION_H_
