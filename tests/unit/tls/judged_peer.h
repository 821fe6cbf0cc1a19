// JudgedPeer is a peer whose certificate is judged, and what it is judged by,
// whichever role it has:
//
//   JudgedPeer peer(version);
//   peer.Show(ExpiredServerIdentity());
//   EnginePair pair = peer.AsServer(PeerVerification::kRequire);
//
// As it is made, it is fine. It is for tests only.
#ifndef TLSD_TESTS_UNIT_TLS_JUDGED_PEER_H_
#define TLSD_TESTS_UNIT_TLS_JUDGED_PEER_H_

#include "server/tls/role.h"
#include "server/tls/secure_context_options.h"
#include "server/tls/tls_engine.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/test_identities.h"

namespace tlsd::tls {

struct JudgedPeer {
  explicit JudgedPeer(TlsVersion version);

  TlsVersion version;
  // What the peer shows: at first ServerIdentity, which may be a client too.
  PemCredentials shown;
  // What it is judged by: at first the test root alone.
  TrustAnchorsOptions trust_anchors;
  RevocationListsOptions revocation_lists;
  PeerRulesOptions peer_rules;
  // Of the judge, if that is a client.
  EngineOptions engine;

  // Show makes it show `identity`, be that outside its validity.
  void Show(const testing::TestIdentity& identity);

  // ShowInPart does so for a chain that is longer than credentials may be: the
  // rest is given to the judge.
  void ShowInPart(const testing::TestIdentity& identity);

  // AsServer and AsClient have the peer in that role, and the judge in the
  // other one.
  testing::EnginePair AsServer(PeerVerification verification) const;
  testing::EnginePair AsClient(ClientCertificateMode mode) const;

 private:
  void SetRules(SecureContextOptions& judge) const;
};

// OtherRole returns the role of the peer of `role`.
inline Role OtherRole(Role role) {
  return role == Role::kClient ? Role::kServer : Role::kClient;
}

}  // namespace tlsd::tls

#endif  // TLSD_TESTS_UNIT_TLS_JUDGED_PEER_H_
