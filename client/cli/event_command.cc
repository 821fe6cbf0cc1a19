// `tlsctl events`.
#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cli/commands.h"
#include "client/cli/show.h"

namespace tlsd::client::cli {
namespace {

constexpr UnaryMethod kList = {"tlsd.v1.EventService/ListEvents",
                               &v1::EventService::Stub::ListEvents};
constexpr absl::string_view kWatch = "tlsd.v1.EventService/WatchEvents";
constexpr int kPageSize = 1000;

// EventsCommand is the command line of `events`.
struct EventsCommand {
  bool follow = false;
  std::vector<v1::EventType> types;
  std::vector<std::string> subjects;
  std::string since;
  std::optional<int64_t> limit;
};

const std::map<std::string, v1::EventType>& TypeNames() {
  static const auto& names = *new std::map<std::string, v1::EventType>{
      {"listening", v1::EVENT_TYPE_LISTENING},
      {"secure-connection", v1::EVENT_TYPE_SECURE_CONNECTION},
      {"client-error", v1::EVENT_TYPE_CLIENT_ERROR},
      {"secure-connect", v1::EVENT_TYPE_SECURE_CONNECT},
      {"connection-closed", v1::EVENT_TYPE_CONNECTION_CLOSED},
      {"listener-closed", v1::EVENT_TYPE_LISTENER_CLOSED},
      {"connection-rejected", v1::EVENT_TYPE_CONNECTION_REJECTED},
      {"secure-context-updated", v1::EVENT_TYPE_SECURE_CONTEXT_UPDATED},
      {"certificate-expiring", v1::EVENT_TYPE_CERTIFICATE_EXPIRING},
      {"session", v1::EVENT_TYPE_SESSION},
      {"ocsp-response", v1::EVENT_TYPE_OCSP_RESPONSE},
      {"connection", v1::EVENT_TYPE_CONNECTION},
      {"renegotiated", v1::EVENT_TYPE_RENEGOTIATED}};
  return names;
}

template <typename Request>
Request MakeRequest(const EventsCommand& command) {
  Request request;
  request.set_resume_token(command.since);
  for (const v1::EventType type : command.types) request.add_types(type);
  request.mutable_subjects()->Add(command.subjects.begin(),
                                  command.subjects.end());
  return request;
}

absl::Status PrintEvent(Invocation& run, const v1::Event& event) {
  return run.Print(run.is_json() ? JsonLine(event)
                                 : EventLine(event, run.out_colour()));
}

absl::Status ListEvents(Invocation& run, const EventsCommand& command) {
  auto request = MakeRequest<v1::ListEventsRequest>(command);
  request.set_page_size(kPageSize);
  if (run.prints_grpc()) return run.PrintGrpc(kList.name, request);
  int64_t left = command.limit.value_or(INT64_MAX);
  while (true) {
    const absl::StatusOr<v1::ListEventsResponse> page =
        run.Call(kList, request, run.timeout());
    if (!page.ok()) return page.status();
    for (const v1::Event& event : page->events()) {
      if (left-- == 0) return absl::OkStatus();
      const absl::Status printed = PrintEvent(run, event);
      if (!printed.ok()) return printed;
    }
    if (page->events().empty()) return absl::OkStatus();
    request.set_resume_token(page->next_resume_token());
  }
}

// PrintWatched prints one message of a watch; `left` counts its events down.
absl::Status PrintWatched(Invocation& run,
                          const v1::WatchEventsResponse& message,
                          int64_t& left) {
  if (message.has_gap()) {
    run.Note({absl::StrCat(message.gap().dropped_count(),
                           " events were dropped here"),
              Tone::kBad});
  }
  if (!message.has_event()) return absl::OkStatus();
  --left;
  return PrintEvent(run, message.event());
}

absl::Status FollowEvents(Invocation& run, const EventsCommand& command) {
  const auto request = MakeRequest<v1::WatchEventsRequest>(command);
  if (run.prints_grpc()) return run.PrintGrpc(kWatch, request);
  const absl::StatusOr<std::shared_ptr<ControlChannel>> channel = run.channel();
  if (!channel.ok()) return channel.status();
  grpc::ClientContext context;
  if (run.options().timeout.has_value()) {
    ControlChannel::SetDeadline(absl::Now() + run.timeout(), context);
  }
  const auto reader =
      (*channel)->stub<v1::EventService::Stub>().WatchEvents(&context, request);
  v1::WatchEventsResponse message;
  bool is_first = true;
  int64_t left = command.limit.value_or(INT64_MAX);
  absl::Status printed;
  while (left > 0 && printed.ok() && reader->Read(&message)) {
    if (is_first) run.Note({"watching; Ctrl-C ends", Tone::kFaint});
    is_first = false;
    printed = PrintWatched(run, message, left);
  }
  const bool is_enough = left == 0 || !printed.ok();
  // Else the call has ended by itself, and cancelling would hide why.
  if (is_enough) context.TryCancel();
  const grpc::Status status = reader->Finish();
  return is_enough ? printed : (*channel)->Explain(status);
}

}  // namespace

void AddEventCommand(CLI::App& app, Invocation& run) {
  CLI::App* events =
      app.add_subcommand("events", "Show what has happened, or what happens");
  auto command = std::make_shared<EventsCommand>();
  events->add_flag("--follow,-f", command->follow,
                   "Show events as they happen, from now or from --since");
  events
      ->add_option("--type", command->types, "Only this type; may be repeated")
      ->allow_extra_args(false)
      ->transform(CLI::CheckedTransformer(TypeNames())
                      .description("{listening,secure-connection,client-error,"
                                   "secure-connect,connection-closed,"
                                   "listener-closed,connection-rejected,"
                                   "secure-context-updated,"
                                   "certificate-expiring,session,"
                                   "ocsp-response,connection,"
                                   "renegotiated}"))
      ->type_name("TYPE");
  events
      ->add_option("--about", command->subjects,
                   "Only about this connection, this secure context, or this "
                   "listener and its connections; may be repeated")
      ->allow_extra_args(false)
      ->type_name("NAME");
  events->add_option("--since", command->since, "Only after this resume token")
      ->type_name("TOKEN");
  events->add_option("--limit", command->limit, "End after so many events")
      ->check(CLI::PositiveNumber)
      ->type_name("COUNT");
  events->callback([&run, command] {
    run.Finish(command->follow ? FollowEvents(run, *command)
                               : ListEvents(run, *command));
  });
}

}  // namespace tlsd::client::cli
