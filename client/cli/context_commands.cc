// `tlsctl context ...`: secure contexts and algorithms.
#include <cstdint>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "client/cli/commands.h"
#include "client/cli/context_options.h"
#include "client/cli/option_kinds.h"
#include "client/cli/show_context.h"
#include "proto/status/error.h"

namespace tlsd::client::cli {
namespace {

using Service = v1::SecureContextService::Stub;

constexpr UnaryMethod kCreate = {
    "tlsd.v1.SecureContextService/CreateSecureContext",
    &Service::CreateSecureContext};
constexpr UnaryMethod kGet = {"tlsd.v1.SecureContextService/GetSecureContext",
                              &Service::GetSecureContext};
constexpr UnaryMethod kList = {
    "tlsd.v1.SecureContextService/ListSecureContexts",
    &Service::ListSecureContexts};
constexpr UnaryMethod kUpdate = {
    "tlsd.v1.SecureContextService/UpdateSecureContext",
    &Service::UpdateSecureContext};
constexpr UnaryMethod kDelete = {
    "tlsd.v1.SecureContextService/DeleteSecureContext",
    &Service::DeleteSecureContext};
constexpr UnaryMethod kRotateTicketKeys = {
    "tlsd.v1.SecureContextService/RotateTicketKeys",
    &Service::RotateTicketKeys};
constexpr UnaryMethod kRotateEchKeys = {
    "tlsd.v1.SecureContextService/RotateEchKeys", &Service::RotateEchKeys};
constexpr UnaryMethod kSetOcspResponse = {
    "tlsd.v1.SecureContextService/SetOcspResponse", &Service::SetOcspResponse};
constexpr UnaryMethod kListAlgorithms = {
    "tlsd.v1.SecureContextService/ListAlgorithms", &Service::ListAlgorithms};

// ContextCommand is the command line of `context create` and `update`.
struct ContextCommand {
  explicit ContextCommand(CLI::App& app) : options(app) {}

