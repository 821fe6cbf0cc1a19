// What the TLS library of this build can do, as names that OpenSSL, Node and
// the standards use. Pure functions; any thread may call them.
#ifndef TLSD_SERVER_TLS_ALGORITHMS_H_
#define TLSD_SERVER_TLS_ALGORITHMS_H_

#include <string>
#include <vector>

#include "server/tls/secure_context_options.h"

namespace tlsd::tls {

struct CipherSuiteFacts {
  std::string name;
  std::string standard_name;
  TlsVersion min_version;
  TlsVersion max_version;
  int strength_bits;
};

std::vector<CipherSuiteFacts> ListCipherSuites();
std::vector<std::string> ListGroups();
std::vector<std::string> ListSignatureAlgorithms();
// The names that SecureContextOptions::secure_protocol takes.
std::vector<std::string> ListSecureProtocols();

// DefaultCiphers returns the cipher list of contexts that name none.
std::string DefaultCiphers();

// BoringSslRevision returns the revision of the library, e.g. "32b51305debe".
std::string BoringSslRevision();

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_ALGORITHMS_H_
