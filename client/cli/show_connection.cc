#include "client/cli/show_connection.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/cells.h"
#include "client/cli/humanize.h"
#include "client/cli/show_certificate.h"
#include "client/cli/show_transport.h"
#include "client/convert.h"
#include "client/facts.h"

namespace tlsd::client::cli {
namespace {

// RFC 8446 section 5.1.
constexpr int kRecordBytesMax = 16384;

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
  return {absl::StrCat("no: ", UnauthorizedText(connection)), Tone::kBad};
}

std::string PeerText(const v1::Connection& connection) {
  if (!connection.has_peer_certificate()) return "";
  const v1::Certificate& certificate = connection.peer_certificate();
  return absl::StrCat(certificate.subject(), ", issued by ",
                      certificate.issuer());
}

// AuthorizedWord is AuthorizedCell for a column.
Cell AuthorizedWord(const v1::Connection& connection) {
  Cell cell = AuthorizedCell(connection);
  if (cell.tone == Tone::kBad) {
    cell.text = absl::StrCat("no: ", connection.authorization_error());
  }
  return cell;
}

// EarlyDataCell warns of what may have been sent again.
Cell EarlyDataCell(const v1::Connection& connection) {
  const std::string word = EnumWord(
      v1::EarlyData_Name(connection.handshake().early_data()), "EARLY_DATA_");
  if (connection.early_bytes_received() == 0) return word;
  return {absl::StrCat(word, word.empty() ? "" : ", ", "the first ",
                       HumanBytes(connection.early_bytes_received()),
                       " may have been replayed"),
          Tone::kCareful};
}

// AddTransport tells what lies below the connection, and where its cleartext
// goes.
void AddTransport(const v1::Connection& connection, Block& block) {
  block.Add("local", ToString(FromProto(connection.local_address())));
  block.Add("remote", ToString(FromProto(connection.remote_address())));
  block.Add("PROXY header", ProxyHeaderText(connection));
  block.AddList("PROXY fields", ProxyFieldTexts(connection.proxy_header()));
  block.Add("carrier", connection.carrier());
  block.Add("piped with", connection.piped_with());
  block.Add("upstream", connection.upstream());
  block.Add("socket", SocketText(connection.socket_options()));
}

void AddHandshake(const v1::Connection& connection, Block& block) {
  const v1::Handshake& handshake = connection.handshake();
  block.Add("protocol", ProtocolText(connection));
  block.Add("cipher", CipherText(handshake));
  block.Add("group", handshake.group());
  block.Add("server name", handshake.server_name());
  block.Add("ALPN", handshake.alpn_protocol());
  block.Add("NPN", handshake.npn_protocol());
  if (handshake.resumed()) block.Add("session", "resumed");
  block.Add("early data", EarlyDataCell(connection));
  if (handshake.ech_accepted()) block.Add("ECH", {"accepted", Tone::kGood});
  if (connection.has_ocsp_response()) {
    block.Add("OCSP", OcspCell(connection.ocsp_response()));
  }
  block.Add("peer", PeerText(connection));
  block.Add("signature", SignatureText(handshake.peer_signature_algorithm()));
  block.Add("authorized", AuthorizedCell(connection));
}

}  // namespace

bool IsPlain(const v1::Connection& connection) {
  return connection.has_open_time() && !connection.encrypted() &&
         !connection.has_handshake();
}

std::string ProtocolText(const v1::Connection& connection) {
  return IsPlain(connection) ? "plain" : connection.handshake().protocol();
}

std::string RemoteText(const v1::Connection& connection) {
  const std::string remote = ToString(FromProto(connection.remote_address()));
  if (!remote.empty() || connection.carrier().empty()) return remote;
  return absl::StrCat("over ", connection.carrier());
}

std::string CipherText(const v1::Handshake& handshake) {
  return handshake.cipher_standard_name().empty()
             ? handshake.cipher()
             : handshake.cipher_standard_name();
}

std::string SignatureText(absl::string_view algorithm) {
  if (algorithm.empty()) return "";
  // RFC 8446 4.2.3: TYPE_..._HASH, and types that have their own hash.
  static constexpr std::pair<absl::string_view, absl::string_view> kTypes[] = {
      {"rsa_pss_", "RSA-PSS"},
      {"rsa_pkcs1_", "RSA"},
      {"ecdsa_", "ECDSA"},
      {"ed25519", "Ed25519"},
      {"ed448", "Ed448"}};
  for (const auto& [prefix, type] : kTypes) {
    if (!absl::StartsWith(algorithm, prefix)) continue;
    const std::vector<std::string> parts = absl::StrSplit(algorithm, '_');
    const bool has_hash = absl::StartsWith(parts.back(), "sha");
    return absl::StrCat(type, has_hash ? ", " : "",
                        has_hash ? absl::AsciiStrToUpper(parts.back()) : "",
                        " (", algorithm, ")");
  }
  return std::string(algorithm);
}

