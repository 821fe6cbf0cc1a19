#include "client/cli/grpcurl.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "client/cli/json.h"

namespace tlsd::client::cli {
namespace {

// The path is in hexadecimal between these, which JSON leaves as they are.
constexpr absl::string_view kMarkBegin = "@@file:";
constexpr absl::string_view kMarkEnd = "@@";

// Escapes line ends as JSON does; PEM has nothing else to escape.
constexpr absl::string_view kReadFile =
    "awk '{sub(/\\r$/, \"\"); printf \"%s\\\\n\", $0}' ";

bool IsPlainWord(absl::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) ||
                  absl::StrContains("/._-:", static_cast<char>(c));
         });
}

std::string TargetArguments(absl::string_view address) {
  if (absl::ConsumePrefix(&address, "unix:")) {
    return absl::StrCat("-unix ", ShellQuote(address));
  }
  return ShellQuote(address);
}

// ReplaceMarks turns each mark in the quoted `word` into the output of a
// command: it leaves the single quotes for the time of the substitution.
std::string ReplaceMarks(absl::string_view word) {
  std::string result;
  while (true) {
    const size_t begin = word.find(kMarkBegin);
    if (begin == absl::string_view::npos) break;
    const size_t path_begin = begin + kMarkBegin.size();
    const size_t end = word.find(kMarkEnd, path_begin);
    const std::string path =
        absl::HexStringToBytes(word.substr(path_begin, end - path_begin));
    absl::StrAppend(&result, word.substr(0, begin), "'\"$(", kReadFile,
                    ShellQuote(path), ")\"'");
    word.remove_prefix(end + kMarkEnd.size());
  }
  return absl::StrCat(result, word);
}

}  // namespace

std::string FileContentMark(absl::string_view path) {
  return absl::StrCat(kMarkBegin, absl::BytesToHexString(path), kMarkEnd);
}

std::string ShellQuote(absl::string_view text) {
  if (IsPlainWord(text)) return std::string(text);
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}

std::string GrpcurlLine(absl::string_view address, absl::string_view method,
                        const google::protobuf::Message& request) {
  const std::string quoted = absl::StrCat(
      "'", absl::StrReplaceAll(CompactJson(request), {{"'", "'\\''"}}), "'");
  const std::string target =
      absl::StrCat(TargetArguments(address), " ", method);
  if (!absl::StrContains(quoted, kMarkBegin)) {
    return absl::StrCat("grpcurl -plaintext -d ", quoted, " ", target);
  }
  // printf is the shell's own, so no key shows in the list of processes.
  return absl::StrCat("printf %s ", ReplaceMarks(quoted),
                      " | grpcurl -plaintext -d @ ", target);
}

}  // namespace tlsd::client::cli
