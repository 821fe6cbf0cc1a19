// DescriptorShortage lets the process have no further descriptor while it
// exists. It belongs to the test that makes it; there can be one at a time.
#ifndef TLSD_TESTS_UNIT_NET_DESCRIPTOR_SHORTAGE_H_
#define TLSD_TESTS_UNIT_NET_DESCRIPTOR_SHORTAGE_H_

#include <sys/resource.h>
#include <unistd.h>

namespace tlsd::net {

class DescriptorShortage {
 public:
  DescriptorShortage() {
    getrlimit(RLIMIT_NOFILE, &previous_);
    const int next = dup(0);
    close(next);
    const rlimit tight = {static_cast<rlim_t>(next), previous_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &tight);
  }
  ~DescriptorShortage() { setrlimit(RLIMIT_NOFILE, &previous_); }

 private:
  rlimit previous_;
};

}  // namespace tlsd::net

#endif  // TLSD_TESTS_UNIT_NET_DESCRIPTOR_SHORTAGE_H_
