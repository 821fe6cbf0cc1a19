#include "server/control/connection_options.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "proto/status/error.h"
#include "server/base/chunk_pool.h"
#include "server/base/names.h"
#include "server/base/status_macros.h"
#include "server/control/fields.h"
#include "server/control/hooks.h"
#include "server/control/secure_context_options.h"
#include "server/tls/tls_engine.h"

namespace tlsd::control {
namespace {

constexpr absl::Duration kTimeoutMin = absl::Milliseconds(1);
constexpr absl::Duration kTimeoutMax = absl::Hours(1);
constexpr absl::Duration kConnectTimeout = absl::Seconds(30);
constexpr absl::Duration kIdleTimeoutMin = absl::Milliseconds(10);
constexpr absl::Duration kIdleTimeoutMax = absl::Hours(24 * 7);
constexpr absl::Duration kKeepAliveMax = absl::Hours(9);
constexpr absl::Duration kRenegotiationWindowMax = absl::Hours(24);
constexpr int kRenegotiationCountMax = 1000;

// A field that must be unset, because of `why`.
struct Unfitting {
  absl::string_view field;
  bool is_set;
};

template <size_t count>
absl::Status CheckUnset(const Unfitting (&fields)[count],
                        absl::string_view why) {
  for (const Unfitting& unfitting : fields) {
    if (unfitting.is_set) {
      return FieldError(Reason::kFieldsConflict, unfitting.field, "a value",
                        absl::StrCat("nothing, ", why, ","));
    }
  }
  return absl::OkStatus();
}

// Fields that a plain connection does not have.
absl::Status CheckNoTls(const v1::ConnectRequest& request) {
  const Unfitting fields[] = {
      {"secure_context", !request.secure_context().empty()},
      {"server_name", !request.server_name().empty()},
      {"verification",
       request.verification() != v1::PEER_VERIFICATION_UNSPECIFIED},
      {"skip_name_check", request.skip_name_check()},
      {"expected_name", !request.expected_name().empty()},
      {"hooks", request.hooks_size() > 0},
      {"session", !request.session().empty()},
      {"use_session_cache", request.use_session_cache()},
      {"request_ocsp", request.request_ocsp()},
      {"renegotiation_limit", request.has_renegotiation_limit()},
      {"early_data", !request.early_data().empty()},
      {"ech_config_list", !request.ech_config_list().empty()},
  };
  return CheckUnset(fields, "with protection NONE");
}

absl::Status ReadVerification(const v1::ConnectRequest& request,
                              tls::EngineOptions& engine) {
  switch (request.verification()) {
    case v1::PEER_VERIFICATION_UNSPECIFIED:
    case v1::PEER_VERIFICATION_REQUIRE:
      engine.verification = tls::PeerVerification::kRequire;
      return absl::OkStatus();
    case v1::PEER_VERIFICATION_REPORT:
      engine.verification = tls::PeerVerification::kReport;
      return absl::OkStatus();
    default:
      return FieldError(Reason::kFieldInvalid, "verification",
                        absl::StrCat(request.verification()),
                        "PEER_VERIFICATION_REQUIRE or _REPORT");
  }
}

absl::StatusOr<conn::RenegotiationLimit> ReadRenegotiationLimit(
    const v1::RenegotiationLimit& proto) {
  conn::RenegotiationLimit limit;
  limit.count = proto.count();
  if (limit.count < 0 || limit.count > kRenegotiationCountMax) {
    return FieldError(Reason::kFieldInvalid, "renegotiation_limit.count",
                      absl::StrCat(limit.count), "0 to 1000");
  }
  if (proto.has_window()) {
    TLSD_ASSIGN_OR_RETURN(
        limit.window, ToDuration("renegotiation_limit.window", proto.window(),
                                 kTimeoutMin, kRenegotiationWindowMax));
  }
  return limit;
}

absl::StatusOr<conn::ForwardHeader> ReadForwardHeader(
    v1::ProxyHeaderVersion version) {
  switch (version) {
    case v1::PROXY_HEADER_VERSION_UNSPECIFIED:
      return conn::ForwardHeader::kNone;
    case v1::PROXY_HEADER_VERSION_1:
      return conn::ForwardHeader::kVersion1;
    case v1::PROXY_HEADER_VERSION_2:
      return conn::ForwardHeader::kVersion2;
    case v1::PROXY_HEADER_VERSION_2_TLS:
      return conn::ForwardHeader::kVersion2Tls;
    case v1::PROXY_HEADER_VERSION_2_TLS_CERTIFICATE:
      return conn::ForwardHeader::kVersion2TlsCertificate;
    default:
      return FieldError(Reason::kFieldInvalid, "send_proxy_header",
                        absl::StrCat(version),
                        "PROXY_HEADER_VERSION_1, _2, _2_TLS or "
                        "_2_TLS_CERTIFICATE");
  }
}

// What every connection to an upstream would fail with is better told at once.
absl::Status CheckEngine(const conn::ConnectionOptions& options) {
  if (options.protection == conn::Protection::kNone) return absl::OkStatus();
  base::ChunkPool pool;
  return tls::TlsEngine::Create(options.secure_context, tls::Role::kClient,
                                options.engine, pool)
      .status();
}

}  // namespace

absl::StatusOr<conn::Protection> ReadProtection(v1::Protection proto,
                                                ProtectionOf of) {
  const bool is_listener = of == ProtectionOf::kListener;
  if (proto == v1::PROTECTION_NONE) return conn::Protection::kNone;
  if (proto == v1::PROTECTION_UNSPECIFIED || proto == v1::PROTECTION_TLS) {
    return conn::Protection::kTls;
  }
  if (proto == v1::PROTECTION_DETECT && is_listener) {
    return conn::Protection::kDetect;
  }
  return FieldError(Reason::kFieldInvalid, "protection", absl::StrCat(proto),
                    is_listener ? "PROTECTION_TLS, _NONE or _DETECT"
                                : "PROTECTION_TLS or _NONE");
}

absl::StatusOr<conn::SocketOptions> ReadSocketOptions(
    absl::string_view field, const v1::SocketOptions& proto) {
  conn::SocketOptions options;
  if (proto.has_idle_timeout()) {
    TLSD_ASSIGN_OR_RETURN(
        options.idle_timeout,
        ToDuration(absl::StrCat(field, ".idle_timeout"), proto.idle_timeout(),
                   kIdleTimeoutMin, kIdleTimeoutMax));
  }
  if (proto.has_keep_alive()) {
    TLSD_ASSIGN_OR_RETURN(
        options.socket.keep_alive,
        ToDuration(absl::StrCat(field, ".keep_alive"), proto.keep_alive(),
                   absl::Seconds(1), kKeepAliveMax));
    if (options.socket.keep_alive !=
        absl::Trunc(options.socket.keep_alive, absl::Seconds(1))) {
      return FieldError(Reason::kFieldInvalid,
                        absl::StrCat(field, ".keep_alive"),
                        absl::FormatDuration(options.socket.keep_alive),
                        "whole seconds, 1s to 9h,");
    }
  }
  options.socket.delay_small_writes = proto.delay_small_writes();
  return options;
}

ConnectionOptionReader::ConnectionOptionReader(
    const worker::ContextTable& contexts,
    std::shared_ptr<const tls::SecureContext> default_context)
    : contexts_(contexts), default_context_(std::move(default_context)) {}

absl::StatusOr<std::string> ConnectionOptionReader::ReadContext(
    const v1::ConnectRequest& request, conn::ConnectionOptions& options) const {
  options.secure_context = default_context_;
  if (request.secure_context().empty()) return std::string();
  TLSD_RETURN_IF_ERROR(base::CheckName("secure_context", base::kSecureContexts,
                                       request.secure_context()));
  TLSD_ASSIGN_OR_RETURN(
      const std::shared_ptr<const worker::ContextRecord> record,
      contexts_.Get(request.secure_context()));
  options.secure_context_name = record->name;
  options.secure_context = record->secure_context;
  return record->etag;
}

absl::StatusOr<conn::ConnectionOptions> ConnectionOptionReader::ReadTls(
    const v1::ConnectRequest& request) const {
  conn::ConnectionOptions options;
  options.role = tls::Role::kClient;
  tls::EngineOptions& engine = options.engine;
  engine.server_name = request.server_name();
  engine.skip_name_check = request.skip_name_check();
  engine.expected_name = request.expected_name();
  engine.request_ocsp = request.request_ocsp();
  engine.session = request.session();
  engine.early_data = request.early_data();
  engine.ech_config_list = request.ech_config_list();
  TLSD_ASSIGN_OR_RETURN(engine.hooks,
                        ToHooks("hooks", request.hooks(), HookPlace::kConnect));
  TLSD_RETURN_IF_ERROR(ReadVerification(request, engine));
  if (request.has_renegotiation_limit()) {
    TLSD_ASSIGN_OR_RETURN(
        options.renegotiation_limit,
        ReadRenegotiationLimit(request.renegotiation_limit()));
  }
  TLSD_ASSIGN_OR_RETURN(
      options.socket_options,
      ReadSocketOptions("socket_options", request.socket_options()));
  options.handshake_timeout = kConnectTimeout;
  if (request.has_timeout()) {
    TLSD_ASSIGN_OR_RETURN(
        options.handshake_timeout,
        ToDuration("timeout", request.timeout(), kTimeoutMin, kTimeoutMax));
  }
  return options;
}

absl::StatusOr<worker::DialOptions> ConnectionOptionReader::ReadConnect(
    const v1::ConnectRequest& request) const {
  worker::DialOptions options;
  if (request.address().empty()) return FieldRequired("address");
  TLSD_ASSIGN_OR_RETURN(options.endpoint,
                        net::ParseEndpoint("address", request.address()));
  if (!options.endpoint.is_unix() &&
      (options.endpoint.host.empty() || options.endpoint.port == 0)) {
    return FieldError(Reason::kAddressInvalid, "address", request.address(),
                      "a host and a port of 1 to 65535, or unix:/path");
  }
  if (!request.local_address().empty()) {
    TLSD_ASSIGN_OR_RETURN(
        options.local_address,
        net::ParseIpEndpoint("local_address", request.local_address()));
  }
  TLSD_ASSIGN_OR_RETURN(
      const conn::Protection protection,
      ReadProtection(request.protection(), ProtectionOf::kClient));
  if (protection == conn::Protection::kNone) {
    TLSD_RETURN_IF_ERROR(CheckNoTls(request));
  }
  TLSD_ASSIGN_OR_RETURN(options.connection, ReadTls(request));
  options.connection.protection = protection;
  if (protection == conn::Protection::kNone) return options;
  TLSD_ASSIGN_OR_RETURN(const std::string etag,
                        ReadContext(request, options.connection));
  tls::EngineOptions& engine = options.connection.engine;
  if (engine.server_name.empty()) engine.server_name = options.endpoint.host;
  if (!request.use_session_cache()) return options;
  if (!request.session().empty()) {
    return FieldError(Reason::kFieldsConflict, "use_session_cache", "true",
                      "either session or use_session_cache");
  }
  // A session is of one configuration, asked for by one name, at one place.
  options.session_key = absl::StrJoin(
      {request.secure_context(), etag, engine.server_name, request.address()},
      "\n");
  return options;
}

absl::StatusOr<conn::ConnectionOptions> ConnectionOptionReader::ReadClient(
    const v1::ConnectRequest& request) const {
  const Unfitting fields[] = {
      {"address", !request.address().empty()},
      {"protection", request.protection() != v1::PROTECTION_UNSPECIFIED},
      {"local_address", !request.local_address().empty()},
      {"use_session_cache", request.use_session_cache()},
  };
  TLSD_RETURN_IF_ERROR(CheckUnset(fields, "where no socket is dialled"));
  TLSD_ASSIGN_OR_RETURN(conn::ConnectionOptions options, ReadTls(request));
  TLSD_RETURN_IF_ERROR(ReadContext(request, options).status());
  return options;
}

absl::StatusOr<conn::ConnectionOptions> ConnectionOptionReader::ReadServer(
    const v1::ServerOptions& proto,
    const worker::ListenerTable& listeners) const {
  conn::ConnectionOptions options;
  std::shared_ptr<const worker::ContextRecord> record;
  if (!proto.listener().empty()) {
    const Unfitting fields[] = {
        {"secure_context", !proto.secure_context().empty()},
        {"hooks", proto.hooks_size() > 0},
    };
    TLSD_RETURN_IF_ERROR(CheckUnset(fields, "with `listener`"));
    TLSD_RETURN_IF_ERROR(
        base::CheckName("listener", base::kListeners, proto.listener()));
    TLSD_ASSIGN_OR_RETURN(const std::shared_ptr<worker::Listener> listener,
                          listeners.Get(proto.listener()));
    record = listener->secure_context_record();
    options.listener = proto.listener();
    options.engine.contexts = listener->contexts();
    options.engine.hooks = listener->options().hooks;
    options.handshake_timeout = listener->options().handshake_timeout;
  } else {
    TLSD_RETURN_IF_ERROR(base::CheckName(
        "secure_context", base::kSecureContexts, proto.secure_context()));
    TLSD_ASSIGN_OR_RETURN(record, contexts_.Get(proto.secure_context()));
    TLSD_ASSIGN_OR_RETURN(options.engine.hooks, ToHooks("hooks", proto.hooks(),
                                                        HookPlace::kListener));
  }
  if (record == nullptr || !record->secure_context->has_credentials()) {
    return MakeError(
        Reason::kCredentialsRequired,
        "the secure context of a server needs credentials",
        {{"field", proto.listener().empty() ? "secure_context" : "listener"}});
  }
  options.secure_context = record->secure_context;
  options.secure_context_name = record->name;
  TLSD_ASSIGN_OR_RETURN(
      options.engine.client_certificate_mode,
      ToClientCertificateMode("client_certificate_mode",
                              proto.client_certificate_mode()));
  TLSD_ASSIGN_OR_RETURN(
      options.socket_options,
      ReadSocketOptions("socket_options", proto.socket_options()));
  if (proto.has_handshake_timeout()) {
    TLSD_ASSIGN_OR_RETURN(
        options.handshake_timeout,
        ToDuration("handshake_timeout", proto.handshake_timeout(), kTimeoutMin,
                   kTimeoutMax));
  }
  return options;
}

absl::StatusOr<worker::ForwardOptions> ConnectionOptionReader::ReadForward(
    const v1::ForwardHandler& proto) const {
  const v1::ConnectRequest& upstream = proto.upstream();
  const Unfitting fields[] = {
      {"upstream.session", !upstream.session().empty()},
      {"upstream.early_data", !upstream.early_data().empty()},
      {"upstream.hooks", upstream.hooks_size() > 0},
  };
  TLSD_RETURN_IF_ERROR(CheckUnset(fields, "where connections are forwarded"));
  const Unfitting plain_fields[] = {
      {"upstream.socket_options.idle_timeout",
       upstream.socket_options().has_idle_timeout()},
  };
  if (upstream.protection() == v1::PROTECTION_NONE) {
    TLSD_RETURN_IF_ERROR(
        CheckUnset(plain_fields, "where the listener's own timeout holds"));
  }
  worker::ForwardOptions options;
  absl::StatusOr<worker::DialOptions> read = ReadConnect(upstream);
  if (!read.ok()) return PrefixField(read.status(), "upstream.");
  options.upstream = *std::move(read);
  if (const absl::Status fit = CheckEngine(options.upstream.connection);
      !fit.ok()) {
    return PrefixField(fit, "upstream.");
  }
  if (!upstream.secure_context().empty()) {
    TLSD_ASSIGN_OR_RETURN(options.secure_context,
                          contexts_.Find(upstream.secure_context()));
  }
  TLSD_ASSIGN_OR_RETURN(options.header,
                        ReadForwardHeader(proto.send_proxy_header()));
  return options;
}

}  // namespace tlsd::control
