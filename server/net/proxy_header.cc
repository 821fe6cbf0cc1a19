#include "server/net/proxy_header.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "proto/status/error.h"
#include "server/base/byte_queue.h"
#include "server/base/status_macros.h"
#include "server/base/utf8.h"
#include "server/net/raw_address.h"

namespace tlsd::net {
namespace {

using Family = SocketAddress::Family;

// Version 1 (section 2.1).
constexpr absl::string_view kTextIpv4 = "PROXY TCP4 ";
constexpr absl::string_view kTextIpv6 = "PROXY TCP6 ";
constexpr absl::string_view kTextUnknown = "PROXY UNKNOWN";
constexpr size_t kTextBytesMax = 107;
// "PROXY UNKNOWN\r\n": whatever the header, so many bytes belong to it.
constexpr size_t kBytesMin = 15;

// Version 2 (section 2.2).
constexpr absl::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr size_t kPreambleBytes = 16;
constexpr uint8_t kCommandLocal = 0x20;
constexpr uint8_t kCommandProxy = 0x21;
constexpr uint8_t kUnspecified = 0x00;
constexpr uint8_t kStreamIpv4 = 0x11;
constexpr uint8_t kDatagramIpv4 = 0x12;
constexpr uint8_t kStreamIpv6 = 0x21;
constexpr uint8_t kDatagramIpv6 = 0x22;
constexpr uint8_t kStreamUnix = 0x31;
constexpr uint8_t kDatagramUnix = 0x32;
constexpr size_t kUnixBytes = 108;
constexpr size_t kBodyBytesMax = 65535;
constexpr size_t kFieldHeadBytes = 3;
constexpr size_t kChecksumBytes = 4;
constexpr uint8_t kProxyNoop = 0x04;

// The field kProxySsl (section 2.2.6).
constexpr uint8_t kClientSsl = 0x01;
constexpr uint8_t kClientCertificateOnConnection = 0x02;
constexpr uint8_t kClientCertificateInSession = 0x04;
constexpr uint8_t kSslVersion = 0x21;
constexpr uint8_t kSslCommonName = 0x22;
constexpr uint8_t kSslCipher = 0x23;
constexpr uint8_t kSslSignatureAlgorithm = 0x24;
constexpr uint8_t kSslKeyAlgorithm = 0x25;
constexpr uint8_t kSslClientCertificate = 0x28;

uint8_t ByteAt(absl::string_view bytes, size_t at) {
  return static_cast<uint8_t>(bytes[at]);
}

size_t Number16At(absl::string_view bytes, size_t at) {
  return static_cast<size_t>(ByteAt(bytes, at)) << 8 | ByteAt(bytes, at + 1);
}

void AppendNumber16(size_t number, std::string& bytes) {
  bytes.push_back(static_cast<char>(number >> 8));
  bytes.push_back(static_cast<char>(number));
}

// The CRC32c of RFC 4960, Appendix B.
constexpr std::array<uint32_t, 256> MakeChecksumTable() {
  std::array<uint32_t, 256> table = {};
  for (uint32_t i = 0; i < table.size(); ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value >> 1) ^ ((value & 1) != 0 ? 0x82F63B78u : 0);
    }
    table[i] = value;
  }
  return table;
}

std::string Checksum(absl::string_view bytes) {
  static constexpr std::array<uint32_t, 256> kTable = MakeChecksumTable();
  uint32_t value = ~0u;
  for (const char byte : bytes) {
    value = (value >> 8) ^ kTable[(value ^ static_cast<uint8_t>(byte)) & 0xff];
  }
  value = ~value;
  std::string text;
  AppendNumber16(value >> 16, text);
  AppendNumber16(value & 0xffff, text);
  return text;
}

absl::Status Refuse(absl::string_view bytes, absl::string_view problem) {
  const std::string got = QuoteForMessage(bytes);
  return MakeError(
      Reason::kProxyHeaderInvalid,
      absl::StrCat("the PROXY header is invalid: ", problem, "; got ", got),
      {{"got", got.substr(1, got.size() - 2)},
       {"problem", std::string(problem)}});
}

// A pair of IP addresses of one family.
struct RawPair {
  RawAddress source;
  RawAddress destination;
};

// ToRaw returns `address` as a socket has it, without its zone; none if it is
// no IP address.
std::optional<RawAddress> ToRaw(const SocketAddress& address) {
  if (address.family != Family::kIpv4 && address.family != Family::kIpv6) {
    return std::nullopt;
  }
  const absl::string_view ip = address.ip();
  return RawFromIp(ip.substr(0, ip.find('%')), address.port);
}

