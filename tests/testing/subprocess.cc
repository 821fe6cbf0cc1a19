#include "tests/testing/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"

namespace tlsd::testing {
namespace {

absl::Status SystemError(absl::string_view what, int error) {
  return absl::InternalError(absl::StrCat(what, ": ", strerror(error)));
}

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const std::string& text : strings) {
    pointers.push_back(const_cast<char*>(text.c_str()));
  }
  pointers.push_back(nullptr);
  return pointers;
}

void CloseIfOpen(int& descriptor) {
  if (descriptor >= 0) close(std::exchange(descriptor, -1));
}

// Spawn returns 0 or an errno. `standard` become descriptors 0, 1 and 2; the
// child gets no other, no blocked and no ignored signal.
int Spawn(const std::vector<std::string>& command,
          const std::vector<std::string>& environment, const int standard[3],
          pid_t* pid) {
  std::vector<std::string> variables = environment;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    variables.push_back(*variable);
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (int i = 0; i < 3; ++i) {
    posix_spawn_file_actions_adddup2(&actions, standard[i], i);
  }
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t signals;
  sigemptyset(&signals);
  posix_spawnattr_setsigmask(&attributes, &signals);
  for (const int number : {SIGPIPE, SIGTERM, SIGINT}) {
    sigaddset(&signals, number);
  }
  posix_spawnattr_setsigdefault(&attributes, &signals);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK |
                                            POSIX_SPAWN_SETSIGDEF |
                                            POSIX_SPAWN_SETPGROUP);
  const int error =
      posix_spawnp(pid, command.front().c_str(), &actions, &attributes,
                   Pointers(command).data(), Pointers(variables).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Subprocess>> Subprocess::Start(
    const std::vector<std::string>& command,
    const std::vector<std::string>& environment) {
  std::unique_ptr<Subprocess> process(new Subprocess);
  process->command_ = absl::StrJoin(command, " ");
  // A socket, so that a process that has gone costs no SIGPIPE. Only the ends
  // of this process go at exec.
  int input[2];
  int output[2];
  int error_output[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, input) != 0) {
    return SystemError("socketpair", errno);
  }
  process->input_ = input[0];
  if (pipe2(output, O_CLOEXEC) != 0 || pipe2(error_output, O_CLOEXEC) != 0) {
    return SystemError("pipe2", errno);
  }
  process->output_ = output[0];
  process->error_output_ = error_output[0];
  const int standard[3] = {input[1], output[1], error_output[1]};
  const int error = Spawn(command, environment, standard, &process->pid_);
  for (const int descriptor : standard) close(descriptor);
  if (error != 0) {
    process->pid_ = -1;
    return SystemError(process->command_, error);
  }
  fcntl(process->output_, F_SETFL, O_NONBLOCK);
  fcntl(process->error_output_, F_SETFL, O_NONBLOCK);
  process->exit_ =
      static_cast<int>(syscall(SYS_pidfd_open, process->pid_, /*flags=*/0));
  if (process->exit_ < 0) return SystemError("pidfd_open", errno);
  process->stop_ = eventfd(0, EFD_CLOEXEC);
  process->collector_ = std::thread([p = process.get()] { p->Collect(); });
  return process;
}

