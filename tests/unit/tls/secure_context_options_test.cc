#include "server/tls/secure_context_options.h"

#include <string>

#include "gtest/gtest.h"

namespace tlsd::tls {
namespace {

// Longer than what a std::string holds in itself.
const std::string& Secret() {
  static const auto& secret =
      *new std::string("a secret that is longer than a short string");
  return secret;
}

// Wiped says that nothing of the secret is left where `text` holds its bytes.
bool Wiped(const std::string& text) {
  // What is behind the end of the string is still its own.
  const std::string left(text.data(), Secret().size());
  return text.empty() && left == std::string(Secret().size(), '\0');
}

TEST(SecureContextOptionsTest, WipesKeysAndPassphrases) {
  SecureContextOptions options;
  PemCredentials pem;
  pem.certificate_chain = "chain";
  pem.private_key = pem.passphrase = Secret();
  Pkcs12Credentials pkcs12;
  pkcs12.pfx = pkcs12.passphrase = Secret();
  options.credentials = {pem, DevelopmentCredentials{{"name"}}, pkcs12, pem};
  options.ticket_keys = {Secret(), Secret()};
  options.ech_keys = {{"config", Secret()}};
  options.session_id_context = "public";

  WipeSecrets(options);

  ASSERT_EQ(options.credentials.size(), 4u);
  for (const size_t i : {0, 3}) {
    const auto& wiped = std::get<PemCredentials>(options.credentials[i]);
    EXPECT_TRUE(Wiped(wiped.private_key));
    EXPECT_TRUE(Wiped(wiped.passphrase));
    EXPECT_EQ(wiped.certificate_chain, "chain");
  }
  const auto& wiped = std::get<Pkcs12Credentials>(options.credentials[2]);
  EXPECT_TRUE(Wiped(wiped.pfx));
  EXPECT_TRUE(Wiped(wiped.passphrase));
  EXPECT_TRUE(options.ticket_keys.empty());
  EXPECT_TRUE(options.ech_keys.empty());
  EXPECT_EQ(options.session_id_context, "public");
  EXPECT_EQ(std::get<DevelopmentCredentials>(options.credentials[1])
                .server_names.size(),
            1u);
}

TEST(SecureContextOptionsTest, WipesNothingOfNothing) {
  SecureContextOptions options;
  WipeSecrets(options);
  WipeSecrets(options);
  EXPECT_TRUE(options.credentials.empty());
}

TEST(SecureContextOptionsTest, DefaultsAskForNothing) {
  const SecureContextOptions options;
  EXPECT_EQ(options.client_certificate_mode, ClientCertificateMode::kNone);
  EXPECT_EQ(options.session_timeout, absl::Seconds(300));
  EXPECT_FALSE(options.min_version.has_value());
  EXPECT_FALSE(options.disable_session_tickets);
  EXPECT_FALSE(options.early_data);
  EXPECT_TRUE(options.ech_keys.empty());
}

}  // namespace
}  // namespace tlsd::tls