std::optional<RawPair> IpAddressesOf(const ProxyHeader& header) {
  if (header.is_local) return std::nullopt;
  std::optional<RawAddress> source = ToRaw(header.source);
  std::optional<RawAddress> destination = ToRaw(header.destination);
  if (!source.has_value() || !destination.has_value()) return std::nullopt;
  if (source->family() != destination->family()) {
    auto& ipv4 = source->family() == AF_INET ? source : destination;
    const SocketAddress address = FromRaw(*ipv4);
    ipv4 = RawFromIp(absl::StrCat("::ffff:", address.ip()), address.port);
  }
  return RawPair{*source, *destination};
}

// IpBytes returns the bytes of an address of `family`, in network order.
std::string IpBytes(const RawAddress& raw) {
  if (raw.family() == AF_INET) {
    sockaddr_in ipv4;
    std::memcpy(&ipv4, &raw.storage, sizeof(ipv4));
    return std::string(reinterpret_cast<const char*>(&ipv4.sin_addr), 4);
  }
  sockaddr_in6 ipv6;
  std::memcpy(&ipv6, &raw.storage, sizeof(ipv6));
  return std::string(reinterpret_cast<const char*>(&ipv6.sin6_addr), 16);
}

// IpText returns the form of version 1, which knows no dots in IPv6 addresses.
std::string IpText(const RawAddress& raw) {
  const SocketAddress address = FromRaw(raw);
  if (raw.family() == AF_INET || address.family == Family::kIpv6) {
    return address.text;
  }
  const std::string bytes = IpBytes(raw);
  return absl::StrCat("::ffff:", absl::Hex(Number16At(bytes, 12)), ":",
                      absl::Hex(Number16At(bytes, 14)));
}

std::string EncodeText(const ProxyHeader& header) {
  const std::optional<RawPair> pair = IpAddressesOf(header);
  if (!pair.has_value()) return absl::StrCat(kTextUnknown, "\r\n");
  return absl::StrCat(pair->source.family() == AF_INET ? kTextIpv4 : kTextIpv6,
                      IpText(pair->source), " ", IpText(pair->destination), " ",
                      header.source.port, " ", header.destination.port, "\r\n");
}

// The names of the abstract name space begin with "@" in a SocketAddress, and
// with a NUL on the wire.
std::string UnixBytes(absl::string_view path) {
  std::string bytes(path.substr(0, kUnixBytes));
  if (absl::StartsWith(bytes, "@")) bytes[0] = '\0';
  bytes.resize(kUnixBytes);
  return bytes;
}

std::string UnixPathOf(absl::string_view bytes) {
  if (bytes.front() != '\0') {
    return std::string(bytes.substr(0, bytes.find('\0')));
  }
  const size_t last = bytes.find_last_not_of('\0');
  if (last == absl::string_view::npos) return "";
  return absl::StrCat("@", bytes.substr(1, last));
}

// AppendField leaves out a field with which `bytes` would exceed `size_max`.
void AppendField(uint8_t type, absl::string_view value, size_t size_max,
                 std::string& bytes) {
  if (bytes.size() + kFieldHeadBytes + value.size() > size_max) return;
  bytes.push_back(static_cast<char>(type));
  AppendNumber16(value.size(), bytes);
  absl::StrAppend(&bytes, value);
}

std::string EncodeBinary(const ProxyHeader& header) {
  uint8_t command = kCommandProxy;
  uint8_t family = kUnspecified;
  std::string body;
  if (const std::optional<RawPair> pair = IpAddressesOf(header)) {
    family = pair->source.family() == AF_INET ? kStreamIpv4 : kStreamIpv6;
    body = absl::StrCat(IpBytes(pair->source), IpBytes(pair->destination));
    AppendNumber16(header.source.port, body);
    AppendNumber16(header.destination.port, body);
  } else if (!header.is_local && header.source.family == Family::kUnix &&
             header.destination.family == Family::kUnix) {
    family = kStreamUnix;
    body = absl::StrCat(UnixBytes(header.source.path()),
                        UnixBytes(header.destination.path()));
  } else {
    command = kCommandLocal;
  }
  // A checksum that came with other addresses would be wrong here.
  std::optional<size_t> checksum_at;
  for (const ProxyField& field : header.fields) {
    const bool is_checksum = field.type == kProxyChecksum;
    if (is_checksum && checksum_at.has_value()) continue;
    const size_t size = body.size();
    AppendField(field.type,
                is_checksum ? std::string(kChecksumBytes, '\0') : field.value,
                kBodyBytesMax, body);
    if (is_checksum && body.size() > size) {
      checksum_at = kPreambleBytes + size + kFieldHeadBytes;
    }
  }
  std::string bytes(kSignature);
  bytes.push_back(static_cast<char>(command));
  bytes.push_back(static_cast<char>(family));
  AppendNumber16(body.size(), bytes);
  bytes += body;
  if (checksum_at.has_value()) {
    bytes.replace(*checksum_at, kChecksumBytes, Checksum(bytes));
  }
  return bytes;
}

