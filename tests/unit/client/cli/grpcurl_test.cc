#include "client/cli/grpcurl.h"

#include <gtest/gtest.h>
#include <stdio.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "client/cli/json.h"
#include "tests/unit/client/fake_daemon.h"
#include "tlsd/v1/admin_service.pb.h"
#include "tlsd/v1/secure_context_service.pb.h"

namespace tlsd::client::cli {
namespace {

// ShellOutput runs a line with a POSIX shell and returns what it prints.
std::string ShellOutput(const std::string& line) {
  FILE* pipe = popen(line.c_str(), "r");
  std::string output;
  char buffer[4096];
  size_t size = 0;
  while ((size = fread(buffer, 1, sizeof(buffer), pipe)) > 0) {
    output.append(buffer, size);
  }
  pclose(pipe);
  return output;
}

TEST(GrpcurlTest, WritesALineForAUnixSocket) {
  v1::GetSecureContextRequest request;
  request.set_name("secureContexts/web");

  EXPECT_EQ(GrpcurlLine("unix:/run/tlsd.sock", "tlsd.v1.S/Get", request),
            "grpcurl -plaintext -d '{\"name\":\"secureContexts/web\"}' "
            "-unix /run/tlsd.sock tlsd.v1.S/Get");
}

TEST(GrpcurlTest, WritesALineForTcp) {
  EXPECT_EQ(
      GrpcurlLine("127.0.0.1:99", "tlsd.v1.S/Get", v1::GetServerInfoRequest()),
      "grpcurl -plaintext -d '{}' 127.0.0.1:99 tlsd.v1.S/Get");
  EXPECT_EQ(
      GrpcurlLine("[::1]:99", "tlsd.v1.S/Get", v1::GetServerInfoRequest()),
      "grpcurl -plaintext -d '{}' '[::1]:99' tlsd.v1.S/Get");
}

TEST(GrpcurlTest, QuotesForTheShell) {
  for (const char* text :
       {"plain", "", "it's", "$HOME `x` \"y\" \\ *", "[a]"}) {
    EXPECT_EQ(ShellOutput(absl::StrCat("printf %s ", ShellQuote(text))), text);
  }
}

TEST(GrpcurlTest, ReadsFilesOnlyWhenTheLineIsRun) {
  testing::SocketFolder folder;
  const std::string path = absl::StrCat(folder.path(), "/it's a key.pem");
  std::ofstream(path) << "-----BEGIN\r\nAB+/=\n-----END\n";
  v1::CreateSecureContextRequest request;
  request.set_secure_context_id("it's");
  v1::PemCredentials& pem =
      *request.mutable_secure_context()->add_credentials()->mutable_pem();
  pem.set_private_key(FileContentMark(path));
  pem.set_certificate_chain(FileContentMark(path));

  const std::string line = GrpcurlLine("unix:/x", "S/Create", request);

  EXPECT_EQ(line.find("AB+/="), std::string::npos);
  pem.set_private_key("-----BEGIN\nAB+/=\n-----END\n");
  pem.set_certificate_chain(pem.private_key());
  const std::string sent = ShellOutput(absl::StrReplaceAll(
      line, {{"grpcurl -plaintext -d @ -unix /x S/Create", "cat"}}));
  EXPECT_EQ(sent,
            absl::StrReplaceAll(CompactJson(request), {{"\\u003d", "="}}));
}

}  // namespace
}  // namespace tlsd::client::cli
