#include "server/tls/trust_anchors.h"

#include <openssl/mem.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "server/base/status_macros.h"
#include "server/tls/certificate.h"
#include "server/tls/pem.h"
#include "server/tls/ssl_error.h"
#include "server/tls/system_trust_store.h"

namespace tlsd::tls {
namespace {

constexpr size_t kAnchorBytesMax = 1024 * 1024;
// What fits into one message of the control plane, with room for the rest.
constexpr size_t kRevocationBytesMax = 3 * 1024 * 1024;
// A CertificateRequest carries at most 65535 bytes of names, and clients take
// no message much longer than this.
constexpr size_t kNamesBytesMax = 16 * 1024;

// Collector fills a TrustAnchors.
class Collector {
 public:
  absl::Status Start();
  absl::Status Add(X509* certificate);
  absl::Status AddPem(absl::string_view field, absl::string_view pem);
  absl::Status AddSystemStore();
  absl::Status AddRevocationLists(absl::string_view field,
                                  absl::string_view pem);
  void SetVerifyFlags(unsigned long flags);
  TrustAnchors Finish();

 private:
  absl::Status AddName(X509* certificate);
  absl::Status AddRevocationList(absl::string_view field, const PemBlock& block,
                                 int ordinal);
  void Digest(absl::string_view kind, absl::string_view bytes);

