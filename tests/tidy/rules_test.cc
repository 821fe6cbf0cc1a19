// Every rule can fail: each on a sample that breaks it, beside one that does
// not.
#include "tests/tidy/rules.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/tidy/reasons_page.h"

namespace tlsd::tidy {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

using Files = std::map<std::string, std::string>;
using Rule = Findings (*)(const SourceTree&);

std::string Broken(Rule rule, const Files& files) {
  return Print(rule(SourceTree::Of(files)));
}

std::string Lines(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) absl::StrAppend(&text, "  Step();\n");
  return text;
}

TEST(TidyRulesTest, CodeIsWithoutCommentsAndQuotedText) {
  EXPECT_EQ(Code("a(\"b\\\"c\"); // d\ne"), "a(\"    \");     \ne");
  EXPECT_EQ(Code("a /* b\nc */ d"), "a     \n     d");
  EXPECT_EQ(Code("R\"x(a)\"b)x\" c"), "            c");
  EXPECT_EQ(Code("1'000 + '\"' + \"'\""), "1'000 + ' ' + \" \"");
}

TEST(TidyRulesTest, FindsAnIncludeUpwards) {
  EXPECT_THAT(Broken(FindLayerBreaks, {{"server/base/a.h",
                                        "\n#include \"server/worker/b.h\"\n"}}),
              AllOf(StartsWith("server/base/a.h:2: "),
                    HasSubstr("server/worker/b.h"), HasSubstr("Fix: ")));
  EXPECT_THAT(Broken(FindLayerBreaks,
                     {{"server/worker/b.h", "#include \"server/base/a.h\"\n"}}),
              IsEmpty());
}

TEST(TidyRulesTest, FindsAnIncludeSideways) {
  EXPECT_THAT(Broken(FindLayerBreaks,
                     {{"server/tls/a.cc", "#include \"server/net/b.h\"\n"}}),
              StartsWith("server/tls/a.cc:1: "));
}

TEST(TidyRulesTest, FindsAClientThatIncludesTheServer) {
  EXPECT_THAT(Broken(FindLayerBreaks,
                     {{"client/cli/a.cc", "#include \"server/base/b.h\"\n"}}),
              StartsWith("client/cli/a.cc:1: "));
  EXPECT_THAT(
      Broken(FindLayerBreaks,
             {{"client/cli/a.cc", "#include \"proto/status/error.h\"\n"}}),
      IsEmpty());
}

TEST(TidyRulesTest, FindsProductCodeThatIncludesTests) {
  EXPECT_THAT(Broken(FindLayerBreaks, {{"server/main/a.cc",
                                        "#include \"tests/testing/b.h\"\n"}}),
              StartsWith("server/main/a.cc:1: "));
}

TEST(TidyRulesTest, FindsAFolderWithoutALayer) {
  EXPECT_THAT(Broken(FindLayerBreaks, {{"server/misc/a.cc", "\n"}}),
              HasSubstr("in no layer"));
}

TEST(TidyRulesTest, FindsForeignHeadersOutsideTheirHome) {
  const struct {
    const char* header;
    const char* home;
    const char* elsewhere;
  } kCases[] = {
      {"<openssl/ssl.h>", "server/tls/a.cc", "server/conn/a.cc"},
      {"<sys/epoll.h>", "server/net/a.cc", "server/worker/a.cc"},
      {"<grpcpp/grpcpp.h>", "server/control/a.cc", "server/worker/a.cc"},
      {"\"tlsd/v1/types.pb.h\"", "client/a.cc", "server/conn/a.cc"},
      {"<sys/socket.h>", "server/net/a.cc", "server/control/a.cc"},
      {"<netinet/in.h>", "server/net/a.cc", "client/a.cc"},
      {"<arpa/inet.h>", "server/tls/a.cc", "server/conn/a.cc"},
  };
  for (const auto& c : kCases) {
    std::string text = absl::StrCat("#include ", c.header, "\n");
    EXPECT_THAT(Broken(FindForeignHeaders, {{c.home, text}}), IsEmpty());
    EXPECT_THAT(Broken(FindForeignHeaders, {{c.elsewhere, text}}),
                StartsWith(absl::StrCat(c.elsewhere, ":1: ")));
  }
}