// How many bytes more belong to the header for sure; at least one.
size_t MissingSize(absl::string_view bytes) {
  if (bytes.size() < kBytesMin) return kBytesMin - bytes.size();
  if (bytes.front() != kSignature.front() || bytes.size() < kPreambleBytes) {
    return 1;
  }
  return kPreambleBytes + Number16At(bytes, 14) - bytes.size();
}

// IsBeginOf reports whether `bytes` begin with `start`, or are cut off in it.
bool IsBeginOf(absl::string_view start, absl::string_view bytes) {
  return absl::StartsWith(bytes, start.substr(0, bytes.size()));
}

bool IsAddressChar(char c) {
  return absl::ascii_isxdigit(c) || c == '.' || c == ':' || c == ' ';
}

bool ParseDecimalPort(absl::string_view text, uint16_t& port) {
  uint32_t number = 0;
  const bool is_canonical =
      !text.empty() && text.size() <= 5 &&
      std::all_of(text.begin(), text.end(), absl::ascii_isdigit) &&
      (text.size() == 1 || text.front() != '0');
  if (!is_canonical || !absl::SimpleAtoi(text, &number) || number > 65535) {
    return false;
  }
  port = static_cast<uint16_t>(number);
  return true;
}

// Section 2.1 has no dots in IPv6 addresses.
bool ParseTextIp(int family, absl::string_view ip, uint16_t port,
                 SocketAddress& address) {
  const std::optional<RawAddress> raw = RawFromIp(ip, port);
  if (!raw.has_value() || raw->family() != family) return false;
  if (family == AF_INET6 && absl::StrContains(ip, '.')) return false;
  address = FromRaw(*raw);
  return true;
}

bool ParseTextAddresses(absl::string_view line, ProxyHeader& header) {
  const int family = absl::ConsumePrefix(&line, kTextIpv4) ? AF_INET : AF_INET6;
  if (family == AF_INET6) absl::ConsumePrefix(&line, kTextIpv6);
  const std::vector<absl::string_view> parts = absl::StrSplit(line, ' ');
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  return parts.size() == 4 && ParseDecimalPort(parts[2], source_port) &&
         ParseDecimalPort(parts[3], destination_port) &&
         ParseTextIp(family, parts[0], source_port, header.source) &&
         ParseTextIp(family, parts[1], destination_port, header.destination);
}

// AddressBytes returns how many bytes of addresses a family and protocol of the
// table of section 2.2 has; none if it is not in the table.
std::optional<size_t> AddressBytes(uint8_t family) {
  switch (family) {
    case kStreamIpv4:
    case kDatagramIpv4:
      return 2 * 4 + 2 * 2;
    case kStreamIpv6:
    case kDatagramIpv6:
      return 2 * 16 + 2 * 2;
    case kStreamUnix:
    case kDatagramUnix:
      return 2 * kUnixBytes;
    default:
      return std::nullopt;
  }
}

SocketAddress IpAddressOf(absl::string_view bytes, size_t port) {
  if (bytes.size() == 4) {
    sockaddr_in ipv4 = {};
    ipv4.sin_family = AF_INET;
    ipv4.sin_port = htons(static_cast<uint16_t>(port));
    std::memcpy(&ipv4.sin_addr, bytes.data(), bytes.size());
    RawAddress raw;
    std::memcpy(&raw.storage, &ipv4, sizeof(ipv4));
    return FromRaw(raw);
  }
  sockaddr_in6 ipv6 = {};
  ipv6.sin6_family = AF_INET6;
  ipv6.sin6_port = htons(static_cast<uint16_t>(port));
  std::memcpy(&ipv6.sin6_addr, bytes.data(), bytes.size());
  RawAddress raw;
  std::memcpy(&raw.storage, &ipv6, sizeof(ipv6));
  return FromRaw(raw);
}

