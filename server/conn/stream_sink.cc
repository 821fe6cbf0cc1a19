#include "server/conn/stream_sink.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "proto/status/error.h"
#include "server/base/byte_queue.h"
#include "server/base/status_macros.h"
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

absl::StatusOr<StreamSink*> StreamSink::Of(Connection& connection) {
  auto* sink = dynamic_cast<StreamSink*>(connection.sink());
  if (sink != nullptr) return sink;
  if (!connection.piped_with().empty()) {
    return MakeError(Reason::kConnectionAttached,
                     absl::StrCat(connection.piped_with(),
                                  " has the cleartext of ", connection.name()),
                     {{"connection", connection.name()},
                      {"piped_with", connection.piped_with()}});
  }
  return MakeError(
      Reason::kHandlerMismatch,
      absl::StrCat("the handler of ", connection.listener(),
                   " keeps the cleartext of ", connection.name(),
                   " to itself; only `stream` gives it away"),
      {{"connection", connection.name()}, {"listener", connection.listener()}});
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

absl::Status StreamSink::Reserve() {
  const bool was_taken = taken_;
  TLSD_RETURN_IF_ERROR(Claim(Direction::kBoth));
  taken_ = was_taken;
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
  written_size_ = 0;
  if (WriteDone done = std::exchange(write_done_, nullptr)) {
    std::move(done)(reason);
  }
}

void StreamSink::OnProgress(Connection& connection) {
  TryRead(connection);
  TryWrite(connection);
}

// Taking and writing may bring OnProgress, and a callback may call the sink
// again: both must go on in the loops below, not on top of them.

void StreamSink::TryRead(Connection& connection) {
  if (reading_) return;
  reading_ = true;
  while (read_done_ && ReadSome(connection)) {
  }
  reading_ = false;
}

bool StreamSink::ReadSome(Connection& connection) {
  absl::StatusOr<Cleartext> result = Cleartext();
  const bool has_bytes = !connection.Readable().empty();
  if (!has_bytes && !connection.at_end()) {
    if (connection.state() != ConnectionState::kClosed) return false;
    result = connection.failure().ok() ? ClosedError() : connection.failure();
  }
  // Ours alone, before anything else runs.
  ReadDone done = std::exchange(read_done_, nullptr);
  if (has_bytes) {
    result->bytes = connection.TakeReadable(read_size_max_);
  } else if (result.ok()) {
    result->end = true;
  }
  std::move(done)(std::move(result));
  return true;
}

void StreamSink::TryWrite(Connection& connection) {
  if (writing_) return;
  writing_ = true;
  while (write_done_ && WriteSome(connection)) {
  }
  writing_ = false;
}

bool StreamSink::WriteSome(Connection& connection) {
  if (connection.state() == ConnectionState::kHandshaking) return false;
  absl::Status status = absl::OkStatus();
  // To shut down twice is no error, so only bytes need an open direction.
  if (written_size_ < unwritten_.size()) {
    status = connection.CheckWrite();
    if (status.ok() && !connection.writable()) return false;
  }
  if (status.ok() && written_size_ < unwritten_.size()) {
    const absl::string_view piece =
        absl::string_view(unwritten_).substr(written_size_, kPieceBytesMax);
    written_size_ += piece.size();
    // This may wake a read whose callback cancels the write, or begins the
    // next; an error has ended the connection, and CheckWrite finds it.
    if (!connection.Write(base::AsBytes(piece)).ok()) written_size_ = 0;
    return true;
  }
  WriteDone done = std::exchange(write_done_, nullptr);
  unwritten_.clear();
  written_size_ = 0;
  if (status.ok() && shut_down_after_) status = connection.Shutdown();
  std::move(done)(status);
  return true;
}

}  // namespace tlsd::conn
