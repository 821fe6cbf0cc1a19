#include "tests/tidy/source_tree.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace tlsd::tidy {
namespace {

namespace fs = std::filesystem;

// Cutter blanks comments and quoted text, one construct at a time.
class Cutter {
 public:
  explicit Cutter(absl::string_view text) : text_(text), out_(text) {}

  std::string Run() {
    while (at_ < text_.size()) Step();
    return out_;
  }

 private:
  void Step() {
    absl::string_view rest = text_.substr(at_);
    if (absl::StartsWith(rest, "//")) {
      Blank(std::min(rest.find('\n'), rest.size()));
    } else if (absl::StartsWith(rest, "/*")) {
      BlankPast("*/", 2);
    } else if (absl::StartsWith(rest, "R\"") && !IsWordBefore()) {
      std::string end = absl::StrCat(")", rest.substr(2, rest.find('(') - 2));
      BlankPast(absl::StrCat(end, "\""), 2);
    } else if (rest[0] == '"' || (rest[0] == '\'' && !IsWordBefore())) {
      Quoted(rest[0]);
    } else {
      ++at_;
    }
  }

  // A ' after a digit parts the digits of a number: 1'000.
  bool IsWordBefore() const {
    return at_ > 0 && absl::ascii_isalnum(text_[at_ - 1]);
  }

  void Quoted(char quote) {
    size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != quote && text_[end] != '\n') {
      end += text_[end] == '\\' ? 2 : 1;
    }
    ++at_;
    if (end > at_) Blank(std::min(end, text_.size()) - at_);
    at_ = std::min(end + 1, text_.size());
  }

  void BlankPast(absl::string_view end, size_t skip) {
    size_t found = text_.find(end, at_ + skip);
    Blank(found == text_.npos ? text_.size() - at_ : found + end.size() - at_);
  }

  void Blank(size_t count) {
    for (size_t i = 0; i < count; ++i, ++at_) {
      if (out_[at_] != '\n') out_[at_] = ' ';
    }
  }

  absl::string_view text_;
  std::string out_;
  size_t at_ = 0;
};

std::vector<std::string> Lines(absl::string_view text) {
  std::vector<std::string> lines = absl::StrSplit(text, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

bool IsText(const fs::path& path) {
  static const auto& kinds =
      *new std::set<std::string>{".h",  ".cc", ".proto", ".bazel", ".bzl",
                                 ".md", ".js", ".py",    ".sh",    ".yaml"};
  return kinds.contains(path.extension().string()) ||
         path.filename() == "WORKSPACE" || path.parent_path() == "tools";
}

// Not the project's text: what git and Bazel keep, and links that lead away.
bool IsSkipped(const fs::directory_entry& entry) {
  std::string name = entry.path().filename().string();
  return entry.is_symlink() || name == ".git" ||
         absl::StartsWith(name, "bazel-");
}

}  // namespace

std::string Code(absl::string_view text) { return Cutter(text).Run(); }

bool SourceFile::IsHeader() const { return absl::EndsWith(path, ".h"); }
bool SourceFile::IsCpp() const {
  return IsHeader() || absl::EndsWith(path, ".cc");
}
bool SourceFile::IsMarkdown() const { return absl::EndsWith(path, ".md"); }
bool SourceFile::IsUnder(absl::string_view folder) const {
  return absl::StartsWith(path, absl::StrCat(folder, "/"));
}

SourceTree SourceTree::OnDisk(const std::string& anchor) {
  const char* runfiles = std::getenv("TEST_SRCDIR");
  const char* workspace = std::getenv("TEST_WORKSPACE");
  fs::path root =
      fs::canonical(fs::path(runfiles == nullptr ? "." : runfiles) /
                    (workspace == nullptr ? "." : workspace) / anchor);
  for (auto part = anchor.begin(); part != anchor.end(); ++part) {
    if (*part == '/') root = root.parent_path();
  }
  root = root.parent_path();

  SourceTree tree;
  fs::recursive_directory_iterator entries(root);
  for (auto it = fs::begin(entries); it != fs::end(entries); ++it) {
    if (IsSkipped(*it)) {
      it.disable_recursion_pending();
      continue;
    }
    if (!it->is_regular_file()) continue;
    fs::path path = it->path().lexically_relative(root);
    if (!IsText(path)) {
      tree.AddPath(path.string());
      continue;
    }
    std::ifstream file(it->path());
    tree.Add(path.string(), std::string(std::istreambuf_iterator<char>(file),
                                        std::istreambuf_iterator<char>()));
  }
  std::sort(
      tree.files_.begin(), tree.files_.end(),
      [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
  return tree;
}

SourceTree SourceTree::Of(const std::map<std::string, std::string>& files) {
  SourceTree tree;
  for (const auto& [path, text] : files) tree.Add(path, text);
  return tree;
}

const SourceFile* SourceTree::Find(absl::string_view path) const {
  for (const SourceFile& file : files_) {
    if (file.path == path) return &file;
  }
  return nullptr;
}

bool SourceTree::Exists(absl::string_view path) const {
  return paths_.find(path) != paths_.end();
}

void SourceTree::Add(const std::string& path, absl::string_view text) {
  AddPath(path);
  SourceFile file{path, Lines(text), {}};
  file.code = file.IsCpp() ? Lines(Code(text)) : file.lines;
  files_.push_back(std::move(file));
}

void SourceTree::AddPath(const std::string& path) {
  for (fs::path at = path; !at.empty(); at = at.parent_path()) {
    paths_.insert(at.string());
  }
}

}  // namespace tlsd::tidy
