// How certificates look to a person: those of peers, own ones, trusted ones.
//
// Functions take the message and the time it is, and return values of text.h;
// they print and call nothing. They hold no state and may be used from any
// thread.
#ifndef TLSD_CLIENT_CLI_SHOW_CERTIFICATE_H_
#define TLSD_CLIENT_CLI_SHOW_CERTIFICATE_H_

#include <google/protobuf/repeated_field.h>

#include <string>

#include "absl/time/time.h"
#include "client/cli/text.h"
#include "tlsd/v1/certificate_service.pb.h"
#include "tlsd/v1/connection_service.pb.h"
#include "tlsd/v1/types.pb.h"

namespace tlsd::client::cli {

Block CertificateBlock(const v1::Certificate& certificate, absl::Time now);

// CertificatesText returns a block for each certificate, empty lines between.
std::string CertificatesText(
    const google::protobuf::RepeatedPtrField<v1::Certificate>& certificates,
    absl::Time now, ColourMode mode);

// PeerCertificateText returns the chain if there is one, else the certificate;
// and says so if the peer has shown none, or has sent other certificates than
// those of the chain.
std::string PeerCertificateText(const v1::GetPeerCertificateResponse& response,
                                absl::Time now, ColourMode mode);

// ServerIdentityText says in a line whether the certificate is for `name`.
std::string ServerIdentityText(const v1::CheckServerIdentityResponse& response,
                               const std::string& name, ColourMode mode);

// OcspCell tells the status in an OCSP response, and how long it holds. Nobody
// has checked its signature.
Cell OcspCell(const v1::OcspResponse& response);

Table OwnCertificateTable(const v1::ListOwnCertificatesResponse& list);
Table TrustedCertificateTable(const v1::ListTrustedCertificatesResponse& list,
                              absl::Time now);

}  // namespace tlsd::client::cli

#endif  // TLSD_CLIENT_CLI_SHOW_CERTIFICATE_H_
