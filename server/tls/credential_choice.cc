#include "server/tls/credential_choice.h"

#include <openssl/bytestring.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/nid.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/algorithm/container.h"
#include "server/tls/context_callbacks.h"

namespace tlsd::tls {
namespace {

int CurveOf(const EVP_PKEY* key) {
  return EC_GROUP_get_curve_name(EC_KEY_get0_group(EVP_PKEY_get0_EC_KEY(key)));
}

uint16_t GroupOfCurve(int curve) {
  switch (curve) {
    case NID_X9_62_prime256v1:
      return SSL_CURVE_SECP256R1;
    case NID_secp384r1:
      return SSL_CURVE_SECP384R1;
    default:
      return SSL_CURVE_SECP521R1;
  }
}

uint16_t AlgorithmOfCurve(int curve) {
  switch (curve) {
    case NID_X9_62_prime256v1:
      return SSL_SIGN_ECDSA_SECP256R1_SHA256;
    case NID_secp384r1:
      return SSL_SIGN_ECDSA_SECP384R1_SHA384;
    default:
      return SSL_SIGN_ECDSA_SECP521R1_SHA512;
  }
}

// RFC 8446 section 4.2.3: TLS 1.3 has no PKCS#1 in handshakes, and ties each
// ECDSA algorithm to one curve.
bool CanSign(const EVP_PKEY* key, uint16_t algorithm, uint16_t version) {
  const int kind = EVP_PKEY_id(key);
  if (SSL_get_signature_algorithm_key_type(algorithm) != kind) return false;
  if (version < TLS1_3_VERSION) return true;
  if (kind == EVP_PKEY_RSA) {
    return SSL_is_signature_algorithm_rsa_pss(algorithm) == 1;
  }
  return kind != EVP_PKEY_EC || algorithm == AlgorithmOfCurve(CurveOf(key));
}

bool SuitsSignatures(const EVP_PKEY* key, const PeerOffer& offer) {
  if (offer.version < TLS1_2_VERSION) {
    // There is no choice: RSA with MD5 and SHA-1, or ECDSA with SHA-1.
    return EVP_PKEY_id(key) != EVP_PKEY_ED25519;
  }
  return absl::c_any_of(offer.signature_algorithms, [&](uint16_t algorithm) {
    return CanSign(key, algorithm, offer.version);
  });
}

bool SuitsSuites(const EVP_PKEY* key, const PeerOffer& offer) {
  if (offer.version >= TLS1_3_VERSION) return true;
  return EVP_PKEY_id(key) == EVP_PKEY_RSA ? offer.has_rsa_suite
                                          : offer.has_ecdsa_suite;
}

// BoringSSL does not check this; the client would end the handshake.
bool SuitsGroups(const EVP_PKEY* key, const PeerOffer& offer) {
  if (offer.version >= TLS1_3_VERSION || offer.groups.empty()) return true;
  return EVP_PKEY_id(key) != EVP_PKEY_EC ||
         absl::c_linear_search(offer.groups, GroupOfCurve(CurveOf(key)));
}

bool SuitsAuthorities(const Credentials& credentials, const PeerOffer& offer) {
  if (offer.authorities == nullptr ||
      sk_X509_NAME_num(offer.authorities) == 0) {
    return true;
  }
  for (const bssl::UniquePtr<X509>& certificate : credentials.chain) {
    for (const X509_NAME* name : offer.authorities) {
      if (X509_NAME_cmp(X509_get_issuer_name(certificate.get()), name) == 0) {
        return true;
      }
    }
  }
  return false;
}

std::vector<uint16_t> ReadNumbers(CBS cbs) {
  std::vector<uint16_t> numbers;
  uint16_t number = 0;
  while (CBS_get_u16(&cbs, &number)) numbers.push_back(number);
  return numbers;
}

std::vector<CRYPTO_BUFFER*> ChainOf(const ShownCredentials& credentials) {
  std::vector<CRYPTO_BUFFER*> chain;
  for (const auto& buffer : credentials.buffers) chain.push_back(buffer.get());
  return chain;
}

EVP_PKEY* KeyOf(const ShownCredentials& shown) {
  return shown.credentials.is_remote ? nullptr : shown.credentials.key.get();
}

const SSL_PRIVATE_KEY_METHOD* KeyMethodOf(const ShownCredentials& shown) {
  return shown.credentials.is_remote ? RemoteKeyMethod() : nullptr;
}

struct ClientOffer {
  std::vector<uint16_t> cipher_suites;
  std::vector<uint16_t> groups;
};

void FreeClientOffer(void* /*parent*/, void* offer, CRYPTO_EX_DATA* /*data*/,
                     int /*index*/, long /*argl*/, void* /*argp*/) {
  const std::unique_ptr<ClientOffer> owner(static_cast<ClientOffer*>(offer));
}

int ClientOfferIndex() {
  static const int index = SSL_get_ex_new_index(
      /*argl=*/0, /*argp=*/nullptr, /*unused=*/nullptr, /*dup_unused=*/nullptr,
      FreeClientOffer);
  return index;
}

// HasSharedGroup reports whether keys can be exchanged with a group. A client
// that names none is taken to have none, as BoringSSL does.
bool HasSharedGroup(absl::Span<const uint16_t> offered,
                    absl::Span<const std::string> own) {
  return absl::c_any_of(offered, [&](uint16_t group) {
    const char* name = SSL_get_curve_name(group);
    return name != nullptr && absl::c_linear_search(own, name);
  });
}

// HasSuiteFor reports whether `offered` has a suite of `version` that `ssl` has
// too, that authenticates with `auth_nid`, and for which keys can be exchanged.
bool HasSuiteFor(const SSL* ssl, uint16_t version,
                 absl::Span<const uint16_t> offered, int auth_nid,
                 bool has_shared_group) {
  for (const SSL_CIPHER* cipher : SSL_get_ciphers(ssl)) {
    if (SSL_CIPHER_get_auth_nid(cipher) == auth_nid &&
        SSL_CIPHER_get_min_version(cipher) <= version &&
        SSL_CIPHER_get_max_version(cipher) >= version &&
        (has_shared_group || SSL_CIPHER_get_kx_nid(cipher) != NID_kx_ecdhe) &&
        absl::c_linear_search(offered, SSL_CIPHER_get_protocol_id(cipher))) {
      return true;
    }
  }
  return false;
}

}  // namespace

bool Suits(const Credentials& credentials, const PeerOffer& offer) {
  const EVP_PKEY* key = credentials.key.get();
  return SuitsSignatures(key, offer) && SuitsSuites(key, offer) &&
         SuitsGroups(key, offer) && SuitsAuthorities(credentials, offer);
}

bool ShowCredentials(SSL_CTX* context, const ShownCredentials& credentials) {
  const std::vector<CRYPTO_BUFFER*> chain = ChainOf(credentials);
  return SSL_CTX_set_chain_and_key(context, chain.data(), chain.size(),
                                   KeyOf(credentials),
                                   KeyMethodOf(credentials)) == 1;
}

bool ShowCredentials(SSL* ssl, const ShownCredentials& credentials) {
  const std::vector<CRYPTO_BUFFER*> chain = ChainOf(credentials);
  return SSL_set_chain_and_key(ssl, chain.data(), chain.size(),
                               KeyOf(credentials),
                               KeyMethodOf(credentials)) == 1;
}

std::vector<uint16_t> SharedAlgorithms(absl::Span<const uint16_t> peer,
                                       absl::Span<const uint16_t> own) {
  std::vector<uint16_t> shared;
  for (const uint16_t algorithm : peer) {
    if (absl::c_linear_search(own, algorithm)) shared.push_back(algorithm);
  }
  return shared;
}

void KeepClientOffer(const SSL_CLIENT_HELLO& hello) {
  auto offer = std::make_unique<ClientOffer>();
  CBS cbs;
  CBS_init(&cbs, hello.cipher_suites, hello.cipher_suites_len);
  offer->cipher_suites = ReadNumbers(cbs);
  const uint8_t* data = nullptr;
  size_t size = 0;
  CBS groups;
  if (SSL_early_callback_ctx_extension_get(&hello, TLSEXT_TYPE_supported_groups,
                                           &data, &size)) {
    CBS_init(&cbs, data, size);
    if (CBS_get_u16_length_prefixed(&cbs, &groups)) {
      offer->groups = ReadNumbers(groups);
    }
  }
  SSL_set_ex_data(hello.ssl, ClientOfferIndex(), offer.release());
}

void AddClientOffer(SSL* ssl, absl::Span<const std::string> own_groups,
                    PeerOffer& offer) {
  const std::unique_ptr<ClientOffer> kept(
      static_cast<ClientOffer*>(SSL_get_ex_data(ssl, ClientOfferIndex())));
  SSL_set_ex_data(ssl, ClientOfferIndex(), nullptr);
  if (kept == nullptr) return;
  const bool has_group = HasSharedGroup(kept->groups, own_groups);
  offer.has_rsa_suite = HasSuiteFor(ssl, offer.version, kept->cipher_suites,
                                    NID_auth_rsa, has_group);
  offer.has_ecdsa_suite = HasSuiteFor(ssl, offer.version, kept->cipher_suites,
                                      NID_auth_ecdsa, has_group);
  offer.groups = std::move(kept->groups);
}

}  // namespace tlsd::tls
