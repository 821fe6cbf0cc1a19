// Options for what lies below a connection: how sockets are treated, and where
// a listener passes its connections on to.
//
// Each class turns options into a message. It judges nothing: the daemon does.
// It belongs to the command whose options it adds, and to one thread.
#ifndef TLSD_CLIENT_CLI_TRANSPORT_OPTIONS_H_
#define TLSD_CLIENT_CLI_TRANSPORT_OPTIONS_H_

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/cli/client_options.h"
#include "client/cli/file_content.h"
#include "tlsd/v1/listener_service.pb.h"
#include "tlsd/v1/transport.pb.h"

namespace tlsd::client::cli {

// SocketCommandLine is --idle-timeout, --keep-alive and --delay-small-writes.
class SocketCommandLine {
 public:
  // Adds the options to `app`, which must not outlive it.
  explicit SocketCommandLine(CLI::App& app);
  SocketCommandLine(const SocketCommandLine&) = delete;
  SocketCommandLine& operator=(const SocketCommandLine&) = delete;

  // are_given reports whether the command line says anything of sockets.
  bool are_given() const;

  // Fill puts what was given into `options`.
  void Fill(v1::SocketOptions& options) const;

 private:
  std::optional<absl::Duration> idle_timeout_;
  std::optional<absl::Duration> keep_alive_;
  bool delay_small_writes_ = false;
};

// ForwardCommandLine is --forward, --send-proxy, and all that begins with
// --forward-: how to connect to the upstream.
class ForwardCommandLine {
 public:
  // Adds the options to `app`, which must not outlive it.
  explicit ForwardCommandLine(CLI::App& app);
  ForwardCommandLine(const ForwardCommandLine&) = delete;
  ForwardCommandLine& operator=(const ForwardCommandLine&) = delete;

  // option returns --forward.
  CLI::Option* option() const { return forward_; }

  // is_given reports whether --forward was.
  bool is_given() const { return !address_.empty(); }

  // Fill puts what was given into `forward`. It fails with FIELD_INVALID if a
  // file cannot be read.
  absl::Status Fill(const FileContents& files,
                    v1::ForwardHandler& forward) const;

 private:
  std::string address_;
  CLI::Option* forward_ = nullptr;
  bool plain_ = false;
  std::string local_address_;
  std::optional<absl::Duration> timeout_;
  v1::ProxyHeaderVersion version_ = v1::PROXY_HEADER_VERSION_UNSPECIFIED;
  ClientCommandLine client_;
};

}  // namespace tlsd::client::cli

#endif  // TLSD_CLIENT_CLI_TRANSPORT_OPTIONS_H_
