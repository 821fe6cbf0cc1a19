#include "client/cli/show.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "client/cli/humanize.h"
#include "client/convert.h"
#include "client/facts.h"

namespace tlsd::client::cli {
namespace {

// EnumWord turns "STATE_ACTIVE" into "active".
std::string EnumWord(absl::string_view name, absl::string_view prefix) {
  absl::ConsumePrefix(&name, prefix);
  if (name == "UNSPECIFIED") return "";
  return absl::StrReplaceAll(absl::AsciiStrToLower(name), {{"_", " "}});
}

std::string Age(bool is_set, const google::protobuf::Timestamp& time,
                absl::Time now) {
  return is_set ? HumanDuration(now - FromProto(time)) : "";
}

Cell ExpiryCell(const v1::SecureContext& context, absl::Time now) {
  if (!context.has_expire_time()) return "";
  const absl::Time end = FromProto(context.expire_time());
  const absl::Duration left = end - now;
  Tone tone = Tone::kGood;
  if (left < absl::Hours(24 * 14)) tone = Tone::kCareful;
  if (left < absl::ZeroDuration()) tone = Tone::kBad;
  return {HumanAge(end, now), tone};
}

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

Cell StateCell(const v1::Connection& connection) {
  const std::string word =
      EnumWord(v1::Connection::State_Name(connection.state()), "STATE_");
  if (connection.has_failure()) return {"failed", Tone::kBad};
  switch (connection.state()) {
    case v1::Connection::STATE_OPEN:
      return {word, Tone::kGood};
    case v1::Connection::STATE_HANDSHAKING:
      return {word, Tone::kCareful};
    default:
      return {word, Tone::kFaint};
  }
}

Cell AuthorizedCell(const v1::Connection& connection) {
  if (!connection.has_handshake()) return "";
  if (connection.authorized()) return {"yes", Tone::kGood};
  if (connection.authorization_error().empty()) {
    return {"not asked", Tone::kFaint};
  }
  return {absl::StrCat("no: ", connection.authorization_error()), Tone::kBad};
}

std::string PeerText(const v1::Connection& connection) {
  if (!connection.has_peer_certificate()) return "";
  const v1::Certificate& certificate = connection.peer_certificate();
  return absl::StrCat(certificate.subject(), ", issued by ",
                      certificate.issuer());
}

std::string CipherText(const v1::Handshake& handshake) {
  return handshake.cipher_standard_name().empty()
             ? handshake.cipher()
             : handshake.cipher_standard_name();
}

std::string TrustText(const v1::TrustAnchors& anchors) {
  std::vector<std::string> sources;
  if (anchors.certificate_count() > 0) {
    sources.push_back(
        absl::StrCat(anchors.certificate_count(), " certificate",
                     anchors.certificate_count() == 1 ? "" : "s"));
  }
  if (!anchors.system_path().empty()) {
    sources.push_back(absl::StrCat("system (", anchors.system_path(), ")"));
  } else if (anchors.system()) {
    sources.push_back("system");
  }
  if (anchors.development()) sources.push_back("development authority");
  return absl::StrJoin(sources, ", ");
}

std::string ClientCertificateText(const v1::SecureContext& context) {
  return EnumWord(
      v1::ClientCertificateMode_Name(context.client_certificate_mode()),
      "CLIENT_CERTIFICATE_MODE_");
}

std::string VersionText(v1::TlsVersion version) {
  switch (version) {
    case v1::TLS_VERSION_TLS_1_0:
      return "1.0";
    case v1::TLS_VERSION_TLS_1_1:
      return "1.1";
    case v1::TLS_VERSION_TLS_1_2:
      return "1.2";
    case v1::TLS_VERSION_TLS_1_3:
      return "1.3";
    default:
      return "";
  }
}

std::string VersionRange(v1::TlsVersion oldest, v1::TlsVersion newest) {
  if (oldest == newest) return VersionText(oldest);
  return absl::StrCat(VersionText(oldest), " to ", VersionText(newest));
}

const v1::Certificate* OwnCertificate(const v1::SecureContext& context) {
  for (const v1::Credentials& credentials : context.credentials()) {
    if (credentials.certificates_size() > 0) {
      return &credentials.certificates(0);
    }
  }
  return nullptr;
}

std::string HandlerText(const v1::Listener& listener) {
  return listener.has_echo() ? "echo" : "stream";
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
      return Tone::kGood;
    case v1::EVENT_TYPE_CLIENT_ERROR:
    case v1::EVENT_TYPE_CONNECTION_REJECTED:
      return Tone::kBad;
    default:
      return event.connection().has_failure() ? Tone::kBad : Tone::kPlain;
  }
}

std::string EventDetail(const v1::Event& event) {
  if (event.has_listener()) {
    return ToString(FromProto(event.listener().bound_address()));
  }
  if (!event.has_connection()) return "";
  const v1::Connection& connection = event.connection();
  std::vector<std::string> parts = {
      ToString(FromProto(connection.remote_address()))};
  if (connection.has_failure()) {
    parts.push_back(connection.failure().message());
  } else if (event.type() == v1::EVENT_TYPE_CONNECTION_CLOSED) {
    parts.push_back(
        absl::StrCat("in ", HumanBytes(connection.cleartext_bytes_received()),
                     ", out ", HumanBytes(connection.cleartext_bytes_sent())));
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

void AddHandshake(const v1::Connection& connection, Block& block) {
  const v1::Handshake& handshake = connection.handshake();
  block.Add("protocol", handshake.protocol());
  block.Add("cipher", CipherText(handshake));
  block.Add("group", handshake.group());
  block.Add("server name", handshake.server_name());
  block.Add("ALPN", handshake.alpn_protocol());
  if (handshake.resumed()) block.Add("session", "resumed");
  block.Add("peer", PeerText(connection));
  block.Add("authorized", AuthorizedCell(connection));
}

}  // namespace

Block ServerInfoBlock(const v1::ServerInfo& info, absl::string_view address,
                      absl::Time now) {
  Block block({absl::StrCat("tlsd ", info.version()), Tone::kStrong});
  block.Add("address", std::string(address));
  block.Add("up", Age(info.has_start_time(), info.start_time(), now));
  block.Add("process", absl::StrCat(info.process_id()));
  block.Add("workers", absl::StrCat(info.worker_count()));
  block.Add("secure contexts", absl::StrCat(info.secure_context_count()));
  block.Add("listeners", absl::StrCat(info.listener_count()));
  block.Add("connections", absl::StrCat(info.connection_count()));
  block.Add("BoringSSL", info.boringssl_revision());
  block.Add("gRPC", info.grpc_version());
  return block;
}

Block SecureContextBlock(const v1::SecureContext& context, absl::Time now) {
  Block block({context.name(), Tone::kStrong});
  const v1::Certificate* own = OwnCertificate(context);
  if (own != nullptr) {
    block.Add("certificate", own->subject());
    block.Add("issuer", own->issuer());
    block.Add("names", absl::StrJoin(own->subject_alternative_names(), ", "));
    block.Add("key", own->public_key());
    block.Add("expires", ExpiryCell(context, now));
    block.Add("fingerprint", own->sha256_fingerprint());
  }
  block.Add("trusts", TrustText(context.trust_anchors()));
  block.Add("client certificates", ClientCertificateText(context));
  block.Add("TLS versions",
            VersionRange(context.min_version(), context.max_version()));
  block.Add("ALPN", absl::StrJoin(context.alpn_protocols(), ", "));
  block.Add("age", Age(context.has_create_time(), context.create_time(), now));
  return block;
}

Table SecureContextTable(const v1::ListSecureContextsResponse& list,
                         absl::Time now) {
  Table table({"NAME", "CERTIFICATE", "EXPIRES", "TRUSTS", "CLIENT CERT",
               "ALPN", "AGE"});
  for (const v1::SecureContext& context : list.secure_contexts()) {
    const v1::Certificate* own = OwnCertificate(context);
    table.AddRow({context.name(), own == nullptr ? "" : own->subject(),
                  ExpiryCell(context, now), TrustText(context.trust_anchors()),
                  ClientCertificateText(context),
                  absl::StrJoin(context.alpn_protocols(), ","),
                  Age(context.has_create_time(), context.create_time(), now)});
  }
  return table;
}

Table CipherSuiteTable(const v1::ListAlgorithmsResponse& algorithms) {
  Table table({"CIPHER SUITE", "STANDARD NAME", "TLS", "BITS"});
  for (const v1::CipherSuite& suite : algorithms.cipher_suites()) {
    table.AddRow({suite.name(), suite.standard_name(),
                  VersionRange(suite.min_version(), suite.max_version()),
                  absl::StrCat(suite.strength_bits())});
  }
  return table;
}

Block ListenerBlock(const v1::Listener& listener, absl::Time now) {
  Block block({listener.name(), Tone::kStrong});
  block.Add("state", StateCell(listener));
  block.Add("address", ToString(FromProto(listener.bound_address())));
  block.Add("secure context", listener.secure_context());
  block.Add("handler", HandlerText(listener));
  block.Add("handshake timeout",
            HumanDuration(FromProto(listener.handshake_timeout())));
  block.Add("connections",
            absl::StrCat(listener.connection_count(), " open, ",
                         listener.accepted_count(), " accepted, ",
                         listener.rejected_count(), " rejected; at most ",
                         listener.max_connections()));
  block.Add("age",
            Age(listener.has_create_time(), listener.create_time(), now));
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
         Age(listener.has_create_time(), listener.create_time(), now)});
  }
  return table;
}

