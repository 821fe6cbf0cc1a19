// Facts of the core to protos. Pure functions; any thread may call them.
#ifndef TLSD_SERVER_CONTROL_CONVERT_H_
#define TLSD_SERVER_CONTROL_CONVERT_H_

#include <string>

#include "absl/status/status.h"
#include "server/conn/connection_facts.h"
#include "server/control/convert_transport.h"
#include "server/tls/certificate_facts.h"
#include "server/tls/ocsp_response.h"
#include "server/tls/role.h"
#include "server/tls/secure_context_options.h"
#include "server/worker/context_table.h"
#include "server/worker/event_hub.h"
#include "server/worker/listener.h"
#include "tlsd/v1/connection_service.pb.h"
#include "tlsd/v1/event_service.pb.h"
#include "tlsd/v1/listener_service.pb.h"
#include "tlsd/v1/secure_context_service.pb.h"
#include "tlsd/v1/types.pb.h"

namespace tlsd::control {

// ToText returns what a string of a proto can hold: bytes that are not UTF-8
// would make the message unreadable, so they are escaped. What peers choose,
// e.g. the path of their unix socket, may be any bytes.
std::string ToText(const std::string& bytes);

v1::Role ToProto(tls::Role role);
void ToProto(const absl::Status& failure, v1::Failure& proto);
void ToProto(const tls::OcspResponseFacts& facts, v1::OcspResponse& proto);
v1::TlsVersion ToProto(tls::TlsVersion version);
v1::ClientCertificateMode ToProto(tls::ClientCertificateMode mode);
void ToProto(const tls::CertificateFacts& facts, v1::Certificate& proto);
void ToProto(const worker::ContextFacts& facts, v1::SecureContext& proto);
void ToProto(const worker::ListenerFacts& facts, v1::Listener& proto);
void ToProto(const conn::ConnectionFacts& facts, v1::Connection& proto);
// `resume_token` is that of the event.
void ToProto(const worker::Event& event, const std::string& resume_token,
             v1::Event& proto);

}  // namespace tlsd::control

#endif  // TLSD_SERVER_CONTROL_CONVERT_H_
