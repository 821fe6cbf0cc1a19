// KeyLogStream is the secrets of connections as their handshakes make them, so
// that tools such as Wireshark can decrypt what was captured.
//
// It is not for production: who has a line can read its connection. It works
// only where the daemon was started with --key_log. Handshakes that begin when
// `Client::WatchKeyLog` has returned are told as a whole; it is no log of those
// before.
//
// Who holds the object owns the watch; destroying it ends the call. One thread
// calls `Next`; `Cancel` may be called from any.
#ifndef TLSD_CLIENT_KEY_LOG_STREAM_H_
#define TLSD_CLIENT_KEY_LOG_STREAM_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace tlsd::client {

class ControlChannel;

// KeyLogEntry is one secret, or a place where some are missing.
struct KeyLogEntry {
  // As SSLKEYLOGFILE has it, without its end: label, client random and secret.
  std::string line;
  std::string connection;     // "connections/ID" it belongs to
  int64_t dropped_count = 0;  // of lines that are missing here; then no line
};

class KeyLogStream {
 public:
  // Moving leaves `other` good for destruction and assignment only.
  KeyLogStream(KeyLogStream&& other) noexcept;
  KeyLogStream& operator=(KeyLogStream&& other) noexcept;
  ~KeyLogStream();

  // Next waits for the next entry. It fails with WAIT_TIMEOUT after `timeout`,
  // nothing lost; CALL_CANCELLED after `Cancel`; and SHUTTING_DOWN or
  // UNAVAILABLE when the daemon ends. Errors but WAIT_TIMEOUT are final.
  absl::StatusOr<KeyLogEntry> Next(
      absl::Duration timeout = absl::InfiniteDuration());

  // Cancel ends the watch.
  void Cancel();

 private:
  friend class Client;

  class Watch;

  static absl::StatusOr<KeyLogStream> Open(
      std::shared_ptr<ControlChannel> channel, const std::string& listener);

  explicit KeyLogStream(std::unique_ptr<Watch> watch);

  std::unique_ptr<Watch> watch_;
};

}  // namespace tlsd::client

#endif  // TLSD_CLIENT_KEY_LOG_STREAM_H_
