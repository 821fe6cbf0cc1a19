#include "server/tls/hello_reader.h"

#include <openssl/err.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/tls/ech_keys.h"
#include "tests/testing/engine_pair.h"
#include "tests/unit/tls/ech_configs.h"
#include "tests/unit/tls/first_flight.h"
#include "tests/unit/tls/tls_versions.h"

namespace tlsd::tls {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::tlsd::testing::ClientOptions;

using Result = HelloReader::Result;

class HelloReaderTest : public EachTlsVersion {
 protected:
  static SecureContextOptions Client() {
    SecureContextOptions options = ClientOptions(version());
    options.alpn_protocols = {"h2", "http/1.1"};
    return options;
  }

  Result Receive(absl::string_view bytes) {
    const Result result = reader_.Receive(base::AsBytes(bytes));
    EXPECT_EQ(ERR_peek_error(), 0u);
    return result;
  }

  // ReceiveEach delivers one byte after the other, and expects the result only
  // for the last.
  Result ReceiveEach(absl::string_view bytes) {
    for (size_t i = 0; i + 1 < bytes.size(); ++i) {
      EXPECT_EQ(Receive(bytes.substr(i, 1)), Result::kNeedsMore) << i;
      EXPECT_FALSE(reader_.facts().has_value());
    }
    return Receive(bytes.substr(bytes.size() - 1));
  }

