// The option --hook: which questions handshakes ask.
//
// It parses and prints one form, "TYPE[,timeout=2s][,fail|continue][,skip]",
// e.g. "client-hello,timeout=2s,fail", and judges nothing else: the daemon
// does. It knows no command. It holds no state; an `App` and what its options
// write to belong to one thread.
#ifndef TLSD_CLIENT_CLI_HOOK_OPTIONS_H_
#define TLSD_CLIENT_CLI_HOOK_OPTIONS_H_

#include <google/protobuf/repeated_field.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tlsd/v1/types.pb.h"

namespace tlsd::client::cli {

using HookProtos = google::protobuf::RepeatedPtrField<v1::Hook>;

// ParseHook fails with FIELD_INVALID on what has not the form above.
absl::StatusOr<v1::Hook> ParseHook(absl::string_view text);

// HookTexts returns the same form of each of `hooks`.
std::vector<std::string> HookTexts(const HookProtos& hooks);

// AddHookOption adds --hook, which may be repeated. `hooks` must outlive `app`.
CLI::Option* AddHookOption(CLI::App& app, HookProtos& hooks);

}  // namespace tlsd::client::cli

#endif  // TLSD_CLIENT_CLI_HOOK_OPTIONS_H_
