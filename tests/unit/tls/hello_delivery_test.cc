// ClientHellos that a choice depends on, however they arrive, and what comes
// instead of them.
#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"
#include "tests/unit/tls/first_flight.h"
#include "tests/unit/tls/named_contexts.h"
#include "tests/unit/tls/tls_versions.h"

namespace tlsd::tls {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::tlsd::testing::ClientOptions;
using ::tlsd::testing::EnginePair;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::LocalhostOptions;
using ::tlsd::testing::MakeContext;
using ::tlsd::testing::MetadataOf;
using ::tlsd::testing::ServerOptions;

class HelloDeliveryTest : public EachTlsVersion {
 protected:
  HelloDeliveryTest() {
    names_->by_name["localhost"] = {"secureContexts/chosen",
                                    MakeContext(ServerOptions(version()))};
    server_options_.contexts = names_;
  }

  EnginePair NewPair() {
    return EnginePair(MakeContext(client_), MakeContext(own_),
                      LocalhostOptions(), server_options_);
  }

  // Replace puts `bytes` in the place of what the client has said so far.
  static void Replace(EnginePair& pair, const std::string& bytes) {
    pair.client().engine->ciphertext().Clear();
    pair.Deliver(Role::kServer, bytes);
  }

  static void ExpectChosen(EnginePair& pair) {
    EXPECT_THAT(pair.client().status, IsOk());
    EXPECT_THAT(pair.server().status, IsOk());
    EXPECT_TRUE(pair.client().handshake.has_value());
    EXPECT_TRUE(pair.server().handshake.has_value());
    EXPECT_THAT(pair.server().Reported<ContextChosen>(), SizeIs(1));
  }

