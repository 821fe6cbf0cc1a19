#include "server/control/stream_frames.h"

#include <algorithm>
#include <cstddef>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "server/base/byte_queue.h"
#include "server/base/chunk_pool.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::control {
namespace {

using testing::FailsWith;
using testing::IsOk;

grpc::ByteBuffer Buffer(const std::vector<std::string>& parts) {
  std::vector<grpc::Slice> slices(parts.begin(), parts.end());
  return grpc::ByteBuffer(slices.data(), slices.size());
}

std::string Content(const Slices& slices) {
  std::string content;
  for (const grpc::Slice& slice : slices) {
    content.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return content;
}

std::string Content(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  EXPECT_TRUE(buffer.Dump(&slices).ok());
  return Content(Slices(slices.begin(), slices.end()));
}

std::string Data(const std::string& bytes) {
  v1::StreamRequest request;
  request.set_data(bytes);
  return request.SerializeAsString();
}

std::string Pattern(size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i % 251);
  return text;
}

// Cut returns `text` in parts whose borders `random` sets.
std::vector<std::string> Cut(absl::string_view text, std::minstd_rand& random) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const size_t size = random() % 3 == 0 ? random() % 5 : random() % 200;
    parts.emplace_back(text.substr(0, size));
    text.remove_prefix(parts.back().size());
  }
  return parts;
}

TEST(StreamFramesTest, TakesDataByHandHoweverItIsCut) {
  std::minstd_rand random(1);
  for (const size_t size : {0, 1, 127, 128, 16383, 16384, 65536, 1 << 21}) {
    SCOPED_TRACE(size);
    const std::string bytes = Pattern(size);
    Slices payload;
    ASSERT_TRUE(TakeData(Buffer({Data(bytes)}), payload));
    EXPECT_TRUE(Content(payload) == bytes);

    Slices cut;
    ASSERT_TRUE(TakeData(Buffer(Cut(Data(bytes), random)), cut));
    EXPECT_TRUE(Content(cut) == bytes);
  }
}

TEST(StreamFramesTest, TakesDataWithoutACopy) {
  const std::string message = Data(Pattern(1000));
  const grpc::Slice whole(message);
  const grpc::ByteBuffer buffer(&whole, 1);
  Slices payload;
  ASSERT_TRUE(TakeData(buffer, payload));

  ASSERT_EQ(payload.size(), 1);
  EXPECT_EQ(payload[0].begin(), whole.begin() + message.size() - 1000);
  EXPECT_EQ(payload[0].end(), whole.end());
}

TEST(StreamFramesTest, PutsPayloadBehindWhatIsThere) {
  Slices payload;
  ASSERT_THAT(ReadCleartext(Buffer({Data("one ")}), payload), IsOk());
  ASSERT_THAT(ReadCleartext(Buffer({Data("two")}), payload), IsOk());

  EXPECT_EQ(Content(payload), "one two");
  EXPECT_EQ(SizeOf(payload), 7);
}

TEST(StreamFramesTest, LeavesEverythingElseToProtobuf) {
  const std::string data = Data("data");
  v1::StreamRequest text;
  text.set_text("text");
  v1::StreamRequest attach;
  attach.mutable_attach()->set_connection("connections/c-1-0");
  for (const std::string& message :
       {std::string(), text.SerializeAsString(), attach.SerializeAsString(),
        // Cut off, with more behind it, or twice.
        data.substr(0, 1), data.substr(0, data.size() - 1), data + "x",
        data + data, data + text.SerializeAsString(),
        // Another tag, and lengths that do not end.
        std::string("\x10\x04"), std::string("\x92\x00\x01x", 4),
        std::string("\x12\xff\xff\xff\xff\xff\xff"), std::string("\x12\x80")}) {
    Slices payload;
    EXPECT_FALSE(TakeData(Buffer({message}), payload));
    EXPECT_TRUE(payload.empty());
  }
  Slices payload;
  EXPECT_FALSE(TakeData(grpc::ByteBuffer(), payload));
}

