#include "server/control/secure_context_service.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "proto/status/error.h"
#include "server/base/names.h"
#include "server/base/status_macros.h"
#include "server/control/convert.h"
#include "server/control/fields.h"
#include "server/control/unary_call.h"
#include "server/tls/algorithms.h"

namespace tlsd::control {
namespace {

absl::StatusOr<tls::CredentialsOptions> ToCredentials(
    const v1::Credentials& proto) {
  switch (proto.source_case()) {
    case v1::Credentials::kPem: {
      tls::PemCredentials pem;
      pem.certificate_chain = proto.pem().certificate_chain();
      pem.private_key = proto.pem().private_key();
      pem.passphrase = proto.pem().passphrase();
      pem.allow_outside_validity = proto.pem().allow_outside_validity();
      return tls::CredentialsOptions(std::move(pem));
    }
    case v1::Credentials::kDevelopment: {
      const auto& names = proto.development().server_names();
      return tls::CredentialsOptions(
          tls::DevelopmentCredentials{{names.begin(), names.end()}});
    }
    case v1::Credentials::SOURCE_NOT_SET:
      break;
  }
  return FieldRequired("source (pem or development)");
}

absl::StatusOr<tls::TlsVersion> ToTlsVersion(absl::string_view field,
                                             v1::TlsVersion proto,
                                             tls::TlsVersion unspecified) {
  switch (proto) {
    case v1::TLS_VERSION_UNSPECIFIED:
      return unspecified;
    case v1::TLS_VERSION_TLS_1_0:
      return tls::TlsVersion::kTls10;
    case v1::TLS_VERSION_TLS_1_1:
      return tls::TlsVersion::kTls11;
    case v1::TLS_VERSION_TLS_1_2:
      return tls::TlsVersion::kTls12;
    case v1::TLS_VERSION_TLS_1_3:
      return tls::TlsVersion::kTls13;
    default:
      return FieldError(Reason::kFieldInvalid, field, absl::StrCat(proto),
                        "TLS_VERSION_TLS_1_0 to TLS_VERSION_TLS_1_3");
  }
}

absl::StatusOr<tls::ClientCertificateMode> ToClientCertificateMode(
    v1::ClientCertificateMode proto) {
  switch (proto) {
    case v1::CLIENT_CERTIFICATE_MODE_UNSPECIFIED:
    case v1::CLIENT_CERTIFICATE_MODE_NONE:
      return tls::ClientCertificateMode::kNone;
    case v1::CLIENT_CERTIFICATE_MODE_REQUEST:
      return tls::ClientCertificateMode::kRequest;
    case v1::CLIENT_CERTIFICATE_MODE_REQUIRE:
      return tls::ClientCertificateMode::kRequire;
    default:
      return FieldError(Reason::kFieldInvalid, "client_certificate_mode",
                        absl::StrCat(proto),
                        "CLIENT_CERTIFICATE_MODE_NONE, _REQUEST or _REQUIRE");
  }
}

// Errors of a part, as errors of the request.
absl::Status InRequest(const absl::Status& error) {
  return PrefixField(error, "secure_context.");
}

}  // namespace

absl::StatusOr<tls::SecureContextOptions> ToSecureContextOptions(
    const v1::SecureContext& proto) {
  tls::SecureContextOptions options;
  for (int i = 0; i < proto.credentials_size(); ++i) {
    absl::StatusOr<tls::CredentialsOptions> credentials =
        ToCredentials(proto.credentials(i));
    if (!credentials.ok()) {
      return PrefixField(credentials.status(),
                         absl::StrCat("credentials[", i, "]."));
    }
    options.credentials.push_back(*std::move(credentials));
  }
  const v1::TrustAnchors& anchors = proto.trust_anchors();
  options.trust_anchors.pems = {anchors.pems().begin(), anchors.pems().end()};
  options.trust_anchors.system = anchors.system();
  options.trust_anchors.development = anchors.development();
  TLSD_ASSIGN_OR_RETURN(
      options.min_version,
      ToTlsVersion("min_version", proto.min_version(), options.min_version));
  TLSD_ASSIGN_OR_RETURN(
      options.max_version,
      ToTlsVersion("max_version", proto.max_version(), options.max_version));
  options.alpn_protocols = {proto.alpn_protocols().begin(),
                            proto.alpn_protocols().end()};
  TLSD_ASSIGN_OR_RETURN(
      options.client_certificate_mode,
      ToClientCertificateMode(proto.client_certificate_mode()));
  return options;
}

SecureContextService::SecureContextService(worker::ContextTable& contexts,
                                           worker::ListenerTable& listeners,
                                           tls::DevelopmentAuthority& authority)
    : contexts_(contexts), listeners_(listeners), authority_(authority) {}

grpc::ServerUnaryReactor* SecureContextService::CreateSecureContext(
    grpc::CallbackServerContext* context,
    const v1::CreateSecureContextRequest* request,
    v1::SecureContext* response) {
  return FinishNow(context, Create(*request, *response));
}

absl::Status SecureContextService::Create(
    const v1::CreateSecureContextRequest& request,
    v1::SecureContext& response) {
  if (!request.secure_context_id().empty()) {
    TLSD_RETURN_IF_ERROR(
        base::CheckId("secure_context_id", request.secure_context_id()));
  }
  if (!request.has_secure_context()) return FieldRequired("secure_context");
  absl::StatusOr<tls::SecureContextOptions> options =
      ToSecureContextOptions(request.secure_context());
  if (!options.ok()) return InRequest(options.status());
  absl::StatusOr<std::shared_ptr<const tls::SecureContext>> secure_context =
      tls::SecureContext::Create(*options, authority_, absl::Now());
  if (!secure_context.ok()) return InRequest(secure_context.status());
  TLSD_ASSIGN_OR_RETURN(
      const std::shared_ptr<const worker::ContextRecord> record,
      contexts_.Add(request.secure_context_id(), *std::move(options),
                    *std::move(secure_context)));
  ToProto(*record, response);
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* SecureContextService::GetSecureContext(
    grpc::CallbackServerContext* context,
    const v1::GetSecureContextRequest* request, v1::SecureContext* response) {
  absl::Status status =
      base::CheckName("name", base::kSecureContexts, request->name());
  if (status.ok()) {
    const absl::StatusOr<std::shared_ptr<const worker::ContextRecord>> record =
        contexts_.Get(request->name());
    status = record.status();
    if (status.ok()) ToProto(**record, *response);
  }
  return FinishNow(context, status);
}

grpc::ServerUnaryReactor* SecureContextService::ListSecureContexts(
    grpc::CallbackServerContext* context,
    const v1::ListSecureContextsRequest* request,
    v1::ListSecureContextsResponse* response) {
  return FinishNow(context, List(*request, *response));
}

absl::Status SecureContextService::List(
    const v1::ListSecureContextsRequest& request,
    v1::ListSecureContextsResponse& response) {
  TLSD_ASSIGN_OR_RETURN(const size_t page_size,
                        ToPageSize(request.page_size()));
  TLSD_ASSIGN_OR_RETURN(const std::string after,
                        FromPageToken(request.page_token()));
  // One more than asked tells whether there is a next page.
  const std::vector<std::shared_ptr<const worker::ContextRecord>> records =
      contexts_.List(after, page_size + 1);
  for (size_t i = 0; i < records.size() && i < page_size; ++i) {
    ToProto(*records[i], *response.add_secure_contexts());
  }
  if (records.size() > page_size) {
    response.set_next_page_token(ToPageToken(records[page_size - 1]->name));
  }
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* SecureContextService::DeleteSecureContext(
    grpc::CallbackServerContext* context,
    const v1::DeleteSecureContextRequest* request,
    google::protobuf::Empty* /*response*/) {
  return FinishNow(context, Delete(*request));
}

absl::Status SecureContextService::Delete(
    const v1::DeleteSecureContextRequest& request) {
  TLSD_RETURN_IF_ERROR(
      base::CheckName("name", base::kSecureContexts, request.name()));
  TLSD_RETURN_IF_ERROR(contexts_.Get(request.name()).status());
  const std::optional<std::string> user = listeners_.FirstUser(request.name());
  if (user.has_value() && !request.force()) {
    return MakeError(Reason::kContextInUse,
                     absl::StrCat(request.name(), " is used by ", *user,
                                  "; delete the listener first, or set force"),
                     {{"secure_context", request.name()}, {"listener", *user}});
  }
  return contexts_.Remove(request.name(), request.etag());
}

grpc::ServerUnaryReactor* SecureContextService::ListAlgorithms(
    grpc::CallbackServerContext* context,
    const v1::ListAlgorithmsRequest* /*request*/,
    v1::ListAlgorithmsResponse* response) {
  for (const tls::CipherSuiteFacts& facts : tls::ListCipherSuites()) {
    v1::CipherSuite& suite = *response->add_cipher_suites();
    suite.set_name(facts.name);
    suite.set_standard_name(facts.standard_name);
    suite.set_min_version(ToProto(facts.min_version));
    suite.set_max_version(ToProto(facts.max_version));
    suite.set_strength_bits(facts.strength_bits);
  }
  for (std::string& group : tls::ListGroups()) {
    response->add_groups(std::move(group));
  }
  for (std::string& algorithm : tls::ListSignatureAlgorithms()) {
    response->add_signature_algorithms(std::move(algorithm));
  }
  return FinishNow(context, absl::OkStatus());
}

}  // namespace tlsd::control
