#include "tests/cost/measurement.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "tests/testing/subprocess.h"

namespace tlsd::cost {
namespace {

// Many times what it takes on a machine with nothing else to do.
constexpr absl::Duration kTimeout = absl::Minutes(4);

const std::vector<std::string>& Environment() {
  static const auto& environment = *new std::vector<std::string>{
      // BoringSSL's idea of the processor: an Intel with AES, CLMUL, AVX2, BMI2
      // and ADX, without what valgrind does not know (SHA, AVX-512) or takes
      // from the machine (RDRAND).
      "OPENSSL_ia32cap=0x1ed8320357808110:0x80128",
      // Callgrind counts an instruction for each byte of `rep movsb`.
      "GLIBC_TUNABLES=glibc.cpu.hwcaps=-ERMS,-FSRM",
      // Nothing is looked up at its first call.
      "LD_BIND_NOW=1",
  };
  return environment;
}

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

absl::Status CheckProcessor() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") &&
      __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul")) {
    return absl::OkStatus();
  }
#endif
  return absl::UnimplementedError(
      "the accepted counts are of an x86-64 processor with AES, PCLMUL, AVX2 "
      "and BMI2, and this is none");
}

absl::StatusOr<Counts> Measure(const std::string& folder) {
  const std::string prefix = absl::StrCat(folder, "/callgrind");
  auto workload = testing::Subprocess::Start(
      {"valgrind", "--quiet", "--tool=callgrind", "--collect-atstart=no",
       // Where there are threads, it counts what it skips more than once.
       "--skip-plt=no", absl::StrCat("--callgrind-out-file=", prefix),
       std::string(kWorkloadPath)},
      Environment());
  if (!workload.ok()) return workload.status();
  const absl::StatusOr<int> exit_code = (*workload)->Wait(kTimeout);
  if (!exit_code.ok()) return exit_code.status();
  if (*exit_code != 0) {
    return absl::InternalError(
        absl::StrCat("valgrind (Debian's package valgrind) has ended with ",
                     *exit_code, ": ", (*workload)->error_output()));
  }
  absl::StatusOr<Counts> counts = ParseCounts((*workload)->output());
  if (!counts.ok()) return counts;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (!absl::StartsWith(entry.path().filename().string(), "callgrind.")) {
      continue;
    }
    const absl::Status read = ReadDump(ReadFile(entry.path()), *counts);
    if (!read.ok()) {
      return absl::InternalError(
          absl::StrCat(entry.path().string(), ": ", read.message()));
    }
  }
  return counts;
}

absl::Status ReadDump(absl::string_view dump, Counts& counts) {
  std::optional<absl::string_view> trigger;
  for (absl::string_view line : absl::StrSplit(dump, '\n')) {
    if (absl::ConsumePrefix(&line, "desc: Trigger: ")) {
      // Else the end of the program.
      if (!absl::ConsumePrefix(&line, "Client Request: ")) {
        return absl::OkStatus();
      }
      trigger = line;
    }
    if (!trigger.has_value() || !absl::ConsumePrefix(&line, "totals: ")) {
      continue;
    }
    const std::vector<absl::string_view> parts = absl::StrSplit(*trigger, '/');
    int units = 0;
    double total = 0;
    if (parts.size() != 2 || !absl::SimpleAtoi(parts[1], &units) ||
        units <= 0 || !absl::SimpleAtod(line, &total)) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", *trigger, "\" is not \"quantity/units\", or \"",
                       line, "\" is no total"));
    }
    counts[absl::StrCat(parts[0], ".instructions")] = std::round(total / units);
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("it has no trigger, or no totals");
}

}  // namespace tlsd::cost
