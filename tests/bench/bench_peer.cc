#include "tests/bench/bench_peer.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/bench/load/sockets.h"
#include "tests/testing/test_identities.h"

namespace tlsd::bench {
namespace {

std::string ErrorText(const SSL* ssl, int result) {
  const int error = SSL_get_error(ssl, result);
  const uint32_t code = ERR_get_error();
  return absl::StrCat(
      SSL_error_description(error), ", ",
      code == 0 ? strerror(errno) : ERR_reason_error_string(code));
}

}  // namespace

bssl::UniquePtr<SSL_CTX> NewPeerContext(const PeerOptions& options) {
  bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_method()));
  SSL_CTX_set_min_proto_version(context.get(), options.version);
  SSL_CTX_set_max_proto_version(context.get(), options.version);
  // Under TLS 1.2 the certificate's curve must be among them.
  SSL_CTX_set1_groups_list(context.get(), "X25519:P-256");
  if (options.asks_for_staple) SSL_CTX_enable_ocsp_stapling(context.get());
  if (options.has_certificate) {
    const testing::TestIdentity& identity = testing::ClientIdentity();
    SSL_CTX_use_certificate(context.get(), identity.certificate());
    SSL_CTX_add1_chain_cert(context.get(),
                            testing::IntermediateIdentity().certificate());
    SSL_CTX_use_PrivateKey(context.get(), identity.key());
  }
  SSL_CTX_set_session_cache_mode(
      context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context.get(), BenchPeer::OnSession);
  return context;
}

absl::StatusOr<std::unique_ptr<BenchPeer>> BenchPeer::Dial(
    int port, SSL_CTX* context, bssl::UniquePtr<SSL_SESSION> session) {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) {
    return absl::ResourceExhaustedError(
        absl::StrCat("socket: ", strerror(errno)));
  }
  std::unique_ptr<BenchPeer> peer(new BenchPeer(descriptor));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(descriptor, reinterpret_cast<const sockaddr*>(&address),
              sizeof(address)) != 0) {
    return absl::UnavailableError(absl::StrCat("connect: ", strerror(errno)));
  }
  fcntl(descriptor, F_SETFL, O_NONBLOCK);
  const int on = 1;
  // The byte follows the end of the handshake at once.
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  load::ResetOnClose(descriptor);
  if (context == nullptr) return peer;
  peer->ssl_.reset(SSL_new(context));
  SSL* const ssl = peer->ssl_.get();
  SSL_set_fd(ssl, descriptor);
  SSL_set_connect_state(ssl);
  SSL_set_tlsext_host_name(ssl, "localhost");
  SSL_set_app_data(ssl, peer.get());
  if (session != nullptr) SSL_set_session(ssl, session.get());
  peer->has_offered_ = session != nullptr;
  peer->offered_ = std::move(session);
  return peer;
}

BenchPeer::~BenchPeer() { close(descriptor_); }

BenchPeer::State BenchPeer::Advance() {
  while (state_ == State::kWaiting && ssl_ != nullptr) {
    ERR_clear_error();
    const int result = Step();
    if (result > 0) continue;
    const int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) break;
    failure_ = ErrorText(ssl_.get(), result);
    state_ = State::kFailed;
  }
  return state_;
}

int BenchPeer::Step() {
  char byte = 'x';
  if (SSL_in_init(ssl_.get())) return SSL_do_handshake(ssl_.get());
  if (!has_sent_) {
    const int result = SSL_write(ssl_.get(), &byte, 1);
    has_sent_ = result > 0;
    return result;
  }
  const int result = SSL_read(ssl_.get(), &byte, 1);
  if (result > 0) state_ = State::kDone;
  return result;
}

absl::Duration BenchPeer::age() const {
  return absl::FromChrono(std::chrono::steady_clock::now() - dial_time_);
}

bssl::UniquePtr<SSL_SESSION> BenchPeer::TakeSession() {
  return session_ != nullptr ? std::move(session_) : std::move(offered_);
}

int BenchPeer::OnSession(SSL* ssl, SSL_SESSION* session) {
  auto* peer = static_cast<BenchPeer*>(SSL_get_app_data(ssl));
  peer->session_.reset(session);
  return 1;
}

}  // namespace tlsd::bench