  std::string id;
  bool check = false;
  ContextOptions options;
};

// RotateCommand is the command line of `context rotate-ticket-keys`.
struct RotateCommand {
  std::string id;
  std::string key_path;
};

// RotateEchCommand is the command line of `context rotate-ech-keys`.
struct RotateEchCommand {
  std::string id;
  std::string public_name;
  int32_t max_name_length = 0;
  std::string path;
};

// OcspCommand is the command line of `context set-ocsp`.
struct OcspCommand {
  std::string id;
  std::string path;
  int32_t index = 0;
};

FileContents Files(const Invocation& run) {
  return FileContents(run.prints_grpc() ? FileUse::kMark : FileUse::kRead);
}

std::string Shown(const Invocation& run, const v1::SecureContext& context) {
  return SecureContextBlock(context, absl::Now()).Format(run.out_colour());
}

absl::Status Create(Invocation& run, const ContextCommand& command) {
  v1::CreateSecureContextRequest request;
  request.set_secure_context_id(command.id);
  request.set_validate_only(command.check);
  google::protobuf::FieldMask mask;
  const absl::Status filled =
      command.options.Fill(Files(run), *request.mutable_secure_context(), mask);
  if (!filled.ok()) return filled;
  const absl::Status performed = run.Perform(
      kCreate, request,
      [&](const v1::SecureContext& created) { return Shown(run, created); });
  if (performed.ok() && command.check && !run.prints_grpc()) {
    run.Note({"checked; nothing was created", Tone::kFaint});
  }
  return performed;
}

// StartFromNow puts the present `groups` into the request, for the parts of
// them that the command line does not give, and sees to it that they are still
// those when the change is made.
absl::Status StartFromNow(Invocation& run,
                          const std::vector<std::string>& groups,
                          v1::SecureContext& changed) {
  v1::GetSecureContextRequest request;
  request.set_name(changed.name());
  const absl::StatusOr<v1::SecureContext> now =
      run.Call(kGet, request, run.timeout());
  if (!now.ok()) return now.status();
  changed.set_etag(now->etag());
  for (const std::string& group : groups) {
    if (group == "trust_anchors") {
      v1::TrustAnchors& anchors = *changed.mutable_trust_anchors();
      anchors = now->trust_anchors();
      anchors.clear_system_path();
      anchors.clear_certificate_count();
      // A source more must not take the one away that holds by default.
      if (!NamesASource(anchors)) anchors.set_system(true);
    } else if (group == "revocation_lists" && now->has_revocation_lists()) {
      *changed.mutable_revocation_lists() = now->revocation_lists();
    } else if (group == "peer_rules" && now->has_peer_rules()) {
      *changed.mutable_peer_rules() = now->peer_rules();
    }
  }
  return absl::OkStatus();
}

absl::Status Update(Invocation& run, const ContextCommand& command) {
  v1::UpdateSecureContextRequest request;
  v1::SecureContext& context = *request.mutable_secure_context();
  context.set_name(ResourceName(kSecureContexts, command.id));
  request.set_validate_only(command.check);
  const std::vector<std::string> groups = command.options.given_groups();
  if (!groups.empty() && !run.prints_grpc()) {
    const absl::Status started = StartFromNow(run, groups, context);
    if (!started.ok()) return started;
  }
  const absl::Status filled =
      command.options.Fill(Files(run), context, *request.mutable_update_mask());
  if (!filled.ok()) return filled;
  if (request.update_mask().paths().empty()) {
    return FieldError(Reason::kFieldRequired, "context update", "no options",
                      "at least one that says what to change");
  }
  const absl::Status performed = run.Perform(
      kUpdate, request,
      [&](const v1::SecureContext& updated) { return Shown(run, updated); });
  if (!performed.ok()) return performed;
  if (run.prints_grpc() && !groups.empty()) {
    return run.Print(absl::StrCat("# it replaces ",
                                  absl::StrJoin(groups, " and "),
                                  " as a whole; tlsctl keeps the parts that "
                                  "are not given\n"));
  }
  if (command.check && !run.prints_grpc()) {
    run.Note({"checked; nothing was changed", Tone::kFaint});
  }
  return absl::OkStatus();
}

absl::Status Show(Invocation& run, const std::string& id) {
  v1::GetSecureContextRequest request;
  request.set_name(ResourceName(kSecureContexts, id));
  return run.Perform(kGet, request, [&](const v1::SecureContext& context) {
    return Shown(run, context);
  });
}

absl::Status List(Invocation& run) {
  return run.PerformList(
      kList, v1::ListSecureContextsRequest(),
      [&](const v1::ListSecureContextsResponse& list) {
        return SecureContextTable(list, absl::Now()).Format(run.out_colour());
      });
}

absl::Status Delete(Invocation& run, const std::string& id, bool force) {
  v1::DeleteSecureContextRequest request;
  request.set_name(ResourceName(kSecureContexts, id));
  request.set_force(force);
  return run.Perform(kDelete, request, [&](const google::protobuf::Empty&) {
    return absl::StrCat("deleted ", request.name(), "\n");
  });
}

absl::Status RotateTicketKeys(Invocation& run, const RotateCommand& command) {
  v1::RotateTicketKeysRequest request;
  request.set_name(ResourceName(kSecureContexts, command.id));
  if (!command.key_path.empty()) {
    const absl::StatusOr<std::string> key = Files(run).Bytes(command.key_path);
    if (!key.ok()) return key.status();
    request.set_key(*key);
  }
  return run.Perform(kRotateTicketKeys, request,
                     [&](const v1::RotateTicketKeysResponse& response) {
                       return absl::StrCat("rotated ", request.name(), ", ",
                                           response.key_count(),
                                           " keys open tickets\n");
                     });
}

absl::Status WriteFile(const std::string& path, const std::string& content) {
  std::ofstream file(path, std::ios::binary);
  file << content << std::flush;
  if (file) return absl::OkStatus();
  return FieldError(Reason::kFieldInvalid, "file", path,
                    "a file that can be written");
}

absl::Status RotateEchKeys(Invocation& run, const RotateEchCommand& command) {
  v1::RotateEchKeysRequest request;
  request.set_name(ResourceName(kSecureContexts, command.id));
  request.set_public_name(command.public_name);
  request.set_max_name_length(command.max_name_length);
  if (run.prints_grpc()) return run.PrintGrpc(kRotateEchKeys.name, request);
  const absl::StatusOr<v1::RotateEchKeysResponse> response =
      run.Call(kRotateEchKeys, request, run.timeout());
  if (!response.ok()) return response.status();
  if (!command.path.empty()) {
    const absl::Status written =
        WriteFile(command.path, response->ech_config_list());
    if (!written.ok()) return written;
  }
  if (run.is_json()) return run.Print(PrettyJson(*response));
  return run.Print(
      EchRotationBlock(request.name(), *response).Format(run.out_colour()));
}

absl::Status SetOcspResponse(Invocation& run, const OcspCommand& command) {
  v1::SetOcspResponseRequest request;
  request.set_name(ResourceName(kSecureContexts, command.id));
  request.set_credentials_index(command.index);
  if (command.path != "none") {
    const absl::StatusOr<std::string> response = Files(run).Bytes(command.path);
    if (!response.ok()) return response.status();
    request.set_ocsp_response(*response);
  }
  return run.Perform(
      kSetOcspResponse, request,
      [&](const v1::SecureContext& context) { return Shown(run, context); });
}

absl::Status ShowAlgorithms(Invocation& run) {
  return run.Perform(kListAlgorithms, v1::ListAlgorithmsRequest(),
                     [&](const v1::ListAlgorithmsResponse& algorithms) {
                       return AlgorithmsText(algorithms, run.out_colour());
                     });
}

void AddCreate(CLI::App& context, Invocation& run) {
  CLI::App* create =
      context.add_subcommand("create", "Create a secure context");
  auto command = std::make_shared<ContextCommand>(*create);
  create->add_option("id", command->id,
                     "Its ID; without one the daemon picks one");
  create->add_flag("--check", command->check,
                   "Check it, and show what it would be; create nothing");
  create->callback([&run, command] { run.Finish(Create(run, *command)); });
}

void AddUpdate(CLI::App& context, Invocation& run) {
  CLI::App* update = context.add_subcommand(
      "update",
      "Change a secure context: what is given, and nothing else; new "
      "connections use it at once");
  auto command = std::make_shared<ContextCommand>(*update);
  command->options.AddDefault(*update);
  update->add_option("id", command->id, "Its ID or name")->required();
  update->add_flag("--check", command->check,
                   "Check it, and show what it would be; change nothing");
  update->callback([&run, command] { run.Finish(Update(run, *command)); });
}

void AddRotateTicketKeys(CLI::App& context, Invocation& run) {
  CLI::App* rotate = context.add_subcommand(
      "rotate-ticket-keys",
      "Seal session tickets with a new key, at once; older keys still open "
      "theirs");
  auto command = std::make_shared<RotateCommand>();
  rotate->add_option("id", command->id, "Its ID or name")->required();
  rotate
      ->add_option("--key", command->key_path,
                   "File of the new key, 48 random bytes; without one the "
                   "daemon makes it")
      ->type_name("FILE");
  rotate->callback(
      [&run, command] { run.Finish(RotateTicketKeys(run, *command)); });
}

void AddRotateEchKeys(CLI::App& context, Invocation& run) {
  CLI::App* rotate = context.add_subcommand(
      "rotate-ech-keys",
      "Make a key for encrypted ClientHellos, at once; older keys still open "
      "theirs");
  auto command = std::make_shared<RotateEchCommand>();
  rotate->add_option("id", command->id, "Its ID or name")->required();
  rotate
      ->add_option("public-name", command->public_name,
                   "The DNS name that clients show in the clear")
      ->required();
  rotate
      ->add_option("--max-name-length", command->max_name_length,
                   "How long the longest server name is (default 64)")
      ->check(CLI::PositiveNumber)
      ->type_name("COUNT");
  rotate
      ->add_option("--out", command->path,
                   "Write the ECHConfigList to this file too, for connect "
                   "--ech-config-list")
      ->type_name("FILE");
  rotate->callback(
      [&run, command] { run.Finish(RotateEchKeys(run, *command)); });
}

void AddSetOcsp(CLI::App& context, Invocation& run) {
  CLI::App* set = context.add_subcommand(
      "set-ocsp", "Staple another OCSP response, at once");
  auto command = std::make_shared<OcspCommand>();
  set->add_option("id", command->id, "Its ID or name")->required();
  set->add_option("--ocsp-response", command->path,
                  "File of the response in DER, or none")
      ->required()
      ->type_name("FILE");
  set->add_option("--index", command->index,
                  "Which of its credentials, from 0 (default 0)")
      ->check(CLI::NonNegativeNumber)
      ->type_name("NUMBER");
  set->callback(
      [&run, command] { run.Finish(SetOcspResponse(run, *command)); });
}

}  // namespace

void AddContextCommands(CLI::App& app, Invocation& run) {
  CLI::App* context = app.add_subcommand("context", "Manage secure contexts");
  context->require_subcommand(1);
  AddCreate(*context, run);
  AddUpdate(*context, run);
  AddRotateTicketKeys(*context, run);
  AddRotateEchKeys(*context, run);
  AddSetOcsp(*context, run);

  auto id = std::make_shared<std::string>();
  CLI::App* show = context->add_subcommand("show", "Show one secure context");
  show->add_option("id", *id, "Its ID or name")->required();
  show->callback([&run, id] { run.Finish(Show(run, *id)); });

  CLI::App* list = context->add_subcommand("list", "List the secure contexts");
  list->callback([&run] { run.Finish(List(run)); });

  auto force = std::make_shared<bool>(false);
  CLI::App* remove =
      context->add_subcommand("delete", "Delete a secure context");
  remove->add_option("id", *id, "Its ID or name")->required();
  remove->add_flag("--force", *force,
                   "Although listeners name it; they keep using it");
  remove->callback([&run, id, force] { run.Finish(Delete(run, *id, *force)); });

  CLI::App* algorithms = context->add_subcommand(
      "algorithms", "List the cipher suites, groups, signatures and methods");
  algorithms->callback([&run] { run.Finish(ShowAlgorithms(run)); });
}

}  // namespace tlsd::client::cli
