#include "server/net/proxy_header.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "server/base/byte_queue.h"

namespace tlsd::net {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Family = SocketAddress::Family;

constexpr absl::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

SocketAddress Ip(absl::string_view ip, uint16_t port) {
  const bool is_ipv6 = ip.find(':') != absl::string_view::npos;
  return {is_ipv6 ? Family::kIpv6 : Family::kIpv4, port, std::string(ip)};
}

SocketAddress Unix(std::string path) {
  return {Family::kUnix, 0, std::move(path)};
}

std::string Field(uint8_t type, absl::string_view value) {
  return absl::StrCat(std::string({static_cast<char>(type),
                                   static_cast<char>(value.size() >> 8),
                                   static_cast<char>(value.size())}),
                      value);
}

// A header of version 2 with the length of `body`.
std::string Binary(uint8_t command, uint8_t family, absl::string_view body) {
  return absl::StrCat(
      kSignature,
      std::string({static_cast<char>(command), static_cast<char>(family),
                   static_cast<char>(body.size() >> 8),
                   static_cast<char>(body.size())}),
      body);
}

const std::string& Ipv4Block() {
  static const std::string* const block =
      new std::string("\x01\x02\x03\x04\x05\x06\x07\x08\x00\x50\xff\xff", 12);
  return *block;
}

std::string UnixBlock(absl::string_view source, absl::string_view destination) {
  std::string block(source);
  block.resize(108);
  absl::StrAppend(&block, destination);
  block.resize(216);
  return block;
}

// Offers all of `bytes` at once, with something behind that is no part of it.
absl::StatusOr<ProxyHeader> Read(absl::string_view bytes) {
  ProxyHeaderReader reader;
  const std::string stream = absl::StrCat(bytes, "\x16\x03\x01");
  const auto taken = reader.Receive(base::AsBytes(stream));
  if (!taken.ok()) return taken.status();
  EXPECT_EQ(*taken, bytes.size());
  EXPECT_TRUE(reader.done());
  return reader.header();
}

// Offers a byte at a time; how many were taken before it failed is in `taken`.
absl::Status ReadByteByByte(absl::string_view bytes, size_t& taken,
                            ProxyHeaderReader& reader) {
  for (taken = 0; taken < bytes.size(); ++taken) {
    // A copy of its own size, so that a sanitizer sees who reads beyond it.
    const std::vector<uint8_t> byte(1, static_cast<uint8_t>(bytes[taken]));
    EXPECT_FALSE(reader.done());
    const auto count = reader.Receive(byte);
    if (!count.ok()) return count.status();
    EXPECT_EQ(*count, 1);
  }
  return absl::OkStatus();
}

void ExpectRefused(absl::string_view bytes) {
  EXPECT_TRUE(HasReason(Read(bytes).status(), Reason::kProxyHeaderInvalid))
      << absl::CHexEscape(bytes);
  ProxyHeaderReader reader;
  size_t taken = 0;
  EXPECT_TRUE(HasReason(ReadByteByByte(bytes, taken, reader),
                        Reason::kProxyHeaderInvalid))
      << absl::CHexEscape(bytes);
  EXPECT_FALSE(reader.done());
}

// Headers of every kind that are right.
std::vector<std::string> GoodHeaders() {
  return {
      "PROXY UNKNOWN\r\n",
      "PROXY UNKNOWN ffff:: ::1 1 2\r\n",
      "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n",
      "PROXY TCP6 2001:db8::1 ::1 1 65535\r\n",
      Binary(0x20, 0x00, ""),
      Binary(0x21, 0x00, "anything"),
      Binary(0x21, 0x11, Ipv4Block()),
      Binary(0x21, 0x12, Ipv4Block()),
      Binary(0x21, 0x11, Ipv4Block() + Field(1, "h2") + Field(4, "")),
      Binary(0x21, 0x21, std::string(36, '\x01')),
      Binary(0x21, 0x31, UnixBlock("/a", "/b")),
  };
}

TEST(ProxyHeaderReaderTest, ReadsTheExampleOfVersion1) {
  // Section 2.1.
  const auto header = Read("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n");

  ASSERT_TRUE(header.ok()) << header.status();
  EXPECT_EQ(header->version, 1);
  EXPECT_FALSE(header->is_local);
  EXPECT_EQ(header->source, Ip("192.168.0.1", 56324));
  EXPECT_EQ(header->destination, Ip("192.168.0.11", 443));
  EXPECT_THAT(header->fields, IsEmpty());
}

TEST(ProxyHeaderReaderTest, ReadsTheLongestLinesOfVersion1) {
  // Section 2.1 counts 56, 104 and 107 bytes.
  const std::string ipv4 =
      "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n";
  const std::string ip = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:FFFF";
  const std::string ports = " 65535 65535\r\n";
  const std::string ipv6 = absl::StrCat("PROXY TCP6 ", ip, " ", ip, ports);
  const std::string unknown =
      absl::StrCat("PROXY UNKNOWN ", ip, " ", ip, ports);
  ASSERT_EQ(ipv4.size(), 56);
  ASSERT_EQ(ipv6.size(), 104);
  ASSERT_EQ(unknown.size(), 107);

  EXPECT_EQ(Read(ipv4)->source, Ip("255.255.255.255", 65535));
  EXPECT_EQ(Read(ipv6)->destination,
            Ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535));
  EXPECT_TRUE(Read(unknown)->is_local);
}

