// PKCS#12 files that other programs have written: the daemon serves with them,
// and shows them as a client, over mutual TLS.
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "tests/interop/interop_fixture.h"

namespace tlsd::testing {
namespace {

using ::testing::HasSubstr;

constexpr char kPassphrase[] = "correct horse";

// A program that writes PKCS#12, and how.
struct Writer {
  const char* name;
  // Writes the chain `$1` with the key `$2` to `$3` under the passphrase `$4`.
  const char* script;
};

class Pkcs12InteropTest : public DaemonTest,
                          public ::testing::WithParamInterface<Writer> {
 protected:
  static std::string FileOf(const std::string& text) {
    std::string path = UnusedPath();
    std::ofstream(path) << text;
    return path;
  }

  static absl::StatusOr<std::string> Write(const TestIdentity& identity) {
    const std::string path = UnusedPath();
    const absl::StatusOr<RunResult> result = RunCommand(
        {"sh", "-c", GetParam().script, "sh", FileOf(identity.ChainPem()),
         FileOf(identity.KeyPem()), path, kPassphrase});
    if (!result.ok()) return result.status();
    if (result->exit_code != 0) {
      return absl::InternalError(result->error_output + result->output);
    }
    std::ifstream file(path, std::ios::binary);
    return std::string((std::istreambuf_iterator<char>(file)),
                       std::istreambuf_iterator<char>());
  }

  static v1::SecureContext ContextOf(const std::string& pfx) {
    v1::SecureContext context;
    v1::Pkcs12Credentials& pkcs12 =
        *context.add_credentials()->mutable_pkcs12();
    pkcs12.set_pfx(pfx);
    pkcs12.set_passphrase(kPassphrase);
    context.mutable_trust_anchors()->add_pems(RootIdentity().CertificatePem());
    context.set_client_certificate_mode(v1::CLIENT_CERTIFICATE_MODE_REQUIRE);
    return context;
  }

  static absl::Status Create(const v1::SecureContext& context) {
    v1::CreateSecureContextRequest request;
    *request.mutable_secure_context() = context;
    return client().Call(request).status();
  }
};

INSTANTIATE_TEST_SUITE_P(
    , Pkcs12InteropTest,
    ::testing::Values(
        Writer{"Openssl",
               "openssl pkcs12 -export -in $1 -inkey $2 -out $3 "
               "-passout \"pass:$4\""},
        Writer{"OpensslLegacy",
               "openssl pkcs12 -export -legacy -in $1 -inkey $2 -out $3 "
               "-passout \"pass:$4\""},
        Writer{"Certtool",
               "certtool --to-p12 --load-certificate $1 --load-privkey $2 "
               "--password \"$4\" --p12-name own --outder --outfile $3 "
               "--pkcs-cipher 3des-pkcs12"},
        // keytool takes keys from PKCS#12 only, and writes its own anew.
        Writer{"Keytool",
               "openssl pkcs12 -export -in $1 -inkey $2 -out $3.in "
               "-passout \"pass:$4\" && keytool -importkeystore -noprompt "
               "-srckeystore $3.in -srcstoretype PKCS12 -srcstorepass \"$4\" "
               "-destkeystore $3 -deststoretype PKCS12 -deststorepass \"$4\""}),
    [](const ::testing::TestParamInfo<Writer>& info) {
      return info.param.name;
    });

TEST_P(Pkcs12InteropTest, ServesAndConnectsWithIt) {
  for (const KeyKind kind : {KeyKind::kP256, KeyKind::kRsa2048}) {
    SCOPED_TRACE(PublicKeyName(kind));
    ASSERT_OK_AND_ASSIGN(const std::string pfx, Write(IdentityOf(kind)));
    const v1::SecureContext context = ContextOf(pfx);
    v1::Listener listener;
    listener.set_secure_context(NewContext(context));
    listener.mutable_echo();
    v1::ConnectRequest request = ToConnect(Listen(listener));
    request.set_secure_context(NewContext(context));

    ASSERT_OK_AND_ASSIGN(const v1::Connection connection,
                         client().Call(request));

    EXPECT_TRUE(connection.authorized());
    EXPECT_EQ(connection.peer_certificate().public_key(), PublicKeyName(kind));
    // What the server showed is what the client has, too.
    EXPECT_EQ(connection.handshake().own_certificate_sha256(),
              connection.peer_certificate().sha256_fingerprint());
  }
}

TEST_P(Pkcs12InteropTest, SaysWhatIsWrongWithThePassphrase) {
  ASSERT_OK_AND_ASSIGN(const std::string pfx,
                       Write(IdentityOf(KeyKind::kP256)));
  v1::SecureContext context = ContextOf(pfx);
  const std::string field = "secure_context.credentials[0].pkcs12.";
  v1::Pkcs12Credentials& pkcs12 =
      *context.mutable_credentials(0)->mutable_pkcs12();

  pkcs12.set_passphrase("wrong horse");
  EXPECT_THAT(Create(context),
              FailsWith(Reason::kPassphraseWrong, field + "passphrase"));
  pkcs12.clear_passphrase();
  EXPECT_THAT(Create(context),
              FailsWith(Reason::kPassphraseRequired, field + "passphrase"));
  pkcs12.set_passphrase(kPassphrase);
  pkcs12.set_pfx(pfx.substr(0, pfx.size() / 2));
  EXPECT_THAT(Create(context),
              FailsWith(Reason::kPkcs12Invalid, field + "pfx"));
}

// What GnuTLS writes by default, BoringSSL does not read.
TEST_F(DaemonTest, SaysThatPkcs12OfGnutlsIsNotRead) {
  TemporaryFolder files;
  std::ofstream(files / "chain") << IdentityOf(KeyKind::kP256).ChainPem();
  std::ofstream(files / "key") << IdentityOf(KeyKind::kP256).KeyPem();
  ASSERT_OK_AND_ASSIGN(
      const RunResult written,
      RunCommand({"certtool", "--to-p12", "--load-certificate", files / "chain",
                  "--load-privkey", files / "key", "--password", kPassphrase,
                  "--p12-name", "own", "--outder", "--outfile",
                  files / "p12"}));
  ASSERT_EQ(written.exit_code, 0) << written.error_output;
  std::ifstream file(files / "p12", std::ios::binary);
  v1::CreateSecureContextRequest request;
  v1::Pkcs12Credentials& pkcs12 =
      *request.mutable_secure_context()->add_credentials()->mutable_pkcs12();
  pkcs12.set_pfx(std::string((std::istreambuf_iterator<char>(file)),
                             std::istreambuf_iterator<char>()));
  pkcs12.set_passphrase(kPassphrase);

  const absl::Status status = client().Call(request).status();

  EXPECT_THAT(status, FailsWith(Reason::kKeyUnsupported,
                                "secure_context.credentials[0].pkcs12.pfx"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("--pkcs-cipher"));
}

}  // namespace
}  // namespace tlsd::testing
