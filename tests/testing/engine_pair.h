// EnginePair is a client and a server engine with a wire between them that a
// test controls: how many bytes arrive at once, where it is cut, which bytes
// are altered on the way.
//
//   EnginePair pair(client_context, server_context);
//   pair.Pump();
//   ASSERT_TRUE(pair.client().handshake.has_value());
//
// It never waits: Pump ends when neither side has anything more to say, also
// when a question waits for its answer.
#ifndef TLSD_TESTS_TESTING_ENGINE_PAIR_H_
#define TLSD_TESTS_TESTING_ENGINE_PAIR_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/base/byte_queue.h"
#include "server/base/chunk_pool.h"
#include "server/tls/development_authority.h"
#include "server/tls/engine_event.h"
#include "server/tls/question.h"
#include "server/tls/secure_context.h"
#include "server/tls/tls_engine.h"

namespace tlsd::testing {

// MakeContext returns the context of `options`, as of now; the test fails if
// they are bad.
std::shared_ptr<const tls::SecureContext> MakeContext(
    const tls::SecureContextOptions& options);

// TestAuthority returns the development authority that MakeContext uses.
tls::DevelopmentAuthority& TestAuthority();

// ServerOptions and ClientOptions return options that fit together: the test
// server for "localhost", and a client that trusts the test root. Both speak
// `version` only.
tls::SecureContextOptions ServerOptions(tls::TlsVersion version);
tls::SecureContextOptions ClientOptions(tls::TlsVersion version);

// LocalhostOptions returns the options of a client for "localhost".
tls::EngineOptions LocalhostOptions();

class EnginePair {
 public:
  // End is one side, and what has come out of it.
  struct End {
    std::unique_ptr<tls::TlsEngine> engine;
    // What the engine was created with, or its first error.
    absl::Status status;
    std::optional<tls::HandshakeFacts> handshake;
    bool peer_closed = false;
    std::unique_ptr<base::ByteQueue> cleartext;
    // Bytes on their way to this end, and how many have arrived.
    std::string inbound;
    size_t arrived_size = 0;
    bool has_seen_eof = false;
    // How often the handshake and the peer's end were reported, to see that
    // neither comes twice.
    int event_count = 0;
    // All that was reported, in order.
    std::vector<tls::EngineEvent> events;
    // Answers questions as soon as they are asked; nothing lets them wait.
    std::function<std::optional<tls::Answer>(const tls::Question&)> answer;

    // TakeCleartext returns all that has come.
    std::string TakeCleartext();

    // Reported returns the events of one kind, in order; Asked the questions.
    template <typename Event>
    std::vector<Event> Reported() const {
      std::vector<Event> reported;
      for (const tls::EngineEvent& event : events) {
        if (const auto* fits = std::get_if<Event>(&event)) {
          reported.push_back(*fits);
        }
      }
      return reported;
    }
    template <typename OneQuestion>
    std::vector<OneQuestion> Asked() const {
      std::vector<OneQuestion> asked;
      for (const auto& event : Reported<tls::QuestionAsked>()) {
        if (const auto* fits = std::get_if<OneQuestion>(event.question.get())) {
          asked.push_back(*fits);
        }
      }
      return asked;
    }
  };

  EnginePair(std::shared_ptr<const tls::SecureContext> client,
             std::shared_ptr<const tls::SecureContext> server,
             const tls::EngineOptions& client_options = LocalhostOptions(),
             const tls::EngineOptions& server_options = {});

  End& client() { return client_; }
  End& server() { return server_; }
  End& end(tls::Role role) {
    return role == tls::Role::kClient ? client_ : server_;
  }

  // Set before Pump. Deliveries have at most `delivery_size` bytes; cleartext
  // is taken from an engine up to `cleartext_limit` bytes.
  size_t delivery_size = std::numeric_limits<size_t>::max();
  size_t cleartext_limit = std::numeric_limits<size_t>::max();

  // CutAfter ends the transport to `receiver` when `size` bytes have arrived.
  void CutAfter(tls::Role receiver, size_t size);

  // Alter flips bits of the byte at `offset` of all that goes to `receiver`.
  void Alter(tls::Role receiver, size_t offset, uint8_t mask = 0x01);

  // Pump carries bytes both ways until nothing moves.
  void Pump();

  // Deliver puts `bytes` on the wire to `receiver`, as if the peer had.
  void Deliver(tls::Role receiver, absl::string_view bytes);

 private:
  bool Carry(End& from, End& to, tls::Role receiver);
  void Collect(End& from, End& to, tls::Role receiver);
  bool Arrive(End& to, tls::Role receiver);
  void Note(End& to, const tls::EventList& events);

  std::unique_ptr<base::ChunkPool> pool_ = std::make_unique<base::ChunkPool>();
  End client_;
  End server_;
  std::map<tls::Role, size_t> cuts_;
  std::map<tls::Role, std::map<size_t, uint8_t>> alterations_;
  std::map<tls::Role, size_t> sent_sizes_;
};

}  // namespace tlsd::testing

#endif  // TLSD_TESTS_TESTING_ENGINE_PAIR_H_