TEST(ProxyHeaderReaderTest, TakesNoAddressesFromAnUnknownConnection) {
  for (const absl::string_view line :
       {"PROXY UNKNOWN\r\n", "PROXY UNKNOWN \r\n",
        "PROXY UNKNOWN 1.2.3.4 5.6.7.8 1 2\r\n", "PROXY UNKNOWN \t\x80!\r\n"}) {
    const auto header = Read(line);

    ASSERT_TRUE(header.ok()) << header.status();
    EXPECT_TRUE(header->is_local);
    EXPECT_EQ(header->source, SocketAddress());
    EXPECT_EQ(header->destination, SocketAddress());
  }
}

TEST(ProxyHeaderReaderTest, RefusesLinesThatAreNotExact) {
  for (const absl::string_view line :
       {"PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8\r\n",
        "PROXY TCP4 \r\n",
        "PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n",
        "PROXY TCP4 1.2.3.4  5.6.7.8 1 2\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n",
        "PROXY TCP4 1.2.3.4\t5.6.7.8 1 2\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 00 2\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 1 000001\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 -1 2\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 +1 2\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 0x1 2\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 a 2\r\n",
        "PROXY TCP4 01.2.3.4 5.6.7.8 1 2\r\n",
        "PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n",
        "PROXY TCP4 1.2.3.256 5.6.7.8 1 2\r\n",
        "PROXY TCP4 1.2.3.4.5 5.6.7.8 1 2\r\n",
        "PROXY TCP4 ::1 ::1 1 2\r\n",
        "PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n",
        "PROXY TCP6 ::1 1.2.3.4 1 2\r\n",
        "PROXY TCP6 ::ffff:1.2.3.4 ::1 1 2\r\n",
        "PROXY TCP6 ::1::2 ::1 1 2\r\n",
        "PROXY TCP6 :::1 ::1 1 2\r\n",
        "PROXY TCP6 12345::1 ::1 1 2\r\n",
        "PROXY TCP6 fe80::1%1 ::1 1 2\r\n",
        "PROXY TCP6 [::1] ::1 1 2\r\n",
        "PROXY UNKNOWNX\r\n",
        "PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n",
        "PROXY TCP5 1.2.3.4 5.6.7.8 1 2",
        "PROXY tcp4 1.2.3.4 5.6.7.8 1 2\r\n",
        "proxy TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
        "PROXY  TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
        "PROXYTCP4 1.2.3.4",
        " PROXY UNKNOWN\r\n",
        "GET / HTTP/1.1\r\n\r\n"}) {
    ExpectRefused(line);
  }
}

TEST(ProxyHeaderReaderTest, RefusesALineThatEndsInAnotherWay) {
  for (const absl::string_view line :
       {"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\rx",
        "PROXY UNKNOWN\n", "PROXY UNKNOWN\r\r\n", "PROXY UNKNOWN a\nb\r\n",
        "PROXY UNKNOWN a\rb\r\n", "PROXY TCP4 \r\nxyz"}) {
    ExpectRefused(line);
  }
  ExpectRefused(absl::string_view("PROXY TCP4 1.2.3.4\0 5.6.7.8 1 2\r\n", 34));
}

