// A connection to show, for tests.
#ifndef TLSD_TESTS_UNIT_CLIENT_CLI_SAMPLE_CONNECTION_H_
#define TLSD_TESTS_UNIT_CLIENT_CLI_SAMPLE_CONNECTION_H_

#include "absl/time/time.h"
#include "tests/unit/client/parse_text.h"
#include "tlsd/v1/connection_service.pb.h"

namespace tlsd::client::cli {

// kNow is 12 s after the connection was made.
inline const absl::Time kNow = absl::FromUnixSeconds(1000000);

// SampleConnection returns a client's connection that is open and authorized.
inline v1::Connection SampleConnection() {
  return testing::Parse<v1::Connection>(R"pb(
    name: "connections/c"
    role: ROLE_CLIENT
    state: STATE_OPEN
    remote_address { family: "IPv4" address: "127.0.0.1" port: 443 }
    handshake {
      protocol: "TLSv1.3"
      cipher: "X"
      cipher_standard_name: "TLS_X"
      group: "X25519"
      server_name: "a.test"
    }
    authorized: true
    peer_certificate { subject: "CN=a.test" issuer: "CN=root" }
    cleartext_bytes_received: 2048
    cleartext_bytes_sent: 5
    create_time { seconds: 999988 }
  )pb");
}

}  // namespace tlsd::client::cli

#endif  // TLSD_TESTS_UNIT_CLIENT_CLI_SAMPLE_CONNECTION_H_
