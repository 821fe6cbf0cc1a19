// Decision is a question of a handshake that waits, with what there is to know
// of its connection: plain data.
//
// The hub, the worker and handlers share it; it never changes.
#ifndef TLSD_SERVER_WORKER_DECISION_H_
#define TLSD_SERVER_WORKER_DECISION_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/net/socket_address.h"
#include "server/tls/question.h"
#include "server/tls/role.h"

namespace tlsd::worker {

// The collection of their names.
inline constexpr absl::string_view kDecisions = "decisions";

struct Decision {
  // "decisions/ID"; the hub gives it.
  std::string name;
  std::shared_ptr<const tls::Question> question;
  // What waits: "connections/ID", what accepted it ("listeners/ID", or empty),
  // and the context it uses so far ("secureContexts/ID", or empty).
  std::string connection;
  std::string listener;
  std::string secure_context;
  tls::Role role = tls::Role::kServer;
  net::SocketAddress local_address;
  net::SocketAddress remote_address;
  std::string server_name;
  absl::Time create_time;
  absl::Time expire_time;
  // Nobody waits for a handler to come.
  bool skip_without_handler = false;

  tls::HookType type() const { return tls::TypeOf(*question); }
};

// DecisionFilter says which decisions a handler answers.
struct DecisionFilter {
  // Empty: all.
  std::vector<tls::HookType> types;
  // Names of listeners and secure contexts. Empty: all.
  std::vector<std::string> subjects;

  bool Matches(const Decision& decision) const;
};

}  // namespace tlsd::worker

#endif  // TLSD_SERVER_WORKER_DECISION_H_
