// What the binaries are linked with: one TLS stack and one gRPC in a process.
//
// A second stack brings the same names with other meanings, and the dynamic
// linker binds calls across the two.
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/subprocess.h"

namespace tlsd::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// ForbiddenLibraries returns those of ldd's output that a binary must not load.
std::vector<std::string> ForbiddenLibraries(absl::string_view ldd_output) {
  std::vector<std::string> found;
  for (absl::string_view line : absl::StrSplit(ldd_output, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    for (absl::string_view library :
         {"libssl.", "libcrypto.", "libgrpc.so", "libgrpc++.so"}) {
      if (!absl::StartsWith(line, library)) continue;
      found.push_back(std::string(line.substr(0, line.find(' '))));
    }
  }
  return found;
}

// ForbiddenSymbols returns BoringSSL's names that nm shows as exported.
std::vector<std::string> ForbiddenSymbols(absl::string_view nm_output) {
  std::vector<std::string> found;
  for (absl::string_view line : absl::StrSplit(nm_output, '\n')) {
    const absl::string_view symbol = line.substr(line.rfind(' ') + 1);
    for (absl::string_view prefix :
         {"SSL_", "EVP_", "CRYPTO_", "ERR_", "X509_", "BIO_"}) {
      if (absl::StartsWith(symbol, prefix)) {
        found.push_back(std::string(symbol));
      }
    }
  }
  return found;
}

class LinkageTest : public ::testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(
    , LinkageTest, ::testing::Values("server/main/tlsd", "client/cli/tlsctl"),
    [](const auto& info) { return info.index == 0 ? "Tlsd" : "Tlsctl"; });

TEST_P(LinkageTest, LoadsNoOtherTlsStackAndNoSecondGrpc) {
  ASSERT_OK_AND_ASSIGN(const RunResult ldd, RunCommand({"ldd", GetParam()}));

  ASSERT_EQ(ldd.exit_code, 0) << ldd.error_output;
  EXPECT_THAT(ldd.output, HasSubstr("libgrpc++_unsecure.so"));
  EXPECT_THAT(ForbiddenLibraries(ldd.output), IsEmpty());
}

TEST_P(LinkageTest, ExportsNothingOfItsTlsStack) {
  ASSERT_OK_AND_ASSIGN(const RunResult nm,
                       RunCommand({"nm", "-D", "--defined-only", GetParam()}));

  ASSERT_EQ(nm.exit_code, 0) << nm.error_output;
  EXPECT_THAT(ForbiddenSymbols(nm.output), IsEmpty());
}

TEST(LinkageCheckTest, FindsForbiddenLibraries) {
  EXPECT_THAT(
      ForbiddenLibraries(
          "\tlinux-vdso.so.1 (0x00007ffd)\n"
          "\tlibgrpc++_unsecure.so.1.51 => /lib/libgrpc++_unsecure.so.1.51\n"
          "\tlibgrpc++.so.1.51 => /lib/libgrpc++.so.1.51 (0x00007f)\n"
          "\tlibgrpc.so.29 => /lib/libgrpc.so.29 (0x00007f)\n"
          "\tlibssl.so.3 => /lib/libssl.so.3 (0x00007f)\n"
          "\tlibcrypto.so.3 => /lib/libcrypto.so.3 (0x00007f)\n"
          "\tlibsystemd.so.0 => not found\n"),
      ElementsAre("libgrpc++.so.1.51", "libgrpc.so.29", "libssl.so.3",
                  "libcrypto.so.3"));
}

TEST(LinkageCheckTest, FindsForbiddenSymbols) {
  EXPECT_THAT(ForbiddenSymbols("0000000000401000 T main\n"
                               "0000000000402000 T SSL_new\n"
                               "0000000000403000 T MY_SSL_new\n"
                               "0000000000404000 W EVP_sha256\n"),
              ElementsAre("SSL_new", "EVP_sha256"));
}

}  // namespace
}  // namespace tlsd::testing
