#include "tests/testing/test_pkcs12.h"

#include <openssl/bytestring.h>
#include <openssl/mem.h>
#include <openssl/pkcs8.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/testing/subprocess.h"

namespace tlsd::testing {
namespace {

// keytool -genkeypair -storetype PKCS12 -storepass open-sesame -keyalg EC
// -groupname secp256r1 -validity 36500, for the aliases "a" and "b".
constexpr char kTwoKeys[] =
    "MIIGbgIBAzCCBhgGCSqGSIb3DQEHAaCCBgkEggYFMIIGATCCAigGCSqGSIb3DQEHAaCCAhkE"
    "ggIVMIICETCCAQQGCyqGSIb3DQEMCgECoIG8MIG5MGUGCSqGSIb3DQEFDTBYMDcGCSqGSIb3"
    "DQEFDDAqBBT6MZHZlXInHcLeyRUh/hwMpW5LGgIBAQIBIDAMBggqhkiG9w0CCQUAMB0GCWCG"
    "SAFlAwQBKgQQE6Gd5DzbG41iQQ2iXyYFDgRQ8h90rpVh2fE5JBhBSFA8qNWlybBDWwcxdf/L"
    "1Zx+YRdcp/taWWr0PnyODKwo/6AXf1YwUHoqyvCa8HkNB+T++yAG6Zu/Za5HWzRsD/71E4Ax"
    "NjARBgkqhkiG9w0BCRQxBB4CAGEwIQYJKoZIhvcNAQkVMRQEElRpbWUgMTc5NTM3MzQ2MDI4"
    "ODCCAQUGCyqGSIb3DQEMCgECoIG9MIG6MGYGCSqGSIb3DQEFDTBZMDgGCSqGSIb3DQEFDDAr"
    "BBSiDQmDHlmTxRSZCgK6fwj/RNe8awICJxACASAwDAYIKoZIhvcNAgkFADAdBglghkgBZQME"
    "ASoEEETBxLogm0G11cDpWaJA93cEUOdHbv6lylJgsMF1qu71GAWhBIcnc3DmUjWi332S+D7O"
    "fDJU6j8Xp2P0mWn/jIBttcUJrN1NyOnIxVHWJ21GMtorTprVEaGpc08MPxKM7woQMTYwEQYJ"
    "KoZIhvcNAQkUMQQeAgBiMCEGCSqGSIb3DQEJFTEUBBJUaW1lIDE3OTUzNzM0NjE1NDEwggPR"
    "BgkqhkiG9w0BBwagggPCMIIDvgIBADCCA7cGCSqGSIb3DQEHATBmBgkqhkiG9w0BBQ0wWTA4"
    "BgkqhkiG9w0BBQwwKwQUViz7LY5Be6XTPpc6CRTgORCw6nACAicQAgEgMAwGCCqGSIb3DQIJ"
    "BQAwHQYJYIZIAWUDBAEqBBB/4MVJa2qmdvGOUsdJA8hMgIIDQCNR9CFL09zUnRaNZXuM50vw"
    "FgnVIgvy9aanzHBUQWtn19rfopo6MCM//dTjGRTzfkFhoYRbNcm/euEWv1KYGK2Sr060AnoV"
    "MAdzTxJHqNGW5Ny2Do0gfte76Cxt+R0oDS6zqZ0gG7e+zEVA3brEnIkStYu+V3QLUTB7zeDH"
    "Ou8RBL0Wgee8OGLOehg0Mh1jTCgCdSuB28F9KPsQA40GcDBZggQZwoQBuTkJbGgmqNV0y08R"
    "TujR6Y/QMe+jhJVoqF0mFU07Myt/BNmT2T/xQSYV/DTK14z2+/TcDhuxIt2BM5gT2RGvsryr"
    "4/LfcehgMUYLZ5KKRHKQTe5JK0bPZAkaMeIaa6K+AEZoGmwSiFQvU4aFuYW8AHWQt8228CSd"
    "QjtolbPzQf41KtV09172clwrZQzBzgo53rybasSarNLeTKRvny3yQ2Fcq7o5c1WELD2JVneh"
    "Zd5RZWqE9qq4ESR9V2YX5mzK9mSy176YhPenoHhNJlPmNZOjdRQzW2QcyoTt6dHarcRy6Mm8"
    "RYVsaWg2wlLE0MSnTExmUYABBwV1cb1cD5W8hdYyssXkMhQ5DRrQbxo3LTFPr8spFY/NJfi4"
    "bALsy4kHNhm+t5VT+98ivRqMnsjYGdQWxbFDbYO82teU2sOqmDtEBtiU02qFfRXtpKSA881K"
    "ZXXf5lcpJWpurjbAAVmwzHiLJ/HLQX0m/swlrfW7XVvJYXDyyXs0fYDL0Vixwe2UvFVgQEPN"
    "6Kra8Oki0Op+7sdw0lFHrLnqRZNjwkFCUQm4g3j31r9gxh+xGfkNYCL7F5nD5fNfMbo0XTmA"
    "P/K1LckkR1ysidBzWAr1DUeSir3lx0aFAe1G5W7rLLtujnbQls6QS0WM7tcSnbYTH0vbo8tq"
    "zJeMh14pzzeQ7YzwuBF62PG22QszbzAhhcQfw69V0OfwljGqmEqPx7qX+JJTlB1bIo4rVnfX"
    "5tvcUmpgdGQ5n6bFW9iNfV7CvV/++LvK2ysukj0NG/vWTvhxxXosXHeRshCFRs3So47+FMn8"
    "buPI+Bsd3BlnmF6cGMOSZFwo9M4R8YsiKf27oLDM99TNjOqOo4xBafGmdtjjzoZlM4CoHlPf"
    "mMgcKRkwTTAxMA0GCWCGSAFlAwQCAQUABCAL+VR0mu1rAuLwJ0XhUpn9BDcMLRrai+TWlief"
    "HsEDoAQUaClKg9gxMD0kn7KZm3AoRwULQCQCAicQ";

void Check(bool condition, const std::string& what) {
  if (condition) return;
  std::fprintf(stderr, "test_pkcs12: %s\n", what.c_str());
  std::abort();
}

std::string WriteFile(const std::string& name, const std::string& text) {
  const std::filesystem::path path =
      std::filesystem::path(::testing::TempDir()) / name;
  std::ofstream file(path);
  file << text;
  file.close();
  Check(file.good(), absl::StrCat("cannot write ", path.string()));
  return path.string();
}

}  // namespace

std::string WritePkcs12(const Pkcs12Spec& spec) {
  std::vector<std::string> command = {"openssl", "pkcs12", "-export",
                                      "-passout",
                                      absl::StrCat("pass:", spec.passphrase)};
  if (spec.certificates.empty()) {
    command.insert(command.end(), {"-nocerts"});
  } else {
    command.insert(command.end(), {"-in", WriteFile("pkcs12-certificates.pem",
                                                    spec.certificates)});
  }
  if (spec.private_key.empty()) {
    command.insert(command.end(), {"-nokeys"});
  } else {
    command.insert(command.end(),
                   {"-inkey", WriteFile("pkcs12-key.pem", spec.private_key)});
  }
  command.insert(command.end(), spec.flags.begin(), spec.flags.end());
  const absl::StatusOr<RunResult> result = RunCommand(command);
  Check(result.ok(), result.status().ToString());
  Check(result->exit_code == 0, result->error_output);
  return result->output;
}

std::string PairInPkcs12(EVP_PKEY* key, X509* certificate,
                         const std::string& passphrase) {
  // What is given as an issuer is not compared with the key.
  const bssl::UniquePtr<STACK_OF(X509)> issuers(sk_X509_new_null());
  Check(bssl::PushToStack(issuers.get(), bssl::UpRef(certificate)),
        "sk_X509_push failed");
  const bssl::UniquePtr<PKCS12> pkcs12(PKCS12_create(
      passphrase.c_str(), /*name=*/nullptr, key, /*cert=*/nullptr,
      issuers.get(), /*key_nid=*/0, /*cert_nid=*/0, /*iterations=*/0,
      /*mac_iterations=*/0, /*key_type=*/0));
  Check(pkcs12 != nullptr, "PKCS12_create failed");
  uint8_t* der = nullptr;
  const int size = i2d_PKCS12(pkcs12.get(), &der);
  Check(size > 0, "i2d_PKCS12 failed");
  const bssl::UniquePtr<uint8_t> owner(der);
  return std::string(reinterpret_cast<const char*>(der), size);
}

std::string TwoKeysInPkcs12() {
  std::string file;
  Check(absl::Base64Unescape(kTwoKeys, &file), "kTwoKeys is no base64");
  return file;
}

}  // namespace tlsd::testing