// ReadAddresses reads all of `bytes`, as many as AddressBytes says.
void ReadAddresses(uint8_t family, absl::string_view bytes,
                   ProxyHeader& header) {
  if (family == kStreamUnix) {
    header.source.family = header.destination.family = Family::kUnix;
    header.source.text = UnixPathOf(bytes.substr(0, kUnixBytes));
    header.destination.text = UnixPathOf(bytes.substr(kUnixBytes));
    return;
  }
  const size_t size = family == kStreamIpv4 ? 4 : 16;
  header.source =
      IpAddressOf(bytes.substr(0, size), Number16At(bytes, 2 * size));
  header.destination =
      IpAddressOf(bytes.substr(size, size), Number16At(bytes, 2 * size + 2));
}

// Fields, and where among the bytes the value of the checksum is.
struct FieldList {
  std::vector<ProxyField> fields;
  std::optional<size_t> checksum_at;
};

// ReadFields returns none if the bytes from `at` on are no fields.
std::optional<FieldList> ReadFields(absl::string_view bytes, size_t at) {
  FieldList list;
  while (at < bytes.size()) {
    if (bytes.size() - at < kFieldHeadBytes) return std::nullopt;
    const uint8_t type = ByteAt(bytes, at);
    const size_t size = Number16At(bytes, at + 1);
    at += kFieldHeadBytes;
    if (bytes.size() - at < size) return std::nullopt;
    if (type == kProxyChecksum) {
      if (size != kChecksumBytes || list.checksum_at.has_value()) {
        return std::nullopt;
      }
      list.checksum_at = at;
    }
    if (type != kProxyNoop) {
      list.fields.push_back({type, std::string(bytes.substr(at, size))});
    }
    at += size;
  }
  return list;
}

bool IsChecksumRight(absl::string_view bytes, size_t at) {
  std::string zeroed(bytes);
  zeroed.replace(at, kChecksumBytes, kChecksumBytes, '\0');
  return Checksum(zeroed) == bytes.substr(at, kChecksumBytes);
}

// CheckPreamble looks at as much of it as has come.
absl::Status CheckPreamble(absl::string_view bytes) {
  if (!IsBeginOf(kSignature, bytes)) {
    return Refuse(bytes, "it has not the signature of version 2");
  }
  if (bytes.size() > 12 && ByteAt(bytes, 12) != kCommandLocal &&
      ByteAt(bytes, 12) != kCommandProxy) {
    return Refuse(bytes, "the 13th byte must be 0x20 (LOCAL) or 0x21 (PROXY)");
  }
  // LOCAL ignores the family.
  if (bytes.size() > 13 && ByteAt(bytes, 12) == kCommandProxy &&
      (ByteAt(bytes, 13) > 0x3f || (ByteAt(bytes, 13) & 0x0f) > 2)) {
    return Refuse(bytes, "the 14th byte is no address family and protocol");
  }
  if (bytes.size() >= kPreambleBytes &&
      kPreambleBytes + Number16At(bytes, 14) > ProxyHeaderReader::kBytesMax) {
    return Refuse(
        bytes, absl::StrCat("it has ", kPreambleBytes + Number16At(bytes, 14),
                            " bytes, and ", ProxyHeaderReader::kBytesMax,
                            " are the most that is read"));
  }
  return absl::OkStatus();
}

}  // namespace

ProxyField EncodeProxySsl(const ProxySsl& ssl) {
  ProxyField field;
  field.type = kProxySsl;
  uint8_t client = kClientSsl;
  if (ssl.has_client_certificate) {
    client |= kClientCertificateInSession;
    if (!ssl.is_resumed) client |= kClientCertificateOnConnection;
  }
  field.value.push_back(static_cast<char>(client));
  const bool is_verified = ssl.has_client_certificate && ssl.is_authorized;
  field.value.append({0, 0, 0, is_verified ? '\0' : '\1'});
  const std::pair<uint8_t, absl::string_view> parts[] = {
      {kSslVersion, ssl.version},
      {kSslCommonName, ssl.common_name},
      {kSslCipher, ssl.cipher},
      {kSslSignatureAlgorithm, ssl.signature_algorithm},
      {kSslKeyAlgorithm, ssl.key_algorithm},
      {kSslClientCertificate, ssl.client_certificate}};
  // Last comes what may be too long, so that it takes nobody's place.
  constexpr size_t kSslBytesMax = kBodyBytesMax - 2 * kUnixBytes - 1024;
  for (const auto& [type, value] : parts) {
    if (!value.empty()) AppendField(type, value, kSslBytesMax, field.value);
  }
  return field;
}

std::string EncodeProxyHeader(const ProxyHeader& header) {
  return header.version == 1 ? EncodeText(header) : EncodeBinary(header);
}

