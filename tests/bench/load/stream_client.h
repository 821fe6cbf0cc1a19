// StreamClient moves the pattern over a connection, compares all that comes
// with it, and counts. It belongs to the thread of its ClientThread.
#ifndef TLSD_TESTS_BENCH_LOAD_STREAM_CLIENT_H_
#define TLSD_TESTS_BENCH_LOAD_STREAM_CLIENT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "tests/bench/load/client_thread.h"
#include "tests/bench/load/tls_client.h"

namespace tlsd::bench::load {

class StreamClient : public TlsClient {
 public:
  // Events of a client, for the load. Those that are not set are not missed.
  struct Events {
    std::function<void(StreamClient&)> on_open = [](StreamClient&) {};
    // After bytes that came at once, all of them right.
    std::function<void(StreamClient&)> on_received = [](StreamClient&) {};
    // When there is time to send.
    std::function<void(StreamClient&)> on_turn = [](StreamClient&) {};
    std::function<void(const absl::Status&)> on_end;
  };

  // `events` must outlive it.
  StreamClient(ClientThread& thread, const Events& events)
      : TlsClient(thread), events_(events) {}

  // Send sends the next `size` bytes, at most Pattern::kPieceMax, of the
  // pattern; SendText what is none of it.
  void Send(size_t size);
  void SendText(absl::string_view text) { Write(text); }
  using TlsClient::set_writes_on;
  using TlsClient::unsent;

  int64_t sent() const { return sent_; }
  int64_t received() const { return received_; }
  void Fail(const absl::Status& status) { TlsClient::Fail(status); }

  // Of Clients.
  size_t place = 0;

 private:
  void OnOpen() override { events_.on_open(*this); }
  void OnCleartext(absl::string_view bytes) override;
  void OnTurn() override { events_.on_turn(*this); }
  void OnEnd(const absl::Status& status) override { events_.on_end(status); }

  const Events& events_;
  int64_t sent_ = 0;
  int64_t received_ = 0;
};

}  // namespace tlsd::bench::load

#endif  // TLSD_TESTS_BENCH_LOAD_STREAM_CLIENT_H_
