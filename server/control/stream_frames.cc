#include "server/control/stream_frames.h"

#include <grpcpp/impl/codegen/proto_utils.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"

namespace tlsd::control {
namespace {

// A field's tag is its number and how its value is written: here, as many bytes
// as a length before them says.
constexpr uint8_t Tag(int field_number) {
  return static_cast<uint8_t>(field_number << 3 | 2);
}
constexpr uint8_t kRequestDataTag = Tag(v1::StreamRequest::kDataFieldNumber);
constexpr uint8_t kResponseDataTag = Tag(v1::StreamResponse::kDataFieldNumber);

// Seven bits a byte: up to 256 MiB, more than any message.
constexpr size_t kLengthBytesMax = 4;
constexpr size_t kHeaderBytesMax = 1 + kLengthBytesMax;

// Where as little is in a chunk, it is copied, and the chunk can be used again.
constexpr size_t kWholeChunkBytesMin = 4 * 1024;

// The header of a message that is one `data` field.
struct Header {
  size_t size = 0;
  size_t payload_size = 0;
};

// ParseHeader reads the header at the front of a message, of which `bytes` are
// the first; nothing if it is not one.
std::optional<Header> ParseHeader(absl::Span<const uint8_t> bytes) {
  if (bytes.empty() || bytes[0] != kRequestDataTag) return std::nullopt;
  Header header;
  for (size_t i = 0; i < kLengthBytesMax && i + 1 < bytes.size(); ++i) {
    const uint8_t byte = bytes[i + 1];
    header.payload_size |= size_t{byte & 0x7fu} << (7 * i);
    if (byte < 0x80) {
      header.size = i + 2;
      return header;
    }
  }
  return std::nullopt;
}

// TakeDataOf is TakeData of a message in `slices`.
bool TakeDataOf(absl::Span<const grpc::Slice> slices, Slices& payload) {
  size_t size = 0;
  uint8_t front[kHeaderBytesMax];
  size_t front_size = 0;
  for (const grpc::Slice& slice : slices) {
    const size_t count = std::min(slice.size(), kHeaderBytesMax - front_size);
    std::copy_n(slice.begin(), count, front + front_size);
    front_size += count;
    size += slice.size();
  }
  const std::optional<Header> header =
      ParseHeader(absl::MakeConstSpan(front, front_size));
  if (!header.has_value() || header->size + header->payload_size != size) {
    return false;
  }
  size_t skipped = header->size;
  for (const grpc::Slice& slice : slices) {
    if (skipped >= slice.size()) {
      skipped -= slice.size();
    } else if (skipped > 0) {
      payload.push_back(slice.sub(std::exchange(skipped, 0), slice.size()));
    } else {
      payload.push_back(slice);
    }
  }
  return true;
}

grpc::Slice CopyToSlice(absl::string_view bytes) {
  return grpc::Slice(bytes.data(), bytes.size());
}

}  // namespace

absl::Status StreamMessageError(absl::string_view got) {
  return FieldError(Reason::kStreamMessageInvalid, "message", got,
                    "first attach, then data or text of at most 1 MiB");
}

bool TakeData(const grpc::ByteBuffer& message, Slices& payload) {
  grpc::Slice slice;
  if (message.TrySingleSlice(&slice).ok()) {
    return TakeDataOf(absl::MakeConstSpan(&slice, 1), payload);
  }
  std::vector<grpc::Slice> slices;
  return message.Dump(&slices).ok() && TakeDataOf(slices, payload);
}

absl::StatusOr<v1::StreamRequest> ReadStreamRequest(
    const grpc::ByteBuffer& message) {
  v1::StreamRequest request;
  // It is emptied.
  grpc::ByteBuffer copy = message;
  if (!grpc::SerializationTraits<v1::StreamRequest>::Deserialize(&copy,
                                                                 &request)
           .ok()) {
    return StreamMessageError("bytes that are no message");
  }
  return request;
}

absl::Status ReadCleartext(const grpc::ByteBuffer& message, Slices& payload) {
  Slices taken;
  if (!TakeData(message, taken)) {
    const absl::StatusOr<v1::StreamRequest> request =
        ReadStreamRequest(message);
    if (!request.ok()) return request.status();
    if (!request->has_data() && !request->has_text()) {
      return StreamMessageError(request->has_attach() ? "a second attach"
                                                      : "an empty message");
    }
    const std::string& bytes =
        request->has_data() ? request->data() : request->text();
    // Pieces of no bytes could be held without end.
    if (!bytes.empty()) taken.push_back(CopyToSlice(bytes));
  }
  const size_t size = SizeOf(taken);
  if (size > kRequestBytesMax) {
    return StreamMessageError(absl::StrCat(size, " bytes"));
  }
  std::move(taken.begin(), taken.end(), std::back_inserter(payload));
  return absl::OkStatus();
}

size_t TakeSlices(base::ByteQueue& queue, size_t size_max, Slices& payload) {
  size_t taken_size = 0;
  while (!queue.empty() && taken_size < size_max) {
    const absl::Span<const uint8_t> front =
        queue.Front().subspan(0, size_max - taken_size);
    taken_size += front.size();
    if (front.size() < std::max(queue.Front().size(), kWholeChunkBytesMin)) {
      payload.push_back(CopyToSlice(base::AsText(front)));
      queue.Consume(front.size());
      continue;
    }
    base::ByteQueue::TakenChunk taken = queue.TakeChunk();
    // gRPC promises to change nothing, but not in its types.
    payload.emplace_back(
        const_cast<uint8_t*>(taken.bytes.data()), taken.bytes.size(),
        [](void* chunk) {
          std::unique_ptr<base::Chunk>(static_cast<base::Chunk*>(chunk));
        },
        taken.chunk.release());
  }
  return taken_size;
}

Slices TakeFront(Slices& slices, size_t size_max) {
  Slices front;
  size_t count = 0;
  while (count < slices.size() && slices[count].size() <= size_max) {
    size_max -= slices[count].size();
    front.push_back(std::move(slices[count++]));
  }
  if (count == slices.size()) {
    // With the memory that they lay in.
    slices = {};
    return front;
  }
  slices.erase(slices.begin(), slices.begin() + static_cast<ptrdiff_t>(count));
  if (size_max > 0) {
    front.push_back(slices.front().sub(0, size_max));
    slices.front() = slices.front().sub(size_max, slices.front().size());
  }
  return front;
}

grpc::ByteBuffer MakeDataMessage(const Slices& payload) {
  uint8_t header[kHeaderBytesMax];
  size_t header_size = 0;
  header[header_size++] = kResponseDataTag;
  size_t rest = SizeOf(payload);
  while (rest >= 0x80) {
    header[header_size++] = static_cast<uint8_t>(rest | 0x80);
    rest >>= 7;
  }
  header[header_size++] = static_cast<uint8_t>(rest);
  Slices message;
  message.reserve(1 + payload.size());
  message.emplace_back(header, header_size);
  message.insert(message.end(), payload.begin(), payload.end());
  return grpc::ByteBuffer(message.data(), message.size());
}

grpc::ByteBuffer MakeMessage(const v1::StreamResponse& response) {
  const grpc::Slice slice = CopyToSlice(response.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

size_t SizeOf(const Slices& slices) {
  size_t size = 0;
  for (const grpc::Slice& slice : slices) size += slice.size();
  return size;
}

}  // namespace tlsd::control
