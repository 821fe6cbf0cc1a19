#include "server/tls/certificate_extensions.h"

#include <openssl/asn1.h>
#include <openssl/nid.h>
#include <openssl/obj.h>
#include <openssl/x509v3.h>

#include <string>
#include <utility>
#include <vector>

#include "server/tls/certificate_names.h"

namespace tlsd::tls {
namespace {

// In the order of their bits (RFC 5280 section 4.2.1.3).
constexpr const char* kKeyUsages[] = {
    "digitalSignature", "nonRepudiation", "keyEncipherment",
    "dataEncipherment", "keyAgreement",   "keyCertSign",
    "cRLSign",          "encipherOnly",   "decipherOnly",
};

// Find returns the extension of kind `nid`, whose type is `T`; null if there is
// none, if it is malformed, and if there are two.
template <typename T>
bssl::UniquePtr<T> Find(const X509* certificate, int nid) {
  return bssl::UniquePtr<T>(static_cast<T*>(
      X509_get_ext_d2i(certificate, nid, /*out_critical=*/nullptr,
                       /*out_idx=*/nullptr)));
}

std::vector<std::string> DescribeAlternativeNames(const X509* certificate) {
  std::vector<std::string> result;
  const auto names = Find<GENERAL_NAMES>(certificate, NID_subject_alt_name);
  if (names == nullptr) return result;
  for (const GENERAL_NAME* name : names.get()) {
    std::string text = DescribeGeneralName(name);
    if (!text.empty()) result.push_back(std::move(text));
  }
  return result;
}

std::vector<std::string> DescribeKeyUsages(const X509* certificate) {
  std::vector<std::string> result;
  const auto usages = Find<ASN1_BIT_STRING>(certificate, NID_key_usage);
  if (usages == nullptr) return result;
  int bit = 0;
  for (const char* usage : kKeyUsages) {
    if (ASN1_BIT_STRING_get_bit(usages.get(), bit++)) result.push_back(usage);
  }
  return result;
}

void DescribeExtendedKeyUsages(const X509* certificate,
                               CertificateFacts& facts) {
  const auto usages = Find<EXTENDED_KEY_USAGE>(certificate, NID_ext_key_usage);
  if (usages == nullptr) return;
  for (const ASN1_OBJECT* usage : usages.get()) {
    facts.extended_key_usages.push_back(DescribeObject(usage));
    facts.extended_key_usage_oids.push_back(ObjectIdentifier(usage));
  }
}

bool DescribeIsAuthority(const X509* certificate) {
  const auto constraints =
      Find<BASIC_CONSTRAINTS>(certificate, NID_basic_constraints);
  return constraints != nullptr && constraints->ca != 0;
}

void AppendUrl(const GENERAL_NAME* name, std::vector<std::string>& urls) {
  if (name->type != GEN_URI) return;
  urls.push_back(DescribeIa5(name->d.uniformResourceIdentifier));
}

void DescribeInformationAccess(const X509* certificate,
                               CertificateFacts& facts) {
  const auto accesses =
      Find<AUTHORITY_INFO_ACCESS>(certificate, NID_info_access);
  if (accesses == nullptr) return;
  for (const ACCESS_DESCRIPTION* access : accesses.get()) {
    const int method = OBJ_obj2nid(access->method);
    if (method == NID_ad_OCSP) AppendUrl(access->location, facts.ocsp_urls);
    if (method == NID_ad_ca_issuers) {
      AppendUrl(access->location, facts.issuer_urls);
    }
  }
}

std::vector<std::string> DescribeRevocationLists(const X509* certificate) {
  // The type of DIST_POINT_NAME that holds `fullname`.
  constexpr int kFullName = 0;
  std::vector<std::string> urls;
  const auto points =
      Find<CRL_DIST_POINTS>(certificate, NID_crl_distribution_points);
  if (points == nullptr) return urls;
  for (const DIST_POINT* point : points.get()) {
    const DIST_POINT_NAME* where = point->distpoint;
    if (where == nullptr || where->type != kFullName) continue;
    for (const GENERAL_NAME* name : where->name.fullname) {
      AppendUrl(name, urls);
    }
  }
  return urls;
}

}  // namespace

void DescribeExtensions(const X509* certificate, CertificateFacts& facts) {
  facts.subject_alternative_names = DescribeAlternativeNames(certificate);
  facts.key_usages = DescribeKeyUsages(certificate);
  DescribeExtendedKeyUsages(certificate, facts);
  facts.is_authority = DescribeIsAuthority(certificate);
  DescribeInformationAccess(certificate, facts);
  facts.revocation_list_urls = DescribeRevocationLists(certificate);
}

}  // namespace tlsd::tls