  TrustAnchors anchors_;
  SHA256_CTX digest_;
  size_t names_bytes_ = 0;
};

absl::Status Collector::Start() {
  SHA256_Init(&digest_);
  anchors_.store.reset(X509_STORE_new());
  anchors_.names.reset(sk_X509_NAME_new_null());
  if (anchors_.store == nullptr || anchors_.names == nullptr) {
    return InternalError("X509_STORE_new");
  }
  return absl::OkStatus();
}

// With its length, so that no two inputs are one.
void Collector::Digest(absl::string_view kind, absl::string_view bytes) {
  const std::string head = absl::StrCat(kind, ":", bytes.size(), ":");
  SHA256_Update(&digest_, head.data(), head.size());
  SHA256_Update(&digest_, bytes.data(), bytes.size());
}

absl::Status Collector::AddName(X509* certificate) {
  X509_NAME* subject = X509_get_subject_name(certificate);
  bssl::UniquePtr<X509_NAME> name(X509_NAME_dup(subject));
  const int size = i2d_X509_NAME(subject, nullptr);
  if (name == nullptr || size < 0) return InternalError("X509_NAME_dup");
  names_bytes_ += static_cast<size_t>(size) + 2;
  if (!bssl::PushToStack(anchors_.names.get(), std::move(name))) {
    return InternalError("sk_X509_NAME_push");
  }
  return absl::OkStatus();
}

absl::Status Collector::Add(X509* certificate) {
  if (!X509_STORE_add_cert(anchors_.store.get(), certificate)) {
    return InternalError("X509_STORE_add_cert");
  }
  Digest("anchor", EncodeDer(certificate));
  anchors_.certificates.push_back(bssl::UpRef(certificate));
  return AddName(certificate);
}

absl::Status Collector::AddPem(absl::string_view field, absl::string_view pem) {
  TLSD_ASSIGN_OR_RETURN(const std::vector<bssl::UniquePtr<X509>> certificates,
                        ReadCertificates(field, pem));
  for (const bssl::UniquePtr<X509>& certificate : certificates) {
    TLSD_RETURN_IF_ERROR(Add(certificate.get()));
  }
  return absl::OkStatus();
}

absl::Status Collector::AddSystemStore() {
  TLSD_ASSIGN_OR_RETURN(const std::shared_ptr<const SystemTrustStore> system,
                        SystemTrustStore::Load());
  TLSD_RETURN_IF_ERROR(system->AddTo(anchors_.store.get()));
  for (const bssl::UniquePtr<X509>& certificate : system->certificates()) {
    Digest("anchor", EncodeDer(certificate.get()));
    anchors_.certificates.push_back(bssl::UpRef(certificate));
  }
  anchors_.system = system;
  Digest("system", system->path());
  return absl::OkStatus();
}

absl::Status Collector::AddRevocationList(absl::string_view field,
                                          const PemBlock& block, int ordinal) {
  const auto error = [&](absl::string_view problem) {
    return ProblemError(Reason::kCrlInvalid, field, problem);
  };
  if (block.name() != PEM_STRING_X509_CRL) {
    return error(absl::StrCat("holds a ", QuoteForMessage(block.name()),
                              "; only revocation lists are allowed"));
  }
  const uint8_t* data = block.data();
  const bssl::UniquePtr<X509_CRL> list(
      d2i_X509_CRL(nullptr, &data, static_cast<long>(block.size())));
  if (list == nullptr || data != block.data() + block.size()) {
    return error(absl::StrCat("revocation list ", ordinal, " is malformed"));
  }
  if (!X509_STORE_add_crl(anchors_.store.get(), list.get())) {
    return InternalError("X509_STORE_add_crl");
  }
  Digest("crl", {reinterpret_cast<const char*>(block.data()), block.size()});
  return absl::OkStatus();
}

absl::Status Collector::AddRevocationLists(absl::string_view field,
                                           absl::string_view pem) {
  PemReader reader(pem);
  int count = 0;
  while (const std::optional<PemBlock> block = reader.Next()) {
    TLSD_RETURN_IF_ERROR(AddRevocationList(field, *block, ++count));
  }
  if (count > 0 && !reader.malformed()) return absl::OkStatus();
  const std::string problem = reader.malformed()
                                  ? absl::StrCat("the PEM of revocation list ",
                                                 count + 1, " is malformed")
                                  : "holds no \"-----BEGIN X509 CRL-----\"";
  return ProblemError(Reason::kCrlInvalid, field, problem);
}

void Collector::SetVerifyFlags(unsigned long flags) {
  anchors_.verify_flags = flags;
  Digest("flags", absl::StrCat(flags));
}

TrustAnchors Collector::Finish() {
  uint8_t digest[SHA256_DIGEST_LENGTH];
  SHA256_Final(digest, &digest_);
  anchors_.digest.assign(reinterpret_cast<const char*>(digest), sizeof(digest));
  // RFC 8446 section 4.2.4: no list means that any certificate may do.
  if (names_bytes_ > kNamesBytesMax) {
    anchors_.names.reset(sk_X509_NAME_new_null());
  }
  return std::move(anchors_);
}

absl::Status CheckSize(absl::string_view field,
                       const std::vector<std::string>& pems, size_t max) {
  size_t size = 0;
  for (const std::string& pem : pems) size += pem.size();
  if (size <= max) return absl::OkStatus();
  return FieldError(Reason::kFieldInvalid, field, absl::StrCat(size, " bytes"),
                    absl::StrCat(max / 1024 / 1024, " MiB together"));
}

absl::Status AddAnchors(const TrustAnchorsOptions& options,
                        absl::Span<X509* const> more,
                        DevelopmentAuthority& authority,
                        SystemStoreUse system_store_use, Collector& collector) {
  TLSD_RETURN_IF_ERROR(CheckSize("pems", options.pems, kAnchorBytesMax));
  for (size_t i = 0; i < options.pems.size(); ++i) {
    TLSD_RETURN_IF_ERROR(
        collector.AddPem(absl::StrCat("pems[", i, "]"), options.pems[i]));
  }
  if (options.development) {
    TLSD_ASSIGN_OR_RETURN(const std::string root, authority.RootPem());
    TLSD_RETURN_IF_ERROR(collector.AddPem("development", root));
  }
  for (X509* certificate : more) {
    TLSD_RETURN_IF_ERROR(collector.Add(certificate));
  }
  const bool is_default = options.pems.empty() && !options.development;
  if (!options.system && !is_default) return absl::OkStatus();
  const absl::Status added = collector.AddSystemStore();
  const bool is_required =
      options.system || system_store_use == SystemStoreUse::kRequired;
  return is_required || !HasReason(added, Reason::kTrustStoreEmpty)
             ? added
             : absl::OkStatus();
}

}  // namespace

absl::StatusOr<TrustAnchors> LoadTrustAnchors(
    const TrustAnchorsOptions& options,
    const RevocationListsOptions& revocation_lists,
    absl::Span<X509* const> more, DevelopmentAuthority& authority,
    SystemStoreUse system_store_use) {
  Collector collector;
  TLSD_RETURN_IF_ERROR(collector.Start());
  if (const absl::Status added =
          AddAnchors(options, more, authority, system_store_use, collector);
      !added.ok()) {
    return PrefixField(added, "trust_anchors.");
  }
  const std::vector<std::string>& lists = revocation_lists.pems;
  TLSD_RETURN_IF_ERROR(
      CheckSize("revocation_lists.pems", lists, kRevocationBytesMax));
  for (size_t i = 0; i < lists.size(); ++i) {
    TLSD_RETURN_IF_ERROR(collector.AddRevocationLists(
        absl::StrCat("revocation_lists.pems[", i, "]"), lists[i]));
  }
  unsigned long flags = 0;
  if (options.allow_partial_chain) flags |= X509_V_FLAG_PARTIAL_CHAIN;
  if (!lists.empty()) flags |= X509_V_FLAG_CRL_CHECK;
  if (!lists.empty() && !revocation_lists.leaf_only) {
    flags |= X509_V_FLAG_CRL_CHECK_ALL;
  }
  collector.SetVerifyFlags(flags);
  return collector.Finish();
}

}  // namespace tlsd::tls
