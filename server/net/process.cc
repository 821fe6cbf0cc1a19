#include "server/net/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "proto/status/error.h"

namespace tlsd::net {
namespace {

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

// Reads and drops what is there; returns whether the input has ended.
bool AtEnd(int descriptor) {
  std::array<char, 4096> dropped;
  const ssize_t count = read(descriptor, dropped.data(), dropped.size());
  return count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN);
}

absl::Status FileError(const std::string& path) {
  return MakeError(Reason::kInternal,
                   absl::StrCat("cannot write ", QuoteForMessage(path), ": ",
                                std::strerror(errno)),
                   {{"path", path}});
}

}  // namespace

void PrepareProcess() {
  std::signal(SIGPIPE, SIG_IGN);
  const sigset_t signals = StopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  const rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__  // whose leak check traces the process
  prctl(PR_SET_DUMPABLE, 0);
#endif
}

std::string WaitForStop(StandardInput standard_input) {
  const sigset_t signals = StopSignals();
  const int signal_descriptor = signalfd(-1, &signals, SFD_CLOEXEC);
  absl::Cleanup close_descriptor = [=] { close(signal_descriptor); };
  std::array<pollfd, 2> watched = {
      {{signal_descriptor, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}}};
  const nfds_t count = standard_input == StandardInput::kStopsAtEnd ? 2 : 1;
  while (true) {
    if (poll(watched.data(), count, -1) < 0) continue;
    if (watched[0].revents != 0) {
      signalfd_siginfo info = {};
      const ssize_t size = read(signal_descriptor, &info, sizeof(info));
      if (size == sizeof(info)) {
        return info.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM";
      }
    }
    if (count == 2 && watched[1].revents != 0 && AtEnd(STDIN_FILENO)) {
      return "standard input";
    }
  }
}

int64_t ProcessId() { return getpid(); }

absl::Status WriteFileAtomically(const std::string& path,
                                 absl::string_view content) {
  const std::string temporary = absl::StrCat(path, ".", getpid());
  const int descriptor =
      open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0) return FileError(temporary);
  const ssize_t written = write(descriptor, content.data(), content.size());
  const bool closed = close(descriptor) == 0;
  if (!closed || written != static_cast<ssize_t>(content.size()) ||
      std::rename(temporary.c_str(), path.c_str()) != 0) {
    const absl::Status error = FileError(path);
    unlink(temporary.c_str());
    return error;
  }
  return absl::OkStatus();
}

}  // namespace tlsd::net
