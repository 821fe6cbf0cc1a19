// What the extensions of a certificate say (RFC 5280 section 4.2).
//
// A pure function; any thread may call it.
#ifndef TLSD_SERVER_TLS_CERTIFICATE_EXTENSIONS_H_
#define TLSD_SERVER_TLS_CERTIFICATE_EXTENSIONS_H_

#include <openssl/x509.h>

#include "server/tls/certificate_facts.h"

namespace tlsd::tls {

// DescribeExtensions fills the fields of `facts` that extensions of
// `certificate` tell: alternative names, usages, authority, and the addresses
// of OCSP responders, issuers and revocation lists. An extension that is
// malformed, or there twice, leaves its fields empty and no others.
void DescribeExtensions(const X509* certificate, CertificateFacts& facts);

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_CERTIFICATE_EXTENSIONS_H_
