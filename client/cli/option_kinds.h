// Kinds of options that several commands take: durations, resource names.
//
// It parses and checks; it knows no command. It holds no state; an `App` and
// what its options write to belong to one thread.
#ifndef TLSD_CLIENT_CLI_OPTION_KINDS_H_
#define TLSD_CLIENT_CLI_OPTION_KINDS_H_

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace tlsd::client::cli {

// These are the collections, as names begin with them.
inline constexpr absl::string_view kSecureContexts = "secureContexts";
inline constexpr absl::string_view kListeners = "listeners";
inline constexpr absl::string_view kConnections = "connections";
inline constexpr absl::string_view kDecisions = "decisions";

// AddDurationOption adds an option that takes "500ms", "5s", "2m" and the like.
// `value` must outlive `app`.
CLI::Option* AddDurationOption(CLI::App& app, const std::string& flags,
                               std::optional<absl::Duration>& value,
                               const std::string& description);

// ClientCertificateNames takes "none", "request" and "require".
CLI::CheckedTransformer ClientCertificateNames();

// ResourceName returns "collection/ID" for an ID, and for a name that already
// has this form the name itself. An empty text stays empty.
std::string ResourceName(absl::string_view collection, absl::string_view text);

// IsNameOf reports whether `name` begins with "collection/".
bool IsNameOf(absl::string_view collection, absl::string_view name);

}  // namespace tlsd::client::cli

#endif  // TLSD_CLIENT_CLI_OPTION_KINDS_H_
