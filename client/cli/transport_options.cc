#include "client/cli/transport_options.h"

#include <map>

#include "client/cli/option_kinds.h"
#include "client/convert.h"

namespace tlsd::client::cli {
namespace {

CLI::CheckedTransformer ProxyHeaderVersionNames() {
  static const auto& names = *new std::map<std::string, v1::ProxyHeaderVersion>{
      {"v1", v1::PROXY_HEADER_VERSION_1},
      {"v2", v1::PROXY_HEADER_VERSION_2},
      {"v2-tls", v1::PROXY_HEADER_VERSION_2_TLS},
      {"v2-tls-certificate", v1::PROXY_HEADER_VERSION_2_TLS_CERTIFICATE}};
  CLI::CheckedTransformer transformer(names);
  transformer.description("{v1,v2,v2-tls,v2-tls-certificate}");
  return transformer;
}

}  // namespace

SocketCommandLine::SocketCommandLine(CLI::App& app) {
  AddDurationOption(app, "--idle-timeout", idle_timeout_,
                    "End it after so long without a byte in either direction "
                    "(default: never)");
  AddDurationOption(app, "--keep-alive", keep_alive_,
                    "Probe a peer that has been silent for so long, in whole "
                    "seconds (default: never)");
  app.add_flag("--delay-small-writes", delay_small_writes_,
               "Let the system hold small writes back (default: send at "
               "once)");
}

bool SocketCommandLine::are_given() const {
  return idle_timeout_.has_value() || keep_alive_.has_value() ||
         delay_small_writes_;
}

void SocketCommandLine::Fill(v1::SocketOptions& options) const {
  if (idle_timeout_.has_value()) {
    *options.mutable_idle_timeout() = ToProto(*idle_timeout_);
  }
  if (keep_alive_.has_value()) {
    *options.mutable_keep_alive() = ToProto(*keep_alive_);
  }
  options.set_delay_small_writes(delay_small_writes_);
}

ForwardCommandLine::ForwardCommandLine(CLI::App& app)
    : forward_(
          app.add_option("--forward", address_,
                         "Pass connections on to this server: host:port or "
                         "unix:/path")
              ->type_name("ADDRESS")),
      client_(app, "forward-") {
  CLI::Option* plain = app.add_flag("--forward-plain", plain_,
                                    "In the clear (default: with TLS)");
  CLI::Option* local =
      app.add_option("--forward-local-address", local_address_,
                     "The IP address of this host to connect from")
          ->type_name("ADDRESS");
  CLI::Option* timeout =
      AddDurationOption(app, "--forward-timeout", timeout_,
                        "For connecting and the handshake (default 30s)");
  CLI::Option* version =
      app.add_option("--send-proxy", version_,
                     "Tell the upstream of the client in a PROXY header")
          ->transform(ProxyHeaderVersionNames())
          ->type_name("VERSION");
  for (CLI::Option* option : {plain, local, timeout, version}) {
    option->needs(forward_);
  }
  for (CLI::Option* option : client_.options()) option->needs(forward_);
}

absl::Status ForwardCommandLine::Fill(const FileContents& files,
                                      v1::ForwardHandler& forward) const {
  v1::ConnectRequest& upstream = *forward.mutable_upstream();
  upstream.set_address(address_);
  if (plain_) upstream.set_protection(v1::PROTECTION_NONE);
  upstream.set_local_address(local_address_);
  if (timeout_.has_value()) {
    *upstream.mutable_timeout() = ToProto(*timeout_);
  }
  forward.set_send_proxy_header(version_);
  return client_.Fill(files, upstream);
}

}  // namespace tlsd::client::cli
