#include "server/conn/stream_sink.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "server/base/chunk_pool.h"
#include "server/base/status_macros.h"
#include "server/conn/connection.h"

namespace tlsd::conn {
namespace {

// A caller's large write is sealed in pieces, so that it cannot fill the send
// queue far beyond its bound.
constexpr size_t kPieceBytesMax = 64 * 1024;
// What is smaller, and not the last, is copied together with what follows: a
// record costs more than to copy so much.
constexpr size_t kLonePieceBytesMin = 4 * 1024;

}  // namespace

StreamSink::~StreamSink() {
  if (gone_) std::move(gone_)();
  CancelRead(ConnectionClosedError());
  CancelWrite(ConnectionClosedError());
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
  if (reader_claimed_ || writer_claimed_) return;
  gone_ = nullptr;
  closed_ = nullptr;
}

void StreamSink::Read(Connection& connection, size_t size_max, ReadDone done) {
  ReadQueue(connection, [size_max, done = std::move(done)](
                            absl::StatusOr<base::ByteQueue*> queue) mutable {
    if (!queue.ok()) {
      std::move(done)(queue.status());
      return;
    }
    Cleartext cleartext;
    cleartext.end = (*queue)->empty();
    cleartext.bytes = (*queue)->TakeText(size_max);
    std::move(done)(std::move(cleartext));
  });
}

void StreamSink::ReadQueue(Connection& connection, TakeCleartext take) {
  take_ = std::move(take);
  TryRead(connection);
}

void StreamSink::Write(Connection& connection, std::string bytes,
                       bool shut_down, WriteDone done) {
  struct Kept {
    std::string bytes;
    absl::Span<const uint8_t> piece;
  };
  const auto kept = std::make_shared<Kept>();
  kept->bytes = std::move(bytes);
  kept->piece = base::AsBytes(kept->bytes);
  WritePieces(connection, absl::MakeConstSpan(&kept->piece, 1), shut_down,
              [kept, done = std::move(done)](absl::Status status) mutable {
                std::move(done)(std::move(status));
              });
}

void StreamSink::WritePieces(Connection& connection, Pieces pieces,
                             bool shut_down, WriteDone done) {
  unwritten_ = pieces;
  written_size_ = 0;
  // Nothing to write needs no open direction.
  while (!unwritten_.empty() && unwritten_.front().empty()) {
    unwritten_.remove_prefix(1);
  }
  write_failure_ = absl::OkStatus();
  shut_down_after_ = shut_down;
  write_done_ = std::move(done);
  // What is sealed from inside Pump leaves in one send.
  connection.Pump();
  TryWrite(connection);
}

void StreamSink::CancelRead(const absl::Status& reason) {
  if (TakeCleartext take = std::exchange(take_, nullptr)) {
    std::move(take)(reason);
  }
}

void StreamSink::CancelWrite(const absl::Status& reason) {
  unwritten_ = {};
  written_size_ = 0;
  if (WriteDone done = std::exchange(write_done_, nullptr)) {
    std::move(done)(reason);
  }
}

void StreamSink::OnProgress(Connection& connection) {
  TryRead(connection);
  TryWrite(connection);
  if (connection.state() != ConnectionState::kClosed) return;
  if (auto closed = std::exchange(closed_, nullptr)) std::move(closed)();
}

// Taking and writing may bring OnProgress, and a callback may call the sink
// again: both must go on in the loops below, not on top of them.

void StreamSink::TryRead(Connection& connection) {
  if (reading_) return;
  reading_ = true;
  while (take_ && ReadSome(connection)) {
  }
  reading_ = false;
}

bool StreamSink::ReadSome(Connection& connection) {
  absl::StatusOr<base::ByteQueue*> queue = &connection.cleartext();
  if ((*queue)->empty() && !connection.at_end()) {
    if (connection.state() != ConnectionState::kClosed) return false;
    queue = connection.failure().ok() ? ConnectionClosedError()
                                      : connection.failure();
  }
  const bool may_make_room = queue.ok() && !(*queue)->empty();
  // Ours alone, before anything else runs.
  TakeCleartext take = std::exchange(take_, nullptr);
  std::move(take)(queue);
  if (may_make_room) connection.Pump();
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
  absl::Status status = write_failure_;
  // To shut down twice is no error, so only bytes need an open direction.
  if (!unwritten_.empty()) status.Update(connection.CheckWrite());
  if (status.ok() && !unwritten_.empty()) return WritePiece(connection);
  WriteDone done = std::exchange(write_done_, nullptr);
  unwritten_ = {};
  written_size_ = 0;
  if (status.ok() && shut_down_after_) status = connection.Shutdown();
  std::move(done)(status);
  return true;
}

bool StreamSink::WritePiece(Connection& connection) {
  if (!connection.writable()) return false;
  std::unique_ptr<base::Chunk> joined;
  absl::Span<const uint8_t> piece = TakeUnwritten(kPieceBytesMax);
  if (piece.size() < kLonePieceBytesMin && !unwritten_.empty()) {
    joined = connection.pool().Take();
    const absl::Span<uint8_t> space = absl::MakeSpan(joined->bytes);
    size_t size = 0;
    while (!piece.empty()) {
      std::memcpy(space.data() + size, piece.data(), piece.size());
      size += piece.size();
      piece = TakeUnwritten(space.size() - size);
    }
    piece = space.first(size);
  }
  if (piece.empty()) return true;
  // This may wake a read whose callback cancels the write, or begins the next:
  // that fails too, for an error has ended the connection.
  write_failure_.Update(connection.Write(piece));
  if (joined != nullptr) connection.pool().Return(std::move(joined));
  return true;
}

absl::Span<const uint8_t> StreamSink::TakeUnwritten(size_t size_max) {
  while (!unwritten_.empty()) {
    const absl::Span<const uint8_t> rest =
        unwritten_.front().subspan(written_size_);
    if (rest.size() > size_max) {
      written_size_ += size_max;
      return rest.first(size_max);
    }
    unwritten_.remove_prefix(1);
    written_size_ = 0;
    if (!rest.empty()) return rest;
  }
  return {};
}

}  // namespace tlsd::conn
