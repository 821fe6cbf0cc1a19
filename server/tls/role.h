// The two ends of a TLS connection.
#ifndef TLSD_SERVER_TLS_ROLE_H_
#define TLSD_SERVER_TLS_ROLE_H_

namespace tlsd::tls {

enum class Role { kClient, kServer };

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_ROLE_H_
