// ListAll calls a List method page by page.
//
// This is internal to client/. It holds no state; whoever calls it owns the
// pages.
#ifndef TLSD_CLIENT_LIST_ALL_H_
#define TLSD_CLIENT_LIST_ALL_H_

#include "absl/status/status.h"
#include "client/control_channel.h"

namespace tlsd::client {

// ListAll calls a List method until its last page. `collect` takes each page.
template <typename Method, typename Request, typename Collect>
absl::Status ListAll(ControlChannel& channel, Method method, Request request,
                     Collect collect) {
  constexpr int kPageSize = 200;
  request.set_page_size(kPageSize);
  do {
    const auto page = channel.Call(method, request, kCallTimeout);
    if (!page.ok()) return page.status();
    collect(*page);
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  return absl::OkStatus();
}

}  // namespace tlsd::client

#endif  // TLSD_CLIENT_LIST_ALL_H_
