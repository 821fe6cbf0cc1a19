// Keys and certificates for tests, made in memory: no files, nothing expires
// while nobody looks. Keys are made once in a process and shared, because some
// kinds take long.
//
//   RootIdentity ── IntermediateIdentity ── ServerIdentity, ClientIdentity, ...
//   OtherRootIdentity ── StrangerIdentity
//
// They are for tests only, and belong to one thread.
#ifndef TLSD_TESTS_TESTING_TEST_IDENTITIES_H_
#define TLSD_TESTS_TESTING_TEST_IDENTITIES_H_

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/tls/secure_context_options.h"

namespace tlsd::testing {

enum class KeyKind {
  kP256,
  kP384,
  kP521,
  kEd25519,
  kRsa2048,
  // Not supported as own keys:
  kP224,
  kRsa1024,
  // Longer than 8192 bits; not from a generator, so that it is quick. It can
  // sign nothing.
  kRsaHuge,
};

// MakeKey returns a key of `kind`; the same for the same `index`.
bssl::UniquePtr<EVP_PKEY> MakeKey(KeyKind kind, int index = 0);

// SubjectAttribute is a part of a subject, e.g. {"O", "Example"}.
struct SubjectAttribute {
  // A short name, or an object identifier.
  std::string type;
  std::string value;
  // The type of the string: MBSTRING_UTF8 lets the library choose; V_ASN1_
  // types take `value` as it is.
  int encoding = MBSTRING_UTF8;
  // Whether it shares its place in the name with the attribute before it.
  bool joins_previous = false;
};

// IdentityExtension is an extension as OpenSSL's configuration writes it:
// {"crlDistributionPoints", "URI:http://..."}, {"2.5.29.17", "DER:3000"}.
struct IdentityExtension {
  std::string name;
  std::string value;
};

// IdentitySpec says what a certificate shall hold. The default is a certificate
// that is good for a server on this host and for a client, valid from an hour
// ago to a day from now.
struct IdentitySpec {
  std::string common_name = "localhost";
  // The whole subject; empty makes one of `common_name`.
  std::vector<SubjectAttribute> subject;
  // As OpenSSL writes them: "DNS:example.com", "IP:127.0.0.1", "URI:...".
  std::vector<std::string> alternative_names = {"DNS:localhost", "IP:127.0.0.1",
                                                "IP:::1"};
  KeyKind key = KeyKind::kP256;
  int key_index = 0;
  bool is_authority = false;
  // Lists in OpenSSL's words; empty leaves the extension out.
  std::string key_usage = "critical,digitalSignature";
  std::string extended_key_usage = "serverAuth,clientAuth";
  // More extensions. They may be malformed, or stand there twice.
  std::vector<IdentityExtension> extensions;
  absl::Duration valid_from = -absl::Hours(1);
  absl::Duration valid_for = absl::Hours(25);
};

class TestIdentity {
 public:
  // SelfSigned returns an identity that nobody vouches for but itself.
  static TestIdentity SelfSigned(const IdentitySpec& spec);

  // Issue returns an identity that this one vouches for.
  TestIdentity Issue(const IdentitySpec& spec) const;

  X509* certificate() const { return chain_.front().get(); }
  EVP_PKEY* key() const { return key_.get(); }

  std::string CertificatePem() const;
  // ChainPem returns the own certificate and the intermediates, without root.
  std::string ChainPem() const;
  // KeyPem returns PKCS#8; the others the older forms, or an encrypted one.
  std::string KeyPem() const;
  std::string TraditionalKeyPem() const;
  std::string EncryptedKeyPem(absl::string_view passphrase) const;
  std::string EncryptedTraditionalKeyPem(absl::string_view passphrase) const;

  // Credentials returns chain and key for a secure context.
  tls::PemCredentials Credentials() const;

 private:
  TestIdentity() = default;
  static TestIdentity Make(const IdentitySpec& spec, const TestIdentity* by);

  bssl::UniquePtr<EVP_PKEY> key_;
  // Own first, root last.
  std::vector<bssl::UniquePtr<X509>> chain_;
};

const TestIdentity& RootIdentity();
const TestIdentity& OtherRootIdentity();
const TestIdentity& IntermediateIdentity();

// For "localhost", "127.0.0.1" and "::1", by the intermediate.
const TestIdentity& ServerIdentity();
const TestIdentity& RsaServerIdentity();
const TestIdentity& Ed25519ServerIdentity();
const TestIdentity& ExpiredServerIdentity();
const TestIdentity& NotYetValidServerIdentity();
// For "wrong.example" only.
const TestIdentity& WrongNameServerIdentity();
const TestIdentity& SelfSignedIdentity();

const TestIdentity& ClientIdentity();
const TestIdentity& ExpiredClientIdentity();
// By the other root.
const TestIdentity& StrangerIdentity();

}  // namespace tlsd::testing

#endif  // TLSD_TESTS_TESTING_TEST_IDENTITIES_H_
