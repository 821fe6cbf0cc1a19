#include "tests/testing/test_identities.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/cipher.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <utility>

#include "absl/strings/str_join.h"
#include "absl/time/clock.h"

namespace tlsd::testing {
namespace {

void Check(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "test_identities: %s failed\n", what);
  std::abort();
}

bssl::UniquePtr<EVP_PKEY> GenerateEc(int curve) {
  bssl::UniquePtr<EC_KEY> ec(EC_KEY_new_by_curve_name(curve));
  Check(ec != nullptr && EC_KEY_generate_key(ec.get()), "EC_KEY_generate_key");
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  Check(EVP_PKEY_set1_EC_KEY(key.get(), ec.get()), "EVP_PKEY_set1_EC_KEY");
  return key;
}

bssl::UniquePtr<EVP_PKEY> WrapRsa(RSA* rsa) {
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  Check(EVP_PKEY_set1_RSA(key.get(), rsa), "EVP_PKEY_set1_RSA");
  return key;
}

bssl::UniquePtr<EVP_PKEY> GenerateRsa(int bits) {
  bssl::UniquePtr<RSA> rsa(RSA_new());
  bssl::UniquePtr<BIGNUM> exponent(BN_new());
  Check(BN_set_word(exponent.get(), RSA_F4) &&
            RSA_generate_key_ex(rsa.get(), bits, exponent.get(), nullptr),
        "RSA_generate_key_ex");
  return WrapRsa(rsa.get());
}

bssl::UniquePtr<EVP_PKEY> MakeHugeRsa() {
  bssl::UniquePtr<BIGNUM> modulus(BN_new());
  bssl::UniquePtr<BIGNUM> exponent(BN_new());
  Check(BN_set_bit(modulus.get(), 9215) && BN_set_bit(modulus.get(), 0) &&
            BN_set_word(exponent.get(), RSA_F4),
        "BN_set_bit");
  bssl::UniquePtr<RSA> rsa(RSA_new());
  Check(RSA_set0_key(rsa.get(), modulus.release(), exponent.release(), nullptr),
        "RSA_set0_key");
  return WrapRsa(rsa.get());
}

bssl::UniquePtr<EVP_PKEY> GenerateEd25519() {
  bssl::UniquePtr<EVP_PKEY_CTX> context(
      EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, nullptr));
  EVP_PKEY* key = nullptr;
  Check(EVP_PKEY_keygen_init(context.get()) &&
            EVP_PKEY_keygen(context.get(), &key),
        "EVP_PKEY_keygen");
  return bssl::UniquePtr<EVP_PKEY>(key);
}

bssl::UniquePtr<EVP_PKEY> GenerateKey(KeyKind kind) {
  switch (kind) {
    case KeyKind::kP256:
      return GenerateEc(NID_X9_62_prime256v1);
    case KeyKind::kP384:
      return GenerateEc(NID_secp384r1);
    case KeyKind::kP521:
      return GenerateEc(NID_secp521r1);
    case KeyKind::kP224:
      return GenerateEc(NID_secp224r1);
    case KeyKind::kEd25519:
      return GenerateEd25519();
    case KeyKind::kRsa1024:
      return GenerateRsa(1024);
    case KeyKind::kRsa2048:
      return GenerateRsa(2048);
    case KeyKind::kRsaHuge:
      return MakeHugeRsa();
  }
  std::abort();
}

void AddExtension(X509* certificate, X509* issuer, int nid,
                  const std::string& value) {
  if (value.empty()) return;
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  bssl::UniquePtr<X509_EXTENSION> extension(
      X509V3_EXT_nconf_nid(nullptr, &context, nid, value.c_str()));
  Check(extension != nullptr && X509_add_ext(certificate, extension.get(), -1),
        value.c_str());
}

void SetSerialNumber(X509* certificate) {
  uint64_t number = 0;
  RAND_bytes(reinterpret_cast<uint8_t*>(&number), sizeof(number));
  Check(ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), number),
        "ASN1_INTEGER_set_uint64");
}

void SetValidity(X509* certificate, const IdentitySpec& spec) {
  const absl::Time begin = absl::Now() + spec.valid_from;
  const absl::Time end = begin + spec.valid_for;
  Check(ASN1_TIME_set_posix(X509_getm_notBefore(certificate),
                            absl::ToUnixSeconds(begin)) &&
            ASN1_TIME_set_posix(X509_getm_notAfter(certificate),
                                absl::ToUnixSeconds(end)),
        "ASN1_TIME_set_posix");
}

void AddMoreExtensions(X509* certificate, X509* issuer,
                       const IdentitySpec& spec) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  for (const auto& [name, value] : spec.extensions) {
    bssl::UniquePtr<X509_EXTENSION> extension(
        X509V3_EXT_nconf(nullptr, &context, name.c_str(), value.c_str()));
    Check(
        extension != nullptr && X509_add_ext(certificate, extension.get(), -1),
        name.c_str());
  }
}

