// The messages of the Stream RPC as they are on the wire, without a copy of
// the cleartext in them. A message that is one `data` field and nothing else is
// read by hand; protobuf reads every other, so that all mean what the generated
// code says. Any thread may call it.
#ifndef TLSD_SERVER_CONTROL_STREAM_FRAMES_H_
#define TLSD_SERVER_CONTROL_STREAM_FRAMES_H_

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include <cstddef>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/byte_queue.h"
#include "tlsd/v1/connection_service.pb.h"

namespace tlsd::control {

// Bytes in order, in memory that counts its references. A slice of a few bytes
// holds them itself: they move with it.
using Slices = absl::InlinedVector<grpc::Slice, 2>;

// The most cleartext of one message that a caller sends.
constexpr size_t kRequestBytesMax = 1 << 20;

// StreamMessageError is the error of a message that a caller must not send.
absl::Status StreamMessageError(absl::string_view got);

// TakeData returns true, and puts what `message` has in its `data` to the end
// of `payload`, if that can be done by hand.
bool TakeData(const grpc::ByteBuffer& message, Slices& payload);

// ReadStreamRequest parses `message`. It fails with STREAM_MESSAGE_INVALID.
absl::StatusOr<v1::StreamRequest> ReadStreamRequest(
    const grpc::ByteBuffer& message);

// ReadCleartext puts the cleartext of `message` to the end of `payload`. It
// fails with STREAM_MESSAGE_INVALID if it is none, or too much.
absl::Status ReadCleartext(const grpc::ByteBuffer& message, Slices& payload);

// TakeSlices moves the first bytes of `queue` to the end of `payload`, at most
// `size_max`, and returns how many those are.
size_t TakeSlices(base::ByteQueue& queue, size_t size_max, Slices& payload);

// TakeFront removes the first bytes of `slices`, at most `size_max`.
Slices TakeFront(Slices& slices, size_t size_max);

// MakeDataMessage returns the StreamResponse whose `data` is `payload`.
grpc::ByteBuffer MakeDataMessage(const Slices& payload);

// MakeMessage returns any other.
grpc::ByteBuffer MakeMessage(const v1::StreamResponse& response);

// SizeOf returns how many bytes there are.
size_t SizeOf(const Slices& slices);

}  // namespace tlsd::control

#endif  // TLSD_SERVER_CONTROL_STREAM_FRAMES_H_
