#include "client/cli/grpcurl.h"

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>
#include <stdio.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "client/cli/file_content.h"
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

TEST(GrpcurlTest, WritesAMaskAsGrpcurlReadsIt) {
  v1::UpdateSecureContextRequest request;
  request.mutable_secure_context()->set_name("s");
  EXPECT_EQ(GrpcurlLine("unix:/x", "S/Update", request),
            "grpcurl -plaintext -d '{\"secureContext\":{\"name\":\"s\"}}' "
            "-unix /x S/Update");
  request.mutable_secure_context()->set_ciphers(
      "\"updateMask\":\"ciphers,dhParams\"");
  request.mutable_update_mask()->add_paths("ciphers");
  request.mutable_update_mask()->add_paths("dh_params");

  EXPECT_EQ(GrpcurlLine("unix:/x", "S/Update", request),
            "grpcurl -plaintext -d '{\"secureContext\":{\"name\":\"s\","
            "\"ciphers\":\"\\\"updateMask\\\":\\\"ciphers,dhParams\\\"\"},"
            "\"updateMask\":{\"paths\":[\"ciphers\",\"dh_params\"]}}' "
            "-unix /x S/Update");
}

// Sent returns what the line for `request` sends, `cat` in the place of
// grpcurl.
std::string Sent(const google::protobuf::Message& request) {
  return ShellOutput(absl::StrReplaceAll(
      GrpcurlLine("unix:/x", "S/Create", request),
      {{"grpcurl -plaintext -d @ -unix /x S/Create", "cat"}}));
}

TEST(GrpcurlTest, ReadsPassphrasesWithoutTheirLineEnd) {
  testing::SocketFolder folder;
  for (const char* passphrase : {"secret", "it's \"a\" \\ \t$HOME `x`", ""}) {
    const std::string path = absl::StrCat(folder.path(), "/pass phrase");
    std::ofstream(path) << passphrase << "\n";
    v1::PemCredentials pem;
    pem.set_passphrase(FileLineMark(path));

    const std::string sent = Sent(pem);

    v1::PemCredentials expected;
    ASSERT_TRUE(
        google::protobuf::util::JsonStringToMessage(sent, &expected).ok())
        << sent;
    EXPECT_EQ(expected.passphrase(), passphrase);
  }
}

TEST(GrpcurlTest, ReadsPassphrasesAsTheCommandsDo) {
  testing::SocketFolder folder;
  std::string controls;
  for (char c = 1; c < ' '; ++c) controls.push_back(c);
  for (const std::string& content :
       {std::string("secret\r\n"), std::string("a\r\r\n"), std::string("a\n\n"),
        std::string("a\r\nb\n"), std::string("\r\n"), std::string("\n"),
        std::string("a\\\"&\\&b"), std::string("\xC3\xA9\x7F"), controls}) {
    const std::string path = absl::StrCat(folder.path(), "/file");
    std::ofstream(path) << content;
    v1::PemCredentials pem;
    pem.set_passphrase(FileLineMark(path));

    const std::string sent = Sent(pem);

    for (const char c : sent) EXPECT_GE(static_cast<uint8_t>(c), ' ') << sent;
    v1::PemCredentials read;
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(sent, &read).ok())
        << sent;
    EXPECT_EQ(read.passphrase(),
              FileContents(FileUse::kRead).Passphrase(path).value());
  }
}

TEST(GrpcurlTest, ReadsBytesAsBase64) {
  testing::SocketFolder folder;
  std::string content;
  for (int i = 0; i < 1000; ++i) content.push_back(static_cast<char>(i));
  // Paths of each length that the mark may have to fill up.
  for (const char* name : {"a", "it's", "long name", "abc"}) {
    const std::string path = absl::StrCat(folder.path(), "/", name);
    std::ofstream(path) << content;
    v1::SecureContext context;
    context.add_credentials()->mutable_pkcs12()->set_pfx(FileBytesMark(path));
    context.add_ticket_keys(FileBytesMark(path, FileRange{0, 48}));
    context.add_ticket_keys(FileBytesMark(path, FileRange{48, 48}));

    const std::string sent = Sent(context);

    v1::SecureContext expected;
    ASSERT_TRUE(
        google::protobuf::util::JsonStringToMessage(sent, &expected).ok())
        << sent;
    EXPECT_EQ(expected.credentials(0).pkcs12().pfx(), content);
    EXPECT_EQ(expected.ticket_keys(0), content.substr(0, 48));
    EXPECT_EQ(expected.ticket_keys(1), content.substr(48, 48));
  }
}

TEST(GrpcurlTest, KeepsSecretsOutOfTheLine) {
  testing::SocketFolder folder;
  const std::string path = absl::StrCat(folder.path(), "/secret");
  std::ofstream(path) << "SECRET";
  v1::Credentials credentials;
  credentials.mutable_pkcs12()->set_pfx(FileBytesMark(path));
  credentials.mutable_pkcs12()->set_passphrase(FileLineMark(path));

  const std::string line = GrpcurlLine("unix:/x", "S/Create", credentials);

  EXPECT_EQ(line.find("SECRET"), std::string::npos);
  EXPECT_EQ(line.find("U0VDUkVU"), std::string::npos);
}

}  // namespace
}  // namespace tlsd::client::cli
