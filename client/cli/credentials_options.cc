#include "client/cli/credentials_options.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"

namespace tlsd::client::cli {

std::string Times(size_t count) {
  return absl::StrCat(count, count == 1 ? " time" : " times");
}

CredentialsOptions::CredentialsOptions(CLI::App& app) : app_(app) {
  CLI::Option* certificate = app.add_option(
      "--cert", certificate_paths_,
      "PEM file of a certificate, then its intermediates; may be repeated, "
      "most preferred first, each with its --key");
  CLI::Option* key =
      app.add_option("--key", key_paths_,
                     "PEM file of the private key of the --cert in its place");
  certificate->needs(key)->allow_extra_args(false)->type_name("FILE");
  key->needs(certificate)->allow_extra_args(false)->type_name("FILE");
  CLI::Option* pfx =
      app.add_option("--pfx", pfx_paths_,
                     "PKCS#12 file of a certificate and its key; may be "
                     "repeated")
          ->allow_extra_args(false)
          ->type_name("FILE");
  CLI::Option* remote =
      app.add_option("--remote-cert", remote_paths_,
                     "PEM file of a certificate, then its intermediates, whose "
                     "key is elsewhere: handshakes ask sign, see `decide`; may "
                     "be repeated")
          ->allow_extra_args(false)
          ->type_name("FILE");
  app.add_option("--ocsp-response", ocsp_response_paths_,
                 "DER file of the OCSP response that is stapled: one for each "
                 "of the credentials, \"\" for none")
      ->allow_extra_args(false)
      ->type_name("FILE");
  app.add_option("--passphrase-file", passphrase_paths_,
                 "File with a passphrase: one for all keys and PKCS#12 files, "
                 "or one for each, \"\" for none")
      ->allow_extra_args(false)
      ->type_name("FILE");
  app.add_flag("--pfx-trust", trust_pfx_,
               "Trust the other certificates of the PKCS#12 files")
      ->needs(pfx);
  app.add_flag("--allow-outside-validity", allow_outside_validity_,
               "Accept certificates that are not valid now");
  CLI::Option* development = app.add_flag(
      "--dev", development_, "Let the daemon make a development certificate");
  development->excludes(certificate)->excludes(pfx)->excludes(remote);
  app.add_option("--dev-name", development_names_,
                 "DNS name or IP address of the development certificate; may "
                 "be repeated")
      ->needs(development)
      ->allow_extra_args(false);
  certificate_ = certificate;
  pfx_ = pfx;
  remote_ = remote;
}

bool CredentialsOptions::are_given() const {
  return development_ || !certificate_paths_.empty() || !pfx_paths_.empty() ||
         !remote_paths_.empty() || !passphrase_paths_.empty() ||
         !ocsp_response_paths_.empty() || allow_outside_validity_;
}

absl::Status CredentialsOptions::CheckCounts() const {
  if (certificate_paths_.size() != key_paths_.size()) {
    return FieldError(
        Reason::kFieldInvalid, "--key", Times(key_paths_.size()),
        absl::StrCat("as often as --cert, ", Times(certificate_paths_.size())));
  }
  const size_t count = certificate_paths_.size() + pfx_paths_.size();
  const size_t all_count =
      count + remote_paths_.size() + (development_ ? 1 : 0);
  if (count + remote_paths_.size() == 0 && allow_outside_validity_) {
    return FieldError(Reason::kFieldInvalid, "--allow-outside-validity",
                      "nothing to allow",
                      "beside --cert, --pfx or --remote-cert");
  }
  if (!ocsp_response_paths_.empty() &&
      ocsp_response_paths_.size() != all_count) {
    return FieldError(
        Reason::kFieldInvalid, "--ocsp-response",
        Times(ocsp_response_paths_.size()),
        absl::StrCat("once for each of the ", all_count, " credentials"));
  }
  if (passphrase_paths_.size() > 1 && passphrase_paths_.size() != count) {
    return FieldError(Reason::kFieldInvalid, "--passphrase-file",
                      Times(passphrase_paths_.size()),
                      absl::StrCat("once for all, or once for each of the ",
                                   count, " keys and PKCS#12 files"));
  }
  if (count == 0 && !passphrase_paths_.empty()) {
    return FieldError(Reason::kFieldInvalid, "--passphrase-file",
                      "nothing to open", "beside --key or --pfx");
  }
  return absl::OkStatus();
}

absl::Status CredentialsOptions::Set(const FileContents& files,
                                     v1::SecureContext& context) const {
  const absl::Status counts = CheckCounts();
  if (!counts.ok()) return counts;
  context.clear_credentials();
  if (development_) {
    *context.add_credentials()->mutable_development()->mutable_server_names() =
        {development_names_.begin(), development_names_.end()};
    return AddOcspResponses(files, context);
  }
  size_t pem_index = 0;
  size_t pfx_index = 0;
  size_t remote_index = 0;
  for (const CLI::Option* option : app_.parse_order()) {
    absl::Status added;
    if (option == certificate_) added = AddPem(files, pem_index++, context);
    if (option == pfx_) added = AddPfx(files, pfx_index++, context);
    if (option == remote_) added = AddRemote(files, remote_index++, context);
    if (!added.ok()) return added;
  }
  return AddOcspResponses(files, context);
}

absl::Status CredentialsOptions::AddPem(const FileContents& files, size_t index,
                                        v1::SecureContext& context) const {
  const absl::StatusOr<std::string> chain =
      files.Text(certificate_paths_[index]);
  if (!chain.ok()) return chain.status();
  const absl::StatusOr<std::string> key = files.Text(key_paths_[index]);
  if (!key.ok()) return key.status();
  const absl::StatusOr<std::string> passphrase = Passphrase(files, context);
  if (!passphrase.ok()) return passphrase.status();
  v1::PemCredentials& pem = *context.add_credentials()->mutable_pem();
  pem.set_certificate_chain(*chain);
  pem.set_private_key(*key);
  pem.set_passphrase(*passphrase);
  pem.set_allow_outside_validity(allow_outside_validity_);
  return absl::OkStatus();
}

absl::Status CredentialsOptions::AddPfx(const FileContents& files, size_t index,
                                        v1::SecureContext& context) const {
  const absl::StatusOr<std::string> content = files.Bytes(pfx_paths_[index]);
  if (!content.ok()) return content.status();
  const absl::StatusOr<std::string> passphrase = Passphrase(files, context);
  if (!passphrase.ok()) return passphrase.status();
  v1::Pkcs12Credentials& pkcs12 = *context.add_credentials()->mutable_pkcs12();
  pkcs12.set_pfx(*content);
  pkcs12.set_passphrase(*passphrase);
  pkcs12.set_allow_outside_validity(allow_outside_validity_);
  pkcs12.set_trust_certificates(trust_pfx_);
  return absl::OkStatus();
}

absl::Status CredentialsOptions::AddRemote(const FileContents& files,
                                           size_t index,
                                           v1::SecureContext& context) const {
  const absl::StatusOr<std::string> chain = files.Text(remote_paths_[index]);
  if (!chain.ok()) return chain.status();
  v1::RemoteCredentials& remote = *context.add_credentials()->mutable_remote();
  remote.set_certificate_chain(*chain);
  remote.set_allow_outside_validity(allow_outside_validity_);
  return absl::OkStatus();
}

absl::Status CredentialsOptions::AddOcspResponses(
    const FileContents& files, v1::SecureContext& context) const {
  for (size_t i = 0; i < ocsp_response_paths_.size(); ++i) {
    if (ocsp_response_paths_[i].empty()) continue;
    const absl::StatusOr<std::string> response =
        files.Bytes(ocsp_response_paths_[i]);
    if (!response.ok()) return response.status();
    context.mutable_credentials(static_cast<int>(i))
        ->set_ocsp_response(*response);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> CredentialsOptions::Passphrase(
    const FileContents& files, const v1::SecureContext& context) const {
  if (passphrase_paths_.empty()) return "";
  // Those whose key is elsewhere need none.
  const auto index = static_cast<size_t>(std::count_if(
      context.credentials().begin(), context.credentials().end(),
      [](const v1::Credentials& each) { return !each.has_remote(); }));
  const std::string& path =
      passphrase_paths_[passphrase_paths_.size() == 1 ? 0 : index];
  if (path.empty()) return "";
  return files.Passphrase(path);
}

}  // namespace tlsd::client::cli
