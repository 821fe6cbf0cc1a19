// What can be done to a TLS connection besides reading and writing it.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "tests/integration/carrier_fixture.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::testing {
namespace {

using ::testing::Each;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::Le;
using ::testing::SizeIs;

constexpr int kDataRecord = 23;
// What protection adds to a record, at most (RFC 8446 section 5.2).
constexpr size_t kOverheadMax = 256;

class ConnectionControlsTest : public SecurePairTest {
 protected:
  static absl::StatusOr<v1::Connection> SetFragment(
      const v1::Connection& connection, int32_t size) {
    v1::SetMaxSendFragmentRequest request;
    request.set_name(connection.name());
    request.set_size(size);
    return client().Call(request);
  }

  static v1::ExportKeyingMaterialRequest ExportOf(
      const v1::Connection& connection) {
    v1::ExportKeyingMaterialRequest request;
    request.set_name(connection.name());
    request.set_label("EXPERIMENTAL-tlsd-test");
    request.set_context("context");
    request.set_length(32);
    return request;
  }

  static std::string Export(v1::ExportKeyingMaterialRequest request,
                            const v1::Connection& connection) {
    request.set_name(connection.name());
    const auto response = client().Call(request);
    EXPECT_THAT(response, IsOk());
    return response.ok() ? response->keying_material() : "";
  }

  static absl::StatusOr<v1::GetChannelBindingsResponse> Bindings(
      const v1::Connection& connection) {
    v1::GetChannelBindingsRequest request;
    request.set_name(connection.name());
    return client().Call(request);
  }

  static absl::StatusOr<v1::Connection> Update(const v1::Connection& connection,
                                               bool request_peer) {
    v1::UpdateKeysRequest request;
    request.set_name(connection.name());
    request.set_request_peer(request_peer);
    return client().Call(request);
  }

  static absl::Status Renegotiate(const v1::Connection& connection) {
    return client()
        .Call([&] {
          v1::RenegotiateRequest request;
          request.set_name(connection.name());
          return request;
        }())
        .status();
  }

  // RecordsOf splits ciphertext into the sizes of its application data records.
  static std::vector<size_t> RecordsOf(absl::string_view ciphertext) {
    std::vector<size_t> sizes;
    while (ciphertext.size() >= 5) {
      const auto byte = [&](size_t at) {
        return static_cast<size_t>(static_cast<uint8_t>(ciphertext[at]));
      };
      const size_t size = byte(3) * 256 + byte(4);
      EXPECT_LE(5 + size, ciphertext.size());
      if (5 + size > ciphertext.size()) break;
      if (byte(0) == kDataRecord) sizes.push_back(size);
      ciphertext.remove_prefix(5 + size);
    }
    EXPECT_EQ(ciphertext.size(), 0);
    return sizes;
  }

  // Sends writes `size` bytes at `pair`, and returns the records they become.
  static std::vector<size_t> Sends(const v1::SecurePair& pair, size_t size) {
    const auto before = Get(pair.cleartext());
    EXPECT_THAT(Write(pair.cleartext(), MadeBytes(size)), IsOk());
    const auto after = Get(pair.cleartext());
    if (!before.ok() || !after.ok()) return {};
    return RecordsOf(ReadBytes(pair.encrypted(),
                               static_cast<size_t>(after->wire_bytes_sent() -
                                                   before->wire_bytes_sent())));
  }

