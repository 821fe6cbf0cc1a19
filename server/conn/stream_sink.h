// StreamSink gives the cleartext of a connection to callers outside its worker,
// who read and write with callbacks: one read and one write at a time.
//
// It belongs to its connection, and to the connection's worker thread, on which
// it calls back. A callback may call the sink again.
#ifndef TLSD_SERVER_CONN_STREAM_SINK_H_
#define TLSD_SERVER_CONN_STREAM_SINK_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/base/byte_queue.h"
#include "server/conn/cleartext_sink.h"

namespace tlsd::conn {

// A direction of a connection's cleartext, or both.
enum class Direction { kRead, kWrite, kBoth };

class StreamSink final : public CleartextSink {
 public:
  struct Cleartext {
    std::string bytes;
    // The peer has sent close_notify, and `bytes` is empty.
    bool end = false;
  };
  using ReadDone = absl::AnyInvocable<void(absl::StatusOr<Cleartext>) &&>;
  using TakeCleartext =
      absl::AnyInvocable<void(absl::StatusOr<base::ByteQueue*>) &&>;
  using WriteDone = absl::AnyInvocable<void(absl::Status) &&>;
  // Bytes in the order in which they are sent.
  using Pieces = absl::Span<const absl::Span<const uint8_t>>;

  // OnGone is called first, then calls that still wait are answered with
  // CONNECTION_CLOSED.
  ~StreamSink() override;

  // Of returns the sink of a connection whose cleartext callers may have, else
  // CONNECTION_ATTACHED if another connection has it, and HANDLER_MISMATCH if
  // its listener's handler has.
  static absl::StatusOr<StreamSink*> Of(Connection& connection);

  // Claim reserves directions for one caller, until Release. It fails with
  // CONNECTION_ATTACHED if another has one of them.
  absl::Status Claim(Direction direction);
  void Release(Direction direction);
  // OnGone has `gone` called when the sink goes, unless both directions were
  // released before.
  void OnGone(absl::AnyInvocable<void() &&> gone) { gone_ = std::move(gone); }
  // OnClosed has `closed` called when the connection ends; like OnGone, as long
  // as a direction is claimed.
  void OnClosed(absl::AnyInvocable<void() &&> closed) {
    closed_ = std::move(closed);
  }
  // Reserve is Claim of both for another connection, which nobody can see until
  // it has the cleartext.
  absl::Status Reserve();
  // taken reports whether anybody has ever claimed, or MarkTaken was called.
  bool taken() const { return taken_; }
  void MarkTaken() { taken_ = true; }
  // UnmarkTaken undoes MarkTaken, unless a call has a claim by now.
  void UnmarkTaken() { taken_ = reader_claimed_ || writer_claimed_; }

  // Read calls `done` with 1 to `size_max` bytes, with the end, or with what
  // ended the connection; at once if it can. There must be no other read.
  void Read(Connection& connection, size_t size_max, ReadDone done);

  // ReadQueue is a Read that copies nothing: `take` gets the cleartext that has
  // arrived, and removes what it wants; if the queue is empty, this is the end.
  void ReadQueue(Connection& connection, TakeCleartext take);

  // Write calls `done` when all of `bytes`, then close_notify if `shut_down`,
  // has been sealed, or cannot be; it waits for the handshake. There must be no
  // other write.
  void Write(Connection& connection, std::string bytes, bool shut_down,
             WriteDone done);

  // WritePieces is a Write that copies nothing, or little: until `done` is
  // called, the caller keeps the pieces and their bytes.
  void WritePieces(Connection& connection, Pieces pieces, bool shut_down,
                   WriteDone done);

  // CancelRead and CancelWrite answer a waiting call with `reason`. Bytes of a
  // write that were sealed are on their way; the others are dropped.
  void CancelRead(const absl::Status& reason);
  void CancelWrite(const absl::Status& reason);

  void OnProgress(Connection& connection) override;

 private:
  void TryRead(Connection& connection);
  void TryWrite(Connection& connection);
  // ReadSome answers the read that waits, if it can. WriteSome writes a piece,
  // or answers the write. They return false if there is nothing they can do.
  bool ReadSome(Connection& connection);
  bool WriteSome(Connection& connection);
  // WritePiece writes the first of what is unwritten. It returns false if it
  // cannot.
  bool WritePiece(Connection& connection);
  // TakeUnwritten removes at most `size_max` bytes that lie together.
  absl::Span<const uint8_t> TakeUnwritten(size_t size_max);

  bool reader_claimed_ = false;
  bool writer_claimed_ = false;
  bool taken_ = false;
  absl::AnyInvocable<void() &&> gone_;
  absl::AnyInvocable<void() &&> closed_;

  bool reading_ = false;
  TakeCleartext take_;

  // The first `written_size_` bytes of the first are written.
  Pieces unwritten_;
  size_t written_size_ = 0;
  absl::Status write_failure_;
  bool writing_ = false;
  bool shut_down_after_ = false;
  WriteDone write_done_;
};

}  // namespace tlsd::conn

#endif  // TLSD_SERVER_CONN_STREAM_SINK_H_
