// What the program has allocated from the heap: the library stands in for
// malloc and its kin, passes every call on to glibc's, and counts.
//
// A program that links it counts for all its threads and libraries, from its
// first instruction. Bytes are those that glibc spends: the piece that was
// asked for, rounded up, and its header. Any thread may ask.
#ifndef TLSD_TESTS_COST_ALLOCATIONS_H_
#define TLSD_TESTS_COST_ALLOCATIONS_H_

#include <cstdint>

namespace tlsd::cost {

// AllocationCount returns how many pieces were ever allocated. One that was
// resized counts again.
int64_t AllocationCount();

// LiveBytes returns the bytes of all pieces that are not freed.
int64_t LiveBytes();

}  // namespace tlsd::cost

#endif  // TLSD_TESTS_COST_ALLOCATIONS_H_
