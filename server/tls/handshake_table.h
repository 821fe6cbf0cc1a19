// HandshakeTable lets connections whose handshakes have settled the same share
// its facts, which are a good part of what an idle connection would hold.
//
// It keeps no facts alive, and knows only some of those that are held: a place
// of the table belongs to the last that came there. One for all the process is
// behind ShareHandshakeFacts. Any thread may use it.
#ifndef TLSD_SERVER_TLS_HANDSHAKE_TABLE_H_
#define TLSD_SERVER_TLS_HANDSHAKE_TABLE_H_

#include <array>
#include <cstddef>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/tls/handshake_facts.h"

namespace tlsd::tls {

class HandshakeTable {
 public:
  // Share returns equal facts that somebody holds, if the table knows any; else
  // `facts`.
  std::shared_ptr<const HandshakeFacts> Share(HandshakeFacts facts);

 private:
  static constexpr size_t kPlaceCount = 256;

  absl::Mutex mutex_;
  std::array<std::weak_ptr<const HandshakeFacts>, kPlaceCount> places_
      ABSL_GUARDED_BY(mutex_);
};

std::shared_ptr<const HandshakeFacts> ShareHandshakeFacts(HandshakeFacts facts);

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_HANDSHAKE_TABLE_H_
