// MemoryWire is what lies below a transport, in memory: a socket that takes all
// and costs nothing, so that what is counted is the server's own work.
//
//   MemoryWire wire(meter);
//   connection.Start(wire.MakeTransport());
//   wire.Arrive(bytes);
//   const std::string answer = wire.TakeSent();
//
// It is no test double: it checks nothing, see tests/testing/fake_transport.h
// for one that does. It belongs to one thread, and must outlive its transport.
#ifndef TLSD_TESTS_COST_MEMORY_WIRE_H_
#define TLSD_TESTS_COST_MEMORY_WIRE_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "server/net/transport.h"
#include "tests/cost/meter.h"

namespace tlsd::cost {

class MemoryWire {
 public:
  explicit MemoryWire(Meter& meter) : meter_(meter) {}

  // MakeTransport returns the transport over this wire. Call it once.
  std::unique_ptr<net::Transport> MakeTransport();

  // Arrive hands `bytes` to the observer, in one read, and counts what it does.
  void Arrive(absl::string_view bytes);

  // TakeSent returns what was written; the copy of it was not counted.
  std::string TakeSent();

  // Whether the transport has been given up, or has never been started.
  bool has_observer() const { return observer_ != nullptr; }

 private:
  class MemoryTransport;

  void Keep(const base::ByteQueue& bytes);

  Meter& meter_;
  net::TransportObserver* observer_ = nullptr;
  std::string sent_;
};

}  // namespace tlsd::cost

#endif  // TLSD_TESTS_COST_MEMORY_WIRE_H_
