#include "tests/bench/load/tls_client.h"

#include <openssl/err.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "tests/bench/load/latencies.h"
#include "tests/bench/load/sockets.h"

namespace tlsd::bench::load {
namespace {

// TLS_AES_128_GCM_SHA256, and with ECDHE and ECDSA or RSA under TLS 1.2.
constexpr uint16_t kCiphers[] = {0x1301, 0xc02b, 0xc02f};

// FaultOf returns what is wrong with what the server chose, or "".
std::string FaultOf(const SSL* ssl) {
  const SSL_CIPHER* const cipher = SSL_get_current_cipher(ssl);
  if (std::count(std::begin(kCiphers), std::end(kCiphers),
                 SSL_CIPHER_get_protocol_id(cipher)) == 0) {
    return absl::StrCat("the server has chosen ",
                        SSL_CIPHER_standard_name(cipher),
                        ", and not AES-128-GCM: set its cipher list");
  }
  const uint16_t group = SSL_get_curve_id(ssl);
  // 0: a resumed session of TLS 1.2 needs none.
  if (group != 0 && group != SSL_CURVE_X25519) {
    return absl::StrCat("the server has chosen ", SSL_get_curve_name(group),
                        ", and not X25519: set its groups");
  }
  return "";
}

}  // namespace

const BIO_METHOD* TlsClient::BufferMethod() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(0, "buffer");
    BIO_meth_set_read(made, ReadInput);
    BIO_meth_set_write(made, WriteOutput);
    BIO_meth_set_ctrl(made, [](BIO*, int command, long, void*) -> long {
      return command == BIO_CTRL_FLUSH ? 1 : 0;
    });
    return made;
  }();
  return method;
}

int TlsClient::ReadInput(BIO* bio, char* bytes, int size) {
  auto* client = static_cast<TlsClient*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const size_t taken =
      std::min(client->input_.size(), static_cast<size_t>(size));
  if (taken == 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  memcpy(bytes, client->input_.data(), taken);
  client->input_.remove_prefix(taken);
  return static_cast<int>(taken);
}

int TlsClient::WriteOutput(BIO* bio, const char* bytes, int size) {
  auto* client = static_cast<TlsClient*>(BIO_get_data(bio));
  client->output_.append(bytes, static_cast<size_t>(size));
  return size;
}

int TlsClient::OnSession(SSL* ssl, SSL_SESSION* session) {
  auto* client = static_cast<TlsClient*>(SSL_get_app_data(ssl));
  client->offered_.reset();
  client->thread_.KeepSession(bssl::UniquePtr<SSL_SESSION>(session));
  return 1;
}

TlsClient::~TlsClient() {
  if (descriptor_ >= 0) close(descriptor_);
}

absl::Status TlsClient::Dial() {
  const absl::StatusOr<int> descriptor =
      load::Dial(thread_.port(), thread_.NextTurn());
  if (!descriptor.ok()) return descriptor.status();
  descriptor_ = *descriptor;
  last_progress_ = Uptime();
  if (thread_.context() == nullptr) {
    events_ = EPOLLIN | EPOLLOUT;
    thread_.poller().Watch(descriptor_, events_, this);
    return status_;
  }
  StartTls();
  events_ = EPOLLIN;
  thread_.poller().Watch(descriptor_, events_, this);
  Turn();
  return status_;
}

void TlsClient::StartTls() {
  ssl_.reset(SSL_new(thread_.context()));
  SSL* const ssl = ssl_.get();
  BIO* const bio = BIO_new(BufferMethod());
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);
  SSL_set_connect_state(ssl);
  SSL_set_tlsext_host_name(ssl, "localhost");
  SSL_set_app_data(ssl, this);
  // What only the handshake needs shall not weigh on many connections.
  SSL_set_shed_handshake_config(ssl, 1);
  if (thread_.resumes()) offered_ = thread_.TakeSession();
  offers_ = offered_ != nullptr;
  if (offers_) SSL_set_session(ssl, offered_.get());
}

void TlsClient::OnReady(uint32_t events) {
  if ((events & ~EPOLLOUT) != 0) Receive();
  Turn();
  const bool has_ended = is_closing_ && input_ended_;
  // The status goes with the client, maybe.
  const absl::Status status = status_;
  if (!status.ok() || has_ended) OnEnd(status);
}

