#include "server/net/control_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/net/descriptor.h"
#include "server/net/os_error.h"
#include "server/net/raw_address.h"
#include "server/net/unix_path.h"

namespace tlsd::net {
namespace {

constexpr absl::string_view kField = "control socket";
constexpr absl::string_view kLockSuffix = ".lock";
constexpr mode_t kOwnerOnly = 0600;
constexpr int kBacklog = 128;
constexpr int kShortagePauseMs = 100;

// LockFile is a lock that the kernel gives back when the process ends.
class LockFile {
 public:
  static absl::StatusOr<std::unique_ptr<LockFile>> Acquire(
      const std::string& path);

  // Removed while it is held, so that nobody's lock is removed but this one's.
  ~LockFile() { unlink(path_.c_str()); }

 private:
  LockFile(std::string path, Descriptor descriptor)
      : path_(std::move(path)), descriptor_(std::move(descriptor)) {}

  const std::string path_;
  const Descriptor descriptor_;
};

absl::StatusOr<std::unique_ptr<LockFile>> LockFile::Acquire(
    const std::string& path) {
  while (true) {
    // Not followed if it is a link; not waited for if it is a FIFO.
    Descriptor file(open(path.c_str(),
                         O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
                         kOwnerOnly));
    if (!file.is_open()) return ListenError(kField, path, errno);
    if (flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return ListenError(kField, path, errno);
      return MakeError(
          Reason::kAddressInUse,
          absl::StrCat(kField, ": another daemon holds ", QuoteForMessage(path),
                       "; stop it, or choose another path"),
          {{"field", std::string(kField)}, {"address", path}});
    }
    struct stat locked;
    if (fstat(file.get(), &locked) != 0) {
      return ListenError(kField, path, errno);
    }
    // A daemon that ended in between has removed the file that was opened; a
    // lock on that would keep nobody out.
    if (IdentityOf(path) == FileIdentity{locked.st_dev, locked.st_ino}) {
      return std::unique_ptr<LockFile>(new LockFile(path, std::move(file)));
    }
  }
}

absl::Status CheckPath(const std::string& path) {
  if (path.size() > 1 && path.size() <= kUnixPathBytesMax &&
      path.front() == '/' && path.find('\0') == std::string::npos) {
    return absl::OkStatus();
  }
  return FieldError(Reason::kAddressInvalid, kField, path,
                    absl::StrCat("an absolute path of at most ",
                                 kUnixPathBytesMax, " bytes"));
}

// A umask such as 0277 takes from the owner too.
absl::Status GiveToOwner(const std::string& path) {
  struct stat file;
  if (lstat(path.c_str(), &file) != 0) return ListenError(kField, path, errno);
  if ((file.st_mode & ALLPERMS) == kOwnerOnly) return absl::OkStatus();
  if (chmod(path.c_str(), kOwnerOnly) != 0) {
    return ListenError(kField, path, errno);
  }
  return absl::OkStatus();
}

class LockedControlSocket : public ControlSocket {
 public:
  LockedControlSocket(std::unique_ptr<LockFile> lock,
                      std::unique_ptr<UnixPath> path, Descriptor socket,
                      Descriptor stop)
      : lock_(std::move(lock)),
        path_(std::move(path)),
        socket_(std::move(socket)),
        stop_(std::move(stop)) {}

  ~LockedControlSocket() override {
    if (!thread_.joinable()) return;
    eventfd_write(stop_.get(), 1);
    thread_.join();
  }

  void Start(OnAccept on_accept) override {
    on_accept_ = std::move(on_accept);
    // The daemon's signals are not for this thread, which inherits the mask.
    sigset_t all;
    sigset_t previous;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &previous);
    thread_ = std::thread([this] { Serve(); });
    pthread_sigmask(SIG_SETMASK, &previous, nullptr);
  }

 private:
  void Serve() {
    // While no descriptor is left, the socket stays readable: it is not watched
    // then, and tried again after a pause.
    bool must_pause = false;
    while (true) {
      pollfd watched[] = {{stop_.get(), POLLIN, 0},
                          {must_pause ? -1 : socket_.get(), POLLIN, 0}};
      if (poll(watched, 2, must_pause ? kShortagePauseMs : -1) < 0) continue;
      if (watched[0].revents != 0) return;
      must_pause = !AcceptOne();
    }
  }

  // AcceptOne returns false if it must not be called again at once.
  bool AcceptOne() {
    Descriptor client(
        accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!client.is_open()) {
      if (!IsShortage(errno)) return true;
      if (!std::exchange(has_told_of_pause_, true)) {
        base::Log(base::Severity::kWarning, "control socket pauses",
                  {{"because", DescribeErrno(errno)}});
      }
      return false;
    }
    has_told_of_pause_ = false;
    ucred peer = {};
    socklen_t size = sizeof(peer);
    if (getsockopt(client.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
        (peer.uid != geteuid() && peer.uid != 0)) {
      base::Log(
          base::Severity::kWarning, "control client turned away",
          {{"uid", absl::StrCat(peer.uid)}, {"pid", absl::StrCat(peer.pid)}});
      return true;
    }
    on_accept_(client.Release());
    return true;
  }

  // The order of members is that of taking; the lock is given back last.
  const std::unique_ptr<LockFile> lock_;
  const std::unique_ptr<UnixPath> path_;
  const Descriptor socket_;
  const Descriptor stop_;
  // Both are the thread's once it runs.
  OnAccept on_accept_;
  bool has_told_of_pause_ = false;
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ControlSocket>> ControlSocket::Create(
    const std::string& path) {
  TLSD_RETURN_IF_ERROR(CheckPath(path));
  TLSD_ASSIGN_OR_RETURN(std::unique_ptr<LockFile> lock,
                        LockFile::Acquire(absl::StrCat(path, kLockSuffix)));
  Descriptor socket(
      ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  Descriptor stop(eventfd(0, EFD_CLOEXEC));
  if (!socket.is_open() || !stop.is_open()) {
    return ListenError(kField, path, errno);
  }
  // Linux gives the file the mode of the socket's own inode, less the umask, so
  // it is never open to others, and no thread sees a changed umask.
  if (fchmod(socket.get(), kOwnerOnly) != 0) {
    return ListenError(kField, path, errno);
  }
  TLSD_ASSIGN_OR_RETURN(std::unique_ptr<UnixPath> bound,
                        UnixPath::Bind(kField, path, socket.get()));
  TLSD_RETURN_IF_ERROR(GiveToOwner(path));
  if (listen(socket.get(), kBacklog) != 0) {
    return ListenError(kField, path, errno);
  }
  return std::make_unique<LockedControlSocket>(
      std::move(lock), std::move(bound), std::move(socket), std::move(stop));
}

}  // namespace tlsd::net