TEST(StreamFramesTest, ReadsCleartextInEveryForm) {
  v1::StreamRequest text;
  text.set_text("text");
  const std::string unknown("\x78\x01", 2);
  for (const auto& [message, expected] :
       std::vector<std::pair<std::string, std::string>>{
           {Data("data"), "data"},
           {text.SerializeAsString(), "text"},
           {Data(""), ""},
           {unknown + Data("data"), "data"},
           {Data("data") + unknown, "data"},
           // Of a oneof the last counts.
           {Data("data") + text.SerializeAsString(), "text"},
           {Data("first") + Data("last"), "last"},
           {std::string("\x92\x00\x04long", 7), "long"}}) {
    Slices payload;
    EXPECT_THAT(ReadCleartext(Buffer({message}), payload), IsOk());
    EXPECT_EQ(Content(payload), expected);
  }
}

TEST(StreamFramesTest, HoldsNoPieceOfNoBytes) {
  v1::StreamRequest text;
  text.set_text("");
  const std::string unknown("\x78\x01", 2);
  for (const std::string& message :
       {Data(""), text.SerializeAsString(), unknown + Data("")}) {
    Slices payload;
    EXPECT_THAT(ReadCleartext(Buffer({message}), payload), IsOk());
    EXPECT_TRUE(payload.empty());
  }
}

TEST(StreamFramesTest, RefusesWhatIsNoCleartext) {
  v1::StreamRequest attach;
  attach.mutable_attach();
  for (const std::string& message :
       {std::string(), attach.SerializeAsString(), std::string("\x12\x05half"),
        std::string("\x1a\x02\xff\xfe"), std::string("\x07"),
        Data(std::string(kRequestBytesMax + 1, 'x'))}) {
    Slices payload;
    EXPECT_THAT(ReadCleartext(Buffer({message}), payload),
                FailsWith(Reason::kStreamMessageInvalid));
    EXPECT_TRUE(payload.empty());
  }
  Slices payload;
  EXPECT_THAT(ReadCleartext(Buffer({Data(std::string(kRequestBytesMax, 'x'))}),
                            payload),
              IsOk());
  EXPECT_EQ(SizeOf(payload), kRequestBytesMax);
}

TEST(StreamFramesTest, ReadsAttach) {
  v1::StreamRequest attach;
  attach.mutable_attach()->set_connection("connections/c-1-0");
  const grpc::ByteBuffer message = Buffer({attach.SerializeAsString()});

  for (int i = 0; i < 2; ++i) {
    const absl::StatusOr<v1::StreamRequest> request =
        ReadStreamRequest(message);
    ASSERT_THAT(request, IsOk());
    EXPECT_EQ(request->attach().connection(), "connections/c-1-0");
  }
  EXPECT_THAT(ReadStreamRequest(Buffer({"\x07"})),
              FailsWith(Reason::kStreamMessageInvalid));
}

