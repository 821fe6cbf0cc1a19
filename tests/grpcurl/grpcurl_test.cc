// The daemon as a user drives it by hand: with the real grpcurl, over the unix
// socket, from the contract that reflection gives.
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/subprocess.h"
#include "tests/testing/test_identities.h"

namespace tlsd::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

using Command = std::vector<std::string>;

class GrpcurlTest : public DaemonTest {
 protected:
  static Command Grpcurl(const Command& words) {
    Command command = {
        absl::StrCat(std::getenv("HOME"), "/.cache/tlsd/bin/grpcurl"),
        "-plaintext", "-unix", "-max-time", "20"};
    command.insert(command.end(), words.begin(), words.end());
    // Options come before the socket, what to do after it.
    for (std::string& word : command) {
      if (word == "SOCKET") word = control_address().substr(strlen("unix:"));
    }
    return command;
  }

  static absl::StatusOr<std::unique_ptr<Subprocess>> Start(
      const Command& words) {
    auto grpcurl = Subprocess::Start(Grpcurl(words));
    if (grpcurl.ok()) return grpcurl;
    return absl::NotFoundError(absl::StrCat(
        "this test needs grpcurl in ~/.cache/tlsd/bin, where tools/dev test "
        "puts it (",
        grpcurl.status().message(), ")"));
  }

  // Type runs grpcurl to its end.
  static RunResult Type(const Command& words, absl::string_view input = "") {
    auto grpcurl = Start(words);
    EXPECT_THAT(grpcurl, IsOk());
    if (!grpcurl.ok()) return {-1, "", ""};
    (*grpcurl)->Write(input).IgnoreError();
    (*grpcurl)->CloseInput();
    auto exit_code = (*grpcurl)->Wait();
    EXPECT_THAT(exit_code, IsOk());
    return {exit_code.value_or(-1), (*grpcurl)->output(),
            (*grpcurl)->error_output()};
  }

  // Call makes a call that succeeds, and returns its answer in JSON.
  static std::string Call(absl::string_view method, absl::string_view request) {
    const RunResult result =
        Type({"-d", "@", "SOCKET", absl::StrCat("tlsd.v1.", method)}, request);
    EXPECT_EQ(result.exit_code, 0) << method << result.error_output;
    return result.output;
  }

  // JsonString quotes text that has no other characters to escape, as PEM.
  static std::string JsonString(absl::string_view text) {
    return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\n", "\\n"}}), "\"");
  }

  // Value returns the first string that begins with `start`.
  static std::string Value(absl::string_view json, absl::string_view start) {
    const size_t at = json.find(absl::StrCat("\"", start));
    if (at == json.npos) return "";
    return std::string(json.substr(at + 1, json.find('"', at + 1) - at - 1));
  }
  // Number returns the digits behind the first `name`.
  static std::string Number(absl::string_view json, absl::string_view name) {
    const std::string key = absl::StrCat("\"", name, "\": ");
    const size_t at = json.find(key);
    if (at == json.npos) return "";
    json.remove_prefix(at + key.size());
    return std::string(json.substr(0, json.find_first_not_of("0123456789")));
  }
};

TEST_F(GrpcurlTest, ListsTheServices) {
  const RunResult result = Type({"SOCKET", "list"});

  EXPECT_EQ(result.exit_code, 0) << result.error_output;
  for (const char* service :
       {"tlsd.v1.AdminService", "tlsd.v1.SecureContextService",
        "tlsd.v1.ListenerService", "tlsd.v1.ConnectionService",
        "tlsd.v1.EventService", "tlsd.v1.CertificateService",
        "grpc.health.v1.Health", "grpc.channelz.v1.Channelz"}) {
    EXPECT_THAT(result.output, HasSubstr(absl::StrCat(service, "\n")));
  }
}

TEST_F(GrpcurlTest, DescribesMethodsAndMessages) {
  const RunResult method =
      Type({"SOCKET", "describe", "tlsd.v1.ConnectionService.Stream"});
  EXPECT_THAT(method.output,
              HasSubstr("rpc Stream ( stream .tlsd.v1.StreamRequest ) returns "
                        "( stream .tlsd.v1.StreamResponse );"));

  const RunResult message =
      Type({"SOCKET", "describe", "tlsd.v1.ConnectRequest"});
  EXPECT_THAT(message.output, HasSubstr("string address = 1;"));
}

TEST_F(GrpcurlTest, AsksForHealth) {
  for (const char* request :
       {"{}", "{\"service\": \"tlsd.v1.ConnectionService\"}"}) {
    const RunResult result =
        Type({"-d", request, "SOCKET", "grpc.health.v1.Health/Check"});

    EXPECT_THAT(result.output, HasSubstr("\"SERVING\""));
  }
}

