// How secure contexts and algorithms look to a person.
//
// Functions take the message and the time it is, and return values of text.h;
// they print and call nothing. They hold no state and may be used from any
// thread.
#ifndef TLSD_CLIENT_CLI_SHOW_CONTEXT_H_
#define TLSD_CLIENT_CLI_SHOW_CONTEXT_H_

#include <string>

#include "absl/time/time.h"
#include "client/cli/text.h"
#include "tlsd/v1/secure_context_service.pb.h"

namespace tlsd::client::cli {

Block SecureContextBlock(const v1::SecureContext& context, absl::Time now);
Table SecureContextTable(const v1::ListSecureContextsResponse& list,
                         absl::Time now);

// EchRotationBlock tells what to publish for "secureContexts/ID".
Block EchRotationBlock(const std::string& context,
                       const v1::RotateEchKeysResponse& response);

// AlgorithmsText returns a table of the cipher suites, then a line for each of
// the other kinds.
std::string AlgorithmsText(const v1::ListAlgorithmsResponse& algorithms,
                           ColourMode mode);

}  // namespace tlsd::client::cli

#endif  // TLSD_CLIENT_CLI_SHOW_CONTEXT_H_
