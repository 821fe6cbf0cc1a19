// What requests say about connections to be made, as the core takes it. It only
// reads: whoever calls it makes the connection.
//
// A ConnectionOptionReader belongs to the service that has it; any thread may
// use it. Errors name fields as they are in the message that is given;
// PrefixField says where that message is.
#ifndef TLSD_SERVER_CONTROL_CONNECTION_OPTIONS_H_
#define TLSD_SERVER_CONTROL_CONNECTION_OPTIONS_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "proto/status/error.h"
#include "server/conn/connection_options.h"
#include "server/tls/secure_context.h"
#include "server/worker/context_table.h"
#include "server/worker/dial_options.h"
#include "server/worker/listener_table.h"
#include "tlsd/v1/connection_service.pb.h"
#include "tlsd/v1/listener_service.pb.h"
#include "tlsd/v1/transport.pb.h"

namespace tlsd::control {

class ConnectionOptionReader {
 public:
  // `default_context` serves a client that names none. The tables must outlive
  // the reader.
  ConnectionOptionReader(
      const worker::ContextTable& contexts,
      std::shared_ptr<const tls::SecureContext> default_context);

  // ReadConnect reads what Connect takes.
  absl::StatusOr<worker::DialOptions> ReadConnect(
      const v1::ConnectRequest& request) const;

  // ReadClient reads what a client over something else than a socket takes.
  absl::StatusOr<conn::ConnectionOptions> ReadClient(
      const v1::ConnectRequest& request) const;

  // ReadServer does the same for a server.
  absl::StatusOr<conn::ConnectionOptions> ReadServer(
      const v1::ServerOptions& proto,
      const worker::ListenerTable& listeners) const;

  // ReadRole reads the `role` of an UpgradeRequest or CreateSecurePairRequest.
  template <typename Request>
  absl::StatusOr<conn::ConnectionOptions> ReadRole(
      const Request& request, const worker::ListenerTable& listeners) const {
    if (!request.has_client() && !request.has_server()) {
      return FieldRequired("client or server");
    }
    absl::StatusOr<conn::ConnectionOptions> options =
        request.has_client() ? ReadClient(request.client())
                             : ReadServer(request.server(), listeners);
    if (options.ok()) return options;
    return PrefixField(options.status(),
                       request.has_client() ? "client." : "server.");
  }

  // ReadForward reads where a listener forwards to.
  absl::StatusOr<worker::ForwardOptions> ReadForward(
      const v1::ForwardHandler& proto) const;

 private:
  // ReadTls reads what concerns TLS.
  absl::StatusOr<conn::ConnectionOptions> ReadTls(
      const v1::ConnectRequest& request) const;
  // ReadContext returns the etag of the context that is named.
  absl::StatusOr<std::string> ReadContext(
      const v1::ConnectRequest& request,
      conn::ConnectionOptions& options) const;

  const worker::ContextTable& contexts_;
  const std::shared_ptr<const tls::SecureContext> default_context_;
};

// ReadProtection reads the field `protection`, which may be DETECT only for a
// listener. It fails with FIELD_INVALID.
enum class ProtectionOf { kClient, kListener };
absl::StatusOr<conn::Protection> ReadProtection(v1::Protection proto,
                                                ProtectionOf of);

// ReadSocketOptions fails with FIELD_INVALID, naming a field below `field`.
absl::StatusOr<conn::SocketOptions> ReadSocketOptions(
    absl::string_view field, const v1::SocketOptions& proto);

}  // namespace tlsd::control

#endif  // TLSD_SERVER_CONTROL_CONNECTION_OPTIONS_H_
