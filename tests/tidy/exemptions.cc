#include "tests/tidy/exemptions.h"

namespace tlsd::tidy {
namespace {

constexpr absl::string_view kByCommandLine =
    "A verb is what its command line does, options and output together.";
constexpr absl::string_view kByClient =
    "It has no behaviour without the client that makes it.";
constexpr absl::string_view kByRpc =
    "An adapter of gRPC; only a real channel calls it as gRPC does.";
constexpr absl::string_view kByQuestion =
    "What handshakes ask is tested in a file for each question.";
constexpr absl::string_view kAsAProcess =
    "It is what a process does, so a process is what is tested.";

}  // namespace

const std::vector<Exemption>& Exemptions() {
  static const auto& exemptions = *new std::vector<Exemption>{
      {"client/cli/carrying_commands.cc",
       "tests/unit/client/cli/tlsctl_test.cc", kByCommandLine},
      {"client/cli/completion_command.cc",
       "tests/unit/client/cli/tlsctl_test.cc", kByCommandLine},
      {"client/cli/connection_commands.cc",
       "tests/unit/client/cli/tlsctl_test.cc", kByCommandLine},
      {"client/cli/context_commands.cc", "tests/unit/client/cli/tlsctl_test.cc",
       kByCommandLine},
      {"client/cli/event_command.cc", "tests/unit/client/cli/tlsctl_test.cc",
       kByCommandLine},
      {"client/cli/invocation.cc", "tests/unit/client/cli/tlsctl_test.cc",
       kByCommandLine},
      {"client/cli/option_kinds.cc", "tests/unit/client/cli/tlsctl_test.cc",
       kByCommandLine},
      {"client/cli/status_command.cc", "tests/unit/client/cli/tlsctl_test.cc",
       kByCommandLine},
      {"client/cli/tlsctl_main.cc", "tests/readme/readme_test.sh", kAsAProcess},
      {"client/listener.cc", "tests/unit/client/client_test.cc", kByClient},
      {"client/secure_context.cc", "tests/unit/client/client_test.cc",
       kByClient},
      {"client/unreachable.cc", "tests/unit/client/control_channel_test.cc",
       kByClient},
      {"server/control/accept_call.cc", "tests/integration/accept_test.cc",
       kByRpc},
      {"server/control/admin_service.cc", "tests/integration/admin_test.cc",
       kByRpc},
      {"server/control/certificate_service.cc",
       "tests/integration/certificate_test.cc", kByRpc},
      {"server/control/connection_controls.cc",
       "tests/integration/connection_controls_test.cc", kByRpc},
      {"server/control/control_server.cc",
       "tests/integration/control_endpoint_test.cc", kByRpc},
      {"server/control/event_service.cc", "tests/integration/events_test.cc",
       kByRpc},
      {"server/control/key_log_service.cc",
       "tests/unit/control/key_log_call_test.cc", kByRpc},
      {"server/control/listener_service.cc",
       "tests/integration/listener_test.cc", kByRpc},
      {"server/control/secure_context_service.cc",
       "tests/integration/secure_context_test.cc", kByRpc},
      {"server/control/secure_pair_service.cc",
       "tests/integration/secure_pair_test.cc", kByRpc},
      {"server/control/watch_call.cc", "tests/integration/events_test.cc",
       kByRpc},
      {"server/main/daemon.cc", "tests/integration/control_endpoint_test.cc",
       kAsAProcess},
      {"server/main/tlsd_main.cc", "tests/integration/control_endpoint_test.cc",
       kAsAProcess},
      {"server/tls/handshake.cc", "tests/unit/tls/verify_peer_question_test.cc",
       kByQuestion},
      {"server/tls/handshake_credentials.cc",
       "tests/unit/tls/sign_question_test.cc", kByQuestion},
      {"server/worker/pipe.cc", "tests/unit/worker/worker_connect_test.cc",
       "It joins what workers make, with their fixture."},
      {"server/worker/worker_decisions.cc",
       "tests/integration/decision_answers_test.cc", kByQuestion},
  };
  return exemptions;
}

}  // namespace tlsd::tidy
