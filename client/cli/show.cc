#include "client/cli/show.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "client/cli/cells.h"
#include "client/cli/hook_options.h"
#include "client/cli/humanize.h"
#include "client/cli/show_certificate.h"
#include "client/cli/show_connection.h"
#include "client/cli/show_transport.h"
#include "client/convert.h"
#include "client/facts.h"

namespace tlsd::client::cli {
namespace {

// "secure context updated" is the longest.
constexpr size_t kTypeWidth = 22;

Cell StateCell(const v1::Listener& listener) {
  const std::string word =
      EnumWord(v1::Listener::State_Name(listener.state()), "STATE_");
  switch (listener.state()) {
    case v1::Listener::STATE_ACTIVE:
      return {word, Tone::kGood};
    case v1::Listener::STATE_DRAINING:
      return {word, Tone::kCareful};
    default:
      return {word, Tone::kFaint};
  }
}

std::string HandlerText(const v1::Listener& listener) {
  if (listener.has_forward()) return "forward";
  return listener.has_echo() ? "echo" : "stream";
}

// ServerNamesText says what becomes of clients by their server name; empty if
// it makes no difference.
std::string ServerNamesText(const v1::Listener& listener) {
  if (listener.context_count() == 0 && !listener.strict_server_names()) {
    return "";
  }
  return absl::StrCat(
      Count(static_cast<size_t>(listener.context_count()), "context"),
      listener.strict_server_names() ? "; others are turned away" : "");
}

// ProtectionText says what protects connections, if it is not always TLS.
std::string ProtectionText(const v1::Listener& listener) {
  switch (listener.protection()) {
    case v1::PROTECTION_NONE:
      return "none: connections are plain";
    case v1::PROTECTION_DETECT:
      return "TLS if the first byte says so, else none";
    default:
      return "";
  }
}

// TimeOfDay shows local time: an event stream is read as it happens.
std::string TimeOfDay(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%H:%M:%E3S", FromProto(time), absl::LocalTimeZone());
}

Tone EventTone(const v1::Event& event) {
  switch (event.type()) {
    case v1::EVENT_TYPE_LISTENING:
    case v1::EVENT_TYPE_SECURE_CONNECTION:
    case v1::EVENT_TYPE_SECURE_CONNECT:
    case v1::EVENT_TYPE_CONNECTION:
      return Tone::kGood;
    case v1::EVENT_TYPE_RENEGOTIATED:
      return Tone::kCareful;
    case v1::EVENT_TYPE_CLIENT_ERROR:
    case v1::EVENT_TYPE_CONNECTION_REJECTED:
      return Tone::kBad;
    case v1::EVENT_TYPE_CERTIFICATE_EXPIRING:
      return ExpiryTone(FromProto(event.certificate_expiry().time_left()));
    default:
      return event.connection().has_failure() ? Tone::kBad : Tone::kPlain;
  }
}

std::string ExpiryText(const v1::CertificateExpiry& expiry) {
  const absl::Duration left = FromProto(expiry.time_left());
  return absl::StrCat(expiry.certificate().subject(), "  ",
                      left < absl::ZeroDuration()
                          ? absl::StrCat("ended ", HumanDuration(-left), " ago")
                          : absl::StrCat("ends in ", HumanDuration(left)));
}

// ContextText tells the own certificates, which are what changes most.
std::string ContextText(const v1::SecureContext& context) {
  std::vector<std::string> subjects;
  for (const v1::Credentials& credentials : context.credentials()) {
    if (credentials.certificates().empty()) continue;
    subjects.push_back(credentials.certificates(0).subject());
  }
  return absl::StrJoin(subjects, "  ");
}

std::string EventDetail(const v1::Event& event) {
  if (event.has_secure_context()) return ContextText(event.secure_context());
  if (event.has_certificate_expiry()) {
    return ExpiryText(event.certificate_expiry());
  }
  if (event.has_listener()) {
    return ToString(FromProto(event.listener().bound_address()));
  }
  if (!event.has_connection()) return "";
  const v1::Connection& connection = event.connection();
  std::vector<std::string> parts = {RemoteText(connection)};
  if (connection.has_failure()) {
    parts.push_back(connection.failure().message());
  } else if (event.type() == v1::EVENT_TYPE_OCSP_RESPONSE) {
    parts.push_back(OcspCell(connection.ocsp_response()).text);
  } else if (event.type() == v1::EVENT_TYPE_CONNECTION_CLOSED) {
    parts.push_back(
        absl::StrCat("in ", HumanBytes(connection.cleartext_bytes_received()),
                     ", out ", HumanBytes(connection.cleartext_bytes_sent())));
  } else if (IsPlain(connection)) {
    parts.push_back(ProtocolText(connection));
  } else if (connection.has_handshake()) {
    parts.push_back(connection.handshake().protocol());
    parts.push_back(CipherText(connection.handshake()));
    if (connection.authorized()) parts.push_back("authorized");
    if (!connection.authorization_error().empty()) {
      parts.push_back(connection.authorization_error());
    }
  }
  return absl::StrJoin(parts, "  ");
}

}  // namespace

Block ServerInfoBlock(const v1::ServerInfo& info, absl::string_view address,
                      absl::Time now) {
  Block block({absl::StrCat("tlsd ", info.version()), Tone::kStrong});
  block.Add("address", std::string(address));
  block.Add("up", AgeText(info.has_start_time(), info.start_time(), now));
  block.Add("process", absl::StrCat(info.process_id()));
  block.Add("workers", absl::StrCat(info.worker_count()));
  block.Add("secure contexts", absl::StrCat(info.secure_context_count()));
  block.Add("listeners", absl::StrCat(info.listener_count()));
  block.Add("connections", absl::StrCat(info.connection_count()));
  if (info.pending_decision_count() > 0) {
    block.Add("decisions", absl::StrCat(info.pending_decision_count(),
                                        " wait for an answer"));
  }
  if (info.key_log_enabled()) block.Add("key log", {"on", Tone::kCareful});
  block.Add("BoringSSL", info.boringssl_revision());
  block.Add("gRPC", info.grpc_version());
  return block;
}

Block ListenerBlock(const v1::Listener& listener, absl::Time now) {
  Block block({listener.name(), Tone::kStrong});
  block.Add("state", StateCell(listener));
  block.Add("address", ToString(FromProto(listener.bound_address())));
  block.Add("secure context", listener.secure_context());
  block.Add("server names", ServerNamesText(listener));
  for (const std::string& hook : HookTexts(listener.hooks())) {
    block.Add("hook", hook);
  }
  block.Add("protection", ProtectionText(listener));
  block.Add("handler", HandlerText(listener));
  if (listener.has_forward()) {
    block.Add("upstream", ForwardText(listener.forward()));
  }
  if (listener.accept_proxy_header()) block.Add("PROXY header", "required");
  block.Add("sockets", SocketText(listener.socket_options()));
  if (listener.ipv6_only()) block.Add("IPv4", "not taken");
  block.Add("handshake timeout",
            HumanDuration(FromProto(listener.handshake_timeout())));
  block.Add("connections",
            absl::StrCat(listener.connection_count(), " open, ",
                         listener.accepted_count(), " accepted, ",
                         listener.rejected_count(), " rejected; at most ",
                         listener.max_connections()));
  if (listener.backlog() > 0) {
    block.Add("backlog", absl::StrCat(listener.backlog()));
  }
  block.Add("age",
            AgeText(listener.has_create_time(), listener.create_time(), now));
  return block;
}

Table ListenerTable(const v1::ListListenersResponse& list, absl::Time now) {
  Table table({"NAME", "STATE", "ADDRESS", "CONTEXT", "HANDLER", "OPEN",
               "ACCEPTED", "AGE"});
  for (const v1::Listener& listener : list.listeners()) {
    table.AddRow(
        {listener.name(), StateCell(listener),
         ToString(FromProto(listener.bound_address())),
         std::string(
             absl::StripPrefix(listener.secure_context(), "secureContexts/")),
         HandlerText(listener), absl::StrCat(listener.connection_count()),
         absl::StrCat(listener.accepted_count()),
         AgeText(listener.has_create_time(), listener.create_time(), now)});
  }
  return table;
}

Table ServerNameTable(const v1::ListContextsResponse& list) {
  Table table({"SERVER NAME", "CONTEXT"});
  for (const v1::ServerNameContext& context : list.contexts()) {
    table.AddRow({context.server_name(),
                  std::string(absl::StripPrefix(context.secure_context(),
                                                "secureContexts/"))});
  }
  return table;
}

std::string EventLine(const v1::Event& event, ColourMode mode) {
  const std::string type =
      EnumWord(v1::EventType_Name(event.type()), "EVENT_TYPE_");
  std::string padded_type = type;
  padded_type.resize(std::max<size_t>(type.size(), kTypeWidth), ' ');
  std::string subject = event.subject();
  subject.resize(std::max<size_t>(subject.size(), 34), ' ');
  return absl::StrCat(Paint({TimeOfDay(event.time()), Tone::kFaint}, mode),
                      "  ", Paint({padded_type, EventTone(event)}, mode), "  ",
                      Paint(subject, mode), "  ",
                      Paint(EventDetail(event), mode), "\n");
}

}  // namespace tlsd::client::cli
