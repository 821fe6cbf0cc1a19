// The choice among several credentials: the first that suits what the peer has
// said it can take.
//
// Pure functions; any thread may call them.
#ifndef TLSD_SERVER_TLS_CREDENTIAL_CHOICE_H_
#define TLSD_SERVER_TLS_CREDENTIAL_CHOICE_H_

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "server/tls/credentials.h"
#include "server/tls/ocsp_staple.h"

namespace tlsd::tls {

// ShownCredentials are credentials in the form in which engines show them.
struct ShownCredentials {
  Credentials credentials;
  // The chain in the process's buffer pool.
  std::vector<bssl::UniquePtr<CRYPTO_BUFFER>> buffers;
  // Of the first certificate: upper-case hexadecimal with colons.
  std::string sha256_fingerprint;
  // Never null. It changes while the rest does not.
  std::shared_ptr<OcspStaple> staple;
};

// PeerOffer is what the peer can take. Its views live as long as the callback
// that made it.
struct PeerOffer {
  // 0x0303 and the like.
  uint16_t version = 0;
  // What both can sign with, in the peer's order. Nothing if a peer below TLS
  // 1.2 cannot say.
  std::vector<uint16_t> signature_algorithms;

  // Of a client, below TLS 1.3: whether it has offered a suite that can be
  // agreed to with keys of RSA and of ECDSA, and its groups (RFC 8422 section
  // 5.1.1).
  bool has_rsa_suite = true;
  bool has_ecdsa_suite = true;
  std::vector<uint16_t> groups;

  // Of a server: the authorities that it asks for; null or empty for any.
  const STACK_OF(X509_NAME) * authorities = nullptr;
};

// Suits reports whether a peer that offered `offer` can take `credentials`.
bool Suits(const Credentials& credentials, const PeerOffer& offer);

// ShowCredentials makes connections of `context`, or `ssl` alone, show
// `credentials`. False if BoringSSL fails.
bool ShowCredentials(SSL_CTX* context, const ShownCredentials& credentials);
bool ShowCredentials(SSL* ssl, const ShownCredentials& credentials);

// SharedAlgorithms returns those of `peer`, in their order, that are in `own`
// too.
std::vector<uint16_t> SharedAlgorithms(absl::Span<const uint16_t> peer,
                                       absl::Span<const uint16_t> own);

// KeepClientOffer keeps, of `hello`, what BoringSSL forgets before credentials
// are chosen. Only servers with a choice need it.
void KeepClientOffer(const SSL_CLIENT_HELLO& hello);

// AddClientOffer puts what was kept into `offer`, which has its version, and
// forgets it. `own_groups` are ours, as BoringSSL names them.
void AddClientOffer(SSL* ssl, absl::Span<const std::string> own_groups,
                    PeerOffer& offer);

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_CREDENTIAL_CHOICE_H_