absl::StatusOr<size_t> ProxyHeaderReader::Receive(
    absl::Span<const uint8_t> bytes) {
  const auto look = [this] {
    if (bytes_.empty()) return absl::OkStatus();
    return bytes_.front() == kSignature.front() ? ReadBinary() : ReadText();
  };
  // What has been refused is refused again.
  if (!done_) TLSD_RETURN_IF_ERROR(look());
  size_t taken = 0;
  while (!done_ && taken < bytes.size()) {
    const size_t count = std::min(MissingSize(bytes_), bytes.size() - taken);
    const absl::string_view piece = base::AsText(bytes.subspan(taken, count));
    absl::StrAppend(&bytes_, piece);
    taken += count;
    TLSD_RETURN_IF_ERROR(look());
  }
  return taken;
}

absl::Status ProxyHeaderReader::ReadText() {
  const bool is_unknown = IsBeginOf(kTextUnknown, bytes_);
  if (!is_unknown && !IsBeginOf(kTextIpv4, bytes_) &&
      !IsBeginOf(kTextIpv6, bytes_)) {
    return Refuse(bytes_,
                  "it begins neither with the signature of version 2 nor with "
                  "\"PROXY TCP4 \", \"PROXY TCP6 \" or \"PROXY UNKNOWN\"");
  }
  const absl::string_view bytes = bytes_;
  const absl::string_view line = bytes.substr(0, bytes.find_first_of("\r\n"));
  const absl::string_view end = bytes.substr(line.size());
  if (!IsBeginOf("\r\n", end)) {
    return Refuse(bytes_, "a line ends with CR and LF");
  }
  if (line.size() > kTextBytesMax - 2) {
    return Refuse(bytes_,
                  absl::StrCat("a line has at most ", kTextBytesMax, " bytes"));
  }
  if (is_unknown) {
    if (line.size() > kTextUnknown.size() && line[kTextUnknown.size()] != ' ') {
      return Refuse(bytes_, "a space or the end comes after UNKNOWN");
    }
  } else {
    const size_t known = std::min(line.size(), kTextIpv4.size());
    const absl::string_view rest = line.substr(known);
    if (!std::all_of(rest.begin(), rest.end(), IsAddressChar)) {
      return Refuse(bytes_, "addresses and ports have no such character");
    }
  }
  if (end.size() < 2) return absl::OkStatus();
  ProxyHeader header;
  header.version = 1;
  header.is_local = is_unknown;
  // A line that is shorter than any that is right has something behind it.
  if (end.size() > 2 || (!is_unknown && !ParseTextAddresses(line, header))) {
    return Refuse(bytes_,
                  "two addresses of its family and two ports, from 0 to 65535 "
                  "without leading zeros, must follow, one space between them");
  }
  header_ = std::move(header);
  done_ = true;
  return absl::OkStatus();
}

absl::Status ProxyHeaderReader::ReadBinary() {
  TLSD_RETURN_IF_ERROR(CheckPreamble(bytes_));
  if (bytes_.size() < kPreambleBytes ||
      bytes_.size() < kPreambleBytes + Number16At(bytes_, 14)) {
    return absl::OkStatus();
  }
  const absl::string_view bytes = bytes_;
  const uint8_t family = ByteAt(bytes, 13);
  const bool is_proxy = ByteAt(bytes, 12) == kCommandProxy;
  const std::optional<size_t> size = AddressBytes(family);
  // The rest means nothing that can be relied on: receivers must take these.
  const bool is_free = !is_proxy || !size.has_value();
  const size_t fields_at = kPreambleBytes + size.value_or(0);
  ProxyHeader header;
  header.is_local = is_free || family == kDatagramIpv4 ||
                    family == kDatagramIpv6 || family == kDatagramUnix;
  if (!is_free && bytes.size() < fields_at) {
    return Refuse(bytes, "its length is less than that of its addresses");
  }
  if (!header.is_local) {
    ReadAddresses(family, bytes.substr(kPreambleBytes, *size), header);
    if (!base::IsValidUtf8(header.source.path()) ||
        !base::IsValidUtf8(header.destination.path())) {
      return Refuse(bytes, "the path of a unix socket is not UTF-8");
    }
  }
  std::optional<FieldList> list;
  if (bytes.size() >= fields_at) list = ReadFields(bytes, fields_at);
  if (!list.has_value() && !is_free) {
    return Refuse(bytes, "its fields (TLVs) do not fill it exactly");
  }
  if (list.has_value() && list->checksum_at.has_value() &&
      !IsChecksumRight(bytes, *list->checksum_at)) {
    return Refuse(bytes, "its checksum (CRC32c) is wrong");
  }
  if (list.has_value()) header.fields = std::move(list->fields);
  header_ = std::move(header);
  done_ = true;
  return absl::OkStatus();
}

}  // namespace tlsd::net
