// EngineWire is an engine and the socket to a foreign peer, without the daemon
// between them.
//
//   EngineWire wire(context, tls::Role::kClient, options);
//   ASSERT_THAT(wire.Dial(port), IsOk());
//   ASSERT_TRUE(wire.RunUntil([&] { return wire.is_open(); }));
//
// Nothing moves but in RunUntil. It is for tests only, and belongs to one
// thread.
#ifndef TLSD_TESTS_INTEROP_ENGINE_WIRE_H_
#define TLSD_TESTS_INTEROP_ENGINE_WIRE_H_

#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/base/byte_queue.h"
#include "server/base/chunk_pool.h"
#include "server/tls/engine_event.h"
#include "server/tls/question.h"
#include "server/tls/secure_context.h"
#include "server/tls/tls_engine.h"

namespace tlsd::testing {

class EngineWire {
 public:
  EngineWire(std::shared_ptr<const tls::SecureContext> context, tls::Role role,
             const tls::EngineOptions& options);
  ~EngineWire();
  EngineWire(const EngineWire&) = delete;
  EngineWire& operator=(const EngineWire&) = delete;

  // Dial connects to `port` of loopback. Listen returns the port that the peer
  // shall connect to; the first of RunUntil waits for it.
  absl::Status Dial(int port);
  absl::StatusOr<int> Listen();

  tls::TlsEngine& engine() { return *engine_; }
  // The engine's first error.
  const absl::Status& status() const { return status_; }
  const std::string& cleartext() const { return cleartext_; }
  bool is_open() const { return Count<tls::HandshakeCompleted>() > 0; }
  // Count returns how many events of a kind there were.
  template <typename Event>
  size_t Count() const {
    size_t count = 0;
    for (const tls::EngineEvent& event : events_) {
      if (std::holds_alternative<Event>(event)) ++count;
    }
    return count;
  }

  // Last returns the last event of a kind; there must be one.
  template <typename Event>
  const Event& Last() const {
    for (auto event = events_.rbegin();; ++event) {
      if (const auto* fits = std::get_if<Event>(&*event)) return *fits;
    }
  }

  // Send seals `text`; it goes with the next RunUntil.
  absl::Status Send(absl::string_view text);

  // RunUntil carries bytes both ways until `done`, and returns false if the
  // engine or the transport ends before, or nothing comes in time.
  bool RunUntil(const std::function<bool()>& done);
  // RunToTheEnd goes on until the engine has failed, or the peer has gone.
  void RunToTheEnd();

  // WaitForRecords waits until `count` records have come that no RunUntil has
  // seen.
  bool WaitForRecords(size_t count);

  // How much the engine gets at once.
  size_t delivery_size = std::numeric_limits<size_t>::max();

  // Answers questions; null lets them wait.
  std::function<tls::Answer(const tls::Question&)> answer;

 private:
  // Step lets the engine do what it can, and reports whether it did anything.
  bool Step();
  void Flush();
  bool WaitReadable(absl::Time deadline);
  // ReadSocket reads what has come; false at the end.
  bool ReadSocket();

  base::ChunkPool pool_;
  base::ByteQueue received_;
  std::unique_ptr<tls::TlsEngine> engine_;
  absl::Status status_;
  std::string cleartext_;
  std::vector<tls::EngineEvent> events_;
  std::string inbound_;
  bool has_ended_ = false;
  int listener_ = -1;
  int socket_ = -1;
};

}  // namespace tlsd::testing

#endif  // TLSD_TESTS_INTEROP_ENGINE_WIRE_H_