void SetSubject(X509* certificate, const IdentitySpec& spec) {
  std::vector<SubjectAttribute> subject = spec.subject;
  if (subject.empty()) subject.push_back({"CN", spec.common_name});
  for (const SubjectAttribute& attribute : subject) {
    Check(X509_NAME_add_entry_by_txt(
              X509_get_subject_name(certificate), attribute.type.c_str(),
              attribute.encoding,
              reinterpret_cast<const uint8_t*>(attribute.value.data()),
              static_cast<ossl_ssize_t>(attribute.value.size()), -1,
              attribute.joins_previous ? -1 : 0),
          attribute.type.c_str());
  }
}

void AddExtensions(X509* certificate, X509* issuer, const IdentitySpec& spec) {
  AddExtension(certificate, issuer, NID_basic_constraints,
               spec.is_authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
  AddExtension(
      certificate, issuer, NID_key_usage,
      spec.is_authority ? "critical,keyCertSign,cRLSign" : spec.key_usage);
  AddExtension(certificate, issuer, NID_subject_key_identifier, "hash");
  AddExtension(certificate, issuer, NID_authority_key_identifier, "keyid");
  AddMoreExtensions(certificate, issuer, spec);
  if (spec.is_authority) return;
  AddExtension(certificate, issuer, NID_ext_key_usage, spec.extended_key_usage);
  AddExtension(certificate, issuer, NID_subject_alt_name,
               absl::StrJoin(spec.alternative_names, ","));
}

std::string WritePem(const std::function<int(BIO*)>& write) {
  bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  Check(write(bio.get()) == 1, "writing PEM");
  const uint8_t* data = nullptr;
  size_t size = 0;
  Check(BIO_mem_contents(bio.get(), &data, &size), "BIO_mem_contents");
  return std::string(reinterpret_cast<const char*>(data), size);
}

std::string PemOf(X509* certificate) {
  return WritePem(
      [&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
}

std::string WriteTraditional(EVP_PKEY* key, const EVP_CIPHER* cipher,
                             absl::string_view passphrase) {
  auto* secret =
      reinterpret_cast<uint8_t*>(const_cast<char*>(passphrase.data()));
  const int size = static_cast<int>(passphrase.size());
  return WritePem([&](BIO* bio) {
    if (EVP_PKEY_id(key) == EVP_PKEY_RSA) {
      return PEM_write_bio_RSAPrivateKey(bio, EVP_PKEY_get0_RSA(key), cipher,
                                         secret, size, nullptr, nullptr);
    }
    return PEM_write_bio_ECPrivateKey(bio, EVP_PKEY_get0_EC_KEY(key), cipher,
                                      secret, size, nullptr, nullptr);
  });
}

IdentitySpec AuthoritySpec(const std::string& name, int key_index) {
  IdentitySpec spec;
  spec.common_name = name;
  spec.is_authority = true;
  spec.key_index = key_index;
  return spec;
}

IdentitySpec LeafSpec(const std::string& name, int key_index) {
  IdentitySpec spec;
  spec.common_name = name;
  spec.key_index = key_index;
  return spec;
}

IdentitySpec ClientSpec(const std::string& name, int key_index) {
  IdentitySpec spec = LeafSpec(name, key_index);
  spec.alternative_names = {"URI:spiffe://tlsd.test/" + name};
  return spec;
}

IdentitySpec Expired(IdentitySpec spec) {
  spec.valid_from = -absl::Hours(48);
  spec.valid_for = absl::Hours(24);
  return spec;
}

}  // namespace

bssl::UniquePtr<EVP_PKEY> MakeKey(KeyKind kind, int index) {
  static auto& keys =
      *new std::map<std::pair<KeyKind, int>, bssl::UniquePtr<EVP_PKEY>>;
  bssl::UniquePtr<EVP_PKEY>& key = keys[{kind, index}];
  if (key == nullptr) key = GenerateKey(kind);
  return bssl::UpRef(key);
}

TestIdentity TestIdentity::SelfSigned(const IdentitySpec& spec) {
  return Make(spec, nullptr);
}

TestIdentity TestIdentity::Issue(const IdentitySpec& spec) const {
  return Make(spec, this);
}

TestIdentity TestIdentity::Make(const IdentitySpec& spec,
                                const TestIdentity* by) {
  TestIdentity identity;
  identity.key_ = MakeKey(spec.key, spec.key_index);
  bssl::UniquePtr<X509> certificate(X509_new());
  X509* issuer = by != nullptr ? by->certificate() : certificate.get();
  EVP_PKEY* issuer_key = by != nullptr ? by->key() : identity.key();
  Check(X509_set_version(certificate.get(), X509_VERSION_3),
        "X509_set_version");
  SetSerialNumber(certificate.get());
  SetValidity(certificate.get(), spec);
  SetSubject(certificate.get(), spec);
  Check(
      X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer)) &&
          X509_set_pubkey(certificate.get(), identity.key()),
      "setting issuer and key");
  AddExtensions(certificate.get(), issuer, spec);
  const EVP_MD* digest =
      EVP_PKEY_id(issuer_key) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256();
  Check(X509_sign(certificate.get(), issuer_key, digest), "X509_sign");
  identity.chain_.push_back(std::move(certificate));
  if (by != nullptr) {
    for (const auto& issuer_certificate : by->chain_) {
      identity.chain_.push_back(bssl::UpRef(issuer_certificate));
    }
  }
  return identity;
}

