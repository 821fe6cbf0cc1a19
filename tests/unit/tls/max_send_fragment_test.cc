// How long records are: see TlsEngine::SetMaxSendFragment.
#include <algorithm>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/unit/tls/judged_peer.h"
#include "tests/unit/tls/roles_and_versions.h"

namespace tlsd::tls {
namespace {

using ::testing::Each;
using ::testing::Le;
using ::testing::SizeIs;
using ::tlsd::testing::ClientOptions;
using ::tlsd::testing::EnginePair;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::MakeContext;
using ::tlsd::testing::MetadataOf;
using ::tlsd::testing::ServerOptions;

constexpr size_t kHeaderBytes = 5;
// More than any cipher adds: explicit nonce, tag, inner type.
constexpr size_t kOverheadBytesMax = 32;
constexpr size_t kSentBytes = 40'000;

class MaxSendFragmentTest : public EachRoleAndVersion {
 protected:
  MaxSendFragmentTest() { pair.Pump(); }

  TlsEngine& sender() { return *pair.end(role()).engine; }
  EnginePair::End& receiver() { return pair.end(OtherRole(role())); }

  // SendRecords sends cleartext, and returns how long its records are, without
  // their headers.
  std::vector<size_t> SendRecords() {
    const std::string sent(kSentBytes, 'x');
    EXPECT_THAT(sender().Send(base::AsBytes(sent)), IsOk());
    const std::string bytes =
        sender().ciphertext().TakeText(sender().ciphertext().size());
    std::vector<size_t> sizes;
    for (size_t i = 0; i + kHeaderBytes <= bytes.size();) {
      const auto high = static_cast<uint8_t>(bytes[i + 3]);
      const auto low = static_cast<uint8_t>(bytes[i + 4]);
      sizes.push_back(static_cast<size_t>(high << 8 | low));
      i += kHeaderBytes + sizes.back();
    }
    pair.Deliver(OtherRole(role()), bytes);
    pair.Pump();
    EXPECT_EQ(receiver().TakeCleartext(), sent);
    return sizes;
  }

  EnginePair pair{MakeContext(ClientOptions(version())),
                  MakeContext(ServerOptions(version()))};
};
INSTANTIATE_ROLES_AND_VERSIONS(MaxSendFragmentTest);

TEST_P(MaxSendFragmentTest, IsAsLongAsRecordsCanBe) {
  EXPECT_EQ(sender().max_send_fragment(), 16384u);
  EXPECT_THAT(SendRecords(), SizeIs(3));
}

TEST_P(MaxSendFragmentTest, HoldsFromNowOn) {
  for (const size_t size : {size_t{512}, size_t{1000}, size_t{16384}}) {
    ASSERT_THAT(sender().SetMaxSendFragment(size), IsOk());
    EXPECT_EQ(sender().max_send_fragment(), size);
    const std::vector<size_t> records = SendRecords();
    EXPECT_THAT(records, SizeIs((kSentBytes + size - 1) / size));
    EXPECT_THAT(records, Each(Le(size + kOverheadBytesMax)));
    EXPECT_GT(records.front(), size);
  }
}

TEST_P(MaxSendFragmentTest, IsOfOneDirection) {
  ASSERT_THAT(receiver().engine->SetMaxSendFragment(512), IsOk());
  EXPECT_EQ(sender().max_send_fragment(), 16384u);
  EXPECT_THAT(SendRecords(), SizeIs(3));
}

TEST_P(MaxSendFragmentTest, IsNothingElse) {
  ASSERT_THAT(sender().SetMaxSendFragment(1000), IsOk());
  for (const size_t size : {size_t{0}, size_t{511}, size_t{16385}, SIZE_MAX}) {
    const absl::Status status = sender().SetMaxSendFragment(size);
    EXPECT_THAT(status, FailsWith(Reason::kFieldInvalid, "size"));
    EXPECT_EQ(MetadataOf(status, "allowed"), "512 to 16384 bytes");
  }
  EXPECT_EQ(sender().max_send_fragment(), 1000u);
  EXPECT_THAT(SendRecords(), SizeIs(40));
}

TEST_P(MaxSendFragmentTest, IsNotSetBeforeTheHandshake) {
  EnginePair early(MakeContext(ClientOptions(version())),
                   MakeContext(ServerOptions(version())));
  EXPECT_THAT(early.end(role()).engine->SetMaxSendFragment(1000),
              FailsWith(Reason::kHandshakeNotComplete));
}

TEST_P(MaxSendFragmentTest, IsNotSetAfterAFailure) {
  sender().Abort(MakeError(Reason::kConnectionReset, "reset"));
  EXPECT_THAT(sender().SetMaxSendFragment(1000),
              FailsWith(Reason::kConnectionReset));
}

}  // namespace
}  // namespace tlsd::tls
