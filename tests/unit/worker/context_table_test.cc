#include "server/worker/context_table.h"

#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/names.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::worker {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;
using ::testing::IsEmpty;
using testing::IsOk;

// One context serves all: the table does not look into it.
ContextParts Parts() {
  static const auto& context = *new std::shared_ptr<const tls::SecureContext>(
      testing::MakeContext(testing::ServerOptions(tls::TlsVersion::kTls13)));
  return {{}, context};
}

class ContextTableTest : public ::testing::Test {
 protected:
  std::shared_ptr<const ContextRecord> Add(const std::string& id) {
    auto record = table_.Add(id, Parts());
    EXPECT_THAT(record, IsOk());
    return record.ok() ? *record : nullptr;
  }

  std::vector<std::string> List(const std::string& after, size_t count_max) {
    std::vector<std::string> names;
    for (const auto& record : table_.List(after, count_max)) {
      names.push_back(record->name);
    }
    return names;
  }

  ContextTable table_;
};

TEST_F(ContextTableTest, KeepsARecordUnderItsName) {
  const auto added = Add("web");

  const auto found = table_.Get("secureContexts/web");

  ASSERT_THAT(found, IsOk());
  EXPECT_EQ(*found, added);
  EXPECT_EQ(added->name, "secureContexts/web");
  EXPECT_NE(added->etag, "");
  EXPECT_EQ(table_.size(), 1u);
}

TEST_F(ContextTableTest, KnowsNoOtherName) {
  Add("web");
  for (const char* name : {"web", "secureContexts/", "secureContexts/we",
                           "secureContexts/webs", "listeners/web", ""}) {
    EXPECT_THAT(table_.Get(name), FailsWith(Reason::kContextNotFound)) << name;
  }
}

TEST_F(ContextTableTest, PicksAnIdIfThereIsNone) {
  const auto first = Add("");
  const auto second = Add("");

  EXPECT_NE(first->name, second->name);
  EXPECT_THAT(base::CheckName("name", base::kSecureContexts, first->name),
              IsOk());
}

TEST_F(ContextTableTest, RefusesAnIdThatIsTaken) {
  const auto first = Add("web");

  EXPECT_THAT(table_.Add("web", Parts()), FailsWith(Reason::kContextExists));
  EXPECT_EQ(*table_.Get("secureContexts/web"), first);
}

TEST_F(ContextTableTest, DropsSecretsAndKeepsTheRest) {
  tls::SecureContextOptions options;
  tls::PemCredentials pem;
  pem.certificate_chain = "chain";
  pem.private_key = "key";
  pem.passphrase = "passphrase";
  options.credentials = {pem, tls::DevelopmentCredentials{{"a.test"}}};
  options.trust_anchors.pems = {"anchor"};
  options.alpn_protocols = {"h2"};

  const auto record = table_.Add("web", {options, Parts().secure_context});

  ASSERT_THAT(record, IsOk());
  const tls::SecureContextOptions& kept = (*record)->options;
  ASSERT_EQ(kept.credentials.size(), 2u);
  const auto& kept_pem = std::get<tls::PemCredentials>(kept.credentials[0]);
  EXPECT_EQ(kept_pem.certificate_chain, "chain");
  EXPECT_EQ(kept_pem.private_key, "");
  EXPECT_EQ(kept_pem.passphrase, "");
  EXPECT_THAT(
      std::get<tls::DevelopmentCredentials>(kept.credentials[1]).server_names,
      ElementsAre("a.test"));
  EXPECT_THAT(kept.trust_anchors.pems, ElementsAre("anchor"));
  EXPECT_THAT(kept.alpn_protocols, ElementsAre("h2"));
}

TEST_F(ContextTableTest, RemovesARecord) {
  Add("web");

  EXPECT_THAT(table_.Remove("secureContexts/web", "", false), IsOk());

  EXPECT_THAT(table_.Get("secureContexts/web"),
              FailsWith(Reason::kContextNotFound));
  EXPECT_THAT(table_.Remove("secureContexts/web", "", false),
              FailsWith(Reason::kContextNotFound));
}

TEST_F(ContextTableTest, RemovesOnlyWhatTheEtagNames) {
  const auto record = Add("web");

  EXPECT_THAT(table_.Remove("secureContexts/web", record->etag + "x", false),
              FailsWith(Reason::kEtagMismatch, "etag"));
  EXPECT_EQ(table_.size(), 1u);
  EXPECT_THAT(table_.Remove("secureContexts/web", record->etag, false), IsOk());
  EXPECT_EQ(table_.size(), 0u);
}

TEST_F(ContextTableTest, GivesANewEtagToANameThatIsUsedAgain) {
  const std::string etag = Add("web")->etag;
  ASSERT_THAT(table_.Remove("secureContexts/web", "", false), IsOk());
  Add("web");

  EXPECT_THAT(table_.Remove("secureContexts/web", etag, false),
              FailsWith(Reason::kEtagMismatch, "etag"));
}

TEST_F(ContextTableTest, ListsPagesInTheOrderOfNames) {
  Add("c");
  Add("a");
  Add("b");

  EXPECT_THAT(List("", 2), ElementsAre("secureContexts/a", "secureContexts/b"));
  EXPECT_THAT(List("secureContexts/b", 2), ElementsAre("secureContexts/c"));
  EXPECT_THAT(List("secureContexts/c", 2), IsEmpty());
  EXPECT_THAT(List("", 0), IsEmpty());
}

TEST_F(ContextTableTest, ListsOnAfterANameThatIsGone) {
  Add("a");
  Add("c");

  EXPECT_THAT(List("secureContexts/b", 10), ElementsAre("secureContexts/c"));
}

TEST_F(ContextTableTest, HasALimit) {
  for (size_t i = 0; i < ContextTable::kCountMax; ++i) {
    ASSERT_THAT(table_.Add(absl::StrCat("c", i), Parts()), IsOk());
  }
  EXPECT_THAT(table_.Add("more", Parts()), FailsWith(Reason::kLimitReached));
  EXPECT_THAT(table_.Add("c0", Parts()), FailsWith(Reason::kContextExists));

  ASSERT_THAT(table_.Remove("secureContexts/c0", "", false), IsOk());
  EXPECT_THAT(table_.Add("more", Parts()), IsOk());
}

}  // namespace
}  // namespace tlsd::worker
