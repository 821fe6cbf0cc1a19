// `tlsctl decide ...`: a person answers questions of handshakes.
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "client/cli/answer_options.h"
#include "client/cli/commands.h"
#include "client/cli/option_kinds.h"
#include "client/cli/show_decision.h"
#include "client/convert.h"

namespace tlsd::client::cli {
namespace {

using Service = v1::DecisionService::Stub;

constexpr UnaryMethod kWait = {"tlsd.v1.DecisionService/WaitDecision",
                               &Service::WaitDecision};
constexpr UnaryMethod kResolve = {"tlsd.v1.DecisionService/ResolveDecision",
                                  &Service::ResolveDecision};
constexpr UnaryMethod kList = {"tlsd.v1.DecisionService/ListDecisions",
                               &Service::ListDecisions};
constexpr UnaryMethod kParse = {
    "tlsd.v1.CertificateService/ParseCertificate",
    &v1::CertificateService::Stub::ParseCertificate};

// WaitCommand is the command line of `decide wait`.
struct WaitCommand {
  std::vector<v1::DecisionType> types;
  std::vector<std::string> subjects;
};

// ResolveCommand is the command line of `decide resolve`.
struct ResolveCommand {
  explicit ResolveCommand(CLI::App& app) : answer(app) {}

  std::string decision;
  AnswerOptions answer;
};

// TypeNames has "client-hello" for DECISION_TYPE_CLIENT_HELLO, and so on.
std::map<std::string, v1::DecisionType> TypeNames() {
  std::map<std::string, v1::DecisionType> names;
  for (int number = 1; v1::DecisionType_IsValid(number); ++number) {
    const auto type = static_cast<v1::DecisionType>(number);
    names.emplace(
        absl::StrReplaceAll(absl::AsciiStrToLower(absl::StripPrefix(
                                v1::DecisionType_Name(type), "DECISION_TYPE_")),
                            {{"_", "-"}}),
        type);
  }
  return names;
}

CLI::CheckedTransformer TypeTransformer() {
  const std::map<std::string, v1::DecisionType> names = TypeNames();
  CLI::CheckedTransformer transformer(names);
  transformer.description(
      absl::StrCat("{",
                   absl::StrJoin(names, ",",
                                 [](std::string* out, const auto& name) {
                                   absl::StrAppend(out, name.first);
                                 }),
                   "}"));
  return transformer;
}

// ReadCertificates lets the daemon read what the question is about. Without an
// answer they are not shown, and that is all.
CertificateProtos ReadCertificates(Invocation& run,
                                   const v1::Decision& decision) {
  v1::ParseCertificateRequest request;
  request.set_pem(QuestionPem(decision));
  if (request.pem().empty()) return {};
  const absl::StatusOr<v1::ParseCertificateResponse> response =
      run.Call(kParse, request, run.timeout());
  return response.ok() ? response->certificates() : CertificateProtos();
}

absl::Status Wait(Invocation& run, const WaitCommand& command) {
  v1::WaitDecisionRequest request;
  for (const v1::DecisionType type : command.types) request.add_types(type);
  *request.mutable_subjects() = {command.subjects.begin(),
                                 command.subjects.end()};
  absl::Duration timeout = absl::InfiniteDuration();
  if (run.options().timeout.has_value()) {
    timeout = *run.options().timeout;
    *request.mutable_timeout() = ToProto(timeout);
  }
  if (run.prints_grpc()) return run.PrintGrpc(kWait.name, request);
  const absl::StatusOr<v1::Decision> decision =
      run.Call(kWait, request, timeout + kAnswerGrace);
  if (!decision.ok()) return decision.status();
  if (run.is_json()) return run.Print(PrettyJson(*decision));
  const absl::Status printed = run.Print(
      DecisionBlock(*decision, ReadCertificates(run, *decision), absl::Now())
          .Format(run.out_colour()));
  run.Note({AnswerHint(*decision), Tone::kFaint});
  return printed;
}

absl::Status Resolve(Invocation& run, const ResolveCommand& command) {
  v1::ResolveDecisionRequest request;
  v1::DecisionAnswer& answer = *request.mutable_answer();
  answer.set_decision(ResourceName(kDecisions, command.decision));
  const FileContents files(run.prints_grpc() ? FileUse::kMark : FileUse::kRead);
  const absl::Status filled = command.answer.Fill(files, answer);
  if (!filled.ok()) return filled;
  return run.Perform(
      kResolve, request, [&](const v1::ResolveDecisionResponse&) {
        return absl::StrCat("answered ", answer.decision(), "\n");
      });
}

absl::Status List(Invocation& run) {
  return run.PerformList(
      kList, v1::ListDecisionsRequest(),
      [&](const v1::ListDecisionsResponse& list) {
        return DecisionTable(list, absl::Now()).Format(run.out_colour());
      });
}

}  // namespace

void AddDecideCommands(CLI::App& app, Invocation& run) {
  CLI::App* decide = app.add_subcommand(
      "decide", "Answer the questions that handshakes ask, see --hook");
  decide->require_subcommand(1);

  CLI::App* list =
      decide->add_subcommand("list", "List the questions that wait");
  list->callback([&run] { run.Finish(List(run)); });

  CLI::App* wait = decide->add_subcommand(
      "wait", "Wait for a question, take it and show it");
  auto wait_command = std::make_shared<WaitCommand>();
  wait->add_option("--type", wait_command->types,
                   "Only this type; may be repeated")
      ->allow_extra_args(false)
      ->transform(TypeTransformer())
      ->type_name("TYPE");
  wait->add_option("--about", wait_command->subjects,
                   "Only of this listener or secure context; may be repeated")
      ->allow_extra_args(false)
      ->type_name("NAME");
  wait->callback(
      [&run, wait_command] { run.Finish(Wait(run, *wait_command)); });

  CLI::App* resolve =
      decide->add_subcommand("resolve", "Answer a question, whoever took it");
  auto resolve_command = std::make_shared<ResolveCommand>(*resolve);
  resolve->add_option("decision", resolve_command->decision, "Its ID or name")
      ->required();
  resolve->callback(
      [&run, resolve_command] { run.Finish(Resolve(run, *resolve_command)); });
}

}  // namespace tlsd::client::cli
