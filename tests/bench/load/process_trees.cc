#include "tests/bench/load/process_trees.h"

#include <time.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <system_error>

#include "absl/algorithm/container.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace tlsd::bench::load {
namespace {

absl::Duration TimeOf(clockid_t clock) {
  timespec time = {};
  clock_gettime(clock, &time);
  return absl::DurationFromTimespec(time);
}

absl::Status EndedError(pid_t process) {
  return absl::AbortedError(absl::StrCat(
      "process ", process, " has ended, and the time it used is lost"));
}

absl::StatusOr<absl::Duration> ProcessTime(pid_t process) {
  clockid_t clock = {};
  if (clock_getcpuclockid(process, &clock) != 0) {
    return absl::NotFoundError(absl::StrCat("no process ", process));
  }
  return TimeOf(clock);
}

// ParentOf returns nothing if there is no such process any more, or only what
// it has left for its parent.
std::optional<pid_t> ParentOf(pid_t process) {
  std::ifstream file(absl::StrCat("/proc/", process, "/stat"));
  std::string line;
  std::getline(file, line);
  // "PID (NAME) STATE PARENT ...", and a name may hold anything.
  const size_t end = line.rfind(") ");
  if (end == line.npos) return std::nullopt;
  const std::vector<std::string> words = absl::StrSplit(line.substr(end), ' ');
  pid_t parent = 0;
  if (words.size() < 3 || words[1] == "Z" ||
      !absl::SimpleAtoi(words[2], &parent)) {
    return std::nullopt;
  }
  return parent;
}

absl::StatusOr<int64_t> OwnMemoryOf(pid_t process) {
  std::ifstream file(absl::StrCat("/proc/", process, "/smaps_rollup"));
  int64_t kibibytes = 0;
  int line_count = 0;
  std::string line;
  while (std::getline(file, line)) {
    const std::vector<std::string> words =
        absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (words.empty() ||
        (words[0] != "Pss_Anon:" && words[0] != "Pss_Shmem:")) {
      continue;
    }
    int64_t part = 0;
    if (words.size() < 2 || !absl::SimpleAtoi(words[1], &part)) break;
    kibibytes += part;
    ++line_count;
  }
  if (line_count == 2) return kibibytes * 1024;
  return absl::UnavailableError(
      absl::StrCat("cannot read /proc/", process, "/smaps_rollup"));
}

}  // namespace

absl::StatusOr<std::vector<pid_t>> ProcessTrees::Find() const {
  std::multimap<pid_t, pid_t> children;
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator("/proc", error)) {
    pid_t process = 0;
    if (absl::SimpleAtoi(entry.path().filename().string(), &process)) {
      const std::optional<pid_t> parent = ParentOf(process);
      if (parent.has_value()) children.emplace(*parent, process);
    }
  }
  std::vector<pid_t> found;
  for (const pid_t root : roots_) {
    if (!ParentOf(root).has_value()) {
      return absl::NotFoundError(absl::StrCat("no process ", root));
    }
    if (!absl::c_linear_search(found, root)) found.push_back(root);
  }
  for (size_t i = 0; i < found.size(); ++i) {
    const auto range = children.equal_range(found[i]);
    for (auto child = range.first; child != range.second; ++child) {
      if (!absl::c_linear_search(found, child->second)) {
        found.push_back(child->second);
      }
    }
  }
  return found;
}

absl::Status ProcessTrees::Begin() {
  const absl::StatusOr<std::vector<pid_t>> processes = Find();
  if (!processes.ok()) return processes.status();
  times_.clear();
  for (const pid_t process : *processes) {
    const absl::StatusOr<absl::Duration> time = ProcessTime(process);
    if (!time.ok()) return time.status();
    times_[process] = *time;
  }
  return absl::OkStatus();
}

absl::StatusOr<absl::Duration> ProcessTrees::TimeUsed() const {
  absl::Duration used;
  // First what is known, because looking for more takes a while.
  for (const auto& [process, before] : times_) {
    const absl::StatusOr<absl::Duration> now = ProcessTime(process);
    if (!now.ok()) return EndedError(process);
    used += *now - before;
  }
  for (const auto& entry : times_) {
    if (!ParentOf(entry.first).has_value()) return EndedError(entry.first);
  }
  const absl::StatusOr<std::vector<pid_t>> processes = Find();
  if (!processes.ok()) return processes.status();
  for (const pid_t process : *processes) {
    if (times_.count(process) > 0) continue;
    const absl::StatusOr<absl::Duration> now = ProcessTime(process);
    if (!now.ok()) return now.status();
    used += *now;
  }
  return used;
}

absl::StatusOr<int64_t> ProcessTrees::OwnMemory() const {
  const absl::StatusOr<std::vector<pid_t>> processes = Find();
  if (!processes.ok()) return processes.status();
  int64_t total = 0;
  for (const pid_t process : *processes) {
    const absl::StatusOr<int64_t> memory = OwnMemoryOf(process);
    if (!memory.ok()) return memory.status();
    total += *memory;
  }
  return total;
}

absl::Duration OwnTime() { return TimeOf(CLOCK_PROCESS_CPUTIME_ID); }

}  // namespace tlsd::bench::load