std::string ReasonText(const std::string& error, const std::string& text) {
  if (text.empty()) return error;
  return absl::StrCat(error, " (", text, ")");
}

std::string UnauthorizedText(const v1::Connection& connection) {
  return ReasonText(connection.authorization_error(),
                    connection.authorization_error_text());
}

Block ConnectionBlock(const v1::Connection& connection, absl::Time now) {
  Block block({connection.name(), Tone::kStrong});
  block.Add("state", StateCell(connection));
  block.Add("failure", {connection.failure().message(), Tone::kBad});
  block.Add("role", EnumWord(v1::Role_Name(connection.role()), "ROLE_"));
  block.Add("listener", connection.listener());
  block.Add("secure context", connection.secure_context());
  AddTransport(connection, block);
  AddHandshake(connection, block);
  block.Add("certificate asked for",
            connection.handshake().certificate_requested() ? "yes" : "");
  block.Add("certificate shown",
            connection.handshake().own_certificate_sha256());
  block.Add("can be resumed", connection.has_session() ? "yes" : "");
  if (connection.renegotiation_count() > 0) {
    block.Add(
        "renegotiated",
        Count(static_cast<size_t>(connection.renegotiation_count()), "time"));
  }
  if (connection.max_send_fragment() > 0 &&
      connection.max_send_fragment() < kRecordBytesMax) {
    block.Add(
        "records sent",
        absl::StrCat("at most ", connection.max_send_fragment(), " B each"));
  }
  block.Add(
      "cleartext",
      absl::StrCat(HumanBytes(connection.cleartext_bytes_received()), " in, ",
                   HumanBytes(connection.cleartext_bytes_sent()), " out"));
  block.Add("wire",
            absl::StrCat(HumanBytes(connection.wire_bytes_received()), " in, ",
                         HumanBytes(connection.wire_bytes_sent()), " out"));
  block.Add("age", AgeText(connection.has_create_time(),
                           connection.create_time(), now));
  return block;
}

Block SessionBlock(const std::string& connection,
                   const v1::GetSessionResponse& response, absl::Time now) {
  Block block({absl::StrCat("session of ", connection), Tone::kStrong});
  block.Add("size",
            HumanBytes(static_cast<int64_t>(response.session().size())));
  if (response.single_use()) block.Add("use", "once");
  block.Add("age",
            AgeText(response.has_create_time(), response.create_time(), now));
  if (response.has_expire_time()) {
    block.Add("expires", HumanAge(FromProto(response.expire_time()), now));
  }
  return block;
}

Block ChannelBindingsBlock(const std::string& connection,
                           const v1::GetChannelBindingsResponse& response) {
  Block block(
      {absl::StrCat("channel bindings of ", connection), Tone::kStrong});
  block.Add("finished", absl::BytesToHexString(response.finished()));
  block.Add("peer finished", absl::BytesToHexString(response.peer_finished()));
  block.Add("tls-unique", absl::BytesToHexString(response.tls_unique()));
  block.Add("tls-exporter", absl::BytesToHexString(response.tls_exporter()));
  block.Add("tls-server-end-point",
            absl::BytesToHexString(response.tls_server_end_point()));
  return block;
}

Block SecurePairBlock(const v1::SecurePair& pair) {
  Block block({"secure pair", Tone::kStrong});
  block.Add("cleartext", pair.cleartext().name());
  block.Add("encrypted", pair.encrypted().name());
  return block;
}

Table ConnectionTable(const v1::ListConnectionsResponse& list, absl::Time now) {
  Table table({"NAME", "STATE", "ROLE", "REMOTE", "PROTOCOL", "SERVER NAME",
               "AUTHORIZED", "IN", "OUT", "AGE"});
  for (const v1::Connection& connection : list.connections()) {
    table.AddRow(
        {connection.name(), StateCell(connection),
         EnumWord(v1::Role_Name(connection.role()), "ROLE_"),
         RemoteText(connection), ProtocolText(connection),
         connection.handshake().server_name(), AuthorizedWord(connection),
         HumanBytes(connection.cleartext_bytes_received()),
         HumanBytes(connection.cleartext_bytes_sent()),
         AgeText(connection.has_create_time(), connection.create_time(), now)});
  }
  return table;
}

Block ConnectionSummary(const v1::Connection& connection,
                        absl::string_view checked_name) {
  const bool has_address = connection.has_remote_address();
  std::string begin = has_address ? "connected to " : "connected ";
  if (connection.role() == v1::ROLE_SERVER) begin = "accepted ";
  Block block(
      {absl::StrCat(begin, RemoteText(connection), " as ", connection.name()),
       Tone::kStrong});
  AddHandshake(connection, block);
  if (connection.authorized()) {
    block.Add("peer name", std::string(checked_name));
  }
  return block;
}

}  // namespace tlsd::client::cli
