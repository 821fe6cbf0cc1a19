#include "server/tls/protocol_list.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/byte_queue.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::tls {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::tlsd::testing::FailsWith;

TEST(ProtocolListTest, PutsEachProtocolBehindItsLength) {
  EXPECT_EQ(EncodeProtocols("alpn_protocols", {"h2", "http/1.1"}).value(),
            "\x02h2\x08http/1.1");
  EXPECT_EQ(EncodeProtocols("alpn_protocols", {}).value(), "");
}

TEST(ProtocolListTest, RefusesEmptyLongAndRepeatedProtocols) {
  EXPECT_THAT(EncodeProtocols("alpn_protocols", {"h2", ""}),
              FailsWith(Reason::kAlpnInvalid, "alpn_protocols[1]"));
  EXPECT_THAT(EncodeProtocols("alpn_protocols", {"h2", "h3", "h2"}),
              FailsWith(Reason::kAlpnInvalid, "alpn_protocols[2]"));
  EXPECT_TRUE(EncodeProtocols("alpn_protocols", {std::string(255, 'x')}).ok());
  EXPECT_THAT(EncodeProtocols("alpn_protocols", {std::string(256, 'x')}),
              FailsWith(Reason::kAlpnInvalid, "alpn_protocols[0]"));
}

TEST(ProtocolListTest, LimitsTheListToWhatFitsOnTheWire) {
  std::vector<std::string> protocols;
  // 255 times 257 bytes would be 65535 with lengths of one byte: use 254.
  for (int i = 0; i < 256; ++i) {
    std::string protocol = absl::StrCat(i, "-");
    protocol.resize(254, 'x');
    protocols.push_back(protocol);
  }
  EXPECT_TRUE(EncodeProtocols("alpn_protocols", protocols).ok());
  protocols.push_back(std::string(253, 'y'));
  EXPECT_EQ(EncodeProtocols("alpn_protocols", protocols).value().size(),
            65534u);
  protocols.back() += 'y';
  EXPECT_EQ(EncodeProtocols("alpn_protocols", protocols).value().size(),
            65535u);
  protocols.back() += 'y';
  EXPECT_THAT(EncodeProtocols("alpn_protocols", protocols),
              FailsWith(Reason::kAlpnInvalid, "alpn_protocols[256]"));
}

TEST(ProtocolListTest, NamesTheFieldThatItIsGiven) {
  EXPECT_THAT(EncodeProtocols("npn_protocols", {""}),
              FailsWith(Reason::kAlpnInvalid, "npn_protocols[0]"));
  EXPECT_THAT(DecodeProtocols("npn_protocols_wire", "x"),
              FailsWith(Reason::kAlpnInvalid, "npn_protocols_wire"));
}

TEST(ProtocolListTest, TakesTheWireFormApart) {
  EXPECT_THAT(DecodeProtocols("wire", "\x02h2\x08http/1.1").value(),
              ElementsAre("h2", "http/1.1"));
  EXPECT_THAT(DecodeProtocols("wire", "").value(), IsEmpty());
  // Bytes of any value.
  EXPECT_THAT(DecodeProtocols("wire", std::string("\x02\x00\xff", 3)).value(),
              ElementsAre(std::string("\x00\xff", 2)));
}

TEST(ProtocolListTest, DecodesWhatItEncodes) {
  const std::vector<std::string> protocols = {std::string(255, 'x'), "a", "b"};
  EXPECT_EQ(DecodeProtocols("wire", EncodeProtocols("list", protocols).value())
                .value(),
            protocols);
}

TEST(ProtocolListTest, RefusesMalformedWireForms) {
  for (const std::string& wire :
       {std::string("\x03h2"), std::string("h2"), std::string("\x02h2\x00", 4),
        std::string("\x00", 1), std::string("\x02h2\x02h"),
        std::string("\x02h2\x02h2"), std::string("\xff")}) {
    EXPECT_THAT(DecodeProtocols("wire", wire),
                FailsWith(Reason::kAlpnInvalid, "wire"))
        << wire.size();
  }
  const absl::Status status =
      DecodeProtocols("wire", "\x02h2\x05http").status();
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("a length of 5 at byte 3 with 4 bytes behind it"));
}

TEST(ProtocolListTest, LimitsTheWireFormToWhatFitsOnTheWire) {
  std::string wire;
  for (int i = 0; i < 256; ++i) {
    std::string protocol = absl::StrCat(i, "-");
    protocol.resize(254, 'x');
    wire += "\xfe" + protocol;
  }
  wire += "\xfe" + std::string(254, 'y');
  EXPECT_EQ(wire.size(), 65535u);
  EXPECT_EQ(DecodeProtocols("wire", wire).value().size(), 257u);
  EXPECT_THAT(DecodeProtocols("wire", wire + "\x01z"),
              FailsWith(Reason::kAlpnInvalid, "wire"));
}

TEST(ProtocolListTest, SelectsByTheServersOrder) {
  const std::string supported =
      EncodeProtocols("alpn_protocols", {"h2", "http/1.1"}).value();
  const std::string offered =
      EncodeProtocols("alpn_protocols", {"http/1.1", "spdy", "h2"}).value();

  const auto chosen = SelectProtocol(supported, base::AsBytes(offered));

  ASSERT_TRUE(chosen.has_value());
  EXPECT_EQ(base::AsText(*chosen), "h2");
}

TEST(ProtocolListTest, SelectsNothingWithoutOverlap) {
  const std::string supported =
      EncodeProtocols("alpn_protocols", {"h2"}).value();
  for (const std::string& offered :
       {std::string(), EncodeProtocols("alpn_protocols", {"h"}).value(),
        EncodeProtocols("alpn_protocols", {"h22"}).value(),
        std::string("\x05h2"), std::string("\x00", 1)}) {
    EXPECT_FALSE(SelectProtocol(supported, base::AsBytes(offered)).has_value());
  }
}

}  // namespace
}  // namespace tlsd::tls
