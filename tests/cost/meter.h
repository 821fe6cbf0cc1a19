// Meter says which instructions and allocations count, and what for. Under
// callgrind (run with --collect-atstart=no) the instructions of each quantity
// become a dump of its own, named "quantity/units"; without it only allocations
// are counted.
//
//   for (...) {
//     prepare();
//     const Meter::Section section(meter);
//     what_is_measured();
//   }
//   meter.Finish("handshake_tls13", handshake_count);
//
// One thread, and one meter at a time.
#ifndef TLSD_TESTS_COST_METER_H_
#define TLSD_TESTS_COST_METER_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace tlsd::cost {

class Meter {
 public:
  // Section counts what happens while it lives, and Pause leaves out what
  // happens while it lives, also sections within it.
  class Section {
   public:
    explicit Section(Meter& meter) : meter_(meter) { meter_.Enter(1, 0); }
    ~Section() { meter_.Enter(-1, 0); }
    Section(const Section&) = delete;
    Section& operator=(const Section&) = delete;

   private:
    Meter& meter_;
  };
  class Pause {
   public:
    explicit Pause(Meter& meter) : meter_(meter) { meter_.Enter(0, 1); }
    ~Pause() { meter_.Enter(0, -1); }
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    Meter& meter_;
  };

  // Begin drops what was counted: the rounds before it have warmed up.
  void Begin();

  // Finish says that what was counted since Begin was `units` times `quantity`,
  // and writes the allocations of one to standard output.
  void Finish(absl::string_view quantity, int units);

 private:
  // Enter changes how many sections and pauses there are.
  void Enter(int sections, int pauses);
  bool counts() const { return section_count_ > 0 && pause_count_ == 0; }

  int section_count_ = 0;
  int pause_count_ = 0;
  int64_t allocation_count_ = 0;
  int64_t count_at_start_ = 0;
};

// Report writes the line "name value" to standard output, with two decimals.
void Report(absl::string_view name, double value);

}  // namespace tlsd::cost

#endif  // TLSD_TESTS_COST_METER_H_
