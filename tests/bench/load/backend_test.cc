#include "tests/bench/load/backend.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/bench/load/pattern.h"
#include "tests/bench/load/sink_report.h"
#include "tests/bench/load/sockets.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::bench::load {
namespace {

using ::testing::ElementsAre;
using testing::IsOk;

// Socket is a client of the backend.
class Socket {
 public:
  explicit Socket(int port) : descriptor_(Dial(port, 0).value()) {}
  ~Socket() { Close(); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  void Close() {
    if (descriptor_ >= 0) close(descriptor_);
    descriptor_ = -1;
  }

  void ShutDown() { shutdown(descriptor_, SHUT_WR); }

  void Send(absl::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t size =
          send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (size > 0) {
        bytes.remove_prefix(static_cast<size_t>(size));
      } else if (errno != EAGAIN) {
        FAIL() << "send: " << errno;
      }
    }
  }

  // Receive returns `size` bytes, or fewer if the stream ends before.
  std::string Receive(size_t size) {
    std::string bytes;
    while (bytes.size() < size) {
      char buffer[65536];
      const ssize_t got =
          recv(descriptor_, buffer,
               std::min(sizeof(buffer), size - bytes.size()), 0);
      if (got > 0) bytes.append(buffer, static_cast<size_t>(got));
      if (got == 0 || (got < 0 && errno != EAGAIN)) break;
    }
    return bytes;
  }

 private:
  int descriptor_;
};

class BackendTest : public ::testing::Test {
 protected:
  ~BackendTest() override {
    if (!thread_.joinable()) return;
    close(input_[1]);
    thread_.join();
    close(input_[0]);
  }

  void Start(const BackendOptions& options = {}) {
    ASSERT_EQ(pipe(input_), 0);
    auto backend = Backend::Start(options);
    ASSERT_THAT(backend, IsOk());
    backend_ = *std::move(backend);
    thread_ = std::thread([this] { backend_->RunUntilEnd(input_[0]); });
  }

  int Port(absl::string_view name) const {
    const std::string ports = backend_->Ports();
    const std::string key = absl::StrCat("\"", name, "\":");
    const size_t begin = ports.find(key) + key.size();
    int port = 0;
    EXPECT_TRUE(absl::SimpleAtoi(
        ports.substr(begin, ports.find_first_of(",}", begin) - begin), &port));
    return port;
  }

  SinkReport Report() const {
    return ParseSinkReport(ReadAll(Port("report")).value()).value();
  }

 private:
  int input_[2] = {-1, -1};
  std::unique_ptr<Backend> backend_;
  std::thread thread_;
};

TEST_F(BackendTest, GivesBackWhatComes) {
  Start();
  Socket socket(Port("echo"));

  socket.Send("hello");

  EXPECT_EQ(socket.Receive(5), "hello");
}

TEST_F(BackendTest, SendsThePattern) {
  Start();
  Socket socket(Port("source"));

  const std::string bytes = socket.Receive(Pattern::kPieceMax);

  EXPECT_TRUE(ThePattern().Matches(0, bytes));
  EXPECT_EQ(bytes.size(), Pattern::kPieceMax);
}

TEST_F(BackendTest, SendsAsMuchAsIsAskedForAndNoMore) {
  Start();
  Socket socket(Port("request"));

  socket.Send(std::string(6, '\0') + "\x12\x34");
  socket.ShutDown();

  const std::string bytes = socket.Receive(0x1234 + 1);
  EXPECT_TRUE(ThePattern().Matches(0, bytes));
  EXPECT_EQ(bytes.size(), 0x1234u);
}

TEST_F(BackendTest, CountsWhatSinksGet) {
  Start();
  Socket socket(Port("sink"));

  socket.Send(ThePattern().At(0, 1000));

  SinkReport report;
  while (report.sizes.empty() || report.sizes.begin()->second < 1000) {
    report = Report();
  }
  EXPECT_EQ(report.sizes.begin()->second, 1000);
  EXPECT_EQ(report.error_count, 0);
}

TEST_F(BackendTest, ResetsSinksAtAWrongByte) {
  Start();
  Socket socket(Port("sink"));

  socket.Send(ThePattern().At(1, 1000));

  EXPECT_EQ(socket.Receive(1), "");
  EXPECT_EQ(Report().error_count, 1);
  EXPECT_TRUE(Report().sizes.empty());
}

TEST_F(BackendTest, ChangesAByteIfItIsToldTo) {
  Start({.wrong_byte_at = 999});
  Socket source(Port("source"));
  Socket echo(Port("echo"));
  echo.Send(ThePattern().At(0, 1000));

  for (const std::string& bytes : {source.Receive(1000), echo.Receive(1000)}) {
    ASSERT_EQ(bytes.size(), 1000u);
    EXPECT_TRUE(ThePattern().Matches(0, bytes.substr(0, 999)));
    EXPECT_FALSE(ThePattern().Matches(0, bytes));
  }
}

TEST_F(BackendTest, WatchesOnlyItsOwnSinks) {
  Start();
  Socket other(Port("sink"));
  other.Send(ThePattern().At(0, 500));
  while (Report().sizes.empty()) {
  }
  SinkWatch watch(Port("report"));
  ASSERT_THAT(watch.Start(), IsOk());
  EXPECT_TRUE(absl::IsFailedPrecondition(watch.Begin(1)));

  Socket own(Port("sink"));
  while (!watch.Begin(1).ok()) {
  }
  own.Send(ThePattern().At(0, 1000));

  int64_t size = 0;
  while (size < 1000) size = watch.OwnSize().value();
  EXPECT_THAT(watch.End().value(), ElementsAre(1000));
  own.Close();
  while (Report().sizes.size() > 1) {
  }
  EXPECT_TRUE(absl::IsAborted(watch.End().status()));
}

}  // namespace
}  // namespace tlsd::bench::load
