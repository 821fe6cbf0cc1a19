// Hook says that a handshake asks a question of one type, and what becomes of
// it without an answer: plain data, with no BoringSSL in it.
//
// The question itself is in question.h. Any thread may read a hook.
#ifndef TLSD_SERVER_TLS_HOOK_H_
#define TLSD_SERVER_TLS_HOOK_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace tlsd::tls {

// In the order of the variant `Question`.
enum class HookType {
  kClientHello,
  kOcspStaple,
  kSessionLookup,
  kSessionStore,
  kVerifyPeer,
  kSign,
};

// HookName returns the type as the contract names it, e.g. "CLIENT_HELLO".
inline absl::string_view HookName(HookType type) {
  switch (type) {
    case HookType::kClientHello:
      return "CLIENT_HELLO";
    case HookType::kOcspStaple:
      return "OCSP_STAPLE";
    case HookType::kSessionLookup:
      return "SESSION_LOOKUP";
    case HookType::kSessionStore:
      return "SESSION_STORE";
    case HookType::kVerifyPeer:
      return "VERIFY_PEER";
    case HookType::kSign:
      break;
  }
  return "SIGN";
}

struct Hook {
  HookType type = HookType::kClientHello;
  absl::Duration timeout = absl::Seconds(5);
  // Without an answer the handshake fails; else it goes on as if nobody had
  // been asked.
  bool fails_without_answer = false;
  // Without a handler there is no use in waiting for one.
  bool skip_without_handler = false;
};

// At most one of each type.
using Hooks = std::vector<Hook>;

// FindHook returns the hook of `type` in `hooks`, or null.
inline const Hook* FindHook(const Hooks& hooks, HookType type) {
  for (const Hook& hook : hooks) {
    if (hook.type == type) return &hook;
  }
  return nullptr;
}

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_HOOK_H_