  // ExpectAllRefuse calls everything on `connection`.
  static void ExpectAllRefuse(const v1::Connection& connection, Reason reason) {
    EXPECT_THAT(SetFragment(connection, 1024), FailsWith(reason));
    EXPECT_THAT(client().Call(ExportOf(connection)), FailsWith(reason));
    EXPECT_THAT(Bindings(connection), FailsWith(reason));
    EXPECT_THAT(Update(connection, false), FailsWith(reason));
  }
};

INSTANTIATE_IN_BOTH_VERSIONS(ConnectionControlsTest);

TEST_P(ConnectionControlsTest, LimitsTheRecordsThatAreSent) {
  const Ends ends = MakeEnds();
  Complete(ends);
  for (const v1::SecurePair& pair : {ends.client, ends.server}) {
    const std::vector<size_t> large = Sends(pair, 16384);

    ASSERT_OK_AND_ASSIGN(const v1::Connection set,
                         SetFragment(pair.cleartext(), 512));

    EXPECT_EQ(set.max_send_fragment(), 512);
    const std::vector<size_t> small = Sends(pair, 16384);
    EXPECT_THAT(large.size(), Le(2));
    EXPECT_THAT(small, SizeIs(32));
    EXPECT_THAT(small, Each(Gt(511)));
    EXPECT_THAT(small, Each(Le(512 + kOverheadMax)));
    // And back.
    ASSERT_THAT(SetFragment(pair.cleartext(), 16384), IsOk());
    EXPECT_EQ(Sends(pair, 16384).size(), large.size());
  }
}

TEST_P(ConnectionControlsTest, SendsWithEverySizeThatIsAllowed) {
  const Pair pair = Open(Listen(), GetParam());
  EXPECT_EQ(pair.client.max_send_fragment(), 16384);
  for (const int32_t size : {512, 513, 16383, 16384}) {
    ASSERT_OK_AND_ASSIGN(const v1::Connection set,
                         SetFragment(pair.client, size));
    EXPECT_EQ(set.max_send_fragment(), size);
    ASSERT_THAT(WriteMuch(pair.client, 40000, 0, CarrierTest::Then::kNothing),
                IsOk());
    EXPECT_EQ(ReadBytes(pair.server, 40000), MadeBytes(40000));
  }
  for (const int32_t size : {0, -1, 511, 16385, 1 << 30, -(1 << 30)}) {
    EXPECT_THAT(SetFragment(pair.client, size),
                FailsWith(Reason::kFieldInvalid, "size"));
  }
  ASSERT_OK_AND_ASSIGN(const v1::Connection after, Get(pair.client));
  EXPECT_EQ(after.max_send_fragment(), 16384);
}

TEST_P(ConnectionControlsTest, ExportsTheSameAtBothEnds) {
  const Pair pair = Open(Listen(), GetParam());
  const Pair other = Open(Listen(), GetParam());
  const v1::ExportKeyingMaterialRequest request = ExportOf(pair.client);

  const std::string material = Export(request, pair.client);

  EXPECT_THAT(material, SizeIs(32));
  EXPECT_EQ(material, Export(request, pair.server));
  EXPECT_NE(material, Export(request, other.client));
  v1::ExportKeyingMaterialRequest changed = request;
  changed.set_label("EXPERIMENTAL-tlsd-other");
  EXPECT_NE(material, Export(changed, pair.client));
  EXPECT_EQ(Export(changed, pair.server), Export(changed, pair.client));
  changed = request;
  changed.set_context("other");
  EXPECT_NE(material, Export(changed, pair.client));
  for (const int32_t length : {1, 4096}) {
    changed = request;
    changed.set_length(length);
    EXPECT_THAT(Export(changed, pair.client),
                SizeIs(static_cast<size_t>(length)));
  }
}

TEST_P(ConnectionControlsTest, TellsNoContextFromAnEmptyOneBeforeTls13) {
  const Pair pair = Open(Listen(), GetParam());
  v1::ExportKeyingMaterialRequest empty = ExportOf(pair.client);
  empty.clear_context();
  v1::ExportKeyingMaterialRequest none = empty;
  none.set_without_context(true);

  const std::string with = Export(empty, pair.client);
  const std::string without = Export(none, pair.client);

  // RFC 5705 section 4; RFC 8446 section 7.5.
  EXPECT_EQ(with == without, IsTls13());
  EXPECT_EQ(with, Export(empty, pair.server));
  EXPECT_EQ(without, Export(none, pair.server));
}

TEST_P(ConnectionControlsTest, RefusesToExportWhatCannotBe) {
  const Pair pair = Open(Listen(), GetParam());
  v1::ExportKeyingMaterialRequest request = ExportOf(pair.client);
  request.clear_label();
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kFieldRequired, "label"));
  request.set_label(std::string(250, 'l'));
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kFieldInvalid, "label"));
  request.set_label(std::string(249, 'l'));
  EXPECT_THAT(client().Call(request), IsOk());
  request.set_context(std::string(65536, 'c'));
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kFieldInvalid, "context"));
  request.set_context(std::string(65535, 'c'));
  EXPECT_THAT(client().Call(request), IsOk());
  request.set_without_context(true);
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kFieldsConflict, "without_context"));
  request = ExportOf(pair.client);
  for (const int32_t length : {-1, 4097}) {
    request.set_length(length);
    EXPECT_THAT(client().Call(request),
                FailsWith(Reason::kFieldInvalid, "length"));
  }
  request.clear_length();
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kFieldRequired, "length"));
}

