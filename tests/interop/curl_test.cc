// curl against a listener whose HTTP server is the test itself.
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/interop/interop_fixture.h"

namespace tlsd::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class CurlTest : public InteropTest {
 protected:
  static Command Curl(const v1::Listener& listener) {
    const std::string port = absl::StrCat(listener.bound_address().port());
    const std::string version = IsTls13() ? "1.3" : "1.2";
    return {"curl",
            "--silent",
            "--no-buffer",
            "--show-error",
            "--max-time",
            "20",
            "--noproxy",
            "*",
            "--http1.1",
            absl::StrCat("--tlsv", version),
            "--tls-max",
            version,
            "--cacert",
            CertificateFile(RootIdentity()),
            "--resolve",
            absl::StrCat("localhost:", port, ":127.0.0.1"),
            absl::StrCat("https://localhost:", port, "/path")};
  }

  // ReceiveHead reads until the head of the request is there. The body may have
  // begun behind it.
  static std::string ReceiveHead(StreamClient& stream) {
    std::string text;
    while (!absl::StrContains(text, kHeadEnd)) {
      const std::string bytes = stream.ReceiveBytes(1);
      if (bytes.empty()) break;
      text += bytes;
    }
    return text;
  }

  static constexpr char kHeadEnd[] = "\r\n\r\n";
};

INSTANTIATE_IN_BOTH_VERSIONS(CurlTest);

TEST_P(CurlTest, GetsAMebibyte) {
  const v1::Listener listener = ServeStream(ServerContext());
  ASSERT_OK_AND_ASSIGN(auto peer, StartPeer(Curl(listener)));
  ASSERT_OK_AND_ASSIGN(const v1::Connection connection,
                       Accept(listener.name()));
  EXPECT_EQ(connection.handshake().protocol(), Protocol());
  EXPECT_EQ(connection.handshake().alpn_protocol(), "http/1.1");
  EXPECT_EQ(connection.handshake().server_name(), "localhost");
  auto stream = Attach(connection);

  EXPECT_THAT(ReceiveHead(*stream), StartsWith("GET /path HTTP/1.1\r\n"));
  // Without a length: only close_notify tells that this is all.
  ASSERT_TRUE(stream->SendData("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"));
  ASSERT_TRUE(stream->SendData(Mebibyte()));
  stream->HalfClose();

  ASSERT_OK_AND_ASSIGN(const int exit_code, peer->Wait());
  EXPECT_EQ(exit_code, 0) << peer->error_output();
  EXPECT_TRUE(peer->output() == Mebibyte());
  stream->ReceiveAll();
  EXPECT_TRUE(stream->has_end());
}

TEST_P(CurlTest, SendsAMebibyte) {
  const v1::Listener listener = ServeStream(ServerContext());
  ASSERT_OK_AND_ASSIGN(
      auto peer, StartPeer(Plus(Curl(listener),
                                {"--header", "Expect:", "--data-binary",
                                 absl::StrCat("@", InputFile(Mebibyte()))})));
  ASSERT_OK_AND_ASSIGN(const v1::Connection connection,
                       Accept(listener.name()));
  auto stream = Attach(connection);

  const std::string head = ReceiveHead(*stream);
  EXPECT_THAT(head, HasSubstr(absl::StrCat(
                        "Content-Length: ", Mebibyte().size(), "\r\n")));
  std::string body = head.substr(head.find(kHeadEnd) + strlen(kHeadEnd));
  body += stream->ReceiveBytes(Mebibyte().size() - body.size());
  EXPECT_TRUE(body == Mebibyte());
  ASSERT_TRUE(
      stream->SendData("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nkept"));

  ASSERT_OK_AND_ASSIGN(const int exit_code, peer->Wait());
  EXPECT_EQ(exit_code, 0) << peer->error_output();
  EXPECT_EQ(peer->output(), "kept");
}

TEST_P(CurlTest, FailsWhenTheAnswerIsCut) {
  const v1::Listener listener = ServeStream(ServerContext());
  ASSERT_OK_AND_ASSIGN(auto peer, StartPeer(Curl(listener)));
  ASSERT_OK_AND_ASSIGN(const v1::Connection connection,
                       Accept(listener.name()));
  ASSERT_THAT(
      Write(connection, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf"),
      IsOk());
  ASSERT_THAT(peer->WaitForOutput("half"), IsOk());

  v1::ResetRequest request;
  request.set_name(connection.name());
  ASSERT_THAT(client().Call(request), IsOk());

  ASSERT_OK_AND_ASSIGN(const int exit_code, peer->Wait());
  // CURLE_RECV_ERROR.
  EXPECT_EQ(exit_code, 56) << peer->error_output();
}

TEST_P(CurlTest, RefusesAServerItDoesNotTrust) {
  const v1::Listener listener = ServeStream(ServerContext());
  auto watch = Watch(listener.name());

  ASSERT_OK_AND_ASSIGN(
      auto peer,
      StartPeer(Plus(Curl(listener),
                     {"--cacert", CertificateFile(OtherRootIdentity())})));

  ASSERT_OK_AND_ASSIGN(const int exit_code, peer->Wait());
  // CURLE_PEER_FAILED_VERIFICATION.
  EXPECT_EQ(exit_code, 60) << peer->error_output();
  EXPECT_THAT(NextConnection(*watch, v1::EVENT_TYPE_CLIENT_ERROR),
              EndedWithAlert("unknown_ca"));
}

}  // namespace
}  // namespace tlsd::testing
