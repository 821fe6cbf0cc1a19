// FakeWire is what lies below a transport: the kernel, the wire and the peer's
// socket, played by a test. Nothing moves unless the test says so.
//
//   FakeWire wire;
//   connection.Start(wire.MakeTransport());
//   wire.Arrive(bytes);
//   wire.Deliver();
//
// It belongs to one thread, and must outlive its transport.
#ifndef TLSD_TESTS_TESTING_FAKE_TRANSPORT_H_
#define TLSD_TESTS_TESTING_FAKE_TRANSPORT_H_

#include <cstddef>
#include <limits>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/net/socket_options.h"
#include "server/net/transport.h"

namespace tlsd::testing {

class FakeWire {
 public:
  // How the transport was given up.
  enum class Ending { kNone, kDestroyed, kGentle, kReset };

  // MakeTransport returns the transport over this wire. Call it once.
  std::unique_ptr<net::Transport> MakeTransport();

  // Arrive puts `bytes` into the kernel's queue, behind what is there;
  // ArriveEnd puts the peer's FIN there.
  void Arrive(absl::string_view bytes);
  void ArriveEnd() { end_has_arrived_ = true; }

  // Deliver hands the observer at most `delivery_size` bytes of what has
  // arrived, or the end behind them; it returns false if there is nothing, or
  // nobody reads.
  bool Deliver();

  // Fail breaks the transport with `error`.
  void Fail(const absl::Status& error);

  // MakeRoom lets the kernel take `count` bytes more.
  void MakeRoom(size_t count);

  // TakeSent returns what the kernel has taken to send.
  std::string TakeSent();

  size_t arrived_size() const { return arrived_.size(); }
  size_t unsent_size() const { return unsent_.size(); }
  bool is_paused() const { return is_paused_; }
  Ending ending() const { return ending_; }
  // Whether the kernel has been told that nothing more will be sent, behind
  // what is unsent.
  bool has_ended_writing() const { return has_ended_writing_; }
  // What SetOptions has set last.
  const net::SocketOptions& options() const { return options_; }
  // What Reset was given.
  const absl::Status& reset_reason() const { return reset_reason_; }

  // Set before use: how many bytes come at once, and how many the kernel takes.
  size_t delivery_size = 256 * 1024;
  size_t room = std::numeric_limits<size_t>::max();

 private:
  class FakeTransport;

  void Send();

  net::TransportObserver* observer_ = nullptr;
  bool is_paused_ = false;
  bool end_has_arrived_ = false;
  bool end_is_delivered_ = false;
  bool has_ended_writing_ = false;
  net::SocketOptions options_;
  absl::Status reset_reason_;
  Ending ending_ = Ending::kNone;
  std::string arrived_;
  std::string unsent_;
  std::string sent_;
};

}  // namespace tlsd::testing

#endif  // TLSD_TESTS_TESTING_FAKE_TRANSPORT_H_