TEST_F(GrpcurlTest, DoesTheMainJob) {
  Call("SecureContextService/CreateSecureContext",
       absl::StrCat("{\"secureContextId\": \"web\", \"secureContext\": "
                    "{\"credentials\": [{\"pem\": {\"certificateChain\": ",
                    JsonString(ServerIdentity().ChainPem()),
                    ", \"privateKey\": ", JsonString(ServerIdentity().KeyPem()),
                    "}}]}}"));
  const std::string listener =
      Call("ListenerService/CreateListener",
           R"({"listenerId": "echo", "listener": {"address": "127.0.0.1:0",
               "secureContext": "secureContexts/web", "echo": {}}})");
  EXPECT_THAT(listener, HasSubstr("\"STATE_ACTIVE\""));
  const std::string connection =
      Call("ConnectionService/Connect",
           absl::StrCat("{\"address\": \"127.0.0.1:", Number(listener, "port"),
                        "\", \"secureContext\": \"secureContexts/client\"}"));
  EXPECT_THAT(connection, AllOf(HasSubstr("\"authorized\": true"),
                                HasSubstr("\"TLSv1.3\"")));
  const std::string name = Value(connection, "connections/");
  const std::string named = absl::StrCat("{\"name\": \"", name, "\"");

  Call("ConnectionService/Write",
       absl::StrCat(named, ", \"text\": \"hello\"}"));
  EXPECT_THAT(Call("ConnectionService/Read",
                   absl::StrCat(named, ", \"as_text\": true}")),
              HasSubstr("\"text\": \"hello\""));

  EXPECT_THAT(
      Call("EventService/ListEvents", "{}"),
      AllOf(HasSubstr("\"EVENT_TYPE_LISTENING\""),
            HasSubstr("\"EVENT_TYPE_SECURE_CONNECT\""), HasSubstr(name)));
  EXPECT_THAT(Call("ConnectionService/Close", absl::StrCat(named, "}")),
              HasSubstr("\"STATE_CLOSED\""));
  Call("ListenerService/DeleteListener",
       R"({"name": "listeners/echo", "drainTimeout": "0s"})");
  Call("SecureContextService/DeleteSecureContext",
       R"({"name": "secureContexts/web", "force": true})");
  EXPECT_THAT(Call("SecureContextService/ListSecureContexts", "{}"),
              Not(HasSubstr("secureContexts/web")));
}

TEST_F(GrpcurlTest, StreamsMessagesOfItsInput) {
  const v1::Connection connection = Connect(ListenEcho());
  ASSERT_OK_AND_ASSIGN(
      auto stream,
      Start({"-d", "@", "SOCKET", "tlsd.v1.ConnectionService/Stream"}));

  ASSERT_THAT(stream->Write(absl::StrCat("{\"attach\": {\"connection\": \"",
                                         connection.name(),
                                         "\", \"asText\": true}}\n")),
              IsOk());
  EXPECT_THAT(stream->WaitForOutput("\"attached\""), IsOk());
  for (const char* text : {"one", "two", "three"}) {
    ASSERT_THAT(stream->Write(absl::StrCat("{\"text\": \"", text, "\"}\n")),
                IsOk());
    EXPECT_THAT(stream->WaitForOutput(absl::StrCat("\"text\": \"", text, "\"")),
                IsOk());
  }
  stream->CloseInput();

  ASSERT_OK_AND_ASSIGN(const int exit_code, stream->Wait());
  EXPECT_EQ(exit_code, 0) << stream->error_output();
  EXPECT_THAT(stream->output(), HasSubstr("\"end\""));
}

TEST_F(GrpcurlTest, StreamsAWholeFileOfMessagesAtOnce) {
  const v1::Connection connection = Connect(ListenEcho());

  const RunResult result =
      Type({"-d", "@", "SOCKET", "tlsd.v1.ConnectionService/Stream"},
           absl::StrCat("{\"attach\": {\"connection\": \"", connection.name(),
                        "\"}}{\"data\": \"AAEC\"}{\"data\": \"AwQF\"}"));

  EXPECT_EQ(result.exit_code, 0) << result.error_output;
  EXPECT_THAT(result.output,
              AllOf(HasSubstr("\"data\""), HasSubstr("\"end\"")));
}

TEST_F(GrpcurlTest, WatchesEvents) {
  ASSERT_OK_AND_ASSIGN(auto watch, Start({"-d", "{}", "SOCKET",
                                          "tlsd.v1.EventService/WatchEvents"}));
  ASSERT_THAT(watch->WaitForOutput("\"bookmark\""), IsOk());

  const v1::Listener listener = ListenEcho();

  EXPECT_THAT(watch->WaitForOutput("\"EVENT_TYPE_LISTENING\""), IsOk());
  EXPECT_THAT(watch->WaitForOutput(listener.name()), IsOk());
}

TEST_F(GrpcurlTest, ShowsAnErrorWithItsDetail) {
  const RunResult result =
      Type({"-d", R"({"name": "listeners/nobody"})", "SOCKET",
            "tlsd.v1.ListenerService/GetListener"});

  EXPECT_NE(result.exit_code, 0);
  EXPECT_THAT(result.error_output,
              AllOf(HasSubstr("Code: NotFound"), HasSubstr("listeners/nobody"),
                    HasSubstr("[LISTENER_NOT_FOUND]"),
                    HasSubstr("type.googleapis.com/google.rpc.ErrorInfo"),
                    HasSubstr("\"domain\":\"tlsd\""),
                    HasSubstr("\"reason\":\"LISTENER_NOT_FOUND\"")));
}

}  // namespace
}  // namespace tlsd::testing
