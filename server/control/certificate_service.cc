#include "server/control/certificate_service.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "proto/status/error.h"
#include "server/base/names.h"
#include "server/base/status_macros.h"
#include "server/control/convert.h"
#include "server/control/fields.h"
#include "server/control/unary_call.h"
#include "server/tls/certificate_parser.h"
#include "server/tls/server_identity.h"
#include "server/tls/server_name.h"

namespace tlsd::control {
namespace {

constexpr size_t kPemBytesMax = 1024 * 1024;
// What a Duration can hold.
constexpr absl::Duration kDurationMax = absl::Seconds(315'576'000'000);

// Read returns the certificates that `request` brings, at least one. Requests
// that bring some have fields of the same names.
template <typename Request>
absl::StatusOr<std::vector<tls::CertificateFacts>> Read(
    const Request& request) {
  switch (request.source_case()) {
    case Request::kPem:
      if (request.pem().size() > kPemBytesMax) {
        return FieldError(Reason::kFieldInvalid, "pem",
                          absl::StrCat(request.pem().size(), " bytes"),
                          "at most 1 MiB");
      }
      return tls::ParsePemCertificates("pem", request.pem());
    case Request::kDer: {
      TLSD_ASSIGN_OR_RETURN(tls::CertificateFacts facts,
                            tls::ParseDerCertificate("der", request.der()));
      std::vector<tls::CertificateFacts> certificates;
      certificates.push_back(std::move(facts));
      return certificates;
    }
    case Request::SOURCE_NOT_SET:
      break;
  }
  return FieldRequired("source (pem or der)");
}

absl::Status Parse(const v1::ParseCertificateRequest& request,
                   v1::ParseCertificateResponse& response) {
  TLSD_ASSIGN_OR_RETURN(const std::vector<tls::CertificateFacts> certificates,
                        Read(request));
  for (const tls::CertificateFacts& facts : certificates) {
    ToProto(facts, *response.add_certificates());
  }
  return absl::OkStatus();
}

absl::Status CheckIdentity(const v1::CheckServerIdentityRequest& request,
                           v1::CheckServerIdentityResponse& response) {
  if (request.server_name().empty()) return FieldRequired("server_name");
  TLSD_ASSIGN_OR_RETURN(
      const tls::ServerName name,
      tls::ParseServerName("server_name", request.server_name()));
  TLSD_ASSIGN_OR_RETURN(const std::vector<tls::CertificateFacts> certificates,
                        Read(request));
  const tls::CertificateFacts& facts = certificates.front();
  const tls::IdentityMismatch mismatch = tls::CheckServerIdentity(facts, name);
  response.set_matches(mismatch.error.empty());
  if (!response.matches()) {
    response.set_error(std::string(mismatch.error));
    response.set_message(absl::StrCat(mismatch.text,
                                      ": the certificate is not for ",
                                      QuoteForMessage(name.text)));
  }
  *response.mutable_subject_alternative_names() = {
      facts.subject_alternative_names.begin(),
      facts.subject_alternative_names.end()};
  return absl::OkStatus();
}

// The place of an own certificate in the list: by its end, then by what makes
// it the only one there, so that pages neither repeat nor skip any while
// contexts come and go.
struct Place {
  int64_t end_seconds = 0;
  std::string secure_context;
  int credentials_index = 0;

  auto Key() const {
    return std::tie(end_seconds, secure_context, credentials_index);
  }
};

struct OwnCertificate {
  Place place;
  // Keeps `facts`.
  std::shared_ptr<const worker::ContextRecord> record;
  const tls::CertificateFacts* facts = nullptr;
};

std::string ToToken(const Place& place) {
  return ToPageToken(absl::StrCat(place.end_seconds, " ", place.secure_context,
                                  " ", place.credentials_index));
}

absl::StatusOr<std::optional<Place>> FromToken(const std::string& token) {
  TLSD_ASSIGN_OR_RETURN(const std::string text, FromPageToken(token));
  if (text.empty()) return std::nullopt;
  const std::vector<std::string> parts = absl::StrSplit(text, ' ');
  Place place;
  if (parts.size() != 3 || !absl::SimpleAtoi(parts[0], &place.end_seconds) ||
      !absl::SimpleAtoi(parts[2], &place.credentials_index)) {
    return FieldError(Reason::kPageTokenInvalid, "page_token", token,
                      "next_page_token of an earlier answer");
  }
  place.secure_context = parts[1];
  return place;
}

// Collect returns the first certificate of all credentials, behind `after`,
// that end at `end` or before, in their order.
std::vector<OwnCertificate> Collect(const worker::ContextTable& contexts,
                                    const std::optional<Place>& after,
                                    absl::Time end) {
  std::vector<OwnCertificate> certificates;
  for (const auto& record :
       contexts.List("", worker::ContextTable::kCountMax)) {
    int index = 0;
    for (const auto& chain :
         record->secure_context->facts().certificate_chains) {
      const int credentials_index = index++;
      if (chain.empty() || chain.front().not_after > end) continue;
      Place place = {absl::ToUnixSeconds(chain.front().not_after), record->name,
                     credentials_index};
      if (after.has_value() && place.Key() <= after->Key()) continue;
      certificates.push_back({std::move(place), record, &chain.front()});
    }
  }
  std::sort(certificates.begin(), certificates.end(),
            [](const OwnCertificate& a, const OwnCertificate& b) {
              return a.place.Key() < b.place.Key();
            });
  return certificates;
}

}  // namespace

CertificateService::CertificateService(
    const worker::ContextTable& contexts,
    std::shared_ptr<const tls::SecureContext> system_context)
    : contexts_(contexts), system_context_(std::move(system_context)) {}

grpc::ServerUnaryReactor* CertificateService::ParseCertificate(
    grpc::CallbackServerContext* context,
    const v1::ParseCertificateRequest* request,
    v1::ParseCertificateResponse* response) {
  return FinishNow(context, Parse(*request, *response));
}

grpc::ServerUnaryReactor* CertificateService::CheckServerIdentity(
    grpc::CallbackServerContext* context,
    const v1::CheckServerIdentityRequest* request,
    v1::CheckServerIdentityResponse* response) {
  return FinishNow(context, CheckIdentity(*request, *response));
}

grpc::ServerUnaryReactor* CertificateService::ListOwnCertificates(
    grpc::CallbackServerContext* context,
    const v1::ListOwnCertificatesRequest* request,
    v1::ListOwnCertificatesResponse* response) {
  return FinishNow(context, ListOwn(*request, *response));
}

absl::Status CertificateService::ListOwn(
    const v1::ListOwnCertificatesRequest& request,
    v1::ListOwnCertificatesResponse& response) {
  TLSD_ASSIGN_OR_RETURN(const size_t page_size,
                        ToPageSize(request.page_size()));
  TLSD_ASSIGN_OR_RETURN(const std::optional<Place> after,
                        FromToken(request.page_token()));
  absl::Duration ends_within = absl::InfiniteDuration();
  if (request.has_ends_within()) {
    TLSD_ASSIGN_OR_RETURN(ends_within,
                          ToDuration("ends_within", request.ends_within(),
                                     absl::ZeroDuration(), kDurationMax));
  }
  const absl::Time now = absl::Now();
  size_t page_bytes = 0;
  const Place* last = nullptr;
  const std::vector<OwnCertificate> certificates =
      Collect(contexts_, after, now + ends_within);
  for (const OwnCertificate& own : certificates) {
    if (static_cast<size_t>(response.own_certificates_size()) == page_size ||
        page_bytes > kPageBytesMax) {
      response.set_next_page_token(ToToken(*last));
      break;
    }
    v1::OwnCertificate& proto = *response.add_own_certificates();
    proto.set_secure_context(own.record->name);
    proto.set_credentials_index(own.place.credentials_index);
    ToProto(*own.facts, *proto.mutable_certificate());
    ToProto(std::clamp(own.facts->not_after - now, -kDurationMax, kDurationMax),
            *proto.mutable_time_left());
    page_bytes += proto.ByteSizeLong();
    last = &own.place;
  }
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* CertificateService::ListTrustedCertificates(
    grpc::CallbackServerContext* context,
    const v1::ListTrustedCertificatesRequest* request,
    v1::ListTrustedCertificatesResponse* response) {
  return FinishNow(context, ListTrusted(*request, *response));
}

absl::StatusOr<std::shared_ptr<const tls::SecureContext>>
CertificateService::FindTrusting(const std::string& name) const {
  if (!name.empty()) {
    TLSD_RETURN_IF_ERROR(
        base::CheckName("secure_context", base::kSecureContexts, name));
    TLSD_ASSIGN_OR_RETURN(
        const std::shared_ptr<const worker::ContextRecord> record,
        contexts_.Get(name));
    return record->secure_context;
  }
  if (!system_context_->facts().system_trust_path.empty()) {
    return system_context_;
  }
  return MakeError(Reason::kTrustStoreEmpty,
                   "the system's trust store had no certificate when the "
                   "daemon started; install ca-certificates and restart it, "
                   "or name a secure_context");
}

absl::Status CertificateService::ListTrusted(
    const v1::ListTrustedCertificatesRequest& request,
    v1::ListTrustedCertificatesResponse& response) {
  TLSD_ASSIGN_OR_RETURN(const size_t page_size,
                        ToPageSize(request.page_size()));
  TLSD_ASSIGN_OR_RETURN(const std::string after,
                        FromPageToken(request.page_token()));
  TLSD_ASSIGN_OR_RETURN(
      const std::shared_ptr<const tls::SecureContext> secure_context,
      FindTrusting(request.secure_context()));
  response.set_system_path(secure_context->facts().system_trust_path);
  std::vector<tls::CertificateFacts> anchors =
      secure_context->DescribeTrustAnchors();
  // An order that stays, whatever the store does, is what pages need.
  std::sort(anchors.begin(), anchors.end(),
            [](const tls::CertificateFacts& a, const tls::CertificateFacts& b) {
              return a.sha256_fingerprint < b.sha256_fingerprint;
            });
  size_t page_bytes = 0;
  // One that was given twice is told once.
  const std::string* last = &after;
  for (const tls::CertificateFacts& anchor : anchors) {
    if (anchor.sha256_fingerprint <= *last) continue;
    if (static_cast<size_t>(response.certificates_size()) == page_size ||
        page_bytes > kPageBytesMax) {
      response.set_next_page_token(ToPageToken(*last));
      break;
    }
    v1::Certificate& proto = *response.add_certificates();
    ToProto(anchor, proto);
    page_bytes += proto.ByteSizeLong();
    last = &anchor.sha256_fingerprint;
  }
  return absl::OkStatus();
}

}  // namespace tlsd::control
