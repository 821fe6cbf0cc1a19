#include "server/net/transport.h"

#include <utility>

namespace tlsd::net {

void Transport::CloseGently(std::unique_ptr<Transport> transport) {
  Transport& self = *transport;
  self.BeginLinger(std::move(transport));
}

void Transport::Reset(std::unique_ptr<Transport> transport,
                      const absl::Status& reason) {
  Transport& self = *transport;
  self.BeginReset(std::move(transport), reason);
}

}  // namespace tlsd::net