TEST(TidyRulesTest, FindsBannedCallsOutsideTheirHome) {
  const struct {
    const char* call;
    const char* home;  // "" if it has none
    const char* elsewhere;
  } kCases[] = {
      {"SSL_free(ssl);", "server/tls/a.cc", "server/conn/a.cc"},
      {"ERR_clear_error();", "server/tls/a.cc", "server/net/a.cc"},
      {"strcpy(a, b);", "", "tests/unit/a.cc"},
      {"sprintf(a, b);", "", "client/a.cc"},
      {"atoi(text);", "", "server/net/a.cc"},
      {"assert(x);", "", "server/base/a.cc"},
      {"std::thread t(f);", "server/worker/a.cc", "server/control/a.cc"},
      {"absl::SleepFor(d);", "", "tests/unit/a.cc"},
      {"sleep(1);", "", "server/conn/a.cc"},
      {"std::cout << 1;", "client/cli/a.cc", "client/a.cc"},
  };
  for (const auto& c : kCases) {
    if (*c.home != '\0') {
      EXPECT_THAT(Broken(FindBannedCalls, {{c.home, c.call}}), IsEmpty());
    }
    EXPECT_THAT(Broken(FindBannedCalls, {{c.elsewhere, c.call}}),
                StartsWith(absl::StrCat(c.elsewhere, ":1: ")))
        << c.call;
  }
}

TEST(TidyRulesTest, DoesNotTakePartsOfWordsAndQuotedTextForCalls) {
  EXPECT_THAT(Broken(FindBannedCalls,
                     {{"server/conn/a.cc",
                       "// SSL_free sleeps\nMY_SSL_free(); snsprintf();\n"
                       "static_assert(x); Log(\"sleep(1)\");\n"}}),
              IsEmpty());
}

TEST(TidyRulesTest, FindsObjectsWithoutAnOwner) {
  for (const char* text :
       {"auto* a = new A;\n", "  delete a;\n", "Keep(new A(1));\n"}) {
    EXPECT_THAT(Broken(FindUnownedObjects, {{"server/conn/a.cc", text}}),
                StartsWith("server/conn/a.cc:1: "));
  }
  for (const char* text :
       {"return std::unique_ptr<A>(new A);\n", "A(const A&) = delete;\n",
        "std::shared_ptr<A> a(\n    new A(1));\n",
        "static const auto& a = *new A;\n", "// a new one\n", "renew A;\n"}) {
    EXPECT_THAT(Broken(FindUnownedObjects, {{"server/conn/a.cc", text}}),
                IsEmpty());
  }
}

TEST(TidyRulesTest, FindsForbiddenWords) {
  const std::string word = absl::StrCat("plain", "text");

  EXPECT_THAT(Broken(FindForbiddenWords,
                     {{"docs/a.md", absl::StrCat("a\n", word, "\n")}}),
              StartsWith("docs/a.md:2: "));
  EXPECT_THAT(Broken(FindForbiddenWords,
                     {{"README.md", absl::StrCat("see /ro", "ot/a\n")}}),
              StartsWith("README.md:1: "));
  EXPECT_THAT(Broken(FindForbiddenWords,
                     {{"docs/a.md", absl::StrCat("grpcurl -", word, "\n")}}),
              IsEmpty());
}

TEST(TidyRulesTest, FindsVagueNames) {
  EXPECT_THAT(
      Broken(FindVagueNames, {{"server/conn/a.h", "class SocketManager {\n"}}),
      StartsWith("server/conn/a.h:1: "));
  EXPECT_THAT(Broken(FindVagueNames, {{"server/conn/a.h", "class Socket {\n"}}),
              IsEmpty());
}

