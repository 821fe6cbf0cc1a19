// Invocation is one run of tlsctl: the global options, the terminal it writes
// to, and the way to the daemon.
//
// Commands make a request and say how its answer is shown; everything that all
// commands share is here: printing the grpcurl line instead, JSON, paging,
// deadlines, errors. It knows no command and no resource. It belongs to the one
// thread that runs the command.
#ifndef TLSD_CLIENT_CLI_INVOCATION_H_
#define TLSD_CLIENT_CLI_INVOCATION_H_

#include <google/protobuf/message.h>
#include <grpcpp/grpcpp.h>

#include <memory>
#include <optional>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/cli/exit_code.h"
#include "client/cli/grpcurl.h"
#include "client/cli/json.h"
#include "client/cli/text.h"
#include "client/control_channel.h"

namespace tlsd::client::cli {

// Terminal is where a run reads and writes. `in` and `out` are borrowed.
struct Terminal {
  std::ostream& out;
  std::ostream& err;
  int in_descriptor;   // cleartext to send
  int out_descriptor;  // cleartext that came
  ColourMode out_colour = ColourMode::kOff;
  ColourMode err_colour = ColourMode::kOff;
};

enum class OutputFormat { kText, kJson };

// GlobalOptions is what every command takes.
struct GlobalOptions {
  std::string address;
  OutputFormat output = OutputFormat::kText;
  std::optional<absl::Duration> timeout;
  bool no_colour = false;
  bool print_grpc = false;
};

// UnaryMethod names one method of the API and the stub's function for it.
template <typename Stub, typename Request, typename Response>
struct UnaryMethod {
  absl::string_view name;
  grpc::Status (Stub::*call)(grpc::ClientContext*, const Request&, Response*);
};

class Invocation {
 public:
  explicit Invocation(const Terminal& terminal) : terminal_(terminal) {}
  Invocation(const Invocation&) = delete;
  Invocation& operator=(const Invocation&) = delete;

  GlobalOptions& options() { return options_; }
  const GlobalOptions& options() const { return options_; }
  const Terminal& terminal() const { return terminal_; }

  // Finish keeps how the command ended, for `exit_code`, and tells of an error.
  // `answer_code` is for answers that are no errors, and yet not what was hoped
  // for.
  void Finish(const absl::Status& status, ExitCode answer_code = ExitCode::kOk);
  ExitCode exit_code() const { return exit_code_; }

  // channel returns the way to the daemon, opened when it is first needed.
  absl::StatusOr<std::shared_ptr<ControlChannel>> channel();

  // timeout returns the option, or the default for calls that do not wait.
  absl::Duration timeout() const {
    return options_.timeout.value_or(kCallTimeout);
  }

  // prints_grpc reports whether to print the grpcurl line, and do nothing.
  bool prints_grpc() const { return options_.print_grpc; }
  absl::Status PrintGrpc(absl::string_view method,
                         const google::protobuf::Message& request);

  bool is_json() const { return options_.output == OutputFormat::kJson; }

  // Print writes text to stdout.
  absl::Status Print(absl::string_view text);

  // Note writes a line for the person to stderr.
  void Note(const Cell& line);

  ColourMode out_colour() const;
  ColourMode err_colour() const;

  // Call makes one call, without regard to how its answer is shown.
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(
      const UnaryMethod<Stub, Request, Response>& method,
      const Request& request, absl::Duration call_timeout) {
    const absl::StatusOr<std::shared_ptr<ControlChannel>> way = channel();
    if (!way.ok()) return way.status();
    return (*way)->Call(method.call, request, call_timeout);
  }

  // Perform makes one call and prints its answer, as JSON or as `show` has it.
  template <typename Stub, typename Request, typename Response, typename Show>
  absl::Status Perform(const UnaryMethod<Stub, Request, Response>& method,
                       const Request& request, Show show) {
    return PerformWithin(timeout(), method, request, show);
  }

  // PerformWithin is Perform for a call that may take `call_timeout`.
  template <typename Stub, typename Request, typename Response, typename Show>
  absl::Status PerformWithin(absl::Duration call_timeout,
                             const UnaryMethod<Stub, Request, Response>& method,
                             const Request& request, Show show) {
    if (prints_grpc()) return PrintGrpc(method.name, request);
    const absl::StatusOr<Response> response =
        Call(method, request, call_timeout);
    if (!response.ok()) return response.status();
    return Print(is_json() ? PrettyJson(*response) : show(*response));
  }

  // PerformList is Perform over all pages of a List method, as one answer.
  template <typename Stub, typename Request, typename Response, typename Show>
  absl::Status PerformList(const UnaryMethod<Stub, Request, Response>& method,
                           Request request, Show show) {
    request.set_page_size(kPageSize);
    if (prints_grpc()) return PrintGrpc(method.name, request);
    Response all;
    do {
      const absl::StatusOr<Response> page = Call(method, request, timeout());
      if (!page.ok()) return page.status();
      all.MergeFrom(*page);
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    all.clear_next_page_token();
    return Print(is_json() ? PrettyJson(all) : show(all));
  }

 private:
  static constexpr int kPageSize = 1000;

  const Terminal terminal_;
  GlobalOptions options_;
  std::shared_ptr<ControlChannel> channel_;
  ExitCode exit_code_ = ExitCode::kOk;
};

}  // namespace tlsd::client::cli

#endif  // TLSD_CLIENT_CLI_INVOCATION_H_
