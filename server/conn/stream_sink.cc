#include "server/conn/stream_sink.h"

#include <utility>

#include "proto/status/error.h"
#include "server/base/byte_queue.h"
#include "server/conn/connection.h"

namespace tlsd::conn {
namespace {

// A caller's large write is sealed in pieces, so that it cannot fill the send
// queue beyond its bound.
constexpr size_t kPieceBytesMax = 16 * 1024;

absl::Status ClosedError() {
  return MakeError(Reason::kConnectionClosed, "the connection has ended");
}

}  // namespace

StreamSink::~StreamSink() {
  CancelRead(ClosedError());
  CancelWrite(ClosedError());
}

absl::Status StreamSink::Claim(Direction direction) {
  const bool read = direction != Direction::kWrite;
  const bool write = direction != Direction::kRead;
  if ((read && reader_claimed_) || (write && writer_claimed_)) {
    return MakeError(Reason::kConnectionAttached,
                     read && reader_claimed_
                         ? "another call reads the connection"
                         : "another call writes the connection");
  }
  reader_claimed_ |= read;
  writer_claimed_ |= write;
  taken_ = true;
  return absl::OkStatus();
}

void StreamSink::Release(Direction direction) {
  if (direction != Direction::kWrite) reader_claimed_ = false;
  if (direction != Direction::kRead) writer_claimed_ = false;
}

void StreamSink::Read(Connection& connection, size_t size_max, ReadDone done) {
  read_size_max_ = size_max;
  read_done_ = std::move(done);
  TryRead(connection);
}

void StreamSink::Write(Connection& connection, std::string bytes,
                       bool shut_down, WriteDone done) {
  unwritten_ = std::move(bytes);
  written_size_ = 0;
  shut_down_after_ = shut_down;
  write_done_ = std::move(done);
  TryWrite(connection);
}

void StreamSink::CancelRead(const absl::Status& reason) {
  if (ReadDone done = std::exchange(read_done_, nullptr)) {
    std::move(done)(reason);
  }
}

void StreamSink::CancelWrite(const absl::Status& reason) {
  unwritten_.clear();
  if (WriteDone done = std::exchange(write_done_, nullptr)) {
    std::move(done)(reason);
  }
}

void StreamSink::OnProgress(Connection& connection) {
  TryRead(connection);
  TryWrite(connection);
}

void StreamSink::TryRead(Connection& connection) {
  if (!read_done_) return;
  absl::StatusOr<Cleartext> result = Cleartext();
  if (!connection.Readable().empty()) {
    // Taking makes room, which may bring OnProgress and so this function again:
    // the callback must be ours alone by then.
    ReadDone done = std::exchange(read_done_, nullptr);
    result->bytes = connection.TakeReadable(read_size_max_);
    std::move(done)(std::move(result));
    return;
  }
  if (connection.at_end()) {
    result->end = true;
  } else if (connection.state() == ConnectionState::kClosed) {
    result = connection.failure().ok() ? ClosedError() : connection.failure();
  } else {
    return;
  }
  ReadDone done = std::exchange(read_done_, nullptr);
  std::move(done)(std::move(result));
}

void StreamSink::TryWrite(Connection& connection) {
  // Writing may bring OnProgress and so this function again.
  if (!write_done_ || writing_) return;
  writing_ = true;
  absl::Status status = absl::OkStatus();
  // To shut down twice is no error, so only bytes need an open direction.
  if (!unwritten_.empty()) status = connection.CheckWrite();
  while (status.ok() && written_size_ < unwritten_.size() &&
         connection.writable()) {
    const absl::string_view piece =
        absl::string_view(unwritten_).substr(written_size_, kPieceBytesMax);
    written_size_ += piece.size();
    status = connection.Write(base::AsBytes(piece));
  }
  writing_ = false;
  if (status.ok() && written_size_ < unwritten_.size()) return;
  WriteDone done = std::exchange(write_done_, nullptr);
  unwritten_.clear();
  if (status.ok() && shut_down_after_) status = connection.Shutdown();
  std::move(done)(status);
}

}  // namespace tlsd::conn
