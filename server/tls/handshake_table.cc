#include "server/tls/handshake_table.h"

#include <utility>

#include "absl/hash/hash.h"

namespace tlsd::tls {
namespace {

// What differs most often where anything does.
size_t HashOf(const HandshakeFacts& facts) {
  return absl::HashOf(facts.server_name, facts.alpn_protocol,
                      facts.cipher_standard_name, facts.group, facts.resumed,
                      facts.peer_certificate);
}

}  // namespace

std::shared_ptr<const HandshakeFacts> HandshakeTable::Share(
    HandshakeFacts facts) {
  const size_t place = HashOf(facts) % kPlaceCount;
  std::shared_ptr<const HandshakeFacts> known;
  {
    absl::MutexLock lock(&mutex_);
    known = places_[place].lock();
  }
  if (known != nullptr && *known == facts) return known;
  // Not make_shared: the memory of the facts would stay with the place.
  std::shared_ptr<const HandshakeFacts> shared(
      new HandshakeFacts(std::move(facts)));
  absl::MutexLock lock(&mutex_);
  places_[place] = shared;
  return shared;
}

std::shared_ptr<const HandshakeFacts> ShareHandshakeFacts(
    HandshakeFacts facts) {
  static auto& table = *new HandshakeTable;
  return table.Share(std::move(facts));
}

}  // namespace tlsd::tls
