#include "server/worker/server_name_table.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/unit/worker/data_plane.h"

namespace tlsd::worker {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;
using ::testing::IsEmpty;
using testing::IsOk;

constexpr absl::string_view kListener = "listeners/l1";

class ServerNameTableTest : public ::testing::Test {
 protected:
  static std::shared_ptr<LiveContext> Server(const std::string& id) {
    return Live("secureContexts/" + id,
                testing::ServerOptions(tls::TlsVersion::kTls13));
  }

  absl::Status Add(const std::string& name,
                   const std::shared_ptr<LiveContext>& context) {
    return table_.Add({name, context});
  }

  // Chosen returns the name of the context for `server_name`: "" for the
  // listener's own.
  std::string Chosen(absl::string_view server_name) {
    const absl::StatusOr<tls::NamedContext> chosen = table_.Choose(server_name);
    EXPECT_THAT(chosen, IsOk());
    if (!chosen.ok()) return "an error";
    EXPECT_EQ(chosen->context == nullptr, chosen->name.empty());
    return chosen->name;
  }

  std::vector<std::string> Names(const std::string& after = "",
                                 size_t count_max = 100) {
    std::vector<std::string> names;
    for (const ServerNameFacts& facts : table_.List(after, count_max)) {
      names.push_back(facts.server_name);
    }
    return names;
  }