TEST(TidyRulesTest, FindsATodoWithoutAReference) {
  const std::string todo = absl::StrCat("// TO", "DO");

  EXPECT_THAT(Broken(FindTodosWithoutReference,
                     {{"server/conn/a.h", absl::StrCat(todo, ": later\n")}}),
              StartsWith("server/conn/a.h:1: "));
  EXPECT_THAT(Broken(FindTodosWithoutReference,
                     {{"server/conn/a.h", absl::StrCat(todo, "(#7): x\n")}}),
              IsEmpty());
}

TEST(TidyRulesTest, FindsAFileOf601Lines) {
  EXPECT_THAT(Broken(FindLongFiles, {{"docs/a.md", Lines(601)}}),
              StartsWith("docs/a.md:601: "));
  EXPECT_THAT(Broken(FindLongFiles, {{"docs/a.md", Lines(600)}}), IsEmpty());
}

TEST(TidyRulesTest, FindsAFunctionOf71Lines) {
  for (const char* head :
       {"void Run() {\n", "TEST(RunTest, Runs) {\n",
        "template <class T> T* Find(T a, const char* b) const {\n"}) {
    auto file = [head](int line_count) {
      return Files{{"server/conn/a.cc",
                    absl::StrCat("namespace a {\nclass B {\n public:\n", head,
                                 Lines(line_count - 2), "}\n};\n}\n")}};
    };

    EXPECT_THAT(Broken(FindLongFunctions, file(71)),
                AllOf(StartsWith("server/conn/a.cc:4: "), HasSubstr(" 71 ")));
    EXPECT_THAT(Broken(FindLongFunctions, file(70)), IsEmpty());
  }
}

TEST(TidyRulesTest, MeasuresInnerBlocksAsPartOfTheirFunction) {
  std::string text =
      absl::StrCat("int Run(int a)\n    : b_{a} {\n  if (a) {\n", Lines(35),
                   "  }\n  auto f = [](int) {\n", Lines(35), "  };\n}\n");

  EXPECT_THAT(Broken(FindLongFunctions, {{"server/conn/a.cc", text}}),
              HasSubstr("more than 70"));
}

TEST(TidyRulesTest, DoesNotCountTheLinesOfARawString) {
  std::string text =
      absl::StrCat("void Run() {\n  Parse(R\"(\n", Lines(100), ")\");\n}\n");

  EXPECT_THAT(Broken(FindLongFunctions, {{"server/conn/a.cc", text}}),
              IsEmpty());
}

TEST(TidyRulesTest, DoesNotTakeTypesAndTablesForFunctions) {
  for (const char* head :
       {"class A : public B<int()> {\n", "struct A {\n", "enum class A {\n",
        "const int kTable[] = {\n", "const A& a = *new A(B() = {\n"}) {
    EXPECT_THAT(
        Broken(FindLongFunctions,
               {{"server/conn/a.cc", absl::StrCat(head, Lines(100), "};\n")}}),
        IsEmpty())
        << head;
  }
}

TEST(TidyRulesTest, FindsAHeaderWithoutComment) {
  EXPECT_THAT(
      Broken(FindHeadersWithoutComment, {{"server/conn/a.h", "#ifndef A\n"}}),
      StartsWith("server/conn/a.h:1: "));
  EXPECT_THAT(
      Broken(FindHeadersWithoutComment, {{"server/conn/a.h", "// A is a.\n"}}),
      IsEmpty());
}

TEST(TidyRulesTest, FindsAWrongIncludeGuard) {
  auto header = [](const char* first, const char* last) {
    return Files{{"server/net/a_b.h",
                  absl::StrCat("// A.\n#ifndef ", first, "\n#define ", first,
                               "\n\n#endif  // ", last, "\n")}};
  };
  const char kRight[] = "TLSD_SERVER_NET_A_B_H_";

  EXPECT_THAT(Broken(FindWrongIncludeGuards, header(kRight, kRight)),
              IsEmpty());
  EXPECT_THAT(Broken(FindWrongIncludeGuards, header("A_B_H", kRight)),
              AllOf(StartsWith("server/net/a_b.h:2: "), HasSubstr(kRight)));
  EXPECT_THAT(Broken(FindWrongIncludeGuards, header(kRight, "A_B_H")),
              StartsWith("server/net/a_b.h:5: "));
}

