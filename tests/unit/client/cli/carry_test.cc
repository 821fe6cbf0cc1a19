#include "client/cli/carry.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <thread>

#include "client/client.h"
#include "proto/status/error.h"
#include "tests/unit/client/fake_daemon.h"

namespace tlsd::client::cli {
namespace {

using testing::CleartextStream;
using testing::Data;
using testing::End;
using testing::ReadAll;

// Pipe is a pipe whose ends close when they are told to, or at the end.
class Pipe {
 public:
  Pipe() { EXPECT_EQ(pipe2(ends_, O_CLOEXEC), 0); }
  ~Pipe() {
    CloseReader();
    CloseWriter();
  }
  int reader() const { return ends_[0]; }
  int writer() const { return ends_[1]; }
  void CloseReader() { Close(ends_[0]); }
  void CloseWriter() { Close(ends_[1]); }
  void Write(const std::string& bytes) {
    EXPECT_EQ(write(writer(), bytes.data(), bytes.size()),
              static_cast<ssize_t>(bytes.size()));
  }
  // ReadAll closes the writing end, and returns all that is in the pipe.
  std::string ReadAll() {
    CloseWriter();
    std::string all;
    char buffer[4096];
    ssize_t size = 0;
    while ((size = read(reader(), buffer, sizeof(buffer))) > 0) {
      all.append(buffer, size);
    }
    return all;
  }

 private:
  static void Close(int& end) {
    if (end >= 0) close(end);
    end = -1;
  }
  int ends_[2] = {-1, -1};
};

class CarryTest : public ::testing::Test {
 protected:
  CarryTest() { signal(SIGPIPE, SIG_IGN); }

  // Carry carries between the pipes and a daemon that does what `script` says.
  absl::Status Carry(
      std::function<absl::Status(const v1::StreamAttach&, CleartextStream&)>
          script) {
    daemon_.on.stream = std::move(script);
    const absl::StatusOr<Client> client = Client::Open(daemon_.address());
    EXPECT_TRUE(client.ok());
    absl::StatusOr<Connection> connection = client->Attach("connections/c");
    EXPECT_TRUE(connection.ok());
    return CarryCleartext(*connection, in_.reader(), out_.writer(), counts_);
  }

  testing::FakeDaemon daemon_;
  Pipe in_;
  Pipe out_;
  CarriedCounts counts_;
};

absl::Status Echo(const v1::StreamAttach&, CleartextStream& stream) {
  stream.Write(Data(ReadAll(stream)));
  stream.Write(End());
  return absl::OkStatus();
}

TEST_F(CarryTest, CarriesBinaryBothWaysUntilBothHaveEnded) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
  in_.Write(bytes);
  in_.CloseWriter();

  EXPECT_TRUE(Carry(Echo).ok());

  EXPECT_EQ(out_.ReadAll(), bytes);
  EXPECT_EQ(counts_.sent, 256);
  EXPECT_EQ(counts_.received, 256);
}

TEST_F(CarryTest, SendsOnAfterThePeerHasEnded) {
  std::string got;

  const absl::Status carried =
      Carry([&](const v1::StreamAttach&, CleartextStream& stream) {
        stream.Write(End());
        in_.Write("late");
        in_.CloseWriter();
        got = ReadAll(stream);
        return absl::OkStatus();
      });

  EXPECT_TRUE(carried.ok()) << carried;
  EXPECT_EQ(got, "late");
}

TEST_F(CarryTest, WritesWhatCameBeforeATruncationAndLeavesTheInputAlone) {
  const absl::Status carried =
      Carry([](const v1::StreamAttach&, CleartextStream& stream) {
        stream.Write(Data("abc"));
        return MakeError(Reason::kTlsTruncated, "no close_notify");
      });

  EXPECT_TRUE(HasReason(carried, Reason::kTlsTruncated));
  EXPECT_EQ(out_.ReadAll(), "abc");
}

TEST_F(CarryTest, EndsWhenTheConnectionFailsAfterThePeerHasEnded) {
  const absl::Status carried =
      Carry([](const v1::StreamAttach&, CleartextStream& stream) {
        stream.Write(End());
        return MakeError(Reason::kTransportReset, "reset");
      });

  EXPECT_TRUE(HasReason(carried, Reason::kTransportReset));
}

TEST_F(CarryTest, EndsWhenTheOutputIsClosed) {
  out_.CloseReader();

  const absl::Status carried =
      Carry([](const v1::StreamAttach&, CleartextStream& stream) {
        stream.Write(Data("abc"));
        ReadAll(stream);
        return absl::OkStatus();
      });

  EXPECT_THAT(std::string(carried.message()),
              ::testing::HasSubstr("standard output"));
}

TEST_F(CarryTest, CarriesMoreThanAPipeOrAMessageHolds) {
  const std::string bytes(5 << 20, 'x');
  std::thread writer([&] {
    size_t written = 0;
    while (written < bytes.size()) {
      written +=
          write(in_.writer(), bytes.data() + written, bytes.size() - written);
    }
    in_.CloseWriter();
  });
  std::string received;
  std::thread reader([&] {
    char buffer[4096];
    ssize_t size = 0;
    while (received.size() < bytes.size() &&
           (size = read(out_.reader(), buffer, sizeof(buffer))) > 0) {
      received.append(buffer, size);
    }
  });

  const absl::Status carried =
      Carry([](const v1::StreamAttach&, CleartextStream& stream) {
        v1::StreamRequest request;
        while (stream.Read(&request)) stream.Write(Data(request.data()));
        stream.Write(End());
        return absl::OkStatus();
      });
  writer.join();
  reader.join();

  EXPECT_TRUE(carried.ok()) << carried;
  EXPECT_EQ(received.size(), bytes.size());
}

}  // namespace
}  // namespace tlsd::client::cli
