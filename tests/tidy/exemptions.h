// The sources that have no test of their own name: each with the test that
// covers it, and why that is the better place.
#ifndef TLSD_TESTS_TIDY_EXEMPTIONS_H_
#define TLSD_TESTS_TIDY_EXEMPTIONS_H_

#include <vector>

#include "absl/strings/string_view.h"

namespace tlsd::tidy {

struct Exemption {
  absl::string_view source;
  absl::string_view test;
  absl::string_view reason;
};

const std::vector<Exemption>& Exemptions();

}  // namespace tlsd::tidy

#endif  // TLSD_TESTS_TIDY_EXEMPTIONS_H_
