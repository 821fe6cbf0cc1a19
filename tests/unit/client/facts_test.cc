#include "client/facts.h"

#include <gtest/gtest.h>

namespace tlsd::client {
namespace {

TEST(FactsTest, WritesAddressesAsOptionsTakeThem) {
  EXPECT_EQ(ToString(SocketAddress{"IPv4", "127.0.0.1", 443, ""}),
            "127.0.0.1:443");
  EXPECT_EQ(ToString(SocketAddress{"IPv6", "::1", 443, ""}), "[::1]:443");
  EXPECT_EQ(ToString(SocketAddress{"unix", "", 0, "/run/x"}), "unix:/run/x");
  EXPECT_EQ(ToString(SocketAddress{}), "");
}

}  // namespace
}  // namespace tlsd::client
