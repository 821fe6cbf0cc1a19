#include "server/tls/handshake_description.h"

#include <string>

#include "server/base/byte_queue.h"
#include "server/tls/cipher_name.h"
#include "server/tls/signature_algorithms.h"
#include "server/tls/version_range.h"

namespace tlsd::tls {
namespace {

// GroupOf returns no group for a TLS 1.2 resumption: BoringSSL reports that of
// the first handshake, but no key was exchanged.
std::string GroupOf(const SSL* ssl) {
  if (SSL_session_reused(ssl) && SSL_version(ssl) < TLS1_3_VERSION) return "";
  const char* name = SSL_get_curve_name(SSL_get_curve_id(ssl));
  return name != nullptr ? name : "";
}

std::string AlpnOf(const SSL* ssl) {
  const uint8_t* data = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl, &data, &size);
  return std::string(base::AsText({data, size}));
}

// Set to something where NoteNpnGuess was called.
int NpnGuessIndex() {
  static const int index = SSL_get_ex_new_index(
      /*argl=*/0, /*argp=*/nullptr, /*unused=*/nullptr, /*dup_unused=*/nullptr,
      /*free_func=*/nullptr);
  return index;
}

std::string NpnOf(const SSL* ssl) {
  if (SSL_get_ex_data(ssl, NpnGuessIndex()) != nullptr) return "";
  const uint8_t* data = nullptr;
  unsigned size = 0;
  SSL_get0_next_proto_negotiated(ssl, &data, &size);
  return std::string(base::AsText({data, size}));
}

}  // namespace

void NoteNpnGuess(SSL* ssl) { SSL_set_ex_data(ssl, NpnGuessIndex(), ssl); }

HandshakeFacts DescribeAgreement(const SSL* ssl) {
  HandshakeFacts facts;
  facts.version = FromProtocolVersion(static_cast<uint16_t>(SSL_version(ssl)));
  facts.protocol = SSL_get_version(ssl);
  const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl);
  facts.cipher = CipherName(cipher);
  facts.cipher_standard_name = SSL_CIPHER_standard_name(cipher);
  facts.cipher_min_version = std::string(
      VersionName(FromProtocolVersion(SSL_CIPHER_get_min_version(cipher))));
  facts.group = GroupOf(ssl);
  facts.alpn_protocol = AlpnOf(ssl);
  facts.npn_protocol = NpnOf(ssl);
  facts.resumed = SSL_session_reused(ssl);
  facts.ech_accepted = SSL_ech_accepted(ssl) == 1;
  if (!facts.resumed) {
    facts.peer_signature_algorithm =
        SignatureAlgorithmName(SSL_get_peer_signature_algorithm(ssl));
  }
  return facts;
}

}  // namespace tlsd::tls
