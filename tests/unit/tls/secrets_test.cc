// The key log: secrets of a connection, told only where the context says so.
#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/unit/tls/named_contexts.h"
#include "tests/unit/tls/tls_versions.h"

namespace tlsd::tls {
namespace {

using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using ::tlsd::testing::ClientOptions;
using ::tlsd::testing::EnginePair;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::LocalhostOptions;
using ::tlsd::testing::MakeContext;
using ::tlsd::testing::ServerOptions;

class SecretsTest : public EachTlsVersion {
 protected:
  EnginePair Converse() {
    EnginePair pair(MakeContext(client), MakeContext(server), client_options,
                    server_options);
    pair.Pump();
    EXPECT_THAT(pair.client().status, IsOk());
    EXPECT_THAT(pair.server().status, IsOk());
    return pair;
  }

  static std::set<std::string> Lines(const EnginePair::End& end) {
    std::set<std::string> lines;
    for (const SecretMade& made : end.Reported<SecretMade>()) {
      EXPECT_TRUE(lines.insert(made.line).second) << "told twice";
    }
    return lines;
  }

  static std::vector<std::string> Labels(const EnginePair::End& end) {
    std::vector<std::string> labels;
    for (const std::string& line : Lines(end)) {
      const std::vector<std::string> parts = absl::StrSplit(line, ' ');
      EXPECT_EQ(parts.size(), 3u);
      EXPECT_EQ(parts[1].size(), 64u);
      EXPECT_GE(parts[2].size(), 64u);
      labels.push_back(parts[0]);
    }
    return labels;
  }

  SecureContextOptions server = ServerOptions(version());
  SecureContextOptions client = ClientOptions(version());
  EngineOptions client_options = LocalhostOptions();
  EngineOptions server_options;
};
INSTANTIATE_TLS_VERSIONS(SecretsTest);

TEST_P(SecretsTest, AreNotTold) {
  EnginePair pair = Converse();
  EXPECT_THAT(Lines(pair.client()), IsEmpty());
  EXPECT_THAT(Lines(pair.server()), IsEmpty());
}

TEST_P(SecretsTest, AreToldWhereTheContextSaysSo) {
  server.key_log = true;
  EnginePair of_server = Converse();
  EXPECT_FALSE(Lines(of_server.server()).empty());
  EXPECT_THAT(Lines(of_server.client()), IsEmpty());

  server.key_log = false;
  client.key_log = true;
  EnginePair of_client = Converse();
  EXPECT_FALSE(Lines(of_client.client()).empty());
  EXPECT_THAT(Lines(of_client.server()), IsEmpty());
}

TEST_P(SecretsTest, AreThoseThatDecryptAll) {
  server.key_log = true;
  EnginePair pair = Converse();
  if (is_tls13()) {
    EXPECT_THAT(
        Labels(pair.server()),
        UnorderedElementsAre("CLIENT_HANDSHAKE_TRAFFIC_SECRET",
                             "SERVER_HANDSHAKE_TRAFFIC_SECRET",
                             "CLIENT_TRAFFIC_SECRET_0",
                             "SERVER_TRAFFIC_SECRET_0", "EXPORTER_SECRET"));
  } else {
    EXPECT_THAT(Labels(pair.server()), UnorderedElementsAre("CLIENT_RANDOM"));
  }
}

TEST_P(SecretsTest, AreTheSameOnBothEnds) {
  server.key_log = client.key_log = true;
  EnginePair first = Converse();
  EXPECT_EQ(Lines(first.client()), Lines(first.server()));

  EnginePair second = Converse();
  EXPECT_EQ(Lines(second.client()), Lines(second.server()));
  EXPECT_NE(Lines(second.client()), Lines(first.client()));
}

TEST_P(SecretsTest, AreToldOnResumptionToo) {
  server.key_log = client.key_log = true;
  server.ticket_keys = {std::string(48, 'k')};
  EnginePair first = Converse();
  client_options.session = first.client().engine->session().value().data;
  EnginePair second = Converse();
  ASSERT_TRUE(second.server().handshake.value().resumed);
  EXPECT_FALSE(Lines(second.server()).empty());
  EXPECT_EQ(Lines(second.client()), Lines(second.server()));
  EXPECT_NE(Lines(second.client()), Lines(first.client()));
}

TEST_P(SecretsTest, AreToldBeforeTheHandshakeIsComplete) {
  server.key_log = true;
  EnginePair pair = Converse();
  const auto& events = pair.server().events;
  ASSERT_FALSE(events.empty());
  EXPECT_TRUE(std::holds_alternative<SecretMade>(events.front()));
  EXPECT_TRUE(std::holds_alternative<HandshakeCompleted>(events.back()));
}

// The context that a server name chooses decides it.
TEST_P(SecretsTest, AreToldAsTheChosenContextSays) {
  auto names = std::make_shared<NamedContexts>();
  names->by_name["localhost"] = {"secureContexts/chosen", MakeContext(server)};
  server_options.contexts = names;
  server.key_log = true;
  EnginePair silent = Converse();
  EXPECT_THAT(Lines(silent.server()), IsEmpty());

  names->by_name["localhost"].context = MakeContext(server);
  server.key_log = false;
  EnginePair telling = Converse();
  EXPECT_FALSE(Lines(telling.server()).empty());
}

}  // namespace
}  // namespace tlsd::tls
