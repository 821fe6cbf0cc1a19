// RawSocket and RawListener are the peers of a daemon that does not speak TLS,
// or does not speak at all: silent servers, garbage, half a ClientHello. Every
// wait has an end. They belong to the thread of the test.
#ifndef TLSD_TESTS_INTEGRATION_RAW_SOCKET_H_
#define TLSD_TESTS_INTEGRATION_RAW_SOCKET_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace tlsd::testing {

class RawSocket {
 public:
  // Connect dials "127.0.0.1:port", "[::1]:port" or "unix:/path".
  static absl::StatusOr<RawSocket> Connect(const std::string& address);

  explicit RawSocket(int descriptor);
  RawSocket(RawSocket&& other) noexcept;
  RawSocket& operator=(RawSocket&& other) noexcept;
  ~RawSocket();

  int descriptor() const { return descriptor_; }

  // Send returns whether all of `bytes` went out.
  bool Send(absl::string_view bytes);
  // IsReadable waits at most `time` for bytes or the end.
  bool IsReadable(absl::Duration time);
  // EndSending sends FIN.
  void EndSending();
  // Close closes the socket: FIN, or a reset if unread bytes wait.
  void Close();

  enum class End { kEnd, kReset, kTimeout };
  // Receive reads until the peer ends, and appends what came to `bytes`.
  End Receive(std::string& bytes);

 private:
  int descriptor_;
};

class RawListener {
 public:
  // A listener that only binds refuses connections, and keeps the port.
  enum class Answer { kAccepts, kRefuses };
  explicit RawListener(Answer answer = Answer::kAccepts, int backlog = 16);
  ~RawListener();
  RawListener(const RawListener&) = delete;
  RawListener& operator=(const RawListener&) = delete;

  // address returns "127.0.0.1:port".
  const std::string& address() const { return address_; }
  absl::StatusOr<RawSocket> Accept();

 private:
  int descriptor_;
  std::string address_;
};

// kHalfClientHello is a record header that announces more than follows.
inline constexpr absl::string_view kHalfClientHello(
    "\x16\x03\x01\x02\x00\x01\x00\x01", 8);

}  // namespace tlsd::testing

#endif  // TLSD_TESTS_INTEGRATION_RAW_SOCKET_H_
