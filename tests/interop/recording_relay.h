// RecordingRelay stands between a client and a server, both TCP, and keeps
// what goes by: a capture without the privileges of one.
//
//   client ---> RecordingRelay ---> server
//
// It takes one connection, and changes nothing. It belongs to the thread of the
// test; a thread of its own carries the bytes.
#ifndef TLSD_TESTS_INTEROP_RECORDING_RELAY_H_
#define TLSD_TESTS_INTEROP_RECORDING_RELAY_H_

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace tlsd::testing {

class RecordingRelay {
 public:
  // A relay to `server_port` of loopback.
  explicit RecordingRelay(int server_port);
  // Ends the connection.
  ~RecordingRelay();
  RecordingRelay(const RecordingRelay&) = delete;
  RecordingRelay& operator=(const RecordingRelay&) = delete;

  // port returns where the relay listens, on 127.0.0.1.
  int port() const { return port_; }

  // Capture waits until both ends have closed, and returns what went by as a
  // pcap file with invented headers of IP and TCP. In it the server has port
  // kServerPort. Call it once.
  std::string Capture();
  static constexpr uint16_t kServerPort = 443;

 private:
  struct Segment {
    bool from_client = false;
    std::string bytes;
  };

  void Carry();

  const int server_port_;
  const int listener_;
  int port_ = 0;
  // Readable when the relay must end.
  const int stop_;
  std::vector<Segment> segments_;
  std::thread carrier_;
};

}  // namespace tlsd::testing

#endif  // TLSD_TESTS_INTEROP_RECORDING_RELAY_H_
