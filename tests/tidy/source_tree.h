// SourceTree is the text of the repository, as the tidy rules see it: the one
// on disk, or a small one in memory that proves a rule can fail.
//
// It does not change once it is made, and may be read from any thread.
#ifndef TLSD_TESTS_TIDY_SOURCE_TREE_H_
#define TLSD_TESTS_TIDY_SOURCE_TREE_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace tlsd::tidy {

// SourceFile is one file, whole and by lines.
struct SourceFile {
  // From the root, e.g. "server/base/log.h".
  std::string path;
  std::vector<std::string> lines;
  // The same lines without comments and without what is in quotes, which are
  // blanked: what the compiler sees. For C++ only; else as `lines`.
  std::vector<std::string> code;

  bool IsHeader() const;
  bool IsCpp() const;
  bool IsMarkdown() const;
  bool IsUnder(absl::string_view folder) const;
};

class SourceTree {
 public:
  // OnDisk reads all text files of the repository that `anchor` belongs to.
  // `anchor` is a file of it with its path from the root, as runfiles have it.
  static SourceTree OnDisk(const std::string& anchor);

  // Of makes a tree of paths and texts.
  static SourceTree Of(const std::map<std::string, std::string>& files);

  const std::vector<SourceFile>& files() const { return files_; }
  // Find returns nullptr if there is no such text file.
  const SourceFile* Find(absl::string_view path) const;
  // Exists is true for files of all kinds, and for folders.
  bool Exists(absl::string_view path) const;

 private:
  void Add(const std::string& path, absl::string_view text);
  void AddPath(const std::string& path);

  std::vector<SourceFile> files_;
  std::set<std::string, std::less<>> paths_;
};

// Code returns `text` with comments and quoted text blanked; the lines stay
// where they are.
std::string Code(absl::string_view text);

}  // namespace tlsd::tidy

#endif  // TLSD_TESTS_TIDY_SOURCE_TREE_H_
