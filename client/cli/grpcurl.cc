#include "client/cli/grpcurl.h"

#include <google/protobuf/field_mask.pb.h>
#include <google/protobuf/util/field_mask_util.h>

#include <algorithm>
#include <cstddef>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "client/cli/json.h"

namespace tlsd::client::cli {
namespace {

// A mark is one of these, the path in hexadecimal, and kMarkEnd: JSON leaves
// them as they are.
constexpr absl::string_view kContentBegin = "@@file:";
constexpr absl::string_view kLineBegin = "@@line:";
constexpr absl::string_view kMarkEnd = "@@";

// JSON shows bytes in base64, so this mark is what base64 makes of it:
// "+++file+PATH+OFFSET+SIZE" and as many "+" as fill up its last four letters.
// Size 0 is the whole file.
constexpr absl::string_view kBytesBegin = "+++file+";
constexpr size_t kBase64Group = 4;

// Escapes line ends as JSON does; PEM has nothing else to escape.
constexpr absl::string_view kReadContent =
    "awk '{sub(/\\r$/, \"\"); printf \"%s\\\\n\", $0}' ";

// A passphrase may have anything in it: escapes what JSON must escape, and
// leaves out the last line end. Not with gsub: awks differ in how it reads
// backslashes.
constexpr absl::string_view kReadLine =
    R"(awk 'function e(s, i, c, r) {for (i = 1; i <= length(s); ++i) )"
    R"({c = substr(s, i, 1); r = r ((c in m) ? m[c] : c)} return r} )"
    R"(BEGIN {for (i = 0; i < 32; ++i) )"
    R"(m[sprintf("%c", i)] = sprintf("\\u%04x", i); )"
    R"(m["\\"] = "\\\\"; m["\""] = "\\\""} )"
    R"(NR > 1 {printf "%s\\n", e(p)} {p = $0} )"
    R"(END {sub(/\r$/, "", p); printf "%s", e(p)}' )";

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

// TakeTextMark returns the command for the mark that `text` begins with, and
// removes it.
std::string TakeTextMark(absl::string_view begin, absl::string_view read,
                         absl::string_view& text) {
  text.remove_prefix(begin.size());
  const size_t end = text.find(kMarkEnd);
  const std::string path = absl::HexStringToBytes(text.substr(0, end));
  text.remove_prefix(end + kMarkEnd.size());
  return absl::StrCat(read, ShellQuote(path));
}

// TakeBytesMark is TakeTextMark for a mark of bytes.
std::string TakeBytesMark(absl::string_view& text) {
  text.remove_prefix(kBytesBegin.size());
  const std::vector<absl::string_view> parts =
      absl::StrSplit(text.substr(0, text.find('"')), absl::MaxSplits('+', 3));
  const std::string path = ShellQuote(absl::HexStringToBytes(parts[0]));
  size_t offset = 0;
  size_t size = 0;
  const bool has_range = parts.size() > 2 &&
                         absl::SimpleAtoi(parts[1], &offset) &&
                         absl::SimpleAtoi(parts[2], &size) && size > 0;
  text.remove_prefix(text.find('"'));
  const std::string encode = "base64 | tr -d '\\n'";
  if (!has_range) return absl::StrCat("cat ", path, " | ", encode);
  return absl::StrCat("tail -c +", offset + 1, " ", path, " | head -c ", size,
                      " | ", encode);
}

// ReplaceMarks turns each mark in the quoted `word` into the output of a
// command: it leaves the single quotes for the time of the substitution.
std::string ReplaceMarks(absl::string_view word) {
  std::string result;
  size_t plain_size = 0;
  while (plain_size < word.size()) {
    absl::string_view rest = word.substr(plain_size);
    std::string command;
    if (absl::StartsWith(rest, kContentBegin)) {
      command = TakeTextMark(kContentBegin, kReadContent, rest);
    } else if (absl::StartsWith(rest, kLineBegin)) {
      command = TakeTextMark(kLineBegin, kReadLine, rest);
    } else if (absl::StartsWith(rest, kBytesBegin)) {
      command = TakeBytesMark(rest);
    } else {
      ++plain_size;
      continue;
    }
    absl::StrAppend(&result, word.substr(0, plain_size), "'\"$(", command,
                    ")\"'");
    word = rest;
    plain_size = 0;
  }
  return absl::StrCat(result, word);
}

bool HasMark(absl::string_view text) {
  return absl::StrContains(text, kContentBegin) ||
         absl::StrContains(text, kLineBegin) ||
         absl::StrContains(text, kBytesBegin);
}

// RequestJson returns `request` as grpcurl reads it: not by the rule of JSON
// for a FieldMask, one string, but as any message.
std::string RequestJson(const google::protobuf::Message& request) {
  const std::string json = CompactJson(request);
  const google::protobuf::FieldDescriptor* field =
      request.GetDescriptor()->FindFieldByName("update_mask");
  if (field == nullptr || !request.GetReflection()->HasField(request, field)) {
    return json;
  }
  const google::protobuf::Message& mask =
      request.GetReflection()->GetMessage(request, field);
  std::string paths;
  google::protobuf::FieldMask copy;
  copy.ParseFromString(mask.SerializeAsString());
  google::protobuf::util::FieldMaskUtil::ToJsonString(copy, &paths);
  return absl::StrReplaceAll(
      json, {{absl::StrCat("\"updateMask\":\"", paths, "\""),
              absl::StrCat("\"updateMask\":{\"paths\":[\"",
                           absl::StrJoin(copy.paths(), "\",\""), "\"]}")}});
}

}  // namespace

std::string FileContentMark(absl::string_view path) {
  return absl::StrCat(kContentBegin, absl::BytesToHexString(path), kMarkEnd);
}

std::string FileLineMark(absl::string_view path) {
  return absl::StrCat(kLineBegin, absl::BytesToHexString(path), kMarkEnd);
}

std::string FileBytesMark(absl::string_view path,
                          std::optional<FileRange> range) {
  const FileRange piece = range.value_or(FileRange{});
  std::string mark = absl::StrCat(kBytesBegin, absl::BytesToHexString(path),
                                  "+", piece.offset, "+", piece.size, "+");
  while (mark.size() % kBase64Group != 0) mark += '+';
  std::string bytes;
  absl::Base64Unescape(mark, &bytes);
  return bytes;
}

std::string ShellQuote(absl::string_view text) {
  if (IsPlainWord(text)) return std::string(text);
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}

std::string GrpcurlLine(absl::string_view address, absl::string_view method,
                        const google::protobuf::Message& request) {
  const std::string quoted = absl::StrCat(
      "'", absl::StrReplaceAll(RequestJson(request), {{"'", "'\\''"}}), "'");
  const std::string target =
      absl::StrCat(TargetArguments(address), " ", method);
  if (!HasMark(quoted)) {
    return absl::StrCat("grpcurl -plaintext -d ", quoted, " ", target);
  }
  // printf is the shell's own, so no key shows in the list of processes.
  return absl::StrCat("printf %s ", ReplaceMarks(quoted),
                      " | grpcurl -plaintext -d @ ", target);
}

}  // namespace tlsd::client::cli