  const std::shared_ptr<LiveContext> a_ = Server("a");
  const std::shared_ptr<LiveContext> b_ = Server("b");
  ServerNameTable table_{std::string(kListener), UnknownNames::kAccept};
  ServerNameTable strict_{std::string(kListener), UnknownNames::kTurnAway};
};

TEST_F(ServerNameTableTest, MakesADifferenceOnceItHasAName) {
  EXPECT_FALSE(table_.has_choice());
  EXPECT_EQ(Chosen("a.example"), "");
  ASSERT_THAT(Add("a.example", a_), IsOk());
  EXPECT_TRUE(table_.has_choice());
  ASSERT_THAT(table_.Remove("a.example"), IsOk());
  EXPECT_FALSE(table_.has_choice());

  EXPECT_TRUE(strict_.has_choice());
}

TEST_F(ServerNameTableTest, ChoosesByTheWholeName) {
  ASSERT_THAT(Add("a.example", a_), IsOk());
  ASSERT_THAT(Add("b.example", b_), IsOk());

  EXPECT_EQ(Chosen("a.example"), "secureContexts/a");
  EXPECT_EQ(Chosen("b.example"), "secureContexts/b");
  EXPECT_EQ(Chosen("c.example"), "");
  EXPECT_EQ(Chosen("a.example.org"), "");
  EXPECT_EQ(Chosen("xa.example"), "");
  EXPECT_EQ(Chosen("example"), "");
  EXPECT_EQ(Chosen(""), "");
}

TEST_F(ServerNameTableTest, LetsAWildcardStandForOneLabel) {
  ASSERT_THAT(Add("*.example.com", a_), IsOk());

  EXPECT_EQ(Chosen("www.example.com"), "secureContexts/a");
  EXPECT_EQ(Chosen("123.example.com"), "secureContexts/a");
  EXPECT_EQ(Chosen("example.com"), "");
  EXPECT_EQ(Chosen("a.www.example.com"), "");
  EXPECT_EQ(Chosen("www.example.org"), "");
  EXPECT_EQ(Chosen("wwwexample.com"), "");
}

TEST_F(ServerNameTableTest, TakesNoWildcardForWhatIsNoName) {
  ASSERT_THAT(Add("*.example.com", a_), IsOk());

  EXPECT_EQ(Chosen(".example.com"), "");
  EXPECT_EQ(Chosen("*.example.com"), "");
  EXPECT_EQ(Chosen("a b.example.com"), "");
  EXPECT_EQ(Chosen(std::string(64, 'a') + ".example.com"), "");
  EXPECT_EQ(Chosen(std::string("a\0.example.com", 14)), "");
}

TEST_F(ServerNameTableTest, PrefersANameToAWildcardWhateverCameFirst) {
  ASSERT_THAT(Add("www.example.com", a_), IsOk());
  ASSERT_THAT(Add("*.example.com", b_), IsOk());
  ASSERT_THAT(Add("mail.example.com", a_), IsOk());

  EXPECT_EQ(Chosen("www.example.com"), "secureContexts/a");
  EXPECT_EQ(Chosen("mail.example.com"), "secureContexts/a");
  EXPECT_EQ(Chosen("ftp.example.com"), "secureContexts/b");
}

TEST_F(ServerNameTableTest, CountsNeitherCaseNorALastDot) {
  ASSERT_THAT(Add("WWW.Example.COM.", a_), IsOk());
  ASSERT_THAT(Add("*.Example.COM.", a_), IsOk());

  EXPECT_EQ(Chosen("www.example.com"), "secureContexts/a");
  EXPECT_EQ(Chosen("ftp.example.com"), "secureContexts/a");
  EXPECT_THAT(Names(), ElementsAre("*.example.com", "www.example.com"));
  EXPECT_THAT(table_.Remove("www.EXAMPLE.com."), IsOk());
  EXPECT_THAT(Names(), ElementsAre("*.example.com"));
}

TEST_F(ServerNameTableTest, LetsTheLastOneAddedWin) {
  ASSERT_THAT(Add("www.example.com", a_), IsOk());
  ASSERT_THAT(Add("WWW.example.com", b_), IsOk());

  EXPECT_EQ(Chosen("www.example.com"), "secureContexts/b");
  EXPECT_EQ(table_.size(), 1u);
}

TEST_F(ServerNameTableTest, TakesDnsNamesAndWildcardsForOneLabel) {
  const std::string label(63, 'a');
  const std::string rest = absl::StrCat(label, ".", label, ".", label);
  for (const std::string& good : std::vector<std::string>{
           "localhost", "*.localhost", "a_b.example", "xn--bcher-kva.example",
           "1.example", "*." + rest + "." + std::string(59, 'a')}) {
    EXPECT_THAT(Add(good, a_), IsOk()) << good;
  }
  const size_t size = table_.size();
  for (const std::string& bad :
       std::vector<std::string>{"*",
                                "*.",
                                "*..",
                                ".",
                                "..",
                                "a*.example",
                                "*a.example",
                                "www.*.example",
                                "*.*.example",
                                "**.example",
                                "a..example",
                                ".example",
                                "*..example",
                                "1.2.3.4",
                                "::1",
                                "[::1]",
                                "*.1.2.3.4",
                                "*.::1",
                                "b\xC3\xBC.example",
                                "a b.example",
                                "a.example:443",
                                "/a",
                                std::string("a\0b.example", 11),
                                "*." + rest + "." + std::string(60, 'a')}) {
    EXPECT_THAT(Add(bad, a_),
                FailsWith(Reason::kServerNameInvalid, "server_name"))
        << bad;
  }
  EXPECT_THAT(Add("", a_), FailsWith(Reason::kFieldRequired, "server_name"));
  EXPECT_EQ(table_.size(), size);
}

TEST_F(ServerNameTableTest, RefusesAContextThatCannotServe) {
  const auto client = Live("secureContexts/client",
                           testing::ClientOptions(tls::TlsVersion::kTls13));
  const auto retired = Server("retired");
  ASSERT_THAT(retired->Retire("", false), IsOk());
  ASSERT_THAT(Add("a.example", a_), IsOk());

  EXPECT_THAT(Add("a.example", client),
              FailsWith(Reason::kCredentialsRequired, "secure_context"));
  EXPECT_THAT(Add("a.example", retired), FailsWith(Reason::kContextNotFound));

  EXPECT_EQ(Chosen("a.example"), "secureContexts/a");
  EXPECT_EQ(a_->first_listener(), kListener);
}

TEST_F(ServerNameTableTest, RemovesWhatItHas) {
  ASSERT_THAT(Add("www.example.com", a_), IsOk());
  ASSERT_THAT(Add("*.example.com", b_), IsOk());

  ASSERT_THAT(table_.Remove("www.example.com"), IsOk());

  EXPECT_EQ(Chosen("www.example.com"), "secureContexts/b");
  const absl::Status again = table_.Remove("www.example.com");
  EXPECT_THAT(again, FailsWith(Reason::kServerNameNotFound));
  EXPECT_EQ(GetErrorDetail(again)->metadata.at("server_name"),
            "www.example.com");
  EXPECT_EQ(GetErrorDetail(again)->metadata.at("listener"), kListener);
  EXPECT_THAT(table_.Remove("*"), FailsWith(Reason::kServerNameNotFound));
  EXPECT_THAT(table_.Remove(""),
              FailsWith(Reason::kFieldRequired, "server_name"));
  ASSERT_THAT(table_.Remove("*.example.com"), IsOk());
  EXPECT_EQ(Chosen("www.example.com"), "");
}

// Each name is a use of its own.
TEST_F(ServerNameTableTest, UsesAContextUntilItsLastNameIsGone) {
  ASSERT_THAT(Add("1.example", a_), IsOk());
  ASSERT_THAT(Add("2.example", a_), IsOk());
  ASSERT_THAT(Add("2.example", a_), IsOk());
  ASSERT_THAT(Add("3.example", a_), IsOk());

  ASSERT_THAT(table_.Remove("1.example"), IsOk());
  ASSERT_THAT(Add("3.example", b_), IsOk());
  EXPECT_THAT(a_->Retire("", false), FailsWith(Reason::kContextInUse));
  ASSERT_THAT(table_.Remove("2.example"), IsOk());

  EXPECT_EQ(a_->first_listener(), std::nullopt);
  EXPECT_THAT(a_->Retire("", false), IsOk());
  EXPECT_EQ(b_->first_listener(), kListener);
}

TEST_F(ServerNameTableTest, LetsGoOfAllWhenItIsCleared) {
  ASSERT_THAT(Add("1.example", a_), IsOk());
  ASSERT_THAT(Add("2.example", a_), IsOk());
  ASSERT_THAT(Add("3.example", b_), IsOk());

  table_.Clear();

  EXPECT_EQ(table_.size(), 0u);
  EXPECT_EQ(a_->first_listener(), std::nullopt);
  EXPECT_EQ(b_->first_listener(), std::nullopt);
}

TEST_F(ServerNameTableTest, LetsGoOfAllWhenItEnds) {
  {
    ServerNameTable table(std::string(kListener), UnknownNames::kAccept);
    ASSERT_THAT(table.Add({"1.example", a_}), IsOk());
    EXPECT_EQ(a_->first_listener(), kListener);
  }
  EXPECT_EQ(a_->first_listener(), std::nullopt);
}

TEST_F(ServerNameTableTest, LeavesNoNameWithoutCredentials) {
  const auto drop = [](const ContextRecord&) {
    const tls::SecureContextOptions options =
        testing::ClientOptions(tls::TlsVersion::kTls13);
    return absl::StatusOr<ContextParts>(
        ContextParts{options, testing::MakeContext(options)});
  };
  const auto ignore = [](const ContextRecord&) {};
  ASSERT_THAT(Add("1.example", a_), IsOk());

  EXPECT_THAT(a_->Update("", LiveContext::Effect::kReplace, drop, ignore),
              FailsWith(Reason::kCredentialsRequired, "credentials"));
  ASSERT_THAT(table_.Remove("1.example"), IsOk());
  EXPECT_THAT(a_->Update("", LiveContext::Effect::kReplace, drop, ignore),
              IsOk());
}

TEST_F(ServerNameTableTest, ChoosesAContextAsItIsThen) {
  ASSERT_THAT(Add("1.example", a_), IsOk());
  const auto before = table_.Choose("1.example")->context;
  EXPECT_EQ(before, a_->record()->secure_context);

  const tls::SecureContextOptions options =
      testing::ServerOptions(tls::TlsVersion::kTls12);
  const auto next = testing::MakeContext(options);
  ASSERT_THAT(a_->Update(
                  "", LiveContext::Effect::kReplace,
                  [&](const ContextRecord&) {
                    return absl::StatusOr<ContextParts>({options, next});
                  },
                  [](const ContextRecord&) {}),
              IsOk());

  EXPECT_EQ(table_.Choose("1.example")->context, next);
  EXPECT_NE(before, next);
}

TEST_F(ServerNameTableTest, TurnsAwayWhoAsksForNoNameThatItHas) {
  ASSERT_THAT(strict_.Add({"a.example", a_}), IsOk());

  EXPECT_EQ(strict_.Choose("a.example")->name, "secureContexts/a");
  const absl::Status unknown = strict_.Choose("b.example").status();
  EXPECT_THAT(unknown, FailsWith(Reason::kServerNameUnrecognized));
  EXPECT_EQ(GetErrorDetail(unknown)->metadata.at("server_name"), "b.example");
  EXPECT_EQ(GetErrorDetail(unknown)->metadata.at("listener"), kListener);
  const absl::Status none = strict_.Choose("").status();
  EXPECT_THAT(none, FailsWith(Reason::kServerNameUnrecognized));
  EXPECT_EQ(GetErrorDetail(none)->metadata.at("server_name"), "");
  EXPECT_NE(none.message(), unknown.message());
}

TEST_F(ServerNameTableTest, ShowsNoUnprintableNameOfAPeer) {
  const absl::Status unknown = strict_.Choose("a\x1b\xff").status();

  EXPECT_EQ(GetErrorDetail(unknown)->metadata.at("server_name"), "a\\x1b\\xff");
  EXPECT_EQ(unknown.message().find('\x1b'), absl::string_view::npos);
}

TEST_F(ServerNameTableTest, ListsPagesInTheOrderOfNames) {
  ASSERT_THAT(Add("b.example", b_), IsOk());
  ASSERT_THAT(Add("*.example", a_), IsOk());
  ASSERT_THAT(Add("a.example", a_), IsOk());

  EXPECT_THAT(Names("", 2), ElementsAre("*.example", "a.example"));
  EXPECT_THAT(Names("a.example", 2), ElementsAre("b.example"));
  EXPECT_THAT(Names("b.example", 2), IsEmpty());
  EXPECT_EQ(table_.List("a.example", 2)[0].secure_context, "secureContexts/b");
}

TEST_F(ServerNameTableTest, HasALimit) {
  for (size_t i = 0; i < ServerNameTable::kCountMax; ++i) {
    ASSERT_THAT(Add(absl::StrCat("n", i, ".example"), a_), IsOk());
  }

  EXPECT_THAT(Add("more.example", b_), FailsWith(Reason::kLimitReached));
  EXPECT_EQ(b_->first_listener(), std::nullopt);
  // One that is there is no more.
  EXPECT_THAT(Add("n7.example", b_), IsOk());
  EXPECT_EQ(Chosen("n7.example"), "secureContexts/b");
  ASSERT_THAT(table_.Remove("n0.example"), IsOk());
  EXPECT_THAT(Add("more.example", b_), IsOk());
}

// A name is always one of the two that are put in turn, and never none; what is
// chosen has credentials.
TEST_F(ServerNameTableTest, CanBeAskedWhileItChanges) {
  ASSERT_THAT(Add("www.example", a_), IsOk());
  ASSERT_THAT(Add("*.example", a_), IsOk());
  std::atomic<bool> is_done{false};
  std::atomic<int> failure_count{0};
  std::vector<std::thread> askers;
  for (int i = 0; i < 2; ++i) {
    askers.emplace_back([&] {
      while (!is_done) {
        const auto chosen = table_.Choose("www.example");
        const bool is_good = chosen.ok() && chosen->context != nullptr &&
                             chosen->context->has_credentials() &&
                             table_.has_choice();
        if (!is_good) ++failure_count;
      }
    });
  }
  for (int i = 0; i < 500; ++i) {
    EXPECT_THAT(Add("www.example", i % 2 == 0 ? b_ : a_), IsOk());
    EXPECT_THAT(table_.Remove("www.example"), IsOk());
    EXPECT_THAT(Add("www.example", i % 2 == 0 ? a_ : b_), IsOk());
  }
  is_done = true;
  for (std::thread& asker : askers) asker.join();

  EXPECT_EQ(failure_count, 0);
  table_.Clear();
  EXPECT_EQ(a_->first_listener(), std::nullopt);
  EXPECT_EQ(b_->first_listener(), std::nullopt);
}

}  // namespace
}  // namespace tlsd::worker
