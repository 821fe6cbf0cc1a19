#include "server/control/secure_context_service.h"

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "proto/status/error.h"
#include "server/base/names.h"
#include "server/base/status_macros.h"
#include "server/control/convert.h"
#include "server/control/fields.h"
#include "server/control/secure_context_options.h"
#include "server/control/unary_call.h"
#include "server/tls/algorithms.h"

namespace tlsd::control {
namespace {

// Errors of a part, as errors of the request.
absl::Status InRequest(const absl::Status& error) {
  return PrefixField(error, "secure_context.");
}

// What RotateEchKeysRequest says if nothing is said.
constexpr int kMaxNameLengthDefault = 64;

bool HasField(const absl::Status& error, absl::string_view field) {
  const std::optional<ErrorDetail> detail = GetErrorDetail(error);
  if (!detail.has_value()) return false;
  const auto found = detail->metadata.find("field");
  return found != detail->metadata.end() && found->second == field;
}

}  // namespace

SecureContextService::SecureContextService(worker::ContextTable& contexts,
                                           worker::EventHub& events,
                                           worker::ExpiryWatch& expiry_watch,
                                           tls::DevelopmentAuthority& authority,
                                           bool key_log)
    : contexts_(contexts),
      events_(events),
      expiry_watch_(expiry_watch),
      authority_(authority),
      key_log_(key_log) {}

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
  absl::StatusOr<worker::ContextParts> parts =
      MakeParts(request.secure_context());
  if (!parts.ok()) return InRequest(parts.status());
  if (request.validate_only()) {
    ToProto(FactsOf(*worker::LiveContext("", *std::move(parts)).record()),
            response);
    return absl::OkStatus();
  }
  TLSD_ASSIGN_OR_RETURN(
      const std::shared_ptr<const worker::ContextRecord> record,
      contexts_.Add(request.secure_context_id(), *std::move(parts)));
  expiry_watch_.Look(*record, absl::Now());
  ToProto(FactsOf(*record), response);
  return absl::OkStatus();
}

absl::StatusOr<worker::ContextParts> SecureContextService::MakeParts(
    const v1::SecureContext& proto) {
  worker::ContextParts parts;
  const absl::Cleanup wipe = [&] { tls::WipeSecrets(parts.options); };
  TLSD_ASSIGN_OR_RETURN(parts.options, ToSecureContextOptions(proto));
  parts.options.key_log = key_log_;
  TLSD_ASSIGN_OR_RETURN(
      parts.secure_context,
      tls::SecureContext::Create(parts.options, authority_, absl::Now()));
  tls::WipeSecrets(parts.options);
  return worker::ContextParts{std::move(parts)};
}

grpc::ServerUnaryReactor* SecureContextService::UpdateSecureContext(
    grpc::CallbackServerContext* context,
    const v1::UpdateSecureContextRequest* request,
    v1::SecureContext* response) {
  return FinishNow(context, Update(*request, *response));
}

absl::Status SecureContextService::Update(
    const v1::UpdateSecureContextRequest& request,
    v1::SecureContext& response) {
  if (!request.has_secure_context()) return FieldRequired("secure_context");
  const v1::SecureContext& update = request.secure_context();
  TLSD_RETURN_IF_ERROR(base::CheckName("secure_context.name",
                                       base::kSecureContexts, update.name()));
  TLSD_ASSIGN_OR_RETURN(const std::shared_ptr<worker::LiveContext> context,
                        contexts_.Find(update.name()));
  const auto change = [&](const worker::ContextRecord& present) {
    return ChangeParts(present, request);
  };
  const auto publish = [&](const worker::ContextRecord& record) {
    PublishUpdate(record);
  };
  using Effect = worker::LiveContext::Effect;
  const absl::StatusOr<std::shared_ptr<const worker::ContextRecord>> record =
      context->Update(
          update.etag(),
          request.validate_only() ? Effect::kCheckOnly : Effect::kReplace,
          change, publish);
  if (!record.ok()) {
    return HasField(record.status(), "update_mask")
               ? record.status()
               : InRequest(record.status());
  }
  if (!request.validate_only()) expiry_watch_.Look(**record, absl::Now());
  ToProto(FactsOf(**record), response);
  return absl::OkStatus();
}

// An event is kept for long, and asks for no PEM.
void SecureContextService::PublishUpdate(const worker::ContextRecord& record) {
  worker::ContextFacts facts = FactsOf(record);
  facts.options.trust_anchors.pems.clear();
  facts.options.revocation_lists.pems.clear();
  for (tls::CredentialsOptions& credentials : facts.options.credentials) {
    if (auto* pem = std::get_if<tls::PemCredentials>(&credentials)) {
      pem->certificate_chain.clear();
    } else if (auto* remote =
                   std::get_if<tls::RemoteCredentials>(&credentials)) {
      remote->certificate_chain.clear();
    }
    std::visit([](auto& source) { source.ocsp_response.clear(); }, credentials);
  }
  events_.Publish(worker::EventType::kSecureContextUpdated,
                  worker::PayloadOf(std::move(facts)));
}

