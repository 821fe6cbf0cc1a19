// Certificates, and what is asked of them.
#include <variant>

#include "client/convert.h"
#include "client/convert_fields.h"

namespace tlsd::client {
namespace {

using NameAttributes = google::protobuf::RepeatedPtrField<v1::NameAttribute>;

std::vector<NameAttribute> Attributes(const NameAttributes& field) {
  std::vector<NameAttribute> attributes;
  for (const v1::NameAttribute& attribute : field) {
    attributes.push_back({attribute.type(), attribute.value()});
  }
  return attributes;
}

void ReadPublicKey(const v1::Certificate& certificate,
                   CertificateFacts& facts) {
  facts.public_key = certificate.public_key();
  facts.public_key_type = certificate.public_key_type();
  facts.public_key_bits = certificate.public_key_bits();
  facts.curve = certificate.curve();
  facts.asn1_curve = certificate.asn1_curve();
  facts.modulus = certificate.modulus();
  facts.exponent = certificate.exponent();
  facts.public_key_der = certificate.public_key_der();
  facts.public_key_pin = certificate.public_key_pin();
}

template <typename Request>
void SetSourceOf(const CertificateSource& source, Request& request) {
  if (const Pem* pem = std::get_if<Pem>(&source)) {
    request.set_pem(pem->text);
  } else {
    request.set_der(std::get<Der>(source).bytes);
  }
}

}  // namespace

void SetSource(const CertificateSource& source,
               v1::ParseCertificateRequest& request) {
  SetSourceOf(source, request);
}

void SetSource(const CertificateSource& source,
               v1::CheckServerIdentityRequest& request) {
  SetSourceOf(source, request);
}

CertificateFacts FromProto(const v1::Certificate& certificate) {
  CertificateFacts facts;
  facts.subject = certificate.subject();
  facts.issuer = certificate.issuer();
  facts.subject_attributes = Attributes(certificate.subject_attributes());
  facts.issuer_attributes = Attributes(certificate.issuer_attributes());
  facts.subject_alternative_names =
      Strings(certificate.subject_alternative_names());
  facts.not_before_time =
      TimeIf(certificate.has_not_before_time(), certificate.not_before_time());
  facts.not_after_time =
      TimeIf(certificate.has_not_after_time(), certificate.not_after_time());
  facts.valid_from = certificate.valid_from();
  facts.valid_to = certificate.valid_to();
  facts.serial_number = certificate.serial_number();
  facts.sha1_fingerprint = certificate.sha1_fingerprint();
  facts.sha256_fingerprint = certificate.sha256_fingerprint();
  facts.sha512_fingerprint = certificate.sha512_fingerprint();
  ReadPublicKey(certificate, facts);
  facts.key_usages = Strings(certificate.key_usages());
  facts.extended_key_usages = Strings(certificate.extended_key_usages());
  facts.extended_key_usage_oids =
      Strings(certificate.extended_key_usage_oids());
  facts.is_authority = certificate.is_authority();
  facts.signature_algorithm = certificate.signature_algorithm();
  facts.ocsp_urls = Strings(certificate.ocsp_urls());
  facts.issuer_urls = Strings(certificate.issuer_urls());
  facts.revocation_list_urls = Strings(certificate.revocation_list_urls());
  facts.der = certificate.der();
  return facts;
}

std::vector<CertificateFacts> FromProto(
    const google::protobuf::RepeatedPtrField<v1::Certificate>& certificates) {
  std::vector<CertificateFacts> facts;
  for (const v1::Certificate& certificate : certificates) {
    facts.push_back(FromProto(certificate));
  }
  return facts;
}

OcspResponseFacts FromProto(const v1::OcspResponse& response) {
  return {response.der(),
          response.response_status(),
          response.certificate_status(),
          response.serial_number(),
          TimeIf(response.has_produced_time(), response.produced_time()),
          TimeIf(response.has_this_update_time(), response.this_update_time()),
          TimeIf(response.has_next_update_time(), response.next_update_time()),
          TimeIf(response.has_revocation_time(), response.revocation_time())};
}

PeerCertificateFacts FromProto(const v1::GetPeerCertificateResponse& response) {
  PeerCertificateFacts facts;
  if (response.has_certificate()) {
    facts.certificate = FromProto(response.certificate());
  }
  facts.chain = FromProto(response.chain());
  facts.sent = FromProto(response.sent());
  return facts;
}

ServerIdentityFacts FromProto(const v1::CheckServerIdentityResponse& response) {
  return {response.matches(), response.error(), response.message(),
          Strings(response.subject_alternative_names())};
}

OwnCertificateFacts FromProto(const v1::OwnCertificate& own) {
  return {own.secure_context(), own.credentials_index(),
          FromProto(own.certificate()), FromProto(own.time_left())};
}

CertificateExpiry FromProto(const v1::CertificateExpiry& expiry) {
  return {expiry.secure_context(), FromProto(expiry.certificate()),
          FromProto(expiry.time_left())};
}

}  // namespace tlsd::client