Block ConnectionBlock(const v1::Connection& connection, absl::Time now) {
  Block block({connection.name(), Tone::kStrong});
  block.Add("state", StateCell(connection));
  block.Add("failure", {connection.failure().message(), Tone::kBad});
  block.Add("role", EnumWord(v1::Role_Name(connection.role()), "ROLE_"));
  block.Add("listener", connection.listener());
  block.Add("secure context", connection.secure_context());
  block.Add("local", ToString(FromProto(connection.local_address())));
  block.Add("remote", ToString(FromProto(connection.remote_address())));
  AddHandshake(connection, block);
  block.Add(
      "cleartext",
      absl::StrCat(HumanBytes(connection.cleartext_bytes_received()), " in, ",
                   HumanBytes(connection.cleartext_bytes_sent()), " out"));
  block.Add("wire",
            absl::StrCat(HumanBytes(connection.wire_bytes_received()), " in, ",
                         HumanBytes(connection.wire_bytes_sent()), " out"));
  block.Add("age",
            Age(connection.has_create_time(), connection.create_time(), now));
  return block;
}

Table ConnectionTable(const v1::ListConnectionsResponse& list, absl::Time now) {
  Table table({"NAME", "STATE", "ROLE", "REMOTE", "PROTOCOL", "SERVER NAME",
               "AUTHORIZED", "IN", "OUT", "AGE"});
  for (const v1::Connection& connection : list.connections()) {
    table.AddRow(
        {connection.name(), StateCell(connection),
         EnumWord(v1::Role_Name(connection.role()), "ROLE_"),
         ToString(FromProto(connection.remote_address())),
         connection.handshake().protocol(),
         connection.handshake().server_name(), AuthorizedCell(connection),
         HumanBytes(connection.cleartext_bytes_received()),
         HumanBytes(connection.cleartext_bytes_sent()),
         Age(connection.has_create_time(), connection.create_time(), now)});
  }
  return table;
}

Block ConnectionSummary(const v1::Connection& connection) {
  const std::string remote = ToString(FromProto(connection.remote_address()));
  const bool is_server = connection.role() == v1::ROLE_SERVER;
  Block block({absl::StrCat(is_server ? "accepted " : "connected to ", remote,
                            " as ", connection.name()),
               Tone::kStrong});
  AddHandshake(connection, block);
  return block;
}

std::string EventLine(const v1::Event& event, ColourMode mode) {
  const std::string type =
      EnumWord(v1::EventType_Name(event.type()), "EVENT_TYPE_");
  std::string padded_type = type;
  padded_type.resize(std::max<size_t>(type.size(), 19), ' ');
  std::string subject = event.subject();
  subject.resize(std::max<size_t>(subject.size(), 34), ' ');
  return absl::StrCat(Paint({TimeOfDay(event.time()), Tone::kFaint}, mode),
                      "  ", Paint({padded_type, EventTone(event)}, mode), "  ",
                      Paint(subject, mode), "  ",
                      Paint(EventDetail(event), mode), "\n");
}

}  // namespace tlsd::client::cli