TEST(ProxyHeaderReaderTest, RefusesALineAsSoonAsItIsTooLong) {
  const std::string start = "PROXY UNKNOWN ";
  const std::string fits = start + std::string(105 - start.size(), 'x');
  EXPECT_TRUE(Read(fits + "\r\n").ok());

  ExpectRefused(fits + "x\r\n");
  ProxyHeaderReader reader;
  size_t taken = 0;
  EXPECT_FALSE(ReadByteByByte(fits + "xx", taken, reader).ok());
  EXPECT_EQ(taken, 105);
}

TEST(ProxyHeaderReaderTest, ReadsAddressesOfVersion2) {
  const auto ipv4 = Read(Binary(0x21, 0x11, Ipv4Block()));
  ASSERT_TRUE(ipv4.ok()) << ipv4.status();
  EXPECT_EQ(ipv4->version, 2);
  EXPECT_FALSE(ipv4->is_local);
  EXPECT_EQ(ipv4->source, Ip("1.2.3.4", 80));
  EXPECT_EQ(ipv4->destination, Ip("5.6.7.8", 65535));

  std::string block = absl::HexStringToBytes(
      "20010db800000000000000000000000100000000000000000000000000000002"
      "00010002");
  const auto ipv6 = Read(Binary(0x21, 0x21, block));
  ASSERT_TRUE(ipv6.ok()) << ipv6.status();
  EXPECT_EQ(ipv6->source, Ip("2001:db8::1", 1));
  EXPECT_EQ(ipv6->destination, Ip("::2", 2));

  const auto paths = Read(Binary(0x21, 0x31, UnixBlock("/a/b", "/c")));
  ASSERT_TRUE(paths.ok()) << paths.status();
  EXPECT_EQ(paths->source, Unix("/a/b"));
  EXPECT_EQ(paths->destination, Unix("/c"));
}

TEST(ProxyHeaderReaderTest, ReadsNamesOfUnixSockets) {
  const std::string longest = "/" + std::string(107, 'a');
  const auto header = Read(Binary(0x21, 0x31, UnixBlock(longest, "")));
  ASSERT_TRUE(header.ok()) << header.status();
  EXPECT_EQ(header->source, Unix(longest));
  EXPECT_EQ(header->destination, Unix(""));

  const absl::string_view abstract("\0name", 5);
  const absl::string_view padded("/b\0c", 4);
  const auto other = Read(Binary(0x21, 0x31, UnixBlock(abstract, padded)));
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_EQ(other->source, Unix("@name"));
  EXPECT_EQ(other->destination, Unix("/b"));
}

TEST(ProxyHeaderReaderTest, RefusesAPathThatIsNoText) {
  ExpectRefused(Binary(0x21, 0x31, UnixBlock("/\xff", "/b")));
  ExpectRefused(Binary(0x21, 0x31, UnixBlock("/a", "/\xc3")));
}

TEST(ProxyHeaderReaderTest, TakesNoAddressesFromWhatIsNoStream) {
  for (const uint8_t family :
       {0x12, 0x22, 0x32, 0x00, 0x01, 0x02, 0x10, 0x20}) {
    const auto header = Read(Binary(0x21, family, std::string(216, '\x01')));
    // These have fields, which are broken here.
    if (family == 0x12 || family == 0x22) {
      EXPECT_FALSE(header.ok());
      continue;
    }
    ASSERT_TRUE(header.ok()) << header.status();
    EXPECT_TRUE(header->is_local);
    EXPECT_EQ(header->source, SocketAddress());
  }
  const auto datagram = Read(Binary(0x21, 0x12, Ipv4Block() + Field(1, "h2")));
  ASSERT_TRUE(datagram.ok()) << datagram.status();
  EXPECT_TRUE(datagram->is_local);
  EXPECT_THAT(datagram->fields, ElementsAre(ProxyField{1, "h2"}));
}

TEST(ProxyHeaderReaderTest, TakesWhateverAProxySaysOfItself) {
  // Section 2.2: LOCAL must be accepted, its family ignored and its bytes
  // skipped.
  for (const uint8_t family : {0x00, 0x11, 0x21, 0x31, 0xff}) {
    for (const size_t size : {0, 1, 11, 12, 36, 4096}) {
      const auto header = Read(Binary(0x20, family, std::string(size, '\xee')));

      ASSERT_TRUE(header.ok()) << header.status();
      EXPECT_TRUE(header->is_local);
      EXPECT_EQ(header->source, SocketAddress());
      EXPECT_THAT(header->fields, IsEmpty());
    }
  }
  EXPECT_THAT(Read(Binary(0x20, 0x00, Field(5, "id")))->fields,
              ElementsAre(ProxyField{5, "id"}));
}