void TlsClient::Turn() {
  is_in_turn_ = true;
  last_progress_ = Uptime();
  ERR_clear_error();
  if (status_.ok() && !is_open_) Open();
  if (status_.ok() && is_open_) Read();
  if (status_.ok() && input_ended_ && !is_closing_) {
    Fail(absl::AbortedError("the server has ended the connection"));
  }
  if (status_.ok() && is_open_ && !is_closing_) OnTurn();
  if (status_.ok()) Send();
  if (status_.ok()) WatchForMore();
  is_in_turn_ = false;
}

void TlsClient::Receive() {
  std::vector<uint8_t>& wire = thread_.wire();
  const ssize_t size = recv(descriptor_, wire.data(), wire.size(), 0);
  if (size > 0) {
    input_ = {reinterpret_cast<const char*>(wire.data()),
              static_cast<size_t>(size)};
  } else if (size == 0 || (is_closing_ && errno == ECONNRESET)) {
    // A server need not wait for the end once it has our close_notify.
    input_ended_ = true;
  } else if (errno != EAGAIN && errno != EINTR) {
    Fail(SystemError("recv"));
  }
}

void TlsClient::Open() {
  if (ssl_ == nullptr) {
    is_open_ = true;
    return OnOpen();
  }
  const int result = SSL_do_handshake(ssl_.get());
  if (result <= 0) return FailSsl("handshake", result);
  const std::string fault = FaultOf(ssl_.get());
  if (!fault.empty()) return Fail(absl::FailedPreconditionError(fault));
  is_open_ = true;
  // Without a new ticket the old one serves again, under TLS 1.2.
  if (offered_ != nullptr && SSL_version(ssl_.get()) == TLS1_2_VERSION) {
    thread_.KeepSession(std::move(offered_));
  }
  OnOpen();
}

void TlsClient::Read() {
  if (ssl_ == nullptr) {
    const absl::string_view bytes = std::exchange(input_, {});
    if (!bytes.empty()) OnCleartext(bytes);
    return;
  }
  std::vector<char>& cleartext = thread_.cleartext();
  while (status_.ok()) {
    const int size = SSL_read(ssl_.get(), cleartext.data(),
                              static_cast<int>(cleartext.size()));
    if (size <= 0) return FailSsl("read", size);
    OnCleartext({cleartext.data(), static_cast<size_t>(size)});
  }
}

void TlsClient::Write(absl::string_view bytes) {
  if (bytes.empty() || !status_.ok()) return;
  if (ssl_ == nullptr) {
    output_.append(bytes.data(), bytes.size());
    return;
  }
  const int result =
      SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
  if (result <= 0) FailSsl("write", result);
}

void TlsClient::Close() {
  if (is_closing_) return;
  is_closing_ = true;
  writes_on_ = false;
  if (ssl_ != nullptr) SSL_shutdown(ssl_.get());
  if (!is_in_turn_) Turn();
}

void TlsClient::Send() {
  if (unsent() > 0) {
    const ssize_t size =
        send(descriptor_, output_.data() + sent_, unsent(), MSG_NOSIGNAL);
    if (size >= 0) {
      sent_ += static_cast<size_t>(size);
    } else if (is_closing_ && (errno == EPIPE || errno == ECONNRESET)) {
      input_ended_ = true;
    } else if (errno != EAGAIN && errno != EINTR) {
      return Fail(SystemError("send"));
    }
    // What is sent need not go at once, but some day.
    if (unsent() == 0 || sent_ >= kBufferSize) {
      output_.erase(0, sent_);
      sent_ = 0;
    }
  }
  if (is_closing_ && unsent() == 0 && !has_ended_output_) {
    has_ended_output_ = true;
    shutdown(descriptor_, SHUT_WR);
  }
}

void TlsClient::WatchForMore() {
  const bool wants_output = writes_on_ || unsent() > 0;
  const uint32_t events = wants_output ? EPOLLIN | EPOLLOUT : EPOLLIN;
  if (events == events_) return;
  events_ = events;
  thread_.poller().Change(descriptor_, events, this);
}

void TlsClient::FailSsl(absl::string_view operation, int result) {
  const int error = SSL_get_error(ssl_.get(), result);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return;
  if (error == SSL_ERROR_ZERO_RETURN) {
    if (!is_closing_) {
      Fail(absl::AbortedError("the server has sent close_notify"));
    }
    return;
  }
  const uint32_t code = ERR_get_error();
  Fail(absl::AbortedError(absl::StrCat(
      operation, ": ",
      code == 0 ? SSL_error_description(error) : ERR_reason_error_string(code),
      " (", ERR_GET_LIB(code), ",", ERR_GET_REASON(code), ")")));
}

void TlsClient::Fail(const absl::Status& status) {
  if (status_.ok()) status_ = status;
}

}  // namespace tlsd::bench::load
