#include "tests/testing/test_ocsp_response.h"

#include <openssl/bytestring.h>
#include <openssl/digest.h>
#include <openssl/mem.h>
#include <openssl/sha.h>

#include <cstdio>
#include <cstdlib>

#include "absl/strings/string_view.h"

namespace tlsd::testing {
namespace {

constexpr char kSha1[] = "1.3.14.3.2.26";
constexpr char kEcdsaWithSha256[] = "1.2.840.10045.4.3.2";
constexpr char kRsaWithSha256[] = "1.2.840.113549.1.1.11";
constexpr char kEd25519[] = "1.3.101.112";

constexpr unsigned Constructed(unsigned number) {
  return CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | number;
}

void Check(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "making an OCSP response failed: %s\n", what);
  std::abort();
}

const uint8_t* BytesOf(absl::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

void AddBytes(absl::string_view bytes, CBB* out) {
  Check(CBB_add_bytes(out, BytesOf(bytes), bytes.size()), "CBB_add_bytes");
}

// Open starts an element; CBB_flush of `out` ends it, and must do so before
// `element` goes.
void Open(CBB* out, CBB* element, unsigned tag) {
  Check(CBB_add_asn1(out, element, tag), "CBB_add_asn1");
}

void AddElement(absl::string_view content, unsigned tag, CBB* out) {
  CBB element;
  Open(out, &element, tag);
  AddBytes(content, &element);
  Check(CBB_flush(out), "CBB_flush");
}

std::string Finish(bssl::ScopedCBB& builder) {
  uint8_t* data = nullptr;
  size_t size = 0;
  Check(CBB_finish(builder.get(), &data, &size), "CBB_finish");
  const bssl::UniquePtr<uint8_t> owner(data);
  return std::string(reinterpret_cast<const char*>(data), size);
}

void AddObject(absl::string_view identifier, CBB* out) {
  CBB object;
  Open(out, &object, CBS_ASN1_OBJECT);
  Check(CBB_add_asn1_oid_from_text(&object, identifier.data(),
                                   identifier.size()) &&
            CBB_flush(out),
        "CBB_add_asn1_oid_from_text");
}

enum class Parameters { kNone, kNull };

void AddAlgorithm(absl::string_view identifier, Parameters parameters,
                  CBB* out) {
  CBB algorithm;
  Open(out, &algorithm, CBS_ASN1_SEQUENCE);
  AddObject(identifier, &algorithm);
  if (parameters == Parameters::kNull) {
    AddElement("", CBS_ASN1_NULL, &algorithm);
  }
  Check(CBB_flush(out), "CBB_flush");
}

void AddTime(absl::Time time, CBB* out) {
  AddElement(absl::FormatTime("%Y%m%d%H%M%SZ", time, absl::UTCTimeZone()),
             CBS_ASN1_GENERALIZEDTIME, out);
}

std::string NameOf(X509* certificate) {
  uint8_t* der = nullptr;
  const int size = i2d_X509_NAME(X509_get_subject_name(certificate), &der);
  Check(size > 0, "i2d_X509_NAME");
  const bssl::UniquePtr<uint8_t> owner(der);
  return std::string(reinterpret_cast<const char*>(der), size);
}

std::string Sha1(absl::string_view bytes) {
  std::string digest(SHA_DIGEST_LENGTH, '\0');
  SHA1(BytesOf(bytes), bytes.size(), reinterpret_cast<uint8_t*>(digest.data()));
  return digest;
}

std::string KeyHashOf(X509* certificate) {
  std::string digest(SHA_DIGEST_LENGTH, '\0');
  unsigned size = 0;
  Check(X509_pubkey_digest(certificate, EVP_sha1(),
                           reinterpret_cast<uint8_t*>(digest.data()), &size),
        "X509_pubkey_digest");
  return digest;
}

void AddCertificateId(X509* issuer, X509* certificate, CBB* out) {
  CBB id;
  Open(out, &id, CBS_ASN1_SEQUENCE);
  AddAlgorithm(kSha1, Parameters::kNull, &id);
  AddElement(Sha1(NameOf(issuer)), CBS_ASN1_OCTETSTRING, &id);
  AddElement(KeyHashOf(issuer), CBS_ASN1_OCTETSTRING, &id);
  uint8_t* serial = nullptr;
  const int size =
      i2d_ASN1_INTEGER(X509_get0_serialNumber(certificate), &serial);
  Check(size > 0, "i2d_ASN1_INTEGER");
  const bssl::UniquePtr<uint8_t> owner(serial);
  AddBytes(absl::string_view(reinterpret_cast<const char*>(serial), size), &id);
  Check(CBB_flush(out), "CBB_flush");
}

void AddCertificateStatus(const OcspResponseSpec& spec, CBB* out) {
  if (spec.certificate_status == OcspCertificateStatus::kGood) {
    AddElement("", CBS_ASN1_CONTEXT_SPECIFIC | 0, out);
    return;
  }
  if (spec.certificate_status == OcspCertificateStatus::kUnknown) {
    AddElement("", CBS_ASN1_CONTEXT_SPECIFIC | 2, out);
    return;
  }
  CBB revoked;
  CBB reason;
  Open(out, &revoked, Constructed(1));
  AddTime(spec.revocation_time, &revoked);
  Open(&revoked, &reason, Constructed(0));
  // RFC 5280 section 5.3.1: keyCompromise.
  AddElement("\x01", CBS_ASN1_ENUMERATED, &reason);
  Check(CBB_flush(out), "CBB_flush");
}

void AddSingleResponse(X509* issuer, X509* certificate,
                       const OcspResponseSpec& spec, CBB* out) {
  CBB single;
  Open(out, &single, CBS_ASN1_SEQUENCE);
  AddCertificateId(issuer, certificate, &single);
  AddCertificateStatus(spec, &single);
  AddTime(spec.this_update_time, &single);
  if (spec.next_update_time.has_value()) {
    CBB next_update;
    Open(&single, &next_update, Constructed(0));
    AddTime(*spec.next_update_time, &next_update);
    Check(CBB_flush(&single), "CBB_flush");
  }
  Check(CBB_flush(out), "CBB_flush");
}

std::string ResponseData(X509* issuer, const std::vector<X509*>& certificates,
                         const OcspResponseSpec& spec) {
  bssl::ScopedCBB builder;
  Check(CBB_init(builder.get(), 512), "CBB_init");
  CBB data;
  CBB responder;
  CBB responses;
  Open(builder.get(), &data, CBS_ASN1_SEQUENCE);
  Open(&data, &responder, Constructed(spec.by_key ? 2 : 1));
  if (spec.by_key) {
    AddElement(KeyHashOf(issuer), CBS_ASN1_OCTETSTRING, &responder);
  } else {
    AddBytes(NameOf(issuer), &responder);
  }
  AddTime(spec.produced_time, &data);
  Open(&data, &responses, CBS_ASN1_SEQUENCE);
  for (X509* certificate : certificates) {
    AddSingleResponse(issuer, certificate, spec, &responses);
  }
  return Finish(builder);
}

void AddSignatureAlgorithm(EVP_PKEY* key, CBB* out) {
  const int kind = key != nullptr ? EVP_PKEY_id(key) : EVP_PKEY_EC;
  switch (kind) {
    case EVP_PKEY_RSA:
      return AddAlgorithm(kRsaWithSha256, Parameters::kNull, out);
    case EVP_PKEY_ED25519:
      return AddAlgorithm(kEd25519, Parameters::kNone, out);
    default:
      return AddAlgorithm(kEcdsaWithSha256, Parameters::kNone, out);
  }
}

std::string Sign(EVP_PKEY* key, absl::string_view data) {
  if (key == nullptr) return "no sign.";
  const EVP_MD* digest =
      EVP_PKEY_id(key) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256();
  bssl::ScopedEVP_MD_CTX context;
  std::string signature(EVP_PKEY_size(key), '\0');
  size_t size = signature.size();
  Check(EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key) &&
            EVP_DigestSign(context.get(),
                           reinterpret_cast<uint8_t*>(signature.data()), &size,
                           BytesOf(data), data.size()),
        "EVP_DigestSign");
  signature.resize(size);
  return signature;
}

void AddBasicResponse(const std::string& data, EVP_PKEY* key, CBB* out) {
  CBB basic;
  CBB signature;
  Open(out, &basic, CBS_ASN1_SEQUENCE);
  AddBytes(data, &basic);
  AddSignatureAlgorithm(key, &basic);
  Open(&basic, &signature, CBS_ASN1_BITSTRING);
  // No bit of the last byte is unused.
  Check(CBB_add_u8(&signature, 0), "CBB_add_u8");
  AddBytes(Sign(key, data), &signature);
  Check(CBB_flush(out), "CBB_flush");
}

}  // namespace

