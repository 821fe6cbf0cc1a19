// What a certificate's public key is.
//
// Pure functions; any thread may call them.
#ifndef TLSD_SERVER_TLS_PUBLIC_KEY_FACTS_H_
#define TLSD_SERVER_TLS_PUBLIC_KEY_FACTS_H_

#include <openssl/x509.h>

#include <string>

#include "server/tls/certificate_facts.h"

namespace tlsd::tls {

// PublicKeyDer returns the SubjectPublicKeyInfo of `certificate` in DER.
std::string PublicKeyDer(X509* certificate);

// DescribePublicKey fills the fields of `facts` that tell of the key of
// `certificate`, from `public_key` to `public_key_pin`. Of a key that BoringSSL
// cannot read it tells the type, the curve and the pin, and 0 bits.
void DescribePublicKey(X509* certificate, CertificateFacts& facts);

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_PUBLIC_KEY_FACTS_H_