absl::StatusOr<worker::ContextParts> SecureContextService::ChangeParts(
    const worker::ContextRecord& present,
    const v1::UpdateSecureContextRequest& request) {
  TLSD_ASSIGN_OR_RETURN(ContextChange change,
                        ApplyUpdate(present.options, request.secure_context(),
                                    request.update_mask()));
  const absl::Cleanup wipe = [&] { tls::WipeSecrets(change.options); };
  change.options.key_log = key_log_;
  worker::ContextParts parts;
  TLSD_ASSIGN_OR_RETURN(
      parts.secure_context,
      tls::SecureContext::Replace(*present.secure_context, change.kept,
                                  change.options, authority_, absl::Now()));
  tls::WipeSecrets(change.options);
  parts.options = std::move(change.options);
  return parts;
}

grpc::ServerUnaryReactor* SecureContextService::GetSecureContext(
    grpc::CallbackServerContext* context,
    const v1::GetSecureContextRequest* request, v1::SecureContext* response) {
  const absl::StatusOr<std::shared_ptr<const worker::ContextRecord>> record =
      FindRecord(request->name());
  if (record.ok()) ToProto(FactsOf(**record), *response);
  return FinishNow(context, record.status());
}

absl::StatusOr<std::shared_ptr<const worker::ContextRecord>>
SecureContextService::FindRecord(const std::string& name) {
  TLSD_RETURN_IF_ERROR(base::CheckName("name", base::kSecureContexts, name));
  return contexts_.Get(name);
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
  size_t page_bytes = 0;
  for (size_t i = 0; i < records.size(); ++i) {
    if (i == page_size || page_bytes > kPageBytesMax) {
      response.set_next_page_token(ToPageToken(records[i - 1]->name));
      break;
    }
    v1::SecureContext& proto = *response.add_secure_contexts();
    ToProto(FactsOf(*records[i]), proto);
    page_bytes += proto.ByteSizeLong();
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
  return contexts_.Remove(request.name(), request.etag(), request.force());
}

grpc::ServerUnaryReactor* SecureContextService::RotateTicketKeys(
    grpc::CallbackServerContext* context,
    const v1::RotateTicketKeysRequest* request,
    v1::RotateTicketKeysResponse* response) {
  const auto rotate = [&]() -> absl::Status {
    TLSD_ASSIGN_OR_RETURN(
        const std::shared_ptr<const worker::ContextRecord> record,
        FindRecord(request->name()));
    TLSD_ASSIGN_OR_RETURN(
        const int key_count,
        record->secure_context->RotateTicketKeys(absl::Now(), request->key()));
    response->set_key_count(key_count);
    return absl::OkStatus();
  };
  return FinishNow(context, rotate());
}

grpc::ServerUnaryReactor* SecureContextService::SetOcspResponse(
    grpc::CallbackServerContext* context,
    const v1::SetOcspResponseRequest* request, v1::SecureContext* response) {
  const auto set = [&]() -> absl::Status {
    TLSD_ASSIGN_OR_RETURN(
        const std::shared_ptr<const worker::ContextRecord> record,
        FindRecord(request->name()));
    TLSD_RETURN_IF_ERROR(record->secure_context->SetOcspResponse(
        request->credentials_index(), request->ocsp_response()));
    ToProto(FactsOf(*record), *response);
    return absl::OkStatus();
  };
  return FinishNow(context, set());
}

grpc::ServerUnaryReactor* SecureContextService::RotateEchKeys(
    grpc::CallbackServerContext* context,
    const v1::RotateEchKeysRequest* request,
    v1::RotateEchKeysResponse* response) {
  const auto rotate = [&]() -> absl::Status {
    TLSD_ASSIGN_OR_RETURN(
        const std::shared_ptr<const worker::ContextRecord> record,
        FindRecord(request->name()));
    const int max_name_length = request->max_name_length() != 0
                                    ? request->max_name_length()
                                    : kMaxNameLengthDefault;
    TLSD_ASSIGN_OR_RETURN(const int key_count,
                          record->secure_context->RotateEchKeys(
                              request->public_name(), max_name_length));
    response->set_ech_config_list(record->secure_context->EchConfigList());
    response->set_key_count(key_count);
    return absl::OkStatus();
  };
  return FinishNow(context, rotate());
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
  for (std::string& protocol : tls::ListSecureProtocols()) {
    response->add_secure_protocols(std::move(protocol));
  }
  response->set_default_ciphers(tls::DefaultCiphers());
  return FinishNow(context, absl::OkStatus());
}

}  // namespace tlsd::control
