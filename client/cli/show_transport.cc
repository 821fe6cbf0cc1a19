#include "client/cli/show_transport.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "client/cli/humanize.h"
#include "client/convert.h"
#include "client/facts.h"

namespace tlsd::client::cli {
namespace {

// FieldName is a type of section 2.2 of the PROXY protocol.
struct FieldName {
  int type;
  absl::string_view name;
  bool is_text;
};

constexpr FieldName kFieldNames[] = {
    {0x01, "ALPN", true},    {0x02, "authority", true},
    {0x03, "CRC32C", false}, {0x05, "unique ID", false},
    {0x20, "SSL", false},    {0x30, "network namespace", true},
};

std::string FieldText(const v1::ProxyField& field) {
  for (const FieldName& known : kFieldNames) {
    if (known.type != field.type()) continue;
    return absl::StrCat(
        known.name, ": ",
        known.is_text ? field.value() : absl::BytesToHexString(field.value()));
  }
  return absl::StrCat("type ", field.type(), ": ",
                      absl::BytesToHexString(field.value()));
}

std::string SentText(v1::ProxyHeaderVersion version) {
  switch (version) {
    case v1::PROXY_HEADER_VERSION_1:
      return "PROXY v1";
    case v1::PROXY_HEADER_VERSION_2:
      return "PROXY v2";
    case v1::PROXY_HEADER_VERSION_2_TLS:
      return "PROXY v2 with TLS";
    case v1::PROXY_HEADER_VERSION_2_TLS_CERTIFICATE:
      return "PROXY v2 with TLS and certificate";
    default:
      return "";
  }
}

}  // namespace

std::string SocketText(const v1::SocketOptions& options) {
  std::vector<std::string> parts;
  if (options.has_idle_timeout()) {
    parts.push_back(absl::StrCat(
        "idle timeout ", HumanDuration(FromProto(options.idle_timeout()))));
  }
  if (options.has_keep_alive()) {
    parts.push_back(absl::StrCat(
        "keep-alive ", HumanDuration(FromProto(options.keep_alive()))));
  }
  if (options.delay_small_writes()) parts.push_back("small writes delayed");
  return absl::StrJoin(parts, ", ");
}

std::string ProxyHeaderText(const v1::Connection& connection) {
  if (!connection.has_proxy_header()) return "";
  const v1::ProxyHeader& header = connection.proxy_header();
  std::string text = absl::StrCat("version ", header.version());
  const std::string proxy = ToString(FromProto(connection.proxy_address()));
  if (!proxy.empty()) absl::StrAppend(&text, ", from ", proxy);
  if (header.is_local()) return absl::StrCat(text, ", of the proxy itself");
  const std::string destination = ToString(FromProto(header.destination()));
  if (!destination.empty()) absl::StrAppend(&text, ", for ", destination);
  return text;
}

std::vector<std::string> ProxyFieldTexts(const v1::ProxyHeader& header) {
  std::vector<std::string> texts;
  for (const v1::ProxyField& field : header.fields()) {
    texts.push_back(FieldText(field));
  }
  return texts;
}

std::string ForwardText(const v1::ForwardHandler& forward) {
  const bool is_plain = forward.upstream().protection() == v1::PROTECTION_NONE;
  const std::string sent = SentText(forward.send_proxy_header());
  return absl::StrCat(forward.upstream().address(),
                      is_plain ? ", plain" : ", TLS", sent.empty() ? "" : ", ",
                      sent);
}

}  // namespace tlsd::client::cli
