// CarryCleartext joins a connection to two file descriptors: what is read from
// one goes to the peer, what the peer sends goes to the other.
//
// It is not a terminal: bytes pass as they are, NUL and all. It holds at most
// one piece each way. While the peer does not read, the input is not read;
// while the output is full, the peer is not.
#ifndef TLSD_CLIENT_CLI_CARRY_H_
#define TLSD_CLIENT_CLI_CARRY_H_

#include <cstdint>

#include "absl/status/status.h"
#include "client/connection.h"

namespace tlsd::client::cli {

// CarriedCounts is how many bytes went each way.
struct CarriedCounts {
  int64_t sent = 0;
  int64_t received = 0;
};

// CarryCleartext returns when both sides have ended: the input at its end of
// file, which sends close_notify, and the peer by its own. It returns earlier
// with the error that ended the connection, such as TLS_TRUNCATED after all
// that came before was written, or when a descriptor fails. `counts` is filled
// in either case.
//
// It uses one more thread, which is gone when it returns. SIGPIPE must be
// ignored by the process.
absl::Status CarryCleartext(Connection& connection, int in_descriptor,
                            int out_descriptor, CarriedCounts& counts);

}  // namespace tlsd::client::cli

#endif  // TLSD_CLIENT_CLI_CARRY_H_
