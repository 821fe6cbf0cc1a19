#include "client/role.h"

#include <gtest/gtest.h>

#include "proto/status/error.h"

namespace tlsd::client {
namespace {

TEST(RoleTest, OneMustBeSetAndNotBoth) {
  EXPECT_TRUE(CheckRole({.client = ConnectOptions{}}).ok());
  EXPECT_TRUE(CheckRole({.server = ServerOptions{}}).ok());
  EXPECT_TRUE(HasReason(CheckRole({}), Reason::kFieldRequired));
  EXPECT_TRUE(HasReason(
      CheckRole({.client = ConnectOptions{}, .server = ServerOptions{}}),
      Reason::kFieldsConflict));
}

TEST(RoleTest, KnowsHowLongAHandshakeMayTake) {
  EXPECT_EQ(
      HandshakeTimeMax({.client = ConnectOptions{.timeout = absl::Seconds(2)}}),
      absl::Seconds(2));
  EXPECT_EQ(HandshakeTimeMax({.server = ServerOptions{.handshake_timeout =
                                                          absl::Seconds(3)}}),
            absl::Seconds(3));
  EXPECT_EQ(HandshakeTimeMax({.server = ServerOptions{.secure_context = "s"}}),
            absl::Seconds(120));
  EXPECT_EQ(HandshakeTimeMax({.server = ServerOptions{.listener = "l"}}),
            absl::Hours(1));
}

TEST(RoleTest, ClosesUnlessTheRoleSaysOtherwise) {
  EXPECT_EQ(PolicyOf({.client = ConnectOptions{}}), DetachPolicy::kClose);
  EXPECT_EQ(PolicyOf({.server = ServerOptions{}}), DetachPolicy::kClose);
  EXPECT_EQ(PolicyOf({.client = ConnectOptions{.detach_policy =
                                                   DetachPolicy::kKeep}}),
            DetachPolicy::kKeep);
  EXPECT_EQ(
      PolicyOf({.server = ServerOptions{.detach_policy = DetachPolicy::kKeep}}),
      DetachPolicy::kKeep);
}

}  // namespace
}  // namespace tlsd::client
