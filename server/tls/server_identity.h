// Whether a certificate is for a name: the rules of RFC 9525.
//
// Only subject alternative names count, never the common name; a DNS name of a
// certificate matches DNS names, an IP address matches IP addresses, and URIs
// match nothing here. It is not the judgement of a certificate, which may be
// for the name and yet expired or untrusted; that is peer_verifier.h. Pure
// functions; any thread may call them.
#ifndef TLSD_SERVER_TLS_SERVER_IDENTITY_H_
#define TLSD_SERVER_TLS_SERVER_IDENTITY_H_

#include "absl/strings/string_view.h"
#include "server/tls/certificate_facts.h"
#include "server/tls/server_name.h"

// BoringSSL's X509. Layers without BoringSSL include this header too.
struct x509_st;

namespace tlsd::tls {

// CheckServerIdentity returns X509_V_OK if `certificate` is for `name`, else
// X509_V_ERR_HOSTNAME_MISMATCH or X509_V_ERR_IP_ADDRESS_MISMATCH.
int CheckServerIdentity(x509_st* certificate, const ServerName& name);

// IdentityMismatch says that a certificate is for another name.
struct IdentityMismatch {
  // As OpenSSL and Node name it, "HOSTNAME_MISMATCH" or "IP_ADDRESS_MISMATCH";
  // empty if the certificate is for the name.
  absl::string_view error;
  // The same for people, e.g. "Hostname mismatch".
  absl::string_view text;
};

// CheckServerIdentity returns the same for the certificate in `facts.der`, in
// words. What is not a certificate is for no name.
IdentityMismatch CheckServerIdentity(const CertificateFacts& facts,
                                     const ServerName& name);

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_SERVER_IDENTITY_H_
