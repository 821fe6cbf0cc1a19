// How connections look to a person: a block for one, a table for many, and the
// summary that `connect` and `accept` begin with.
//
// Functions take the message and the time it is, and return values of text.h;
// they print and call nothing. They hold no state and may be used from any
// thread.
#ifndef TLSD_CLIENT_CLI_SHOW_CONNECTION_H_
#define TLSD_CLIENT_CLI_SHOW_CONNECTION_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/cli/text.h"
#include "tlsd/v1/connection_service.pb.h"
#include "tlsd/v1/secure_pair_service.pb.h"

namespace tlsd::client::cli {

Block ConnectionBlock(const v1::Connection& connection, absl::Time now);
Table ConnectionTable(const v1::ListConnectionsResponse& list, absl::Time now);

// ConnectionSummary tells what `openssl s_client -brief` tells. `checked_name`
// is the name that was looked for in the peer's certificate; empty if none was.
Block ConnectionSummary(const v1::Connection& connection,
                        absl::string_view checked_name = "");

// SessionBlock tells of a session of "connections/ID", and not what is in it.
Block SessionBlock(const std::string& connection,
                   const v1::GetSessionResponse& response, absl::Time now);

// ChannelBindingsBlock tells what names "connections/ID" at both ends, in
// hexadecimal.
Block ChannelBindingsBlock(const std::string& connection,
                           const v1::GetChannelBindingsResponse& response);

// SecurePairBlock tells the names of both sides.
Block SecurePairBlock(const v1::SecurePair& pair);

// IsPlain reports whether TLS has no part in the connection.
bool IsPlain(const v1::Connection& connection);

// ProtocolText returns the version of TLS, or "plain"; "" before the handshake
// is complete.
std::string ProtocolText(const v1::Connection& connection);

// RemoteText returns the peer's address, or, of a connection that another
// carries, "over connections/ID".
std::string RemoteText(const v1::Connection& connection);

// CipherText returns the name of the cipher suite in the standards, or else
// OpenSSL's.
std::string CipherText(const v1::Handshake& handshake);

// SignatureText returns what a peer has signed with in three words: the type,
// the hash if it is not of the type, and the name in the standards, e.g.
// "RSA-PSS, SHA256 (rsa_pss_rsae_sha256)".
std::string SignatureText(absl::string_view algorithm);

// UnauthorizedText returns why a peer is not authorized: the name of the error,
// and what it says to people.
std::string UnauthorizedText(const v1::Connection& connection);

// ReasonText is UnauthorizedText of the two.
std::string ReasonText(const std::string& error, const std::string& text);

}  // namespace tlsd::client::cli

#endif  // TLSD_CLIENT_CLI_SHOW_CONNECTION_H_