Subprocess::~Subprocess() {
  if (pid_ > 0) {
    // The process is not reaped before this, so the pid is still its own.
    kill(-pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  if (collector_.joinable()) {
    eventfd_write(stop_, 1);
    collector_.join();
  }
  for (int* descriptor : {&input_, &output_, &error_output_, &exit_, &stop_}) {
    CloseIfOpen(*descriptor);
  }
}

// Collect is the collector's thread.
void Subprocess::Collect() {
  pollfd polled[] = {{stop_, POLLIN, 0},
                     {exit_, POLLIN, 0},
                     {output_, POLLIN, 0},
                     {error_output_, POLLIN, 0}};
  while (true) {
    if (poll(polled, std::size(polled), /*timeout=*/-1) < 0) continue;
    if (polled[0].revents != 0) return;
    absl::MutexLock lock(&mutex_);
    if (polled[1].revents != 0) {
      exited_ = true;
      polled[1].fd = -1;
    }
    if (polled[2].revents != 0 && !Drain(output_, output_capture_)) {
      polled[2].fd = -1;
    }
    if (polled[3].revents != 0 && !Drain(error_output_, error_capture_)) {
      polled[3].fd = -1;
    }
  }
}

bool Subprocess::Drain(int descriptor, Capture& capture) {
  char buffer[65536];
  const ssize_t size = read(descriptor, buffer, sizeof(buffer));
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (size > 0) {
    capture.text.append(buffer, size);
  } else {
    capture.ended = true;
  }
  return size > 0;
}

absl::Status Subprocess::Write(absl::string_view bytes,
                               absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (!bytes.empty()) {
    const ssize_t size =
        send(input_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size >= 0) {
      bytes.remove_prefix(size);
      continue;
    }
    if (errno != EAGAIN && errno != EINTR) {
      const int error = errno;
      absl::MutexLock lock(&mutex_);
      return absl::UnavailableError(
          absl::StrCat("write: ", strerror(error), "; ", Describe()));
    }
    pollfd polled = {input_, POLLOUT, 0};
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration() ||
        poll(&polled, 1, static_cast<int>(absl::ToInt64Milliseconds(left))) ==
            0) {
      absl::MutexLock lock(&mutex_);
      return absl::DeadlineExceededError(
          absl::StrCat("the process reads no input; ", Describe()));
    }
  }
  return absl::OkStatus();
}

void Subprocess::CloseInput() { CloseIfOpen(input_); }

std::string Subprocess::output() const {
  absl::MutexLock lock(&mutex_);
  return output_capture_.text;
}

std::string Subprocess::error_output() const {
  absl::MutexLock lock(&mutex_);
  return error_capture_.text;
}

absl::Status Subprocess::WaitForOutput(absl::string_view text,
                                       absl::Duration timeout) {
  return WaitFor(text, output_capture_, timeout);
}

absl::Status Subprocess::WaitForErrorOutput(absl::string_view text,
                                            absl::Duration timeout) {
  return WaitFor(text, error_capture_, timeout);
}

absl::Status Subprocess::WaitFor(absl::string_view text, const Capture& capture,
                                 absl::Duration timeout) {
  absl::MutexLock lock(&mutex_);
  const auto done = [&] {
    return capture.ended || absl::StrContains(capture.text, text);
  };
  mutex_.AwaitWithTimeout(absl::Condition(&done), timeout);
  if (absl::StrContains(capture.text, text)) return absl::OkStatus();
  const std::string message =
      absl::StrCat("no \"", text, "\" came; ", Describe());
  return capture.ended ? absl::UnavailableError(message)
                       : absl::DeadlineExceededError(message);
}

void Subprocess::Signal(int number) { kill(pid_, number); }

absl::StatusOr<int> Subprocess::Wait(absl::Duration timeout) {
  absl::MutexLock lock(&mutex_);
  const auto done = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return exited_ && output_capture_.ended && error_capture_.ended;
  };
  if (!mutex_.AwaitWithTimeout(absl::Condition(&done), timeout)) {
    return absl::DeadlineExceededError(
        absl::StrCat("it has not ended; ", Describe()));
  }
  // WNOWAIT leaves it to the destructor to reap.
  siginfo_t info = {};
  if (waitid(P_PID, pid_, &info, WEXITED | WNOWAIT) != 0) {
    return SystemError("waitid", errno);
  }
  return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

std::string Subprocess::Describe() const {
  return absl::StrCat("command: ", command_, "\nstandard output:\n",
                      output_capture_.text, "\nstandard error:\n",
                      error_capture_.text);
}

absl::StatusOr<RunResult> RunCommand(const std::vector<std::string>& command,
                                     absl::string_view input,
                                     absl::Duration timeout) {
  absl::StatusOr<std::unique_ptr<Subprocess>> process =
      Subprocess::Start(command);
  if (!process.ok()) return process.status();
  // A process may rightly end before it has read all.
  const absl::Status written = (*process)->Write(input, timeout);
  if (absl::IsDeadlineExceeded(written)) return written;
  (*process)->CloseInput();
  absl::StatusOr<int> exit_code = (*process)->Wait(timeout);
  if (!exit_code.ok()) return exit_code.status();
  return RunResult{*exit_code, (*process)->output(),
                   (*process)->error_output()};
}

}  // namespace tlsd::testing