  SecureContextOptions client_ = ClientOptions(version());
  // It shall not be used.
  SecureContextOptions own_ =
      ServerOptions(is_tls13() ? TlsVersion::kTls12 : TlsVersion::kTls13);
  std::shared_ptr<NamedContexts> names_ = std::make_shared<NamedContexts>();
  EngineOptions server_options_;
};
INSTANTIATE_TLS_VERSIONS(HelloDeliveryTest);

TEST_P(HelloDeliveryTest, AnswersAHelloInOnePiece) {
  EnginePair pair = NewPair();
  pair.Pump();
  ExpectChosen(pair);
  EXPECT_THAT(names_->asked, ElementsAre("localhost"));
}

TEST_P(HelloDeliveryTest, AnswersAHelloThatComesByteByByte) {
  EnginePair pair = NewPair();
  pair.delivery_size = 1;
  pair.Pump();
  ExpectChosen(pair);
  EXPECT_THAT(names_->asked, ElementsAre("localhost"));
}

TEST_P(HelloDeliveryTest, AnswersAHelloInSeveralRecords) {
  for (const size_t delivery_size : {size_t{1}, size_t{64}, size_t{100'000}}) {
    EnginePair pair = NewPair();
    std::string flight = pair.client().engine->ciphertext().TakeText(100'000);
    Replace(pair, InRecords(flight, 20));
    pair.delivery_size = delivery_size;
    pair.Pump();
    ExpectChosen(pair);
  }
}

TEST_P(HelloDeliveryTest, AnswersNothingBeforeTheWholeHello) {
  EnginePair pair = NewPair();
  const std::string flight =
      pair.client().engine->ciphertext().TakeText(100'000);
  Replace(pair, flight.substr(0, flight.size() - 1));
  pair.Pump();
  EXPECT_TRUE(pair.server().engine->ciphertext().empty());
  EXPECT_TRUE(pair.client().inbound.empty());
  EXPECT_THAT(names_->asked, IsEmpty());
  EXPECT_EQ(pair.server().engine->server_name(), "");

  Replace(pair, flight.substr(flight.size() - 1));
  pair.Pump();
  ExpectChosen(pair);
}

TEST_P(HelloDeliveryTest, LosesNothingThatStandsBehindTheHello) {
  EnginePair pair = NewPair();
  const std::string flight =
      pair.client().engine->ciphertext().TakeText(100'000);
  // internal_error.
  Replace(pair, absl::StrCat(flight, Record(SSL3_RT_ALERT, "\2\120")));
  pair.Pump();
  EXPECT_FALSE(pair.server().handshake.has_value());
  EXPECT_THAT(pair.server().status, FailsWith(Reason::kPeerAlert));
  EXPECT_EQ(MetadataOf(pair.server().status, "alert"), "internal_error");
}

// What stands behind the hello may be cleartext after the handshake, in the
// same delivery as its end.
TEST_P(HelloDeliveryTest, CarriesCleartextAtOnceBehindTheHandshake) {
  EnginePair pair = NewPair();
  pair.Pump();
  ExpectChosen(pair);
  ASSERT_THAT(pair.client().engine->Send(base::AsBytes("to server")), IsOk());
  ASSERT_THAT(pair.server().engine->Send(base::AsBytes("to client")), IsOk());
  pair.Pump();
  EXPECT_EQ(pair.server().TakeCleartext(), "to server");
  EXPECT_EQ(pair.client().TakeCleartext(), "to client");
}

// RFC 8446 section 4.1.4: the client says hello twice.
TEST_P(HelloDeliveryTest, AsksForAnotherKeyShare) {
  client_.groups = {"P-256", "X25519"};
  SecureContextOptions chosen = ServerOptions(version());
  chosen.groups = {"X25519"};
  names_->by_name["localhost"].context = MakeContext(chosen);
  for (const size_t delivery_size : {size_t{1}, size_t{100'000}}) {
    names_->asked.clear();
    EnginePair pair = NewPair();
    pair.delivery_size = delivery_size;
    pair.Pump();
    ExpectChosen(pair);
    EXPECT_EQ(pair.client().handshake.value().group, "X25519");
    EXPECT_THAT(names_->asked, ElementsAre("localhost"));
  }
}

TEST_P(HelloDeliveryTest, TurnsAwayNamesThatAreNotRecognized) {
  names_->by_name.clear();
  names_->is_strict = true;
  for (const size_t delivery_size : {size_t{1}, size_t{100'000}}) {
    EnginePair pair = NewPair();
    pair.delivery_size = delivery_size;
    pair.Pump();

    EXPECT_THAT(pair.server().status,
                FailsWith(Reason::kServerNameUnrecognized));
    EXPECT_FALSE(pair.server().handshake.has_value());
    EXPECT_EQ(pair.server().engine->server_name(), "localhost");
    EXPECT_THAT(pair.client().status, FailsWith(Reason::kPeerAlert));
    EXPECT_EQ(MetadataOf(pair.client().status, "alert"), "unrecognized_name");
    EXPECT_EQ(MetadataOf(pair.client().status, "alert_code"), "112");
  }
}

TEST_P(HelloDeliveryTest, TakesNamesThatAreNotRecognizedUnlessStrict) {
  names_->by_name.clear();
  own_ = ServerOptions(version());
  EnginePair pair = NewPair();
  pair.Pump();
  EXPECT_THAT(pair.server().status, IsOk());
  EXPECT_TRUE(pair.client().handshake.has_value());
  EXPECT_THAT(pair.server().Reported<ContextChosen>(), IsEmpty());
}

TEST_P(HelloDeliveryTest, AsksNobodyWhereThereIsNoChoice) {
  names_->has_names = false;
  own_ = ServerOptions(version());
  EnginePair pair = NewPair();
  pair.Pump();
  EXPECT_TRUE(pair.client().handshake.has_value());
  EXPECT_THAT(names_->asked, IsEmpty());
}

TEST_P(HelloDeliveryTest, ChoosesNoContextWithoutCredentials) {
  names_->by_name["localhost"].context = MakeContext(client_);
  EnginePair pair = NewPair();
  pair.Pump();
  EXPECT_THAT(pair.server().status, FailsWith(Reason::kCredentialsRequired));
  EXPECT_EQ(MetadataOf(pair.server().status, "secure_context"),
            "secureContexts/chosen");
  EXPECT_THAT(pair.client().status, FailsWith(Reason::kPeerAlert));
  EXPECT_EQ(MetadataOf(pair.client().status, "alert"), "internal_error");
}

// Names are matched in lower case, without a dot at the end; it is shown as it
// came.
TEST_P(HelloDeliveryTest, AsksForTheNameInItsPlainForm) {
  EngineOptions client_options = LocalhostOptions();
  client_options.server_name = "LocalHost";
  EnginePair pair(MakeContext(client_), MakeContext(own_), client_options,
                  server_options_);
  pair.Pump();
  ExpectChosen(pair);
  EXPECT_THAT(names_->asked, ElementsAre("localhost"));
}

// What is no hello is told as it is told by a server that does not choose.
TEST_P(HelloDeliveryTest, TellsWhatIsNoHelloAsEver) {
  const std::string flight = FirstFlight(client_);
  std::string other_message = flight;
  other_message[5] = 2;
  const std::string inputs[] = {
      "GET / HTTP/1.1\r\n\r\n",
      "PUT /",
      "SSH-2.0-OpenSSH_9.2\r\n",
      Record(SSL3_RT_ALERT, "\2\50"),
      Record(SSL3_RT_APPLICATION_DATA, "data"),
      Record(SSL3_RT_HANDSHAKE, absl::string_view("\1\0\0\4abcd", 8)),
      other_message,
      FirstFlight(ClientOptions(TlsVersion::kTls10)),
  };
  for (const std::string& input : inputs) {
    SCOPED_TRACE(absl::string_view(input).substr(0, 10));
    for (const size_t delivery_size : {size_t{1}, size_t{100'000}}) {
      own_ = ServerOptions(version());
      names_->by_name.clear();
      EnginePair choosing = NewPair();
      EnginePair plain(MakeContext(client_), MakeContext(own_));
      for (EnginePair* pair : {&choosing, &plain}) {
        Replace(*pair, input);
        pair->delivery_size = delivery_size;
        pair->Pump();
      }
      EXPECT_FALSE(plain.server().status.ok());
      EXPECT_EQ(choosing.server().status, plain.server().status);
      EXPECT_EQ(choosing.client().status, plain.client().status);
      EXPECT_EQ(choosing.client().arrived_size, plain.client().arrived_size);
    }
  }
}

TEST_P(HelloDeliveryTest, TellsTheEndOfTheTransport) {
  EnginePair pair = NewPair();
  pair.CutAfter(Role::kServer, 30);
  pair.Pump();
  EXPECT_THAT(pair.server().status, FailsWith(Reason::kTlsTruncated));
  EXPECT_EQ(MetadataOf(pair.server().status, "phase"), "handshake");
}

TEST_P(HelloDeliveryTest, CanBeAbortedBeforeTheHello) {
  EnginePair pair = NewPair();
  const absl::Status reason = MakeError(Reason::kHandshakeTimeout, "too slow");
  pair.server().engine->Abort(reason);
  pair.Pump();
  EXPECT_EQ(pair.server().status, reason);
  EXPECT_THAT(pair.client().status, FailsWith(Reason::kPeerAlert));
  EXPECT_EQ(MetadataOf(pair.client().status, "alert"), "user_canceled");
}

}  // namespace
}  // namespace tlsd::tls
