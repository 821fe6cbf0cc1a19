// TlsPeer is a TLS client that is not the daemon's engine: BoringSSL over a
// blocking socket, in the hands of the test. It shows what the daemon's own
// connections hide: the alert that arrived, a socket that ends without
// close_notify, a peer that does not read.
//
// It trusts everything; it belongs to the thread of the test.
#ifndef TLSD_TESTS_INTEGRATION_TLS_PEER_H_
#define TLSD_TESTS_INTEGRATION_TLS_PEER_H_

#include <openssl/ssl.h>

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tests/integration/raw_socket.h"
#include "tlsd/v1/types.pb.h"

namespace tlsd::testing {

class TlsPeer {
 public:
  // Connect dials `address` and makes the handshake, in `version` only if it is
  // set. It asks for `server_name` as it stands, or for none if it is empty.
  static absl::StatusOr<std::unique_ptr<TlsPeer>> Connect(
      const std::string& address,
      v1::TlsVersion version = v1::TLS_VERSION_UNSPECIFIED,
      const std::string& server_name = "");

  // Resume does the same, and offers the session of `earlier`.
  static absl::StatusOr<std::unique_ptr<TlsPeer>> Resume(
      const std::string& address, v1::TlsVersion version,
      const TlsPeer& earlier);

  // Whether an earlier session was resumed.
  bool resumed() const { return SSL_session_reused(ssl_.get()); }
  // The SHA-256 fingerprint of the certificate that the daemon has shown: 32
  // bytes.
  std::string CertificateDigest() const;

  // Send and Receive move cleartext. Receive returns "" at the end: `end`
  // says which.
  bool Send(absl::string_view bytes);
  std::string Receive(size_t size_max = 65536);
  // ReceiveAll reads until the end.
  std::string ReceiveAll();

  // How the daemon's side ended.
  enum class End { kNone, kCloseNotify, kTruncated, kFailed };
  End end() const { return end_; }

  // Shutdown sends close_notify.
  void Shutdown();
  RawSocket& socket() { return socket_; }

 private:
  explicit TlsPeer(RawSocket socket) : socket_(std::move(socket)) {}
  static absl::StatusOr<std::unique_ptr<TlsPeer>> Handshake(
      const std::string& address, v1::TlsVersion version,
      const std::string& server_name, SSL_SESSION* session);

  RawSocket socket_;
  bssl::UniquePtr<SSL_CTX> context_;
  // The newest that the daemon has given; under TLS 1.3 that is after the first
  // Receive.
  bssl::UniquePtr<SSL_SESSION> session_;
  bssl::UniquePtr<SSL> ssl_;
  End end_ = End::kNone;
};

// Alerts names the alerts in plain records of `ciphertext`, e.g. "fatal 40".
std::string AlertsIn(absl::string_view ciphertext);

}  // namespace tlsd::testing

#endif  // TLSD_TESTS_INTEGRATION_TLS_PEER_H_
