// Measures what the data plane costs, shows how that differs from what was
// accepted, and accepts it:
//
//   bazel run //tests/cost:accept
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/cost/counts.h"
#include "tests/cost/measurement.h"

namespace tlsd::cost {
namespace {

constexpr absl::string_view kComment =
    R"(What the data plane costs: instructions and allocations of the server's side, and the heap's
bytes of one connection that waits. //tests/cost:cost_test fails when a count is more than 5 % above
or below its line. A change that shall cost more, or less, writes this file with

    bazel run //tests/cost:accept

and says in its commit why. What is counted, and how: docs/testing.md.)";

absl::Status Accept(const std::filesystem::path& workspace) {
  if (const absl::Status fits = CheckProcessor(); !fits.ok()) return fits;
  const std::filesystem::path path = workspace / std::string(kAcceptedPath);
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  const absl::StatusOr<Counts> accepted = ParseCounts(text.str());
  if (!accepted.ok()) return accepted.status();

  std::string folder =
      (std::filesystem::temp_directory_path() / "tlsd-cost-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) {
    return absl::InternalError(absl::StrCat("no folder like ", folder));
  }
  const absl::StatusOr<Counts> measured = Measure(folder);
  if (!measured.ok()) return measured.status();
  std::fputs(FormatTable(Compare(*accepted, *measured)).c_str(), stdout);
  std::printf("callgrind's dumps, for callgrind_annotate: %s\n",
              folder.c_str());

  std::ofstream file(path);
  file << FormatCounts(kComment, *measured);
  file.close();
  if (!file) {
    return absl::InternalError(absl::StrCat("cannot write ", path.string()));
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace tlsd::cost

int main() {
  const char* workspace = std::getenv("BUILD_WORKSPACE_DIRECTORY");
  const absl::Status accepted =
      workspace == nullptr
          ? absl::FailedPreconditionError("run it with: bazel run")
          : tlsd::cost::Accept(workspace);
  if (accepted.ok()) return 0;
  std::fprintf(stderr, "accept: %s\n", accepted.ToString().c_str());
  return 1;
}
