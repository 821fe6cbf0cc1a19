#include "tests/unit/tls/context_inputs.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "proto/status/error.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"

namespace tlsd::tls {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::RootIdentity;
using ::tlsd::testing::ServerIdentity;
using ::tlsd::testing::TestAuthority;

Options GoodOptions() {
  Options options;
  options.credentials = {ServerIdentity().Credentials()};
  options.trust_anchors.pems = {RootIdentity().CertificatePem()};
  return options;
}

void ExpectSilence(const SecureContextFacts& facts) {
  EXPECT_THAT(facts.warnings, IsEmpty());
  EXPECT_THAT(facts.ignored_cipher_tokens, IsEmpty());
}

// All that a caller may get to see of an error.
std::string TextOf(const absl::Status& status) {
  std::string text(status.message());
  const ErrorDetail detail = GetErrorDetail(status).value();
  for (const auto& [key, value] : detail.metadata) {
    absl::StrAppend(&text, "\n", key, "=", value);
  }
  return text;
}

// Pieces of `secret` that are long enough to mean something, as they are and
// as errors escape them.
std::vector<std::string> PiecesOf(const std::string& secret) {
  constexpr size_t kPieceBytes = 12;
  std::vector<std::string> pieces;
  if (secret.size() < kPieceBytes) pieces.push_back(secret);
  for (size_t at = 0; at + kPieceBytes <= secret.size(); ++at) {
    const std::string piece = secret.substr(at, kPieceBytes);
    pieces.push_back(piece);
    pieces.push_back(absl::CHexEscape(piece));
    pieces.push_back(absl::BytesToHexString(piece));
  }
  return pieces;
}

std::vector<std::string> SecretsOf(const Options& options) {
  std::vector<std::string> secrets = options.ticket_keys;
  for (const EchKeyOptions& key : options.ech_keys) {
    secrets.push_back(key.private_key);
  }
  for (const CredentialsOptions& credentials : options.credentials) {
    if (const auto* pem = std::get_if<PemCredentials>(&credentials)) {
      secrets.push_back(pem->passphrase);
      for (absl::string_view line : absl::StrSplit(pem->private_key, '\n')) {
        if (line.find("-----") == line.npos) secrets.emplace_back(line);
      }
    } else if (const auto* pkcs12 =
                   std::get_if<Pkcs12Credentials>(&credentials)) {
      secrets.push_back(pkcs12->passphrase);
      secrets.push_back(pkcs12->pfx);
    }
  }
  return secrets;
}

void ExpectNoSecret(const absl::Status& status, const Options& options) {
  const std::string text = TextOf(status);
  for (const std::string& secret : SecretsOf(options)) {
    // What is so short stands in any text.
    if (secret.size() < 4) continue;
    for (const std::string& piece : PiecesOf(secret)) {
      if (text.find(piece) == text.npos) continue;
      ADD_FAILURE() << "\"" << absl::CHexEscape(piece)
                    << "\" is secret: " << text;
      return;
    }
  }
}

}  // namespace

ContextInput Good(const std::string& name, ContextInput::Change change,
                  ContextInput::Check check) {
  return {name, std::move(change), std::move(check), std::nullopt, ""};
}

ContextInput Bad(const std::string& name, Reason reason,
                 const std::string& field, ContextInput::Change change) {
  return {name, std::move(change), nullptr, reason, field};
}

ContextInput::Check Silent() { return ExpectSilence; }

ContextInput::Check CiphersAre(const std::vector<std::string>& names) {
  return [names](const SecureContextFacts& facts) {
    ExpectSilence(facts);
    EXPECT_THAT(facts.effective_ciphers, ElementsAreArray(names));
  };
}

ContextInput::Check OlderCiphersAre(const std::vector<std::string>& names) {
  return [names](const SecureContextFacts& facts) {
    ExpectSilence(facts);
    std::vector<std::string> older;
    for (const std::string& name : facts.effective_ciphers) {
      if (name.substr(0, 4) != "TLS_") older.push_back(name);
    }
    EXPECT_EQ(older, names);
  };
}

ContextInput::Check GroupsAre(const std::vector<std::string>& names) {
  return [names](const SecureContextFacts& facts) {
    ExpectSilence(facts);
    EXPECT_EQ(facts.groups, names);
  };
}

ContextInput::Check VersionsAre(TlsVersion min, TlsVersion max) {
  return [min, max](const SecureContextFacts& facts) {
    ExpectSilence(facts);
    EXPECT_EQ(facts.min_version, min);
    EXPECT_EQ(facts.max_version, max);
  };
}

ContextInput::Check AlpnIs(const std::vector<std::string>& names) {
  return [names](const SecureContextFacts& facts) {
    ExpectSilence(facts);
    EXPECT_EQ(facts.alpn_protocols, names);
  };
}

ContextInput::Check NpnIs(const std::vector<std::string>& names) {
  return [names](const SecureContextFacts& facts) {
    ExpectSilence(facts);
    EXPECT_EQ(facts.npn_protocols, names);
  };
}

ContextInput::Check ShowsKey(const std::string& public_key, size_t chain_size) {
  return [public_key, chain_size](const SecureContextFacts& facts) {
    ExpectSilence(facts);
    ASSERT_FALSE(facts.certificate_chains.empty());
    EXPECT_EQ(facts.certificate_chains[0][0].public_key, public_key);
    EXPECT_EQ(facts.certificate_chains[0].size(), chain_size);
  };
}

ContextInput::Check TrustsSoMany(int count) {
  return [count](const SecureContextFacts& facts) {
    ExpectSilence(facts);
    EXPECT_EQ(facts.trust_anchor_count, count);
  };
}

ContextInput::Check Warns(const std::string& text) {
  return [text](const SecureContextFacts& facts) {
    EXPECT_THAT(facts.warnings, ::testing::Contains(HasSubstr(text)));
  };
}

ContextInput::Check Ignores(const std::vector<std::string>& tokens) {
  return [tokens](const SecureContextFacts& facts) {
    EXPECT_EQ(facts.ignored_cipher_tokens, tokens);
    EXPECT_THAT(facts.effective_ciphers, Not(IsEmpty()));
  };
}

TEST_P(ContextInputTest, IsAsExpected) {
  const ContextInput& row = GetParam();
  Options options = GoodOptions();
  row.change(options);
  const auto context =
      SecureContext::Create(options, TestAuthority(), absl::Now());
  if (!row.reason.has_value()) {
    ASSERT_TRUE(context.ok()) << context.status();
    row.check((*context)->facts());
    return;
  }
  ASSERT_FALSE(context.ok());
  EXPECT_THAT(context, FailsWith(*row.reason, row.field));
  ExpectNoSecret(context.status(), options);
}

}  // namespace tlsd::tls
