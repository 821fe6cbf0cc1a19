// Secrets that both ends derive: see TlsEngine::ExportKeyingMaterial.
#include <optional>
#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/unit/tls/judged_peer.h"
#include "tests/unit/tls/roles_and_versions.h"

namespace tlsd::tls {
namespace {

using ::testing::Not;
using ::testing::SizeIs;
using ::tlsd::testing::ClientOptions;
using ::tlsd::testing::EnginePair;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::MakeContext;
using ::tlsd::testing::ServerOptions;

constexpr char kLabel[] = "EXPERIMENTAL-tlsd";

class KeyingMaterialTest : public EachRoleAndVersion {
 protected:
  KeyingMaterialTest() { pair.Pump(); }

  TlsEngine& exporter() { return *pair.end(role()).engine; }

  // Export returns what both ends derive.
  std::string Export(const KeyingMaterial& material) {
    auto ours = exporter().ExportKeyingMaterial(material);
    auto theirs =
        pair.end(OtherRole(role())).engine->ExportKeyingMaterial(material);
    EXPECT_THAT(ours, IsOk());
    EXPECT_THAT(theirs, IsOk());
    if (!ours.ok() || !theirs.ok()) return "";
    EXPECT_EQ(*ours, *theirs);
    EXPECT_THAT(*ours, SizeIs(material.length));
    return *ours;
  }

  EnginePair pair{MakeContext(ClientOptions(version())),
                  MakeContext(ServerOptions(version()))};
};
INSTANTIATE_ROLES_AND_VERSIONS(KeyingMaterialTest);

TEST_P(KeyingMaterialTest, IsOneSecretForEachUse) {
  const std::set<std::string> secrets = {
      Export({kLabel, std::nullopt, 32}),
      Export({"EXPERIMENTAL-other", std::nullopt, 32}),
      Export({kLabel, "context", 32}), Export({kLabel, "other context", 32})};
  EXPECT_THAT(secrets, SizeIs(4));
  EXPECT_EQ(Export({kLabel, "context", 32}), Export({kLabel, "context", 32}));
}

TEST_P(KeyingMaterialTest, IsOfOneConnection) {
  EnginePair other(MakeContext(ClientOptions(version())),
                   MakeContext(ServerOptions(version())));
  other.Pump();
  ASSERT_OK_AND_ASSIGN(
      const std::string secret,
      other.client().engine->ExportKeyingMaterial({kLabel, std::nullopt, 32}));
  EXPECT_NE(Export({kLabel, std::nullopt, 32}), secret);
}

// RFC 5705 section 4, RFC 8446 section 7.5.
TEST_P(KeyingMaterialTest, TellsNoContextFromAnEmptyOneBelowTls13) {
  const std::string without = Export({kLabel, std::nullopt, 32});
  const std::string with_empty = Export({kLabel, "", 32});
  EXPECT_EQ(without == with_empty, is_tls13());
}

TEST_P(KeyingMaterialTest, HasTheLengthThatWasAskedFor) {
  const std::string longest = Export({kLabel, std::nullopt, 4096});
  const std::string shortest = Export({kLabel, std::nullopt, 1});
  // RFC 8446 section 7.1: the length is part of what is derived from.
  if (!is_tls13()) {
    EXPECT_EQ(longest.substr(0, 1), shortest);
  }
  EXPECT_NE(longest, std::string(4096, '\0'));
  for (const size_t length : {size_t{4097}, SIZE_MAX}) {
    EXPECT_THAT(exporter().ExportKeyingMaterial({kLabel, std::nullopt, length}),
                FailsWith(Reason::kFieldInvalid, "length"));
  }
  EXPECT_THAT(exporter().ExportKeyingMaterial({kLabel, std::nullopt, 0}),
              FailsWith(Reason::kFieldRequired, "length"));
}

TEST_P(KeyingMaterialTest, HasALabelThatFits) {
  Export({std::string(249, 'l'), std::nullopt, 32});
  EXPECT_THAT(exporter().ExportKeyingMaterial(
                  {std::string(250, 'l'), std::nullopt, 32}),
              FailsWith(Reason::kFieldInvalid, "label"));
  EXPECT_THAT(exporter().ExportKeyingMaterial({"", std::nullopt, 32}),
              FailsWith(Reason::kFieldRequired, "label"));
}

TEST_P(KeyingMaterialTest, HasNoLabelOfTlsItself) {
  for (const char* label : {"client finished", "server finished",
                            "master secret", "key expansion"}) {
    EXPECT_THAT(exporter().ExportKeyingMaterial({label, std::nullopt, 32}),
                FailsWith(Reason::kFieldInvalid, "label"));
  }
  Export({"client finished, mine", std::nullopt, 32});
}

TEST_P(KeyingMaterialTest, HasAContextThatFits) {
  Export({kLabel, std::string(65535, 'c'), 32});
  EXPECT_THAT(
      exporter().ExportKeyingMaterial({kLabel, std::string(65536, 'c'), 32}),
      FailsWith(Reason::kFieldInvalid, "context"));
}

TEST_P(KeyingMaterialTest, IsThereAfterTheEndsToo) {
  const std::string before = Export({kLabel, std::nullopt, 32});
  ASSERT_THAT(pair.client().engine->Shutdown(), IsOk());
  ASSERT_THAT(pair.server().engine->Shutdown(), IsOk());
  pair.Pump();
  EXPECT_TRUE(pair.end(role()).peer_closed);
  EXPECT_EQ(Export({kLabel, std::nullopt, 32}), before);
}

TEST_P(KeyingMaterialTest, IsNotThereBeforeTheHandshake) {
  EnginePair early(MakeContext(ClientOptions(version())),
                   MakeContext(ServerOptions(version())));
  EXPECT_THAT(early.end(role()).engine->ExportKeyingMaterial(
                  {kLabel, std::nullopt, 32}),
              FailsWith(Reason::kHandshakeNotComplete));
}

TEST_P(KeyingMaterialTest, IsNotThereAfterAFailure) {
  exporter().Abort(MakeError(Reason::kConnectionReset, "reset"));
  EXPECT_THAT(exporter().ExportKeyingMaterial({kLabel, std::nullopt, 32}),
              FailsWith(Reason::kConnectionReset));
}

}  // namespace
}  // namespace tlsd::tls
