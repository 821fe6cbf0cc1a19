#include "tests/unit/tls/first_flight.h"

#include <openssl/ssl.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/base/chunk_pool.h"

namespace tlsd::tls {
namespace {

constexpr size_t kRecordHeaderBytes = 5;

}  // namespace

std::string FirstFlight(const SecureContextOptions& options,
                        const EngineOptions& engine) {
  base::ChunkPool pool;
  const auto client = TlsEngine::Create(testing::MakeContext(options),
                                        Role::kClient, engine, pool)
                          .value();
  return client->ciphertext().TakeText(client->ciphertext().size());
}

std::string Record(uint8_t type, absl::string_view content) {
  const auto size = static_cast<uint16_t>(content.size());
  const char header[kRecordHeaderBytes] = {static_cast<char>(type), 3, 3,
                                           static_cast<char>(size >> 8),
                                           static_cast<char>(size & 0xff)};
  return absl::StrCat(absl::string_view(header, sizeof(header)), content);
}

std::string InRecords(absl::string_view flight, size_t size) {
  flight.remove_prefix(kRecordHeaderBytes);
  std::string records;
  while (!flight.empty()) {
    absl::StrAppend(&records,
                    Record(SSL3_RT_HANDSHAKE, flight.substr(0, size)));
    flight.remove_prefix(std::min(size, flight.size()));
  }
  return records;
}

}  // namespace tlsd::tls
