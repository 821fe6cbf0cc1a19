// What is called and said outside its home.
#include <cstddef>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/tidy/rules.h"

namespace tlsd::tidy {
namespace {

using Words = std::vector<absl::string_view>;

// BannedCall is a set of names and the files that may use them all the same.
struct BannedCall {
  // A "_" at the end: all names that begin so. Else the whole name.
  Words names;
  Words homes;
  absl::string_view fix;
};

const std::vector<BannedCall>& BannedCalls() {
  static const auto& calls = *new std::vector<BannedCall>{
      {{"SSL_", "ERR_", "EVP_", "X509_", "BIO_", "CRYPTO_", "OPENSSL_"},
       {"server/tls/", "tests/"},
       "let server/tls do it: BoringSSL never leaves that folder"},
      {{"strcpy", "strcat", "strncpy", "strncat", "strtok", "gets"},
       {},
       "use std::string and absl::StrCat"},
      {{"sprintf", "vsprintf"}, {}, "use absl::StrFormat"},
      {{"atoi", "atol", "strtol", "stoi"}, {}, "use absl::SimpleAtoi"},
      {{"rand", "srand", "drand48"},
       {},
       "use BoringSSL's randomness, or a seeded engine that a failing test "
       "prints"},
      {{"assert"}, {}, "it is off in opt: return a Status, or write a check"},
      {{"std::thread", "std::jthread", "std::async", "pthread_create"},
       {"server/worker/", "client/", "tests/",
        // What the machine has; no thread.
        "server/main/daemon.cc",
        // Its callers wait for gRPC, so no loop of a worker can serve it.
        "server/net/control_socket.",
        // No loop can wait for what blocks.
        "server/net/blocking_calls."},
       "post to a worker: threads live in server/worker"},
      {{"sleep", "usleep", "nanosleep", "sleep_for", "sleep_until", "SleepFor"},
       {// The end of the process: what is in flight to peers may arrive.
        "server/main/daemon.cc"},
       "wait for what must happen, with a deadline; on a loop use LoopTimer"},
      {{"std::cout"},
       {"client/cli/", "client/examples/"},
       "use server/base/log.h"},
  };
  return calls;
}

bool StartsWithAny(absl::string_view text, const Words& prefixes) {
  return absl::c_any_of(prefixes, [text](absl::string_view prefix) {
    return absl::StartsWith(text, prefix);
  });
}

bool IsWordCharacter(char c) { return absl::ascii_isalnum(c) || c == '_'; }

// HasWord looks for `word` with nothing of a longer word around it.
bool HasWord(absl::string_view line, absl::string_view word) {
  for (size_t at = line.find(word); at != line.npos;
       at = line.find(word, at + 1)) {
    size_t end = at + word.size();
    bool is_start = at == 0 || !IsWordCharacter(line[at - 1]);
    bool is_end = absl::EndsWith(word, "_") || end == line.size() ||
                  !IsWordCharacter(line[end]);
    if (is_start && is_end) return true;
  }
  return false;
}

// A loop owns its objects, and frees them at the end of the turn in which they
// have closed.
constexpr absl::string_view kLoopObjectHomes[] = {
    "server/net/acceptor.cc", "server/net/poller.cc",
    "server/net/socket_stream.cc"};

// Statement returns what stands before `at` on its line and the two before,
// since the last statement ended.
std::string Statement(const SourceFile& file, size_t line, size_t at) {
  std::string text = file.code[line].substr(0, at);
  for (size_t back = 1; back <= 2 && back <= line; ++back) {
    text = absl::StrCat(file.code[line - back], " ", text);
  }
  size_t start = text.find_last_of(";{}");
  return start == text.npos ? text : text.substr(start + 1);
}

// A new object is owned from its first instant, or lives as long as the
// process.
bool IsOwned(absl::string_view statement) {
  for (absl::string_view owner :
       {"unique_ptr<", "shared_ptr<", "WrapUnique(", ".reset(", "static "}) {
    if (absl::StrContains(statement, owner)) return true;
  }
  return false;
}

// In two parts, so that this file keeps its own rule.
const std::vector<std::pair<std::string, absl::string_view>>& ForbiddenWords() {
  static const auto& words =
      *new std::vector<std::pair<std::string, absl::string_view>>{
          {absl::StrCat("FIX", "ME"), "mend it, or open an issue"},
          {absl::StrCat("XX", "X "), "mend it, or open an issue"},
          {absl::StrCat("HA", "CK"), "say why it must be so"},
          {absl::StrCat("/ro", "ot/"), "no path of one machine"},
          {absl::StrCat("/ho", "me/"), "no path of one machine"},
          {absl::StrCat("/wo", "rk/"), "no path of one machine"},
          {absl::StrCat("/tmp/ba", "zel"), "no path of one machine"},
          {absl::StrCat("plain", "text"), "the word here is cleartext"},
      };
  return words;
}

}  // namespace

Findings FindBannedCalls(const SourceTree& tree) {
  Findings findings;
  for (const SourceFile& file : tree.files()) {
    if (!file.IsCpp()) continue;
    for (const BannedCall& call : BannedCalls()) {
      if (StartsWithAny(file.path, call.homes)) continue;
      for (size_t i = 0; i < file.code.size(); ++i) {
        if (absl::StartsWith(file.code[i], "#include")) continue;
        for (absl::string_view name : call.names) {
          if (!HasWord(file.code[i], name)) continue;
          findings.push_back({file.path, static_cast<int>(i) + 1,
                              absl::StrCat(name, " has no place here"),
                              std::string(call.fix)});
        }
      }
    }
  }
  return findings;
}

Findings FindUnownedObjects(const SourceTree& tree) {
  Findings findings;
  for (const SourceFile& file : tree.files()) {
    // Tests own what they like; AddressSanitizer sees what they lose.
    if (!file.IsCpp() || file.IsUnder("tests") ||
        absl::c_linear_search(kLoopObjectHomes, file.path)) {
      continue;
    }
    for (size_t i = 0; i < file.code.size(); ++i) {
      const std::string& line = file.code[i];
      size_t at = line.find("new ");
      bool is_new = HasWord(line, "new") && at != line.npos &&
                    !IsOwned(Statement(file, i, at));
      bool is_delete =
          HasWord(line, "delete") && !absl::StrContains(line, "= delete");
      if (!is_new && !is_delete) continue;
      findings.push_back({file.path, static_cast<int>(i) + 1,
                          absl::StrCat("raw ", is_new ? "new" : "delete"),
                          "use std::make_unique, or unique_ptr(new X) in a "
                          "factory of a class with a private constructor"});
    }
  }
  return findings;
}

Findings FindForbiddenWords(const SourceTree& tree) {
  Findings findings;
  for (const SourceFile& file : tree.files()) {
    for (size_t i = 0; i < file.lines.size(); ++i) {
      for (const auto& [word, fix] : ForbiddenWords()) {
        size_t at = file.lines[i].find(word);
        if (at == std::string::npos) continue;
        // The flag of grpcurl.
        if (at > 0 && file.lines[i][at - 1] == '-') continue;
        findings.push_back({file.path, static_cast<int>(i) + 1,
                            absl::StrCat("\"", word, "\""), std::string(fix)});
      }
    }
  }
  return findings;
}

Findings FindVagueNames(const SourceTree& tree) {
  Findings findings;
  for (const SourceFile& file : tree.files()) {
    if (!file.IsCpp()) continue;
    for (size_t i = 0; i < file.code.size(); ++i) {
      absl::string_view line = absl::StripLeadingAsciiWhitespace(file.code[i]);
      if (!absl::StartsWith(line, "class ") &&
          !absl::StartsWith(line, "struct ")) {
        continue;
      }
      line.remove_prefix(line.find(' ') + 1);
      size_t end = 0;
      while (end < line.size() && IsWordCharacter(line[end])) ++end;
      absl::string_view name = line.substr(0, end);
      for (absl::string_view tail :
           {"Impl", "Manager", "Helper", "Helpers", "Util", "Utils"}) {
        if (!absl::EndsWith(name, tail)) continue;
        findings.push_back({file.path, static_cast<int>(i) + 1,
                            absl::StrCat(name, " ends in ", tail),
                            "name it after what it is: CONTRIBUTING.md"});
      }
    }
  }
  return findings;
}

Findings FindTodosWithoutReference(const SourceTree& tree) {
  const std::string todo = absl::StrCat("TO", "DO");
  Findings findings;
  for (const SourceFile& file : tree.files()) {
    for (size_t i = 0; i < file.lines.size(); ++i) {
      absl::string_view line = file.lines[i];
      size_t at = line.find(todo);
      if (at == line.npos) continue;
      absl::string_view rest = line.substr(at + todo.size());
      if (absl::StartsWith(rest, "(#") || absl::StartsWith(rest, "(adr/")) {
        continue;
      }
      findings.push_back({file.path, static_cast<int>(i) + 1,
                          absl::StrCat(todo, " without a reference"),
                          absl::StrCat(todo, "(#12): for an issue, ", todo,
                                       "(adr/0003): for a decision")});
    }
  }
  return findings;
}

}  // namespace tlsd::tidy