TEST_P(ConnectionControlsTest, BindsBothEndsCrosswise) {
  const Pair pair = Open(Listen(), GetParam());
  const Pair other = Open(Listen(), GetParam());

  ASSERT_OK_AND_ASSIGN(const auto client_side, Bindings(pair.client));
  ASSERT_OK_AND_ASSIGN(const auto server_side, Bindings(pair.server));
  ASSERT_OK_AND_ASSIGN(const auto others, Bindings(other.client));

  EXPECT_EQ(client_side.finished(), server_side.peer_finished());
  EXPECT_EQ(client_side.peer_finished(), server_side.finished());
  EXPECT_EQ(client_side.finished().empty(), IsTls13());
  EXPECT_EQ(client_side.tls_unique(), server_side.tls_unique());
  EXPECT_EQ(client_side.tls_unique().empty(), IsTls13());
  if (!IsTls13()) {
    // The first Finished of the handshake (RFC 5929 section 3.1).
    EXPECT_EQ(client_side.tls_unique(), client_side.finished());
    EXPECT_NE(client_side.tls_unique(), others.tls_unique());
  }
  EXPECT_THAT(client_side.tls_exporter(), SizeIs(32));
  EXPECT_EQ(client_side.tls_exporter(), server_side.tls_exporter());
  EXPECT_NE(client_side.tls_exporter(), others.tls_exporter());
  EXPECT_THAT(client_side.tls_server_end_point(), SizeIs(32));
  EXPECT_EQ(client_side.tls_server_end_point(),
            server_side.tls_server_end_point());
  // The same certificate.
  EXPECT_EQ(client_side.tls_server_end_point(), others.tls_server_end_point());
}

TEST_P(ConnectionControlsTest, ChangesItsKeys) {
  const Pair pair = Open(Listen(), GetParam());
  for (const v1::Connection& end : {pair.client, pair.server}) {
    for (const bool request_peer : {false, true}) {
      if (!IsTls13()) {
        EXPECT_THAT(Update(end, request_peer),
                    FailsWith(Reason::kVersionMismatch));
        continue;
      }
      ASSERT_OK_AND_ASSIGN(const v1::Connection before, Get(end));
      ASSERT_OK_AND_ASSIGN(const v1::Connection after,
                           Update(end, request_peer));
      EXPECT_THAT(after.wire_bytes_sent(), Gt(before.wire_bytes_sent()));
      EXPECT_EQ(after.cleartext_bytes_sent(), before.cleartext_bytes_sent());
    }
    ExpectCarriesBothWays(pair.client, pair.server);
  }
}

TEST_F(ConnectionControlsTest, ChangesKeysWhileMuchIsSent) {
  const Pair pair = Open(Listen(), v1::TLS_VERSION_TLS_1_3);
  constexpr size_t kSize = 8 << 20;
  auto writing = InBackground([&] { return WriteMuch(pair.client, kSize); });
  auto updating = InBackground([&]() -> absl::Status {
    for (int i = 0; i < 20; ++i) {
      const absl::Status updated = Update(pair.server, true).status();
      if (!updated.ok()) return updated;
    }
    return absl::OkStatus();
  });

  ASSERT_OK_AND_ASSIGN(const size_t size, ReadMuch(pair.server));

  EXPECT_EQ(size, kSize);
  EXPECT_THAT(writing.get(), IsOk());
  EXPECT_THAT(updating.get(), IsOk());
}

