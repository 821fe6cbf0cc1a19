// How large files and functions may be, and what a header begins with.
#include <cstddef>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/tidy/rules.h"

namespace tlsd::tidy {
namespace {

constexpr size_t kFileLinesMax = 600;
// A message that has been published stays in its file (buf's FILE rules), so
// the contract of a service is longer.
constexpr size_t kContractLinesMax = 800;
constexpr int kFunctionLinesMax = 70;

// FunctionMeter reads C++ as a nest of braces. What stands before a brace says
// what it opens; inside a function all braces are its own. It relies on the
// formatter, and knows no macros that hide braces.
class FunctionMeter {
 public:
  struct Function {
    std::string head;
    int first_line = 0;
    int line_count = 0;
  };

  explicit FunctionMeter(const SourceFile& file) {
    bool is_directive = false;
    for (size_t i = 0; i < file.code.size(); ++i) {
      line_ = static_cast<int>(i) + 1;
      absl::string_view line = file.code[i];
      if (IsQuoted(file.lines[i], line) && function_depth_ > 0) {
        ++quoted_line_count_;
        continue;
      }
      is_directive = is_directive || absl::StartsWith(line, "#");
      if (!is_directive) {
        for (char c : line) Read(c);
        Read(' ');
      }
      is_directive = is_directive && absl::EndsWith(line, "\\");
    }
  }

  const std::vector<Function>& functions() const { return functions_; }

 private:
  // A line within a raw string is data, no step of the function.
  static bool IsQuoted(absl::string_view line, absl::string_view code) {
    line = absl::StripAsciiWhitespace(line);
    return absl::StripAsciiWhitespace(code).empty() && !line.empty() &&
           !absl::StartsWith(line, "//") && !absl::StartsWith(line, "\"");
  }

  void Read(char c) {
    if (c == '{') {
      Open();
    } else if (c == '}') {
      Close();
    } else if (c == ';' && parentheses_ == 0) {
      head_.clear();
    } else if (c == ':' && (head_ == "public" || head_ == "private" ||
                            head_ == "protected")) {
      head_.clear();
    } else {
      if (c == '(') ++parentheses_;
      if (c == ')' && parentheses_ > 0) --parentheses_;
      if (head_.empty() && absl::ascii_isspace(c)) return;
      if (head_.empty()) head_line_ = line_;
      head_ += c;
    }
  }

  void Open() {
    ++depth_;
    const bool is_initializer = OpensInitializer();
    if (function_depth_ == 0 && !is_initializer && OpensFunction()) {
      function_depth_ = depth_;
      quoted_line_count_ = 0;
      functions_.push_back({head_.substr(0, head_.find('(')), head_line_, 0});
    }
    if (!is_initializer) head_.clear();
    outer_.push_back({std::move(head_), head_line_, parentheses_});
    head_.clear();
    parentheses_ = 0;
  }

  void Close() {
    if (depth_ == 0) return;
    if (depth_ == function_depth_) {
      functions_.back().line_count =
          line_ - functions_.back().first_line + 1 - quoted_line_count_;
      function_depth_ = 0;
    }
    --depth_;
    head_ = std::move(outer_.back().head);
    head_line_ = outer_.back().head_line;
    parentheses_ = outer_.back().parentheses;
    outer_.pop_back();
  }

  // Braces among arguments, after "=", and right after a name: `member_{1}`.
  bool OpensInitializer() const {
    if (parentheses_ > 0 || head_.empty()) return parentheses_ > 0;
    return absl::ascii_isalnum(head_.back()) || head_.back() == '_' ||
           head_.back() == '>' ||
           absl::EndsWith(absl::StripTrailingAsciiWhitespace(head_), "=");
  }

  bool OpensFunction() const {
    for (absl::string_view word :
         {"namespace", "class ", "struct ", "enum ", "union ", "extern \""}) {
      if (absl::StartsWith(head_, word)) return false;
    }
    return absl::StrContains(head_, "(");
  }

  // What to go on with after a brace.
  struct Outer {
    std::string head;
    int head_line = 0;
    int parentheses = 0;
  };

  std::vector<Function> functions_;
  std::string head_;
  int head_line_ = 0;
  int line_ = 0;
  int depth_ = 0;
  int function_depth_ = 0;
  int quoted_line_count_ = 0;
  int parentheses_ = 0;
  std::vector<Outer> outer_;
};

std::string GuardOf(absl::string_view path) {
  return absl::StrCat("TLSD_",
                      absl::AsciiStrToUpper(absl::StrReplaceAll(
                          path, {{"/", "_"}, {".", "_"}, {"-", "_"}})),
                      "_");
}

}  // namespace

Findings FindLongFiles(const SourceTree& tree) {
  Findings findings;
  for (const SourceFile& file : tree.files()) {
    const size_t lines_max =
        absl::EndsWith(file.path, ".proto") ? kContractLinesMax : kFileLinesMax;
    if (file.lines.size() <= lines_max) continue;
    findings.push_back({file.path, static_cast<int>(lines_max) + 1,
                        absl::StrCat("the file has ", file.lines.size(),
                                     " lines, more than ", lines_max),
                        "cut it along the ideas in it"});
  }
  return findings;
}

Findings FindLongFunctions(const SourceTree& tree) {
  Findings findings;
  for (const SourceFile& file : tree.files()) {
    if (!file.IsCpp()) continue;
    FunctionMeter meter(file);
    for (const FunctionMeter::Function& function : meter.functions()) {
      if (function.line_count <= kFunctionLinesMax) continue;
      findings.push_back(
          {file.path, function.first_line,
           absl::StrCat(function.head, " has ", function.line_count,
                        " lines, more than ", kFunctionLinesMax),
           "move its steps into functions with names"});
    }
  }
  return findings;
}

Findings FindHeadersWithoutComment(const SourceTree& tree) {
  Findings findings;
  for (const SourceFile& file : tree.files()) {
    if (!file.IsHeader() && !absl::EndsWith(file.path, ".proto")) continue;
    if (!file.lines.empty() && absl::StartsWith(file.lines[0], "// ")) continue;
    findings.push_back({file.path, 1, "it does not open with a comment",
                        "say what it is, what it is not, who owns it, and "
                        "which thread may touch it"});
  }
  return findings;
}

Findings FindWrongIncludeGuards(const SourceTree& tree) {
  Findings findings;
  for (const SourceFile& file : tree.files()) {
    if (!file.IsHeader()) continue;
    std::string guard = GuardOf(file.path);
    size_t i = 0;
    while (i < file.lines.size() && !absl::StartsWith(file.lines[i], "#")) ++i;
    bool is_opened = i + 1 < file.lines.size() &&
                     file.lines[i] == absl::StrCat("#ifndef ", guard) &&
                     file.lines[i + 1] == absl::StrCat("#define ", guard);
    bool is_closed = !file.lines.empty() &&
                     file.lines.back() == absl::StrCat("#endif  // ", guard);
    if (is_opened && is_closed) continue;
    int line = static_cast<int>(is_opened ? file.lines.size() : i + 1);
    findings.push_back(
        {file.path, line, "the include guard does not follow from the path",
         absl::StrCat("#ifndef, #define and #endif  // ", guard)});
  }
  return findings;
}

}  // namespace tlsd::tidy
