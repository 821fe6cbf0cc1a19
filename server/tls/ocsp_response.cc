#include "server/tls/ocsp_response.h"

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/bytestring.h>
#include <openssl/mem.h>
#include <openssl/obj.h>
#include <openssl/time.h>

#include <cstddef>
#include <cstdint>
#include <ctime>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "server/base/status_macros.h"
#include "server/tls/ssl_error.h"

namespace tlsd::tls {
namespace {

// Tags of this place in the structure alone.
constexpr unsigned Constructed(unsigned number) {
  return CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | number;
}
constexpr unsigned Primitive(unsigned number) {
  return CBS_ASN1_CONTEXT_SPECIFIC | number;
}

struct ResponseStatusRow {
  uint8_t number;
  const char* name;
};

// RFC 6960 section 4.2.1. There is no 4.
constexpr ResponseStatusRow kResponseStatuses[] = {
    {0, "successful"}, {1, "malformedRequest"}, {2, "internalError"},
    {3, "tryLater"},   {5, "sigRequired"},      {6, "unauthorized"},
};
constexpr absl::string_view kSuccessful = "successful";

absl::Status Malformed(absl::string_view field, absl::string_view problem) {
  return ProblemError(Reason::kOcspResponseInvalid, field, problem);
}

// Each of these takes one thing from the front of `in`, and returns whether it
// was there and well-formed.

bool SkipSequence(CBS& in) {
  return CBS_get_asn1(&in, /*out=*/nullptr, CBS_ASN1_SEQUENCE);
}

bool SkipOctets(CBS& in) {
  return CBS_get_asn1(&in, /*out=*/nullptr, CBS_ASN1_OCTETSTRING);
}

bool SkipAlgorithm(CBS& in) {
  CBS algorithm;
  if (!CBS_get_asn1(&in, &algorithm, CBS_ASN1_SEQUENCE) ||
      !CBS_get_asn1(&algorithm, /*out=*/nullptr, CBS_ASN1_OBJECT)) {
    return false;
  }
  return CBS_len(&algorithm) == 0 ||
         (CBS_get_any_asn1_element(&algorithm, /*out=*/nullptr,
                                   /*out_tag=*/nullptr,
                                   /*out_header_len=*/nullptr) &&
          CBS_len(&algorithm) == 0);
}

// SkipSequences takes an optional list of sequences under the tag `number`, as
// certificates and extensions are.
bool SkipSequences(CBS& in, unsigned number) {
  CBS body;
  int is_present = 0;
  if (!CBS_get_optional_asn1(&in, &body, &is_present, Constructed(number))) {
    return false;
  }
  if (!is_present) return true;
  CBS list;
  if (!CBS_get_asn1(&body, &list, CBS_ASN1_SEQUENCE) || CBS_len(&body) != 0) {
    return false;
  }
  while (CBS_len(&list) != 0) {
    if (!SkipSequence(list)) return false;
  }
  return true;
}

// RFC 5280 section 4.1.2.5.2, which holds here too: to the second, in UTC.
bool ReadTime(CBS& in, std::optional<absl::Time>& time) {
  CBS text;
  std::tm parts = {};
  int64_t seconds = 0;
  if (!CBS_get_asn1(&in, &text, CBS_ASN1_GENERALIZEDTIME) ||
      !CBS_parse_generalized_time(&text, &parts,
                                  /*allow_timezone_offset=*/0) ||
      !OPENSSL_tm_to_posix(&parts, &seconds)) {
    return false;
  }
  time = absl::FromUnixSeconds(seconds);
  return true;
}

// In the form that serial numbers of certificates have.
bool ReadSerialNumber(CBS& in, std::string& serial_number) {
  CBS element;
  if (!CBS_get_asn1_element(&in, &element, CBS_ASN1_INTEGER)) return false;
  const uint8_t* data = CBS_data(&element);
  const bssl::UniquePtr<ASN1_INTEGER> integer(d2i_ASN1_INTEGER(
      /*out=*/nullptr, &data, static_cast<long>(CBS_len(&element))));
  if (integer == nullptr) return false;
  const bssl::UniquePtr<BIGNUM> number(
      ASN1_INTEGER_to_BN(integer.get(), /*bn=*/nullptr));
  if (number == nullptr) return false;
  const bssl::UniquePtr<char> hex(BN_bn2hex(number.get()));
  if (hex == nullptr) return false;
  serial_number = absl::AsciiStrToUpper(hex.get());
  return true;
}

bool ReadCertificateId(CBS& in, OcspResponseFacts& facts) {
  CBS id;
  return CBS_get_asn1(&in, &id, CBS_ASN1_SEQUENCE) && SkipAlgorithm(id) &&
         SkipOctets(id) && SkipOctets(id) &&
         ReadSerialNumber(id, facts.serial_number) && CBS_len(&id) == 0;
}

bool ReadRevocation(CBS revoked, OcspResponseFacts& facts) {
  CBS reason;
  int has_reason = 0;
  if (!ReadTime(revoked, facts.revocation_time) ||
      !CBS_get_optional_asn1(&revoked, &reason, &has_reason, Constructed(0)) ||
      CBS_len(&revoked) != 0) {
    return false;
  }
  return !has_reason ||
         (CBS_get_asn1(&reason, /*out=*/nullptr, CBS_ASN1_ENUMERATED) &&
          CBS_len(&reason) == 0);
}

bool ReadCertificateStatus(CBS& in, OcspResponseFacts& facts) {
  CBS body;
  unsigned tag = 0;
  if (!CBS_get_any_asn1(&in, &body, &tag)) return false;
  switch (tag) {
    case Primitive(0):
      facts.certificate_status = "good";
      return CBS_len(&body) == 0;
    case Constructed(1):
      facts.certificate_status = "revoked";
      return ReadRevocation(body, facts);
    case Primitive(2):
      facts.certificate_status = "unknown";
      return CBS_len(&body) == 0;
    default:
      return false;
  }
}

bool ReadSingleResponse(CBS& in, OcspResponseFacts& facts) {
  CBS single;
  CBS next_update;
  int has_next_update = 0;
  if (!CBS_get_asn1(&in, &single, CBS_ASN1_SEQUENCE) ||
      !ReadCertificateId(single, facts) ||
      !ReadCertificateStatus(single, facts) ||
      !ReadTime(single, facts.this_update_time) ||
      !CBS_get_optional_asn1(&single, &next_update, &has_next_update,
                             Constructed(0))) {
    return false;
  }
  if (has_next_update && (!ReadTime(next_update, facts.next_update_time) ||
                          CBS_len(&next_update) != 0)) {
    return false;
  }
  return SkipSequences(single, /*extensions*/ 1) && CBS_len(&single) == 0;
}

// The responder is told by its name or by the hash of its key.
bool SkipResponderId(CBS& in) {
  CBS body;
  unsigned tag = 0;
  if (!CBS_get_any_asn1(&in, &body, &tag)) return false;
  if (tag != Constructed(1) && tag != Constructed(2)) return false;
  return (tag == Constructed(1) ? SkipSequence(body) : SkipOctets(body)) &&
         CBS_len(&body) == 0;
}

absl::Status ReadResponses(absl::string_view field, CBS responses,
                           OcspResponseFacts& facts) {
  if (CBS_len(&responses) == 0) {
    return Malformed(field, "is about no certificate");
  }
  for (int i = 0; CBS_len(&responses) != 0; ++i) {
    OcspResponseFacts other;
    if (!ReadSingleResponse(responses, i == 0 ? facts : other)) {
      return Malformed(field,
                       absl::StrCat("response ", i + 1, " in it is malformed"));
    }
  }
  return absl::OkStatus();
}

// RFC 6960 section 4.2.1, "ResponseData".
absl::Status ReadResponseData(absl::string_view field, CBS data,
                              OcspResponseFacts& facts) {
  uint64_t version = 0;
  CBS responses;
  if (!CBS_get_optional_asn1_uint64(&data, &version, Constructed(0),
                                    /*default_value=*/0) ||
      !SkipResponderId(data) || !ReadTime(data, facts.produced_time) ||
      !CBS_get_asn1(&data, &responses, CBS_ASN1_SEQUENCE) ||
      !SkipSequences(data, /*extensions*/ 1) || CBS_len(&data) != 0) {
    return Malformed(field, "its ResponseData is malformed");
  }
  if (version != 0) {
    return Malformed(field, absl::StrCat("is of version ", version + 1,
                                         "; only version 1 is allowed"));
  }
  return ReadResponses(field, responses, facts);
}

absl::Status ReadBasicResponse(absl::string_view field, CBS basic,
                               OcspResponseFacts& facts) {
  CBS response;
  CBS data;
  CBS signature;
  if (!CBS_get_asn1(&basic, &response, CBS_ASN1_SEQUENCE) ||
      CBS_len(&basic) != 0 ||
      !CBS_get_asn1(&response, &data, CBS_ASN1_SEQUENCE) ||
      !SkipAlgorithm(response) ||
      !CBS_get_asn1(&response, &signature, CBS_ASN1_BITSTRING) ||
      !CBS_is_valid_asn1_bitstring(&signature) ||
      !SkipSequences(response, /*certs*/ 0) || CBS_len(&response) != 0) {
    return Malformed(field, "its BasicOCSPResponse is malformed");
  }
  return ReadResponseData(field, data, facts);
}

absl::Status ReadResponseBytes(absl::string_view field, CBS in,
                               OcspResponseFacts& facts) {
  CBS bytes;
  CBS type;
  CBS response;
  if (!CBS_get_asn1(&in, &bytes, CBS_ASN1_SEQUENCE) || CBS_len(&in) != 0 ||
      !CBS_get_asn1(&bytes, &type, CBS_ASN1_OBJECT) ||
      !CBS_get_asn1(&bytes, &response, CBS_ASN1_OCTETSTRING) ||
      CBS_len(&bytes) != 0) {
    return Malformed(field, "its ResponseBytes are malformed");
  }
  if (OBJ_cbs2nid(&type) != NID_id_pkix_OCSP_basic) {
    const bssl::UniquePtr<char> text(CBS_asn1_oid_to_text(&type));
    return Malformed(
        field, absl::StrCat("is of the type ",
                            QuoteForMessage(text != nullptr ? text.get() : ""),
                            "; only the basic one is allowed"));
  }
  return ReadBasicResponse(field, response, facts);
}

const char* ResponseStatusName(const CBS& status) {
  if (CBS_len(&status) != 1) return nullptr;
  for (const ResponseStatusRow& row : kResponseStatuses) {
    if (row.number == CBS_data(&status)[0]) return row.name;
  }
  return nullptr;
}

}  // namespace

absl::StatusOr<OcspResponseFacts> ParseOcspResponse(absl::string_view field,
                                                    absl::string_view der) {
  const ErrorQueueGuard guard;
  if (der.size() > kOcspResponseBytesMax) {
    return Malformed(field,
                     absl::StrCat("has ", der.size(), " bytes; at most ",
                                  kOcspResponseBytesMax, " are allowed"));
  }
  CBS in;
  CBS_init(&in, reinterpret_cast<const uint8_t*>(der.data()), der.size());
  CBS response;
  CBS status;
  CBS bytes;
  int has_bytes = 0;
  if (!CBS_get_asn1(&in, &response, CBS_ASN1_SEQUENCE) ||
      !CBS_get_asn1(&response, &status, CBS_ASN1_ENUMERATED) ||
      !CBS_get_optional_asn1(&response, &bytes, &has_bytes, Constructed(0)) ||
      CBS_len(&response) != 0) {
    return Malformed(field, "is no OCSPResponse in DER");
  }
  if (CBS_len(&in) != 0) {
    return Malformed(field, absl::StrCat("holds ", CBS_len(&in),
                                         " bytes behind the OCSPResponse"));
  }
  const char* status_name = ResponseStatusName(status);
  if (status_name == nullptr) {
    return Malformed(field, "its responseStatus is not one of RFC 6960");
  }
  OcspResponseFacts facts;
  facts.der = std::string(der);
  facts.response_status = status_name;
  if (has_bytes != (status_name == kSuccessful)) {
    return Malformed(field,
                     absl::StrCat("is ", status_name, ", but has ",
                                  has_bytes ? "" : "no ", "ResponseBytes"));
  }
  if (has_bytes) {
    TLSD_RETURN_IF_ERROR(ReadResponseBytes(field, bytes, facts));
  }
  return facts;
}

absl::StatusOr<OcspResponseFacts> ParseStaple(absl::string_view field,
                                              absl::string_view der) {
  TLSD_ASSIGN_OR_RETURN(OcspResponseFacts facts, ParseOcspResponse(field, der));
  if (facts.response_status == "successful") return facts;
  return FieldError(Reason::kOcspResponseInvalid, field, facts.response_status,
                    "a successful response, which tells of a certificate");
}

}  // namespace tlsd::tls