TEST(ProxyHeaderReaderTest, RefusesOtherCommandsAndFamilies) {
  for (int command = 0; command < 256; ++command) {
    const bool is_known = command == 0x20 || command == 0x21;
    EXPECT_EQ(Read(Binary(static_cast<uint8_t>(command), 0x00, "")).ok(),
              is_known)
        << command;
  }
  for (int family = 0; family < 256; ++family) {
    const bool is_known = family >> 4 <= 3 && (family & 0x0f) <= 2;
    const std::string header =
        Binary(0x21, static_cast<uint8_t>(family), std::string(216, '\0'));
    EXPECT_EQ(Read(header).ok(), is_known) << family;
  }
}

TEST(ProxyHeaderReaderTest, RefusesABrokenSignatureAtItsFirstWrongByte) {
  for (size_t at = 1; at < kSignature.size(); ++at) {
    std::string bytes = Binary(0x21, 0x11, Ipv4Block());
    bytes[at] = static_cast<char>(bytes[at] ^ 0x20);
    ProxyHeaderReader reader;
    size_t taken = 0;

    EXPECT_FALSE(ReadByteByByte(bytes, taken, reader).ok());
    EXPECT_EQ(taken, at);
  }
}

TEST(ProxyHeaderReaderTest, RefusesALengthThatIsLessThanTheAddresses) {
  const struct {
    uint8_t family;
    size_t size;
  } cases[] = {{0x11, 12}, {0x12, 12},  {0x21, 36},
               {0x22, 36}, {0x31, 216}, {0x32, 216}};
  for (const auto& [family, size] : cases) {
    EXPECT_TRUE(Read(Binary(0x21, family, std::string(size, '\0'))).ok());
    for (size_t less = 0; less < size; ++less) {
      ExpectRefused(Binary(0x21, family, std::string(less, '\0')));
    }
  }
}

TEST(ProxyHeaderReaderTest, ReadsFieldsInTheirOrder) {
  const auto header =
      Read(Binary(0x21, 0x11,
                  Ipv4Block() + Field(2, "example.com") + Field(4, "padding") +
                      Field(0xe0, std::string("\0\xff", 2)) + Field(1, "") +
                      Field(2, "again")));

  ASSERT_TRUE(header.ok()) << header.status();
  EXPECT_THAT(header->fields,
              ElementsAre(ProxyField{2, "example.com"},
                          ProxyField{0xe0, std::string("\0\xff", 2)},
                          ProxyField{1, ""}, ProxyField{2, "again"}));
}

TEST(ProxyHeaderReaderTest, RefusesFieldsThatAreCutOff) {
  const std::string fields = Field(1, "h2") + Field(2, "name");
  for (size_t size = 0; size <= fields.size(); ++size) {
    const std::string bytes =
        Binary(0x21, 0x11, Ipv4Block() + fields.substr(0, size));
    if (size == 0 || size == 5 || size == fields.size()) {
      EXPECT_TRUE(Read(bytes).ok()) << size;
    } else {
      ExpectRefused(bytes);
    }
  }
}

TEST(ProxyHeaderReaderTest, ReadsAtMost4112Bytes) {
  const size_t rest = ProxyHeaderReader::kBytesMax - 16 - 12 - 3;
  EXPECT_TRUE(
      Read(Binary(0x21, 0x11, Ipv4Block() + Field(4, std::string(rest, 'x'))))
          .ok());

  const std::string longer =
      Binary(0x21, 0x11, Ipv4Block() + Field(4, std::string(rest + 1, 'x')));
  ProxyHeaderReader reader;
  size_t taken = 0;
  EXPECT_FALSE(ReadByteByByte(longer, taken, reader).ok());
  // As soon as the length is known.
  EXPECT_EQ(taken, 15);
}

TEST(ProxyHeaderReaderTest, RefusesChecksumsThatAreWrong) {
  const std::string good = absl::HexStringToBytes(
      "0d0a0d0a000d0a515549540a211100137f0000017f0000018fa2480d030004a549d302");
  EXPECT_TRUE(Read(good).ok());

  for (size_t at = 16; at < good.size(); ++at) {
    // The type and the length of the field itself.
    if (at >= 28 && at < 31) continue;
    std::string altered = good;
    altered[at] = static_cast<char>(altered[at] ^ 1);
    ExpectRefused(altered);
  }
}

