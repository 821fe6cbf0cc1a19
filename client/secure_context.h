// SecureContext is a handle of a TLS configuration that the daemon keeps: own
// credentials, whom to trust, what to agree to. It is what
// `tls.createSecureContext` returns.
//
// It is not the configuration itself and holds no key: the daemon does, and no
// call brings a key back. Destroying a handle leaves the context in the daemon;
// `Delete` removes it. Handles can be copied, outlive their `Client`, and be
// used by any thread.
#ifndef TLSD_CLIENT_SECURE_CONTEXT_H_
#define TLSD_CLIENT_SECURE_CONTEXT_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/facts.h"
#include "client/secure_context_options.h"

namespace tlsd::client {

class ControlChannel;

// DeleteMode says what becomes of a context that listeners name.
enum class DeleteMode {
  // It stays: the deletion fails with CONTEXT_IN_USE.
  kUnlessInUse,
  // It is deleted; the listeners keep using it.
  kForce,
};

// DeleteOptions says when `SecureContext::Delete` deletes.
struct DeleteOptions {
  DeleteMode mode = DeleteMode::kUnlessInUse;

  // Delete it only while this is its etag, see `SecureContextFacts::etag`.
  // Empty: whatever it is.
  std::string etag = {};
};

class SecureContext {
 public:
  // name returns "secureContexts/ID".
  const std::string& name() const { return facts_.name; }

  // facts returns the context as it was when this handle was made: `Update`, of
  // this handle or another, does not change it.
  const SecureContextFacts& facts() const { return facts_; }

  // GetFacts asks the daemon for the context as it is now. It fails with
  // CONTEXT_NOT_FOUND if it was deleted.
  absl::StatusOr<SecureContextFacts> GetFacts() const;

  // Update changes the fields that `update` sets, all at once, and returns the
  // context as it is then. Connections that listeners accept from then on use
  // it so; others go on as they are. It fails as `Client::CreateSecureContext`,
  // and with CONTEXT_NOT_FOUND, ETAG_MISMATCH, or CREDENTIALS_REQUIRED if a
  // listener would be left without; then nothing is changed.
  absl::StatusOr<SecureContextFacts> Update(
      const SecureContextUpdate& update) const;

  // ValidateUpdate returns what `Update` would return, and changes nothing.
  absl::StatusOr<SecureContextFacts> ValidateUpdate(
      const SecureContextUpdate& update) const;

  // RotateTicketKeys puts a new ticket key before the others, at once: `key`,
  // 48 random bytes, or one that the daemon makes. It returns how many keys
  // open tickets then, at most 16. It fails with CONTEXT_NOT_FOUND or
  // TICKET_KEYS_INVALID.
  absl::StatusOr<int> RotateTicketKeys(const std::string& key = "") const;

  // RotateEchKeys makes a key for encrypted ClientHellos and puts it before the
  // others, at once: clients are given it to retry with, and the others still
  // open ClientHellos. Beyond 8 keys the oldest is dropped. `public_name` is
  // what clients show in the clear; a certificate of the context should have
  // it. `max_name_length` is that of the longest server name that clients may
  // want, 1 to 255. It fails with CONTEXT_NOT_FOUND, FIELD_REQUIRED,
  // FIELD_INVALID or SERVER_NAME_INVALID.
  absl::StatusOr<EchRotation> RotateEchKeys(const std::string& public_name,
                                            int max_name_length = 64) const;

  // SetOcspResponse changes what is stapled with the credentials in the place
  // `credentials_index`, from 0, at once: a response in DER, or nothing. It
  // returns the context as it is then. It fails with CONTEXT_NOT_FOUND,
  // OCSP_RESPONSE_INVALID or FIELD_INVALID.
  absl::StatusOr<SecureContextFacts> SetOcspResponse(
      const std::string& ocsp_response, int credentials_index = 0) const;

  // Delete removes the context from the daemon. Connections that use it live
  // on. It fails with CONTEXT_IN_USE while a listener names it, unless the mode
  // is kForce; with ETAG_MISMATCH if `options.etag` is not its etag any more;
  // and with CONTEXT_NOT_FOUND if it is gone already.
  absl::Status Delete(const DeleteOptions& options = {});

 private:
  friend class Client;
  SecureContext(std::shared_ptr<ControlChannel> channel,
                SecureContextFacts facts);

  std::shared_ptr<ControlChannel> channel_;
  SecureContextFacts facts_;
};

}  // namespace tlsd::client

#endif  // TLSD_CLIENT_SECURE_CONTEXT_H_
