#include "server/tls/alpn.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/base/byte_queue.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::tls {
namespace {

using ::tlsd::testing::FailsWith;

TEST(AlpnTest, PutsEachProtocolBehindItsLength) {
  EXPECT_EQ(EncodeAlpn({"h2", "http/1.1"}).value(), "\x02h2\x08http/1.1");
  EXPECT_EQ(EncodeAlpn({}).value(), "");
}

TEST(AlpnTest, RefusesEmptyLongAndRepeatedProtocols) {
  EXPECT_THAT(EncodeAlpn({"h2", ""}),
              FailsWith(Reason::kAlpnInvalid, "alpn_protocols[1]"));
  EXPECT_THAT(EncodeAlpn({"h2", "h3", "h2"}),
              FailsWith(Reason::kAlpnInvalid, "alpn_protocols[2]"));
  EXPECT_TRUE(EncodeAlpn({std::string(255, 'x')}).ok());
  EXPECT_THAT(EncodeAlpn({std::string(256, 'x')}),
              FailsWith(Reason::kAlpnInvalid, "alpn_protocols[0]"));
}

TEST(AlpnTest, LimitsTheListToWhatFitsOnTheWire) {
  std::vector<std::string> protocols;
  // 255 times 257 bytes would be 65535 with lengths of one byte: use 254.
  for (int i = 0; i < 256; ++i) {
    std::string protocol = absl::StrCat(i, "-");
    protocol.resize(254, 'x');
    protocols.push_back(protocol);
  }
  EXPECT_TRUE(EncodeAlpn(protocols).ok());
  protocols.push_back(std::string(253, 'y'));
  EXPECT_EQ(EncodeAlpn(protocols).value().size(), 65534u);
  protocols.back() += 'y';
  EXPECT_EQ(EncodeAlpn(protocols).value().size(), 65535u);
  protocols.back() += 'y';
  EXPECT_THAT(EncodeAlpn(protocols),
              FailsWith(Reason::kAlpnInvalid, "alpn_protocols[256]"));
}

TEST(AlpnTest, SelectsByTheServersOrder) {
  const std::string supported = EncodeAlpn({"h2", "http/1.1"}).value();
  const std::string offered = EncodeAlpn({"http/1.1", "spdy", "h2"}).value();

  const auto chosen = SelectAlpn(supported, base::AsBytes(offered));

  ASSERT_TRUE(chosen.has_value());
  EXPECT_EQ(base::AsText(*chosen), "h2");
}

TEST(AlpnTest, SelectsNothingWithoutOverlap) {
  const std::string supported = EncodeAlpn({"h2"}).value();
  for (const std::string& offered :
       {std::string(), EncodeAlpn({"h"}).value(), EncodeAlpn({"h22"}).value(),
        std::string("\x05h2"), std::string("\x00", 1)}) {
    EXPECT_FALSE(SelectAlpn(supported, base::AsBytes(offered)).has_value());
  }
}

}  // namespace
}  // namespace tlsd::tls
