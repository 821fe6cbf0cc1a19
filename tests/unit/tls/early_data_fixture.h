// EarlyDataFixture is a client with a session that allows early data, and the
// server that it is of. Servers under the same options resume each other's
// sessions.
//
// It is for tests only.
#ifndef TLSD_TESTS_UNIT_TLS_EARLY_DATA_FIXTURE_H_
#define TLSD_TESTS_UNIT_TLS_EARLY_DATA_FIXTURE_H_

#include <string>

#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/byte_queue.h"
#include "server/tls/secure_context_options.h"
#include "server/tls/tls_engine.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::tls {

class EarlyDataFixture : public ::testing::Test {
 protected:
  EarlyDataFixture() {
    server.early_data = client.early_data = true;
    server.ticket_keys = {std::string(48, 'k')};
  }

  testing::EnginePair NewPair() {
    return testing::EnginePair(testing::MakeContext(client),
                               testing::MakeContext(server), client_options,
                               server_options);
  }
  testing::EnginePair Converse() {
    testing::EnginePair pair = NewPair();
    pair.Pump();
    return pair;
  }

  // GetSession has a handshake for the session of the next client, which is
  // the first to send something early.
  void GetSession() {
    testing::EnginePair pair = Converse();
    ASSERT_THAT(pair.client().status, testing::IsOk());
    ASSERT_THAT(pair.server().status, testing::IsOk());
    ASSERT_TRUE(pair.client().engine->session().has_value());
    client_options.session = pair.client().engine->session()->data;
    client_options.early_data = "early";
  }

  // Arrive lets all that `from` has said arrive at `to` alone.
  static void Arrive(testing::EnginePair::End& from,
                     testing::EnginePair::End& to) {
    base::ByteQueue& queue = from.engine->ciphertext();
    const std::string bytes = queue.TakeText(queue.size());
    Arrive(bytes, to);
  }
  static void Arrive(absl::string_view bytes, testing::EnginePair::End& to) {
    EventList events;
    to.status = to.engine
                    ->Receive(base::AsBytes(bytes), /*cleartext_limit=*/1 << 20,
                              *to.cleartext, events)
                    .status();
    for (EngineEvent& event : events) {
      if (const auto* done = std::get_if<HandshakeCompleted>(&event)) {
        to.handshake = done->facts;
      }
      to.events.push_back(std::move(event));
    }
  }

  // ExpectAll expects a good end with what both say of early data, and that the
  // server has got `cleartext`.
  static void ExpectAll(testing::EnginePair& pair, EarlyData early_data,
                        absl::string_view cleartext) {
    ASSERT_THAT(pair.client().status, testing::IsOk());
    ASSERT_THAT(pair.server().status, testing::IsOk());
    ASSERT_TRUE(pair.client().handshake.has_value());
    ASSERT_TRUE(pair.server().handshake.has_value());
    EXPECT_EQ(pair.client().handshake->early_data, early_data);
    EXPECT_EQ(pair.server().handshake->early_data, early_data);
    EXPECT_EQ(pair.server().TakeCleartext(), cleartext);
    const auto ended = pair.server().Reported<EarlyDataEnded>();
    EXPECT_EQ(ended.size(), early_data == EarlyData::kAccepted ? 1u : 0u);
    EXPECT_TRUE(pair.client().Reported<EarlyDataEnded>().empty());
  }
  static void ExpectAccepted(testing::EnginePair pair,
                             absl::string_view cleartext = "early") {
    ExpectAll(pair, EarlyData::kAccepted, cleartext);
  }
  static void ExpectRejected(testing::EnginePair pair,
                             absl::string_view cleartext = "early") {
    ExpectAll(pair, EarlyData::kRejected, cleartext);
  }
  static void ExpectNone(testing::EnginePair pair,
                         absl::string_view cleartext = "early") {
    ExpectAll(pair, EarlyData::kNone, cleartext);
  }

  SecureContextOptions server = testing::ServerOptions(TlsVersion::kTls13);
  SecureContextOptions client = testing::ClientOptions(TlsVersion::kTls13);
  EngineOptions server_options;
  EngineOptions client_options = testing::LocalhostOptions();
};

}  // namespace tlsd::tls

#endif  // TLSD_TESTS_UNIT_TLS_EARLY_DATA_FIXTURE_H_
