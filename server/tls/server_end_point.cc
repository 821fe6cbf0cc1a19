#include "server/tls/server_end_point.h"

#include <openssl/digest.h>
#include <openssl/nid.h>
#include <openssl/obj.h>

#include <array>
#include <cstdint>

namespace tlsd::tls {
namespace {

// RSA-PSS has its hash function in its parameters (RFC 4055 section 3.1).
int PssDigestNid(const X509_ALGOR& algorithm) {
  int type = 0;
  const void* value = nullptr;
  X509_ALGOR_get0(/*out_obj=*/nullptr, &type, &value, &algorithm);
  if (type != V_ASN1_SEQUENCE) return NID_undef;
  const auto* sequence = static_cast<const ASN1_STRING*>(value);
  const uint8_t* data = ASN1_STRING_get0_data(sequence);
  const bssl::UniquePtr<RSA_PSS_PARAMS> parameters(d2i_RSA_PSS_PARAMS(
      /*out=*/nullptr, &data, ASN1_STRING_length(sequence)));
  if (parameters == nullptr) return NID_undef;
  if (parameters->hashAlgorithm == nullptr) return NID_sha1;
  return OBJ_obj2nid(parameters->hashAlgorithm->algorithm);
}

int DigestNid(const X509* certificate) {
  const X509_ALGOR* algorithm = nullptr;
  X509_get0_signature(/*out_sig=*/nullptr, &algorithm, certificate);
  const int signature = X509_get_signature_nid(certificate);
  if (signature == NID_rsassaPss) return PssDigestNid(*algorithm);
  int digest = NID_undef;
  int key = NID_undef;
  return OBJ_find_sigid_algs(signature, &digest, &key) ? digest : NID_undef;
}

}  // namespace

std::string ServerEndPoint(const X509* certificate) {
  int nid = DigestNid(certificate);
  if (nid == NID_md5 || nid == NID_sha1) nid = NID_sha256;
  const EVP_MD* digest = EVP_get_digestbynid(nid);
  if (digest == nullptr) return "";
  std::array<uint8_t, EVP_MAX_MD_SIZE> hash;
  unsigned size = 0;
  if (!X509_digest(certificate, digest, hash.data(), &size)) return "";
  return std::string(hash.begin(), hash.begin() + size);
}

}  // namespace tlsd::tls