TEST_P(ConnectionControlsTest, ChangesNoKeysAfterCloseNotify) {
  const Pair pair = Open(Listen(), GetParam());
  ASSERT_THAT(Shutdown(pair.client), IsOk());

  EXPECT_THAT(Update(pair.client, false),
              FailsWith(IsTls13() ? Reason::kWriteAfterShutdown
                                  : Reason::kVersionMismatch));
}

TEST_P(ConnectionControlsTest, SaysWhatToDoInsteadOfRenegotiating) {
  const Pair pair = Open(Listen(), GetParam());
  for (const v1::Connection& end : {pair.client, pair.server}) {
    const absl::Status refused = Renegotiate(end);

    EXPECT_THAT(refused, FailsWith(Reason::kRenegotiationUnsupported));
    EXPECT_EQ(refused.code(), absl::StatusCode::kUnimplemented);
    EXPECT_THAT(std::string(refused.message()), HasSubstr("UpdateKeys"));
  }
  ExpectCarriesBothWays(pair.client, pair.server);
}

TEST_P(ConnectionControlsTest, WantsTls) {
  const Pair plain = OpenPlain();
  ExpectAllRefuse(plain.client, Reason::kProtectionMismatch);
  ExpectAllRefuse(plain.server, Reason::kProtectionMismatch);
  const v1::SecurePair pair = Make(ServerOptions());
  ExpectAllRefuse(pair.encrypted(), Reason::kProtectionMismatch);
  ExpectCarriesBothWays(plain.client, plain.server);
}

TEST_P(ConnectionControlsTest, WantsAHandshakeThatIsComplete) {
  const v1::SecurePair pair = Make(ServerOptions());
  ExpectAllRefuse(pair.cleartext(), Reason::kHandshakeNotComplete);
  ExpectAllRefuse(Make(ClientOptions(GetParam())).cleartext(),
                  Reason::kHandshakeNotComplete);
}

TEST_P(ConnectionControlsTest, WantsAConnectionThatIsThere) {
  const Pair pair = Open(Listen(), GetParam());
  ASSERT_THAT(Close(pair.client), IsOk());
  ExpectAllRefuse(pair.client, Reason::kConnectionClosed);
  v1::Connection nobody;
  nobody.set_name("connections/c-0123456789abcdef-1");
  ExpectAllRefuse(nobody, Reason::kConnectionNotFound);
  EXPECT_THAT(Renegotiate(nobody), FailsWith(Reason::kConnectionNotFound));
  ExpectAllRefuse(v1::Connection(), Reason::kFieldRequired);
}

TEST_P(ConnectionControlsTest, CountsTheWireAndTheClear) {
  const Pair pair = Open(Listen(), GetParam());
  ASSERT_THAT(WriteMuch(pair.client, 100000, 0, CarrierTest::Then::kNothing),
              IsOk());
  EXPECT_EQ(ReadBytes(pair.server, 100000), MadeBytes(100000));

  ASSERT_OK_AND_ASSIGN(const v1::Connection sent, Get(pair.client));
  ASSERT_OK_AND_ASSIGN(const v1::Connection received, Get(pair.server));
  EXPECT_EQ(sent.cleartext_bytes_sent(), 100000);
  EXPECT_EQ(received.cleartext_bytes_received(), 100000);
  EXPECT_EQ(sent.wire_bytes_sent(), received.wire_bytes_received());
  EXPECT_THAT(sent.wire_bytes_sent(), Gt(100000));
  EXPECT_EQ(sent.cleartext_bytes_received(), 0);
}

}  // namespace
}  // namespace tlsd::testing