TEST(ProxyHeaderReaderTest, RefusesChecksumsOfAnotherLengthOrTwoOfThem) {
  for (const size_t size : {0, 3, 5}) {
    ExpectRefused(
        Binary(0x21, 0x11, Ipv4Block() + Field(3, std::string(size, '\0'))));
  }
  const std::string once = Field(3, std::string(4, '\0'));
  ExpectRefused(Binary(0x21, 0x11, Ipv4Block() + once + once));
}

TEST(ProxyHeaderReaderTest, WaitsWhileAHeaderIsCutOff) {
  for (const std::string& bytes : GoodHeaders()) {
    for (size_t size = 0; size < bytes.size(); ++size) {
      ProxyHeaderReader reader;
      const std::string start = bytes.substr(0, size);
      const auto taken = reader.Receive(base::AsBytes(start));

      ASSERT_TRUE(taken.ok()) << taken.status();
      EXPECT_EQ(*taken, size);
      EXPECT_FALSE(reader.done());
      // The rest, with what follows, completes it.
      const std::string rest = bytes.substr(size) + "next";
      EXPECT_EQ(*reader.Receive(base::AsBytes(rest)), bytes.size() - size);
      EXPECT_TRUE(reader.done());
    }
  }
}

TEST(ProxyHeaderReaderTest, ReadsTheSameByteByByte) {
  for (const std::string& bytes : GoodHeaders()) {
    ProxyHeaderReader reader;
    size_t taken = 0;

    ASSERT_TRUE(ReadByteByByte(bytes, taken, reader).ok());
    EXPECT_TRUE(reader.done());
    EXPECT_EQ(reader.header(), *Read(bytes));
  }
}

TEST(ProxyHeaderReaderTest, TakesNothingWhenItIsDone) {
  ProxyHeaderReader reader;
  ASSERT_TRUE(reader.Receive(base::AsBytes("PROXY UNKNOWN\r\n")).ok());

  EXPECT_EQ(*reader.Receive(base::AsBytes("PROXY UNKNOWN\r\n")), 0);
}

TEST(ProxyHeaderReaderTest, GoesOnRefusing) {
  ProxyHeaderReader reader;
  const absl::Status error =
      reader.Receive(base::AsBytes("GET / HTTP/1.1\r\n")).status();

  EXPECT_EQ(reader.Receive(base::AsBytes("PROXY UNKNOWN\r\n")).status(), error);
  EXPECT_EQ(reader.Receive({}).status(), error);
  EXPECT_FALSE(reader.done());
}

TEST(ProxyHeaderReaderTest, SaysWhatItGot) {
  const absl::Status error = Read("GET / HTTP/1.1\r\nHost").status();
  EXPECT_THAT(std::string(error.message()),
              HasSubstr("got \"GET / HTTP/1.1\\r\""));
  EXPECT_EQ(GetErrorDetail(error)->metadata["got"], "GET / HTTP/1.1\\r");

  // TLS, because nothing sends a header.
  const std::string hello("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
  EXPECT_THAT(std::string(Read(hello).status().message()),
              HasSubstr("got \"\\x16\\x03\\x01"));
}

TEST(ProxyHeaderReaderTest, SurvivesAnyAlteredByte) {
  for (const std::string& bytes : GoodHeaders()) {
    for (size_t at = 0; at < bytes.size(); ++at) {
      for (const int flip : {0x01, 0x10, 0x80, 0xff}) {
        std::string altered = bytes;
        altered[at] = static_cast<char>(altered[at] ^ flip);
        ProxyHeaderReader whole;
        const auto taken = whole.Receive(base::AsBytes(altered));
        ProxyHeaderReader single;
        size_t count = 0;
        for (; count < altered.size() && !single.done(); ++count) {
          const std::vector<uint8_t> byte(1,
                                          static_cast<uint8_t>(altered[count]));
          if (!single.Receive(byte).ok()) break;
        }

        EXPECT_EQ(whole.done(), single.done()) << absl::CHexEscape(altered);
        if (!whole.done()) continue;
        EXPECT_EQ(*taken, count);
        EXPECT_EQ(whole.header(), single.header());
      }
    }
  }
}

}  // namespace
}  // namespace tlsd::net
