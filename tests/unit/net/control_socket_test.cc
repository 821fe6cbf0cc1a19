#include "server/net/control_socket.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "server/net/descriptor.h"
#include "server/net/raw_address.h"
#include "tests/unit/net/descriptor_shortage.h"
#include "tests/unit/net/net_testing.h"

namespace tlsd::net {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kPatience = absl::Seconds(20);
constexpr int kCannotBeAnother = 77;

// The clients that a control socket has admitted.
class Clients {
 public:
  ControlSocket::OnAccept Admit() {
    return [this](int descriptor) {
      const absl::MutexLock lock(&mutex_);
      admitted_.emplace_back(descriptor);
    };
  }

  bool WaitFor(size_t count) {
    const absl::MutexLock lock(&mutex_);
    const auto are_here = [&] { return admitted_.size() >= count; };
    return mutex_.AwaitWithTimeout(absl::Condition(&are_here), kPatience);
  }

  size_t size() {
    const absl::MutexLock lock(&mutex_);
    return admitted_.size();
  }

  const Descriptor& operator[](size_t i) {
    const absl::MutexLock lock(&mutex_);
    return admitted_[i];
  }

 private:
  absl::Mutex mutex_;
  std::vector<Descriptor> admitted_;
};

// What `watch` has seen happen to the file `name`.
std::vector<uint32_t> EventsOf(absl::string_view name,
                               const Descriptor& watch) {
  alignas(inotify_event) char buffer[4096];
  const ssize_t size = read(watch.get(), buffer, sizeof(buffer));
  std::vector<uint32_t> events;
  for (ssize_t at = 0; at < size;) {
    const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
    if (event->len > 0 && name == event->name) events.push_back(event->mask);
    at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
  }
  return events;
}

class ControlSocketTest : public testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<ControlSocket>> Create() {
    return ControlSocket::Create(path_);
  }

  Descriptor Connect() {
    return Descriptor(ConnectTo({SocketAddress::Family::kUnix, 0, path_}));
  }

  mode_t ModeOf(const std::string& path) {
    struct stat file = {};
    lstat(path.c_str(), &file);
    return file.st_mode & 07777;
  }

  void ExpectInUse() {
    const absl::Status error = Create().status();
    EXPECT_TRUE(HasReason(error, Reason::kAddressInUse)) << error;
    EXPECT_THAT(std::string(error.message()), HasSubstr(path_));
  }

  TempFolder folder_;
  std::string path_ = folder_.Path("control");
  std::string lock_path_ = path_ + ".lock";
};

