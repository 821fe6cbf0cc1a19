#include "client/cli/show_certificate.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "client/cli/cells.h"
#include "client/cli/humanize.h"
#include "client/convert.h"

namespace tlsd::client::cli {
namespace {

std::string Day(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%Y-%m-%d", FromProto(time), absl::UTCTimeZone());
}

void AddValidity(const v1::Certificate& certificate, absl::Time now,
                 Block& block) {
  if (certificate.has_not_before_time()) {
    const absl::Time start = FromProto(certificate.not_before_time());
    block.Add("valid from", {absl::StrCat(certificate.valid_from(), ", ",
                                          HumanAge(start, now)),
                             start > now ? Tone::kBad : Tone::kPlain});
  }
  if (certificate.has_not_after_time()) {
    const Cell end = ExpiryCell(FromProto(certificate.not_after_time()), now);
    block.Add("valid to",
              {absl::StrCat(certificate.valid_to(), ", ", end.text), end.tone});
  }
}

}  // namespace

Block CertificateBlock(const v1::Certificate& certificate, absl::Time now) {
  Block block(
      {certificate.subject().empty() ? "(no subject)" : certificate.subject(),
       Tone::kStrong});
  block.Add("issuer", certificate.issuer());
  const auto& names = certificate.subject_alternative_names();
  block.AddList("names", {names.begin(), names.end()});
  AddValidity(certificate, now, block);
  block.Add("serial", certificate.serial_number());
  block.Add("key", certificate.public_key());
  block.Add("key pin", certificate.public_key_pin());
  block.Add("key usages", absl::StrJoin(certificate.key_usages(), ", "));
  block.Add("purposes", absl::StrJoin(certificate.extended_key_usages(), ", "));
  if (certificate.is_authority()) block.Add("authority", "yes");
  block.Add("signed with", certificate.signature_algorithm());
  block.Add("SHA-256", certificate.sha256_fingerprint());
  block.Add("SHA-1", certificate.sha1_fingerprint());
  block.Add("OCSP", absl::StrJoin(certificate.ocsp_urls(), ", "));
  block.Add("issuer at", absl::StrJoin(certificate.issuer_urls(), ", "));
  block.Add("revocation at",
            absl::StrJoin(certificate.revocation_list_urls(), ", "));
  return block;
}

std::string CertificatesText(
    const google::protobuf::RepeatedPtrField<v1::Certificate>& certificates,
    absl::Time now, ColourMode mode) {
  return absl::StrJoin(
      certificates, "\n",
      [&](std::string* out, const v1::Certificate& certificate) {
        absl::StrAppend(out, CertificateBlock(certificate, now).Format(mode));
      });
}

std::string PeerCertificateText(const v1::GetPeerCertificateResponse& response,
                                absl::Time now, ColourMode mode) {
  if (!response.has_certificate()) {
    return absl::StrCat(
        Paint({"the peer has shown no certificate", Tone::kFaint}, mode), "\n");
  }
  if (response.chain().empty()) {
    return CertificateBlock(response.certificate(), now).Format(mode);
  }
  std::string text = CertificatesText(response.chain(), now, mode);
  for (const v1::Certificate& sent : response.sent()) {
    const bool is_in_chain = std::any_of(
        response.chain().begin(), response.chain().end(),
        [&](const v1::Certificate& each) {
          return each.sha256_fingerprint() == sent.sha256_fingerprint();
        });
    if (is_in_chain) continue;
    absl::StrAppend(&text, "\n",
                    Paint({"sent beside the chain:", Tone::kFaint}, mode), "\n",
                    CertificateBlock(sent, now).Format(mode));
  }
  return text;
}

std::string ServerIdentityText(const v1::CheckServerIdentityResponse& response,
                               const std::string& name, ColourMode mode) {
  const std::string names =
      absl::StrJoin(response.subject_alternative_names(), ", ");
  if (response.matches()) {
    return absl::StrCat(Paint({"yes", Tone::kGood}, mode), ": ",
                        Paint(absl::StrCat("it is for ", name), mode), "\n");
  }
  return absl::StrCat(Paint({"no", Tone::kBad}, mode), ": ",
                      Paint(response.error(), mode), ": ",
                      Paint(response.message(), mode), "\n  ",
                      Paint({names.empty() ? "it is for no name"
                                           : absl::StrCat("it is for ", names),
                             Tone::kFaint},
                            mode),
                      "\n");
}

Cell OcspCell(const v1::OcspResponse& response) {
  if (response.response_status() != "successful") {
    return {response.response_status(), Tone::kCareful};
  }
  std::string text = response.certificate_status();
  if (response.has_revocation_time()) {
    absl::StrAppend(&text, " on ", Day(response.revocation_time()));
  }
  if (response.has_this_update_time()) {
    absl::StrAppend(&text, ", as of ", Day(response.this_update_time()));
  }
  if (response.has_next_update_time()) {
    absl::StrAppend(&text, ", until ", Day(response.next_update_time()));
  }
  if (response.certificate_status() == "good") return {text, Tone::kGood};
  return {text, response.certificate_status() == "revoked" ? Tone::kBad
                                                           : Tone::kCareful};
}

Table OwnCertificateTable(const v1::ListOwnCertificatesResponse& list) {
  Table table({"CONTEXT", "SUBJECT", "NAMES", "KEY", "ENDS", "DAYS LEFT"});
  for (const v1::OwnCertificate& own : list.own_certificates()) {
    const v1::Certificate& certificate = own.certificate();
    table.AddRow({std::string(absl::StripPrefix(own.secure_context(),
                                                "secureContexts/")),
                  certificate.subject(),
                  absl::StrJoin(certificate.subject_alternative_names(), ","),
                  certificate.public_key(), Day(certificate.not_after_time()),
                  DaysLeftCell(FromProto(own.time_left()))});
  }
  return table;
}

Table TrustedCertificateTable(const v1::ListTrustedCertificatesResponse& list,
                              absl::Time now) {
  Table table({"SUBJECT", "KEY", "ENDS", "SHA-256"});
  for (const v1::Certificate& certificate : list.certificates()) {
    const absl::Time end = FromProto(certificate.not_after_time());
    table.AddRow({certificate.subject(),
                  certificate.public_key(),
                  {Day(certificate.not_after_time()), ExpiryTone(end - now)},
                  certificate.sha256_fingerprint()});
  }
  return table;
}

}  // namespace tlsd::client::cli