// Whatever bytes come, and however they are cut: what is read by hand is what
// protobuf reads.
TEST(StreamFramesTest, AgreesWithProtobufOnNoise) {
  const unsigned seed = ::testing::UnitTest::GetInstance()->random_seed();
  SCOPED_TRACE(seed);
  std::minstd_rand random(seed);
  const std::string bytes = Pattern(300);
  int by_hand_count = 0;
  for (int round = 0; round < 30'000; ++round) {
    std::string message = Data(bytes.substr(0, random() % bytes.size()));
    const size_t change_count = random() % 3;
    for (size_t change = 0; change < change_count; ++change) {
      const size_t at = random() % std::min<size_t>(message.size(), 6);
      switch (random() % 4) {
        case 0:
          message[at] = static_cast<char>(random());
          break;
        case 1:
          message.erase(at, 1 + random() % 2);
          break;
        case 2:
          message.insert(at, 1, static_cast<char>(random()));
          break;
        default:
          message.resize(random() % (message.size() + 3));
      }
      if (message.empty()) break;
    }
    Slices payload;
    if (!TakeData(Buffer(Cut(message, random)), payload)) continue;
    ++by_hand_count;
    v1::StreamRequest request;
    ASSERT_TRUE(request.ParseFromString(message)) << round;
    ASSERT_TRUE(request.has_data()) << round;
    ASSERT_EQ(request.data(), Content(payload)) << round;
  }
  EXPECT_GT(by_hand_count, 10'000);
}

TEST(StreamFramesTest, MakesDataMessagesAsProtobufDoes) {
  for (const size_t size : {0, 1, 127, 128, 16383, 16384, 65536}) {
    const std::string bytes = Pattern(size);
    v1::StreamResponse response;
    response.set_data(bytes);
    Slices payload;
    payload.emplace_back(bytes.substr(0, size / 3));
    payload.emplace_back(bytes.substr(size / 3));

    EXPECT_TRUE(Content(MakeDataMessage(payload)) ==
                response.SerializeAsString())
        << size;
  }
  v1::StreamResponse end;
  end.mutable_end();
  EXPECT_EQ(Content(MakeMessage(end)), end.SerializeAsString());
}

TEST(StreamFramesTest, TakesTheFrontOfSlices) {
  const std::string bytes = Pattern(1000);
  for (const size_t size_max : {0, 1, 99, 100, 101, 500, 999, 1000, 5000}) {
    SCOPED_TRACE(size_max);
    Slices slices;
    for (size_t at = 0; at < bytes.size(); at += 100) {
      slices.emplace_back(bytes.substr(at, 100));
    }

    const Slices front = TakeFront(slices, size_max);

    const size_t size = std::min(size_max, bytes.size());
    EXPECT_EQ(Content(front), bytes.substr(0, size));
    EXPECT_EQ(Content(slices), bytes.substr(size));
  }
}

class TakeSlicesTest : public ::testing::Test {
 protected:
  base::ChunkPool pool_;
  base::ByteQueue queue_{pool_};
  Slices payload_;
};

TEST_F(TakeSlicesTest, TakesAllThatFits) {
  const std::string bytes = Pattern(100'000);
  std::string taken;
  for (const size_t size_max : {1, 5000, 65536}) {
    queue_.Append(base::AsBytes(bytes));
    const size_t size_before = queue_.size();
    payload_.clear();

    EXPECT_EQ(TakeSlices(queue_, size_max, payload_), size_max);

    EXPECT_EQ(SizeOf(payload_), size_max);
    EXPECT_EQ(queue_.size(), size_before - size_max);
    taken += Content(payload_);
  }
  EXPECT_TRUE(taken + queue_.TakeText(queue_.size()) == bytes + bytes + bytes);
}

TEST_F(TakeSlicesTest, TakesNothingFromAnEmptyQueue) {
  EXPECT_EQ(TakeSlices(queue_, 100, payload_), 0);
  EXPECT_TRUE(payload_.empty());
}

TEST_F(TakeSlicesTest, RefersToLargePiecesAndCopiesSmallOnes) {
  queue_.Append(base::AsBytes(Pattern(base::Chunk::kBytes + 10)));
  const uint8_t* const first = queue_.Front().data();

  EXPECT_EQ(TakeSlices(queue_, 65536, payload_), base::Chunk::kBytes + 10);

  ASSERT_EQ(payload_.size(), 2);
  EXPECT_EQ(payload_[0].begin(), first);
  EXPECT_EQ(payload_[1].size(), 10);
  // The chunk of the second can be used again; the first is the slice's.
  EXPECT_EQ(pool_.lent_count(), 0);
  EXPECT_EQ(pool_.idle_count(), 1);
}

TEST_F(TakeSlicesTest, LeavesSlicesThatOutliveQueueAndPool) {
  const std::string bytes = Pattern(40'000);
  Slices kept;
  {
    base::ChunkPool pool;
    base::ByteQueue queue(pool);
    queue.Append(base::AsBytes(bytes));
    TakeSlices(queue, 65536, kept);
  }

  EXPECT_TRUE(Content(kept) == bytes);
}

}  // namespace
}  // namespace tlsd::control
