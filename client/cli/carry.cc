#include "client/cli/carry.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <string>
#include <thread>

#include "absl/strings/string_view.h"

namespace tlsd::client::cli {
namespace {

constexpr size_t kPieceBytesMax = 64 * 1024;

// Sender carries the input to the peer, in a thread of its own.
class Sender {
 public:
  Sender(Connection& connection, int in_descriptor)
      : connection_(connection),
        in_descriptor_(in_descriptor),
        stop_descriptor_(eventfd(0, EFD_CLOEXEC)),
        thread_([this] { status_ = Run(); }) {}

  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  ~Sender() {
    Stop();
    if (thread_.joinable()) thread_.join();
    close(stop_descriptor_);
  }

  // Stop makes the thread leave the input alone.
  void Stop() { eventfd_write(stop_descriptor_, 1); }

  // Join waits for the end of the input, or for Stop, and returns how it ended.
  absl::Status Join() {
    thread_.join();
    return status_;
  }

  int64_t sent() const { return sent_; }

 private:
  absl::Status Run() {
    std::string piece(kPieceBytesMax, '\0');
    while (WaitForInput()) {
      const ssize_t size = read(in_descriptor_, piece.data(), piece.size());
      if (size < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (size < 0) {
        connection_.Cancel();
        return absl::ErrnoToStatus(errno, "standard input cannot be read");
      }
      if (size == 0) {
        // If this fails the connection has ended, and the reader says why.
        connection_.Shutdown().IgnoreError();
        return absl::OkStatus();
      }
      const absl::string_view cleartext(piece.data(),
                                        static_cast<size_t>(size));
      if (!connection_.Write(cleartext).ok()) return absl::OkStatus();
      sent_ += size;
    }
    return absl::OkStatus();
  }

  // WaitForInput reports whether there is input, or its end; else it is time to
  // stop.
  bool WaitForInput() {
    pollfd polled[] = {{in_descriptor_, POLLIN, 0},
                       {stop_descriptor_, POLLIN, 0}};
    while (poll(polled, 2, -1) < 0 && errno == EINTR) {
    }
    return polled[1].revents == 0;
  }

  Connection& connection_;
  const int in_descriptor_;
  const int stop_descriptor_;
  absl::Status status_;  // of the thread; read after it was joined
  int64_t sent_ = 0;     // likewise
  std::thread thread_;   // last: it uses the others
};

absl::Status WriteAll(int descriptor, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = write(descriptor, bytes.data(), bytes.size());
    if (size >= 0) {
      bytes.remove_prefix(static_cast<size_t>(size));
    } else if (errno == EAGAIN) {
      pollfd polled = {descriptor, POLLOUT, 0};
      poll(&polled, 1, -1);
    } else if (errno != EINTR) {
      return absl::ErrnoToStatus(errno, "standard output cannot be written");
    }
  }
  return absl::OkStatus();
}

// CarryFromPeer returns OK when the peer has sent close_notify.
absl::Status CarryFromPeer(Connection& connection, int out_descriptor,
                           int64_t& received) {
  while (true) {
    const absl::StatusOr<std::string> cleartext = connection.Read();
    if (!cleartext.ok()) return cleartext.status();
    if (cleartext->empty()) return absl::OkStatus();
    const absl::Status written = WriteAll(out_descriptor, *cleartext);
    if (!written.ok()) {
      connection.Cancel();
      return written;
    }
    received += static_cast<int64_t>(cleartext->size());
  }
}

}  // namespace

absl::Status CarryCleartext(Connection& connection, int in_descriptor,
                            int out_descriptor, CarriedCounts& counts) {
  Sender sender(connection, in_descriptor);
  absl::Status ended =
      CarryFromPeer(connection, out_descriptor, counts.received);
  if (ended.ok()) ended = connection.WaitForEnd();
  sender.Stop();
  const absl::Status sent = sender.Join();
  counts.sent = sender.sent();
  return sent.ok() ? ended : sent;
}

}  // namespace tlsd::client::cli
