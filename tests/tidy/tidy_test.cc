// The style of the project, as a test over its whole source tree. Each failure
// says where, which rule, and what to do instead.
#include "gtest/gtest.h"
#include "tests/tidy/rules.h"

namespace tlsd::tidy {
namespace {

const SourceTree& Project() {
  static const auto& tree =
      *new SourceTree(SourceTree::OnDisk("tests/tidy/tidy_test.cc"));
  return tree;
}

void ExpectNone(const Findings& findings) {
  EXPECT_TRUE(findings.empty()) << Print(findings);
}

TEST(TidyTest, TheWholeProjectIsLookedAt) {
  for (const char* path :
       {"WORKSPACE", "README.md", "tools/dev", "proto/status/reason.h",
        "proto/tlsd/v1/types.proto", "server/main/tlsd_main.cc",
        "client/client.h", "tests/tidy/tidy_test.cc"}) {
    EXPECT_NE(Project().Find(path), nullptr) << path;
  }
}

TEST(TidyTest, LayersStandOnlyOnThoseBelow) {
  ExpectNone(FindLayerBreaks(Project()));
}

TEST(TidyTest, ForeignHeadersStayInTheirHome) {
  ExpectNone(FindForeignHeaders(Project()));
}

TEST(TidyTest, BannedCallsStayInTheirHome) {
  ExpectNone(FindBannedCalls(Project()));
}

TEST(TidyTest, EveryNewObjectHasAnOwner) {
  ExpectNone(FindUnownedObjects(Project()));
}

TEST(TidyTest, NoWordIsForbidden) { ExpectNone(FindForbiddenWords(Project())); }

TEST(TidyTest, NoNameIsVague) { ExpectNone(FindVagueNames(Project())); }

TEST(TidyTest, EveryTodoHasAReference) {
  ExpectNone(FindTodosWithoutReference(Project()));
}

TEST(TidyTest, NoFileIsOver600Lines) { ExpectNone(FindLongFiles(Project())); }

TEST(TidyTest, NoFunctionIsOver70Lines) {
  ExpectNone(FindLongFunctions(Project()));
}

TEST(TidyTest, EveryHeaderOpensWithAComment) {
  ExpectNone(FindHeadersWithoutComment(Project()));
}

TEST(TidyTest, EveryIncludeGuardFollowsFromItsPath) {
  ExpectNone(FindWrongIncludeGuards(Project()));
}

TEST(TidyTest, EverySourceHasATest) {
  ExpectNone(FindUntestedSources(Project()));
}

TEST(TidyTest, EveryPageHasOneTitle) {
  ExpectNone(FindMarkdownWithoutOneTitle(Project()));
}

TEST(TidyTest, NoLinkIsDead) { ExpectNone(FindDeadLinks(Project())); }

TEST(TidyTest, EveryReasonIsInTheDocs) {
  ExpectNone(FindReasonsNotInDocs(Project()));
}

}  // namespace
}  // namespace tlsd::tidy