TEST(TidyRulesTest, FindsASourceWithoutATest) {
  EXPECT_THAT(Broken(FindUntestedSources, {{"server/net/a.cc", "\n"}}),
              AllOf(StartsWith("server/net/a.cc:1: "),
                    HasSubstr("tests/unit/net/a_test.cc")));
  EXPECT_THAT(Broken(FindUntestedSources, {{"client/cli/a.cc", "\n"}}),
              HasSubstr("tests/unit/client/cli/a_test.cc"));
  EXPECT_THAT(Broken(FindUntestedSources, {{"proto/status/a.cc", "\n"}}),
              HasSubstr("tests/unit/status/a_test.cc"));
  EXPECT_THAT(Broken(FindUntestedSources, {{"server/net/a.cc", "\n"},
                                           {"tests/unit/net/a_test.cc", "\n"}}),
              IsEmpty());
}

TEST(TidyRulesTest, FindsPagesWithoutOneTitle) {
  EXPECT_THAT(
      Broken(FindMarkdownWithoutOneTitle, {{"docs/a.md", "# A\n\n# B\n"}}),
      StartsWith("docs/a.md:3: a second title"));
  EXPECT_THAT(Broken(FindMarkdownWithoutOneTitle, {{"docs/a.md", "a\n"}}),
              StartsWith("docs/a.md:1: no title"));
  EXPECT_THAT(Broken(FindMarkdownWithoutOneTitle,
                     {{"docs/a.md", "# A\n```\n# sh\n```\n## B\n"}}),
              IsEmpty());
}

TEST(TidyRulesTest, FindsDeadLinks) {
  EXPECT_THAT(Broken(FindDeadLinks, {{"docs/a.md", "\n[b](b.md) [c](c.md)"},
                                     {"docs/b.md", "\n"}}),
              AllOf(StartsWith("docs/a.md:2: "), HasSubstr("c.md")));
  EXPECT_THAT(
      Broken(FindDeadLinks,
             {{"docs/a.md",
               "[b](../b.md#part) [d](../docs/) [e](#e) [f](https://f/)\n"
               "```\n[g](g.md)\n```\n"},
              {"b.md", "\n"}}),
      IsEmpty());
}

TEST(TidyRulesTest, FindsReasonsThatTheDocsDoNotSayAsTheCodeDoes) {
  auto page = [](const std::vector<std::string>& lines) {
    return Files{{std::string(kReasonsPagePath),
                  absl::StrCat("# Reasons\n", absl::StrJoin(lines, "\n"))}};
  };
  const std::vector<std::string> right = ReasonsPageTables();
  std::vector<std::string> altered = right;
  altered[5] += " And more.";
  std::vector<std::string> less = right;
  less.pop_back();
  std::vector<std::string> more = right;
  more.push_back("| `NEW` | INTERNAL | New. |");

  EXPECT_THAT(Broken(FindReasonsNotInDocs, page(right)), IsEmpty());
  EXPECT_THAT(
      Broken(FindReasonsNotInDocs, page(altered)),
      AllOf(StartsWith("docs/error_reasons.md:7: "), HasSubstr(right[5])));
  EXPECT_THAT(Broken(FindReasonsNotInDocs, page(less)),
              HasSubstr(right.back()));
  EXPECT_THAT(Broken(FindReasonsNotInDocs, page(more)), HasSubstr("`NEW`"));
  EXPECT_THAT(Broken(FindReasonsNotInDocs, {}), HasSubstr("missing"));
}

}  // namespace
}  // namespace tlsd::tidy
