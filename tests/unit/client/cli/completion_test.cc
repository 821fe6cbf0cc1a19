#include "client/cli/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdio.h>

#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/unit/client/fake_daemon.h"

namespace tlsd::client::cli {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

// A program with a bit of everything.
class CompletionTest : public ::testing::Test {
 protected:
  CompletionTest() : app_("about", "prog") {
    app_.add_option("-o,--output", text_, "How it's printed")
        ->check(CLI::IsMember({"text", "json"}).description("{text,json}"));
    app_.add_flag("--quiet", quiet_, "Less");
    app_.add_option("--file", text_, "A file");
    CLI::App* context = app_.add_subcommand("context", "Contexts");
    context->add_subcommand("create", "Make one")
        ->add_flag("--dev", quiet_, "For dev");
    context->add_subcommand("list", "All");
    app_.add_subcommand("status", "State");
  }

  // Complete asks a real bash what it offers for the last of `words`.
  std::vector<std::string> Complete(const std::string& words) {
    testing::SocketFolder folder;
    const std::string path = folder.path() + "/script";
    std::ofstream(path) << BashCompletion(app_) << "COMP_WORDS=(" << words
                        << ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n"
                        << "_prog\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n";
    FILE* pipe = popen(absl::StrCat("bash ", path).c_str(), "r");
    std::string output;
    char buffer[4096];
    while (fgets(buffer, sizeof(buffer), pipe) != nullptr) output += buffer;
    pclose(pipe);
    return absl::StrSplit(output, '\n', absl::SkipEmpty());
  }

  std::string text_;
  bool quiet_ = false;
  CLI::App app_;
};

TEST_F(CompletionTest, BashOffersSubcommands) {
  EXPECT_THAT(Complete("prog ''"), UnorderedElementsAre("context", "status"));
  EXPECT_THAT(Complete("prog st"), ElementsAre("status"));
  EXPECT_THAT(Complete("prog context ''"),
              UnorderedElementsAre("create", "list"));
  EXPECT_THAT(Complete("prog --quiet context cr"), ElementsAre("create"));
}

TEST_F(CompletionTest, BashOffersOptionsAndThoseOfTheCommandsAbove) {
  EXPECT_THAT(Complete("prog context create --"),
              IsSupersetOf({"--dev", "--output", "--help"}));
  EXPECT_THAT(Complete("prog context list --"), Not(Contains("--dev")));
}

TEST_F(CompletionTest, BashOffersTheChoicesOfAnOption) {
  EXPECT_THAT(Complete("prog --output ''"),
              UnorderedElementsAre("text", "json"));
  EXPECT_THAT(Complete("prog status -o j"), ElementsAre("json"));
}

TEST_F(CompletionTest, BashLeavesOtherValuesToFiles) {
  EXPECT_THAT(Complete("prog --file ''"), ElementsAre());
}

TEST_F(CompletionTest, ZshNamesCommandsWithTheirDescriptions) {
  EXPECT_THAT(
      ZshCompletion(app_),
      AllOf(HasSubstr("#compdef prog\n"), HasSubstr("'create:Make one'"),
            HasSubstr("'--output:How it'\\''s printed'"),
            HasSubstr("(-o|--output) compadd -- text json")));
}

TEST_F(CompletionTest, FishNamesCommandsWithTheirDescriptions) {
  EXPECT_THAT(
      FishCompletion(app_),
      AllOf(HasSubstr("complete -c prog -n 'test \"$(__prog_path)\" = \"prog "
                      "context\"' -f -a create -d 'Make one'\n"),
            HasSubstr("-l output -d 'How it'\\''s printed' -r -f -a "
                      "'text json'\n"),
            HasSubstr("-l file -d 'A file' -r\n")));
}

}  // namespace
}  // namespace tlsd::client::cli
