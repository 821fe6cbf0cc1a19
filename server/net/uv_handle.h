// UvHandle is a libuv handle on the heap. libuv uses a handle's memory until
// the loop has gone round after uv_close, so the handle frees itself then, and
// its owner keeps a plain pointer until it calls Close.
//
// It is internal to server/net, and belongs to the loop's thread.
#ifndef TLSD_SERVER_NET_UV_HANDLE_H_
#define TLSD_SERVER_NET_UV_HANDLE_H_

#include <uv.h>

namespace tlsd::net {

class UvHandle {
 public:
  UvHandle(const UvHandle&) = delete;
  UvHandle& operator=(const UvHandle&) = delete;

  // Close stops all callbacks at once, and frees the handle later. Call it
  // once.
  void Close() {
    OnClose();
    uv_close(handle(), [](uv_handle_t* closed) {
      delete static_cast<UvHandle*>(closed->data);
    });
  }

  // is_abandoned reports whether nobody but the loop will close the handle.
  virtual bool is_abandoned() const { return false; }

 protected:
  UvHandle() = default;
  virtual ~UvHandle() = default;

  virtual uv_handle_t* handle() = 0;
  // OnClose lets go of what must not outlive the closing.
  virtual void OnClose() {}
};

}  // namespace tlsd::net

#endif  // TLSD_SERVER_NET_UV_HANDLE_H_