std::string TestIdentity::CertificatePem() const {
  return PemOf(certificate());
}

std::string TestIdentity::ChainPem() const {
  std::string pem = PemOf(certificate());
  for (size_t i = 1; i + 1 < chain_.size(); ++i) pem += PemOf(chain_[i].get());
  return pem;
}

std::string TestIdentity::KeyPem() const {
  return WritePem([&](BIO* bio) {
    return PEM_write_bio_PKCS8PrivateKey(bio, key(), nullptr, nullptr, 0,
                                         nullptr, nullptr);
  });
}

std::string TestIdentity::TraditionalKeyPem() const {
  return WriteTraditional(key(), nullptr, "");
}

std::string TestIdentity::EncryptedKeyPem(absl::string_view passphrase) const {
  return WritePem([&](BIO* bio) {
    return PEM_write_bio_PKCS8PrivateKey(
        bio, key(), EVP_aes_256_cbc(), const_cast<char*>(passphrase.data()),
        static_cast<int>(passphrase.size()), nullptr, nullptr);
  });
}

std::string TestIdentity::EncryptedTraditionalKeyPem(
    absl::string_view passphrase) const {
  return WriteTraditional(key(), EVP_aes_128_cbc(), passphrase);
}

tls::PemCredentials TestIdentity::Credentials() const {
  tls::PemCredentials credentials;
  credentials.certificate_chain = ChainPem();
  credentials.private_key = KeyPem();
  return credentials;
}

const TestIdentity& RootIdentity() {
  static const auto& identity = *new TestIdentity(
      TestIdentity::SelfSigned(AuthoritySpec("tlsd test root", 1)));
  return identity;
}

const TestIdentity& OtherRootIdentity() {
  static const auto& identity = *new TestIdentity(
      TestIdentity::SelfSigned(AuthoritySpec("tlsd other test root", 2)));
  return identity;
}

const TestIdentity& IntermediateIdentity() {
  static const auto& identity = *new TestIdentity(
      RootIdentity().Issue(AuthoritySpec("tlsd test intermediate", 3)));
  return identity;
}

const TestIdentity& ServerIdentity() {
  static const auto& identity =
      *new TestIdentity(IntermediateIdentity().Issue(LeafSpec("localhost", 4)));
  return identity;
}

const TestIdentity& RsaServerIdentity() {
  static const auto& identity = *new TestIdentity([] {
    IdentitySpec spec;
    spec.key = KeyKind::kRsa2048;
    return IntermediateIdentity().Issue(spec);
  }());
  return identity;
}

const TestIdentity& Ed25519ServerIdentity() {
  static const auto& identity = *new TestIdentity([] {
    IdentitySpec spec;
    spec.key = KeyKind::kEd25519;
    return IntermediateIdentity().Issue(spec);
  }());
  return identity;
}

const TestIdentity& ExpiredServerIdentity() {
  static const auto& identity = *new TestIdentity(
      IntermediateIdentity().Issue(Expired(LeafSpec("localhost", 4))));
  return identity;
}

const TestIdentity& NotYetValidServerIdentity() {
  static const auto& identity = *new TestIdentity([] {
    IdentitySpec spec = LeafSpec("localhost", 4);
    spec.valid_from = absl::Hours(24);
    return IntermediateIdentity().Issue(spec);
  }());
  return identity;
}

const TestIdentity& WrongNameServerIdentity() {
  static const auto& identity = *new TestIdentity([] {
    IdentitySpec spec = LeafSpec("wrong.example", 4);
    spec.alternative_names = {"DNS:wrong.example"};
    return IntermediateIdentity().Issue(spec);
  }());
  return identity;
}

const TestIdentity& SelfSignedIdentity() {
  static const auto& identity =
      *new TestIdentity(TestIdentity::SelfSigned(LeafSpec("localhost", 5)));
  return identity;
}

const TestIdentity& ClientIdentity() {
  static const auto& identity =
      *new TestIdentity(IntermediateIdentity().Issue(ClientSpec("client", 6)));
  return identity;
}

const TestIdentity& ExpiredClientIdentity() {
  static const auto& identity = *new TestIdentity(
      IntermediateIdentity().Issue(Expired(ClientSpec("client", 6))));
  return identity;
}

const TestIdentity& StrangerIdentity() {
  static const auto& identity =
      *new TestIdentity(OtherRootIdentity().Issue(ClientSpec("stranger", 7)));
  return identity;
}

}  // namespace tlsd::testing
