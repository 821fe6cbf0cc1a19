#include "client/cli/hook_options.h"

#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "client/cli/humanize.h"
#include "client/convert.h"
#include "proto/status/error.h"

namespace tlsd::client::cli {
namespace {

// The words, in the order of DecisionType.
constexpr absl::string_view kTypes[] = {"client-hello",   "ocsp-staple",
                                        "session-lookup", "session-store",
                                        "verify-peer",    "sign"};

absl::Status NoHook(absl::string_view text, absl::string_view part) {
  return FieldError(
      Reason::kFieldInvalid, "--hook", text,
      absl::StrCat("TYPE[,timeout=2s][,fail|continue][,skip], where TYPE is ",
                   absl::StrJoin(kTypes, ", "), "; \"", part,
                   "\" is none of these"));
}

// AddPart puts what stands behind the type into `hook`.
bool AddPart(absl::string_view part, v1::Hook& hook) {
  if (absl::ConsumePrefix(&part, "timeout=")) {
    const absl::StatusOr<absl::Duration> timeout = ParseDuration(part);
    if (!timeout.ok() || hook.has_timeout()) return false;
    *hook.mutable_timeout() = ToProto(*timeout);
    return true;
  }
  if (part == "skip") {
    hook.set_skip_without_handler(true);
    return true;
  }
  if (hook.without_answer() != v1::Hook::WITHOUT_ANSWER_UNSPECIFIED) {
    return false;
  }
  if (part == "fail") hook.set_without_answer(v1::Hook::WITHOUT_ANSWER_FAIL);
  if (part == "continue") {
    hook.set_without_answer(v1::Hook::WITHOUT_ANSWER_CONTINUE);
  }
  return hook.without_answer() != v1::Hook::WITHOUT_ANSWER_UNSPECIFIED;
}

std::string HookText(const v1::Hook& hook) {
  const int index = static_cast<int>(hook.type()) - 1;
  std::string text = index >= 0 && index < static_cast<int>(std::size(kTypes))
                         ? std::string(kTypes[index])
                         : absl::StrCat("type ", static_cast<int>(hook.type()));
  if (hook.has_timeout()) {
    absl::StrAppend(
        &text, ",timeout=", absl::FormatDuration(FromProto(hook.timeout())));
  }
  if (hook.without_answer() == v1::Hook::WITHOUT_ANSWER_FAIL) text += ",fail";
  if (hook.without_answer() == v1::Hook::WITHOUT_ANSWER_CONTINUE) {
    text += ",continue";
  }
  if (hook.skip_without_handler()) text += ",skip";
  return text;
}

}  // namespace

absl::StatusOr<v1::Hook> ParseHook(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ',');
  v1::Hook hook;
  int number = 0;
  for (const absl::string_view type : kTypes) {
    ++number;
    if (type == parts[0]) {
      hook.set_type(static_cast<v1::DecisionType>(number));
    }
  }
  if (hook.type() == v1::DECISION_TYPE_UNSPECIFIED) {
    return NoHook(text, parts[0]);
  }
  for (size_t i = 1; i < parts.size(); ++i) {
    if (!AddPart(parts[i], hook)) return NoHook(text, parts[i]);
  }
  return hook;
}

std::vector<std::string> HookTexts(const HookProtos& hooks) {
  std::vector<std::string> texts;
  for (const v1::Hook& hook : hooks) texts.push_back(HookText(hook));
  return texts;
}

CLI::Option* AddHookOption(CLI::App& app, HookProtos& hooks) {
  CLI::Option* option = app.add_option_function<std::vector<std::string>>(
      "--hook",
      [&hooks](const std::vector<std::string>& texts) {
        hooks.Clear();
        for (const std::string& text : texts) {
          absl::StatusOr<v1::Hook> hook = ParseHook(text);
          // `check` has refused the others.
          if (hook.ok()) *hooks.Add() = *std::move(hook);
        }
      },
      "Ask this of handlers, see `decide`; also with ,timeout=2s, with ,fail "
      "or ,continue for want of an answer, and with ,skip not to wait for a "
      "handler; may be repeated");
  option->check([](const std::string& text) {
    return std::string(ParseHook(text).status().message());
  });
  // Completion offers what stands in braces.
  return option->allow_extra_args(false)->type_name(
      absl::StrCat("{", absl::StrJoin(kTypes, ","), "}"));
}

}  // namespace tlsd::client::cli