  base::ChunkPool pool_;
  HelloReader reader_{pool_, HelloReader::Detail::kAll};
};
INSTANTIATE_TLS_VERSIONS(HelloReaderTest);

TEST_P(HelloReaderTest, ReadsAHelloInOnePiece) {
  const std::string flight = FirstFlight(Client());

  EXPECT_EQ(Receive(flight), Result::kRead);

  ASSERT_TRUE(reader_.facts().has_value());
  EXPECT_EQ(reader_.facts()->server_name, "localhost");
  EXPECT_THAT(reader_.facts()->alpn_protocols, ElementsAre("h2", "http/1.1"));
  EXPECT_THAT(reader_.facts()->versions,
              ElementsAre(is_tls13() ? "TLSv1.3" : "TLSv1.2"));
  EXPECT_EQ(reader_.bytes(), flight);
}

TEST_P(HelloReaderTest, ReadsAHelloByteByByte) {
  const std::string flight = FirstFlight(Client());

  EXPECT_EQ(ReceiveEach(flight), Result::kRead);

  ASSERT_TRUE(reader_.facts().has_value());
  EXPECT_EQ(reader_.facts()->server_name, "localhost");
  EXPECT_EQ(reader_.bytes(), flight);
}

TEST_P(HelloReaderTest, ReadsAHelloInSeveralRecords) {
  const std::string flight = FirstFlight(Client());
  const std::string records = InRecords(flight, 50);
  ASSERT_GT(records.size(), flight.size());

  EXPECT_EQ(ReceiveEach(records), Result::kRead);

  ASSERT_TRUE(reader_.facts().has_value());
  EXPECT_EQ(reader_.facts()->server_name, "localhost");
  EXPECT_EQ(reader_.bytes(), records);
}

TEST_P(HelloReaderTest, KeepsWhatStandsBehindTheHello) {
  const std::string flight = absl::StrCat(FirstFlight(Client()), "behind it");

  EXPECT_EQ(Receive(flight), Result::kRead);

  EXPECT_EQ(reader_.bytes(), flight);
}

TEST_P(HelloReaderTest, NeedsMoreThanNothing) {
  EXPECT_EQ(Receive(""), Result::kNeedsMore);
  EXPECT_FALSE(reader_.facts().has_value());

  EXPECT_EQ(Receive(FirstFlight(Client())), Result::kRead);
}

// Where nothing else counts.
TEST_P(HelloReaderTest, ReadsTheServerNameAlone) {
  HelloReader reader(pool_, HelloReader::Detail::kServerName);
  const std::string flight = FirstFlight(Client());

  EXPECT_EQ(reader.Receive(base::AsBytes(flight)), Result::kRead);

  ASSERT_TRUE(reader.facts().has_value());
  EXPECT_EQ(reader.facts()->server_name, "localhost");
  EXPECT_THAT(reader.facts()->alpn_protocols, IsEmpty());
  EXPECT_EQ(reader.facts()->raw, "");
  EXPECT_EQ(reader.bytes(), flight);
}

// What a hello says counts, not what it can be answered with.
TEST_P(HelloReaderTest, ReadsAHelloThatNoContextTakes) {
  SecureContextOptions old = ClientOptions(TlsVersion::kTls10);

  EXPECT_EQ(Receive(FirstFlight(old)), Result::kRead);

  ASSERT_TRUE(reader_.facts().has_value());
  EXPECT_EQ(reader_.facts()->server_name, "localhost");
  EXPECT_THAT(reader_.facts()->versions, Contains("TLSv1"));
}

TEST_P(HelloReaderTest, ReadsAHelloWithoutAServerName) {
  EngineOptions engine;
  engine.expected_name = "localhost";

  EXPECT_EQ(Receive(FirstFlight(Client(), engine)), Result::kRead);

  EXPECT_EQ(reader_.facts()->server_name, "");
}

// The first bytes of a flight, and something else than the rest.
TEST_P(HelloReaderTest, SaysWhatIsNoHello) {
  const std::string flight = FirstFlight(Client());
  std::string other_message = flight;
  other_message[5] = 2;
  const std::string inputs[] = {
      "GET / HTTP/1.1\r\n\r\n",
      Record(SSL3_RT_ALERT, "\2\50"),
      Record(SSL3_RT_APPLICATION_DATA, "data"),
      Record(SSL3_RT_HANDSHAKE, absl::string_view("\1\0\0\4abcd", 8)),
      other_message,
      // Half of a message, and then a record of another kind.
      absl::StrCat(InRecords(flight, 50).substr(0, 55),
                   Record(SSL3_RT_ALERT, "\2\50")),
      // More than any message may have.
      absl::StrCat(
          Record(SSL3_RT_HANDSHAKE, absl::string_view("\1\177\377\377", 4)),
          Record(SSL3_RT_HANDSHAKE, std::string(16000, 'x'))),
  };
  for (const std::string& input : inputs) {
    SCOPED_TRACE(absl::string_view(input).substr(0, 10));
    HelloReader reader(pool_, HelloReader::Detail::kAll);

    EXPECT_EQ(reader.Receive(base::AsBytes(input)), Result::kMalformed);

    EXPECT_FALSE(reader.facts().has_value());
    EXPECT_EQ(reader.bytes(), input);
    EXPECT_EQ(ERR_peek_error(), 0u);
  }
}

// Encrypted ClientHellos.

TEST_P(HelloReaderTest, KnowsThatNothingIsEncrypted) {
  EXPECT_EQ(Receive(FirstFlight(Client())), Result::kRead);
  EXPECT_FALSE(reader_.offers_ech());
}

TEST_P(HelloReaderTest, ReadsWhatIsInAnEncryptedHello) {
  if (!is_tls13()) return;
  const EchKeyOptions key = MakeEchKey("cover.test");
  EngineOptions engine = ::tlsd::testing::LocalhostOptions();
  engine.ech_config_list = ConfigListOf({key});
  const std::string flight = FirstFlight(Client(), engine);
  EXPECT_EQ(Receive(flight + "and more"), Result::kRead);
  EXPECT_TRUE(reader_.offers_ech());
  EXPECT_EQ(reader_.facts()->server_name, "cover.test");

  // Not with another key.
  const auto other_keys = EchKeys::Create({MakeEchKey("cover.test")}).value();
  reader_.OpenInner(other_keys->context().get());
  EXPECT_EQ(reader_.facts()->server_name, "cover.test");

  const auto keys = EchKeys::Create({key}).value();
  reader_.OpenInner(keys->context().get());
  EXPECT_EQ(reader_.facts()->server_name, "localhost");
  EXPECT_THAT(reader_.facts()->alpn_protocols, ElementsAre("h2", "http/1.1"));
  EXPECT_EQ(reader_.bytes(), flight + "and more");
  EXPECT_EQ(ERR_peek_error(), 0u);
}

TEST_P(HelloReaderTest, ReadersKnowNothingOfEachOther) {
  HelloReader other(pool_, HelloReader::Detail::kAll);
  const std::string flight = FirstFlight(Client());
  EngineOptions engine;
  engine.server_name = "other.test";

  EXPECT_EQ(Receive(absl::string_view(flight).substr(0, 20)),
            Result::kNeedsMore);
  EXPECT_EQ(other.Receive(base::AsBytes(FirstFlight(Client(), engine))),
            Result::kRead);
  EXPECT_EQ(Receive(absl::string_view(flight).substr(20)), Result::kRead);

  EXPECT_EQ(other.facts()->server_name, "other.test");
  EXPECT_EQ(reader_.facts()->server_name, "localhost");
}

}  // namespace
}  // namespace tlsd::tls
