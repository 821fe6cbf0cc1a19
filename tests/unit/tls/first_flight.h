// The first flight of a client as bytes, for tests that deliver it in their own
// way.
//
// They are for tests only.
#ifndef TLSD_TESTS_UNIT_TLS_FIRST_FLIGHT_H_
#define TLSD_TESTS_UNIT_TLS_FIRST_FLIGHT_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "server/tls/secure_context_options.h"
#include "server/tls/tls_engine.h"
#include "tests/testing/engine_pair.h"

namespace tlsd::tls {

// FirstFlight returns what a client under `options` says first: one record with
// a ClientHello.
std::string FirstFlight(
    const SecureContextOptions& options,
    const EngineOptions& engine = testing::LocalhostOptions());

// Record returns a record in cleartext.
std::string Record(uint8_t type, absl::string_view content);

// InRecords returns the handshake message of the one record `flight` in records
// with at most `size` bytes each.
std::string InRecords(absl::string_view flight, size_t size);

}  // namespace tlsd::tls

#endif  // TLSD_TESTS_UNIT_TLS_FIRST_FLIGHT_H_
