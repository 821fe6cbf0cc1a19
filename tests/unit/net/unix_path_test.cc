#include "server/net/unix_path.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "server/net/descriptor.h"
#include "server/net/raw_address.h"
#include "tests/unit/net/net_testing.h"

namespace tlsd::net {
namespace {

using ::testing::HasSubstr;

class UnixPathTest : public testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<UnixPath>> Bind() {
    socket_ = Descriptor(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return UnixPath::Bind("address", path_, socket_.get());
  }

  void ExpectRefused(absl::string_view why) {
    const absl::Status error = Bind().status();
    EXPECT_TRUE(HasReason(error, Reason::kAddressInUse)) << error;
    EXPECT_THAT(std::string(error.message()), HasSubstr(why));
  }

  TempFolder folder_;
  std::string path_ = folder_.Path("socket");
  Descriptor socket_;
};

TEST_F(UnixPathTest, MakesTheFileAndRemovesItAtTheEnd) {
  auto bound = Bind();
  ASSERT_TRUE(bound.ok()) << bound.status();
  EXPECT_TRUE(IdentityOf(path_).has_value());

  *bound = nullptr;

  EXPECT_FALSE(IdentityOf(path_).has_value());
}

TEST_F(UnixPathTest, TakesOverASocketThatNobodyListensOn) {
  {
    const Descriptor dead(socket(AF_UNIX, SOCK_STREAM, 0));
    const RawAddress address = RawFromPath(path_);
    ASSERT_EQ(bind(dead.get(), address.get(), address.size), 0);
  }
  const auto before = IdentityOf(path_);
  ASSERT_TRUE(before.has_value());

  const auto bound = Bind();

  ASSERT_TRUE(bound.ok()) << bound.status();
  ASSERT_EQ(listen(socket_.get(), 1), 0);
  EXPECT_TRUE(Descriptor(ConnectTo(LocalAddressOf(socket_.get()))).is_open());
}

TEST_F(UnixPathTest, LeavesALiveSocketAlone) {
  const auto bound = Bind();
  const Descriptor live = std::move(socket_);
  ASSERT_EQ(listen(live.get(), 1), 0);

  ExpectRefused("another program listens there");

  EXPECT_TRUE(Descriptor(ConnectTo(LocalAddressOf(live.get()))).is_open());
}

TEST_F(UnixPathTest, LeavesALiveSocketWithAFullQueueAlone) {
  const auto bound = Bind();
  const Descriptor live = std::move(socket_);
  ASSERT_EQ(listen(live.get(), 0), 0);
  const Descriptor waiting(ConnectTo(LocalAddressOf(live.get())));
  ASSERT_TRUE(waiting.is_open());

  ExpectRefused("another program listens there");
}

TEST_F(UnixPathTest, LeavesAFileAlone) {
  std::ofstream(path_) << "precious";

  ExpectRefused("no socket");

  std::string content;
  std::ifstream(path_) >> content;
  EXPECT_EQ(content, "precious");
}

TEST_F(UnixPathTest, LeavesALinkAlone) {
  const std::string target = folder_.Path("target");
  ASSERT_EQ(symlink(target.c_str(), path_.c_str()), 0);

  ExpectRefused("no socket");

  EXPECT_TRUE(std::filesystem::is_symlink(path_));
  EXPECT_FALSE(IdentityOf(target).has_value());
}

TEST_F(UnixPathTest, DoesNotRemoveTheFileOfAnother) {
  auto bound = Bind();
  ASSERT_TRUE(bound.ok()) << bound.status();
  // Kept under another name, so that its inode is not used again.
  ASSERT_EQ(rename(path_.c_str(), folder_.Path("old").c_str()), 0);
  std::ofstream(path_) << "another's";

  *bound = nullptr;

  EXPECT_TRUE(IdentityOf(path_).has_value());
}

}  // namespace
}  // namespace tlsd::net
