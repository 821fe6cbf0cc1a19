// Wipe overwrites secrets before their memory goes to others.
//
// A pure function; any thread may call it.
#ifndef TLSD_SERVER_BASE_SECRET_H_
#define TLSD_SERVER_BASE_SECRET_H_

#include <string>

namespace tlsd::base {

// Wipe overwrites `secret`, so that no compiler leaves it out, and makes it
// empty.
void Wipe(std::string& secret);

}  // namespace tlsd::base

#endif  // TLSD_SERVER_BASE_SECRET_H_