TEST_F(ControlSocketTest, HandsClientsOn) {
  Clients clients;
  auto control = Create();
  ASSERT_TRUE(control.ok()) << control.status();
  (*control)->Start(clients.Admit());
  const Descriptor client = Connect();
  ASSERT_TRUE(clients.WaitFor(1));

  ASSERT_EQ(send(client.get(), "x", 1, 0), 1);
  char byte;
  EXPECT_EQ(recv(clients[0].get(), &byte, 1, 0), 1);
  EXPECT_NE(fcntl(clients[0].get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(fcntl(clients[0].get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(ControlSocketTest, LetsClientsWaitUntilItIsStarted) {
  Clients clients;
  auto control = Create();
  ASSERT_TRUE(control.ok()) << control.status();
  const Descriptor client = Connect();
  ASSERT_TRUE(client.is_open());
  EXPECT_EQ(clients.size(), 0);

  (*control)->Start(clients.Admit());

  EXPECT_TRUE(clients.WaitFor(1));
}

TEST_F(ControlSocketTest, IsForItsOwnerOnlyWhateverTheUmask) {
  for (const mode_t mask : {0000, 0022, 0077, 0177, 0277, 0777}) {
    const mode_t previous = umask(mask);
    const auto control = Create();
    umask(previous);

    ASSERT_TRUE(control.ok()) << control.status();
    EXPECT_EQ(ModeOf(path_), 0600) << mask;
    EXPECT_EQ(ModeOf(lock_path_) & 077, 0) << mask;
  }
}

TEST_F(ControlSocketTest, IsForItsOwnerOnlyFromItsFirstInstant) {
  const Descriptor watch(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  ASSERT_GE(inotify_add_watch(watch.get(), folder_.Path("").c_str(),
                              IN_CREATE | IN_ATTRIB),
            0);
  const mode_t previous = umask(0000);
  const auto control = Create();
  umask(previous);
  ASSERT_TRUE(control.ok()) << control.status();

  // Nothing but its creation: nobody has changed its mode since.
  EXPECT_EQ(EventsOf("control", watch), std::vector<uint32_t>({IN_CREATE}));
  EXPECT_EQ(ModeOf(path_), 0600);
}

TEST_F(ControlSocketTest, DoesNotChangeTheUmask) {
  const mode_t previous = umask(0022);
  const auto control = Create();

  EXPECT_EQ(umask(previous), 0022);
}

TEST_F(ControlSocketTest, RefusesTheSecondDaemonAndLeavesTheFirstUnharmed) {
  Clients clients;
  auto control = Create();
  ASSERT_TRUE(control.ok()) << control.status();
  (*control)->Start(clients.Admit());

  ExpectInUse();

  const Descriptor client = Connect();
  EXPECT_TRUE(clients.WaitFor(1));
}

TEST_F(ControlSocketTest, RefusesTheSecondDaemonBeforeTheFirstHasStarted) {
  const auto control = Create();
  ASSERT_TRUE(control.ok()) << control.status();

  ExpectInUse();
}

TEST_F(ControlSocketTest, RefusesAPathWhoseLockIsHeld) {
  // A daemon that has taken the lock and not bound its socket yet.
  const Descriptor lock(
      open(lock_path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(flock(lock.get(), LOCK_EX), 0);

  ExpectInUse();

  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_TRUE(std::filesystem::exists(lock_path_));
}

TEST_F(ControlSocketTest, TakesALockThatNobodyHolds) {
  std::ofstream(lock_path_) << "left by another";

  const auto control = Create();

  EXPECT_TRUE(control.ok()) << control.status();
}

TEST_F(ControlSocketTest, RefusesALiveSocketWithoutALock) {
  const Descriptor other(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const RawAddress address = RawFromPath(path_);
  ASSERT_EQ(bind(other.get(), address.get(), address.size), 0);
  ASSERT_EQ(listen(other.get(), 1), 0);

  ExpectInUse();

  EXPECT_TRUE(Connect().is_open());
}

TEST_F(ControlSocketTest, TakesOverWhatAKilledDaemonLeaves) {
  const pid_t child = fork();
  if (child == 0) {
    const auto control = Create();
    _exit(control.ok() ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  ASSERT_TRUE(std::filesystem::exists(path_));
  ASSERT_TRUE(std::filesystem::exists(lock_path_));

  Clients clients;
  auto control = Create();

  ASSERT_TRUE(control.ok()) << control.status();
  (*control)->Start(clients.Admit());
  const Descriptor client = Connect();
  EXPECT_TRUE(clients.WaitFor(1));
}

TEST_F(ControlSocketTest, LeavesAFileAlone) {
  std::ofstream(path_) << "precious";

  ExpectInUse();

  EXPECT_EQ(std::filesystem::file_size(path_), 8);
}

TEST_F(ControlSocketTest, LeavesALinkAlone) {
  ASSERT_EQ(symlink(folder_.Path("target").c_str(), path_.c_str()), 0);

  ExpectInUse();

  EXPECT_TRUE(std::filesystem::is_symlink(path_));
}

TEST_F(ControlSocketTest, DoesNotFollowALinkInPlaceOfItsLock) {
  const std::string target = folder_.Path("target");
  ASSERT_EQ(symlink(target.c_str(), lock_path_.c_str()), 0);

  EXPECT_FALSE(Create().ok());

  EXPECT_FALSE(std::filesystem::exists(target));
}

TEST_F(ControlSocketTest, RemovesSocketAndLockAtTheEnd) {
  Clients clients;
  auto control = Create();
  ASSERT_TRUE(control.ok()) << control.status();
  (*control)->Start(clients.Admit());

  *control = nullptr;

  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_FALSE(std::filesystem::exists(lock_path_));
  EXPECT_FALSE(Connect().is_open());
}

TEST_F(ControlSocketTest, DoesNotRemoveTheSocketOfAnother) {
  auto control = Create();
  ASSERT_TRUE(control.ok()) << control.status();
  ASSERT_EQ(rename(path_.c_str(), folder_.Path("old").c_str()), 0);
  std::ofstream(path_) << "another's";

  *control = nullptr;

  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(ControlSocketTest, SaysThatTheFolderDoesNotExist) {
  const absl::Status error =
      ControlSocket::Create(folder_.Path("none/control")).status();

  EXPECT_TRUE(HasReason(error, Reason::kAddressUnavailable)) << error;
}

TEST_F(ControlSocketTest, RefusesPathsThatAreNone) {
  for (const std::string& path :
       {std::string(), std::string("relative"), std::string("/"),
        "/" + std::string(107, 'a'), std::string("/a\0b", 4)}) {
    const absl::Status error = ControlSocket::Create(path).status();
    EXPECT_TRUE(HasReason(error, Reason::kAddressInvalid)) << error;
  }
}

TEST_F(ControlSocketTest, TurnsAwayClientsOfOtherUsers) {
  constexpr uid_t kStranger = 4201;
  if (geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  Clients clients;
  auto control = Create();
  ASSERT_TRUE(control.ok()) << control.status();
  (*control)->Start(clients.Admit());
  // Let the stranger as far as the check.
  ASSERT_EQ(chmod(folder_.Path("").c_str(), 0755), 0);
  ASSERT_EQ(chmod(path_.c_str(), 0666), 0);

  const pid_t stranger = fork();
  if (stranger == 0) {
    if (setuid(kStranger) != 0) _exit(kCannotBeAnother);
    const Descriptor client = Connect();
    char byte;
    _exit(client.is_open() && recv(client.get(), &byte, 1, 0) == 0 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(stranger, &status, 0), stranger);
  if (WEXITSTATUS(status) == kCannotBeAnother) {
    GTEST_SKIP() << "no other user in this name space";
  }
  EXPECT_EQ(status, 0);
  EXPECT_EQ(clients.size(), 0);
  const Descriptor own = Connect();
  EXPECT_TRUE(clients.WaitFor(1));
}

// Sends standard error through a pipe while it exists.
class ErrorOutput {
 public:
  ErrorOutput() : previous_(dup(STDERR_FILENO)) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    reading_ = Descriptor(ends[0]);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
  }
  ~ErrorOutput() { dup2(previous_.get(), STDERR_FILENO); }

  // Waits for a line.
  std::string Read() {
    char buffer[4096];
    const ssize_t count = read(reading_.get(), buffer, sizeof(buffer));
    return std::string(buffer, count < 0 ? 0 : static_cast<size_t>(count));
  }

 private:
  const Descriptor previous_;
  Descriptor reading_;
};

TEST_F(ControlSocketTest, SurvivesAShortageOfDescriptors) {
  Clients clients;
  auto control = Create();
  ASSERT_TRUE(control.ok()) << control.status();
  const Descriptor client = Connect();

  std::string line;
  {
    ErrorOutput error_output;
    const DescriptorShortage shortage;
    (*control)->Start(clients.Admit());
    line = error_output.Read();
    EXPECT_EQ(clients.size(), 0);
  }

  EXPECT_THAT(line, HasSubstr("control socket pauses because=\"Too many open "
                              "files (EMFILE)\""));
  EXPECT_TRUE(clients.WaitFor(1));
}

TEST_F(ControlSocketTest, EndsDuringAShortageOfDescriptors) {
  auto control = Create();
  ASSERT_TRUE(control.ok()) << control.status();
  const Descriptor client = Connect();
  {
    ErrorOutput error_output;
    const DescriptorShortage shortage;
    (*control)->Start([](int) { ADD_FAILURE(); });
    error_output.Read();

    *control = nullptr;
  }
}

}  // namespace
}  // namespace tlsd::net