std::string OcspResponseDer(X509* issuer, EVP_PKEY* key,
                            const std::vector<X509*>& certificates,
                            const OcspResponseSpec& spec) {
  bssl::ScopedCBB builder;
  Check(CBB_init(builder.get(), 1024), "CBB_init");
  CBB response;
  Open(builder.get(), &response, CBS_ASN1_SEQUENCE);
  AddElement(std::string(1, static_cast<char>(spec.response_status)),
             CBS_ASN1_ENUMERATED, &response);
  if (spec.response_status != 0) return Finish(builder);
  CBB body;
  CBB bytes;
  CBB octets;
  Open(&response, &body, Constructed(0));
  Open(&body, &bytes, CBS_ASN1_SEQUENCE);
  AddObject(spec.response_type, &bytes);
  Open(&bytes, &octets, CBS_ASN1_OCTETSTRING);
  AddBasicResponse(ResponseData(issuer, certificates, spec), key, &octets);
  return Finish(builder);
}

std::string OcspResponseDer(const TestIdentity& issuer,
                            const std::vector<const TestIdentity*>& identities,
                            const OcspResponseSpec& spec) {
  std::vector<X509*> certificates;
  for (const TestIdentity* identity : identities) {
    certificates.push_back(identity->certificate());
  }
  return OcspResponseDer(issuer.certificate(), issuer.key(), certificates,
                         spec);
}

}  // namespace tlsd::testing
