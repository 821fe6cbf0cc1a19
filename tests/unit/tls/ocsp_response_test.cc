#include "server/tls/ocsp_response.h"

#include <openssl/err.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/tls/certificate.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/subprocess.h"
#include "tests/testing/test_identities.h"
#include "tests/testing/test_ocsp_response.h"

namespace tlsd::tls {
namespace {

using ::testing::HasSubstr;
using ::tlsd::testing::ClientIdentity;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IntermediateIdentity;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::OcspCertificateStatus;
using ::tlsd::testing::OcspResponseDer;
using ::tlsd::testing::OcspResponseSpec;
using ::tlsd::testing::RootIdentity;
using ::tlsd::testing::RsaServerIdentity;
using ::tlsd::testing::RunCommand;
using ::tlsd::testing::ServerIdentity;
using ::tlsd::testing::TestIdentity;

constexpr absl::Time kProduced = absl::FromUnixSeconds(1700000000);

OcspResponseSpec Spec(OcspCertificateStatus status) {
  OcspResponseSpec spec;
  spec.certificate_status = status;
  spec.produced_time = kProduced;
  spec.this_update_time = kProduced + absl::Seconds(1);
  spec.next_update_time = kProduced + absl::Seconds(2);
  spec.revocation_time = kProduced - absl::Seconds(1);
  return spec;
}

std::string ResponseOf(const OcspResponseSpec& spec) {
  return OcspResponseDer(IntermediateIdentity(), {&ServerIdentity()}, spec);
}

// Parse also holds that nothing stays in the library's queue.
absl::StatusOr<OcspResponseFacts> Parse(absl::string_view der) {
  absl::StatusOr<OcspResponseFacts> facts = ParseOcspResponse("staple", der);
  EXPECT_EQ(ERR_peek_error(), 0u);
  return facts;
}

::testing::Matcher<const absl::StatusOr<OcspResponseFacts>&> Fails() {
  return FailsWith(Reason::kOcspResponseInvalid, "staple");
}

TEST(OcspResponseTest, ReadsAGoodResponse) {
  const std::string der = ResponseOf(Spec(OcspCertificateStatus::kGood));

  ASSERT_OK_AND_ASSIGN(const OcspResponseFacts facts, Parse(der));

  EXPECT_EQ(facts.der, der);
  EXPECT_EQ(facts.response_status, "successful");
  EXPECT_EQ(facts.certificate_status, "good");
  EXPECT_EQ(facts.serial_number,
            DescribeCertificate(ServerIdentity().certificate()).serial_number);
  EXPECT_EQ(facts.produced_time, kProduced);
  EXPECT_EQ(facts.this_update_time, kProduced + absl::Seconds(1));
  EXPECT_EQ(facts.next_update_time, kProduced + absl::Seconds(2));
  EXPECT_EQ(facts.revocation_time, std::nullopt);
}

TEST(OcspResponseTest, ReadsARevokedOne) {
  ASSERT_OK_AND_ASSIGN(
      const OcspResponseFacts facts,
      Parse(ResponseOf(Spec(OcspCertificateStatus::kRevoked))));

  EXPECT_EQ(facts.certificate_status, "revoked");
  EXPECT_EQ(facts.revocation_time, kProduced - absl::Seconds(1));
  EXPECT_EQ(facts.this_update_time, kProduced + absl::Seconds(1));
}

TEST(OcspResponseTest, ReadsOneThatDoesNotKnow) {
  ASSERT_OK_AND_ASSIGN(
      const OcspResponseFacts facts,
      Parse(ResponseOf(Spec(OcspCertificateStatus::kUnknown))));

  EXPECT_EQ(facts.certificate_status, "unknown");
  EXPECT_EQ(facts.revocation_time, std::nullopt);
}

TEST(OcspResponseTest, NeedsNoNextUpdate) {
  OcspResponseSpec spec = Spec(OcspCertificateStatus::kGood);
  spec.next_update_time = std::nullopt;

  ASSERT_OK_AND_ASSIGN(const OcspResponseFacts facts, Parse(ResponseOf(spec)));

  EXPECT_EQ(facts.this_update_time, kProduced + absl::Seconds(1));
  EXPECT_EQ(facts.next_update_time, std::nullopt);
}

TEST(OcspResponseTest, TakesRespondersByTheirKey) {
  OcspResponseSpec spec = Spec(OcspCertificateStatus::kGood);
  spec.by_key = true;

  ASSERT_OK_AND_ASSIGN(const OcspResponseFacts facts, Parse(ResponseOf(spec)));

  EXPECT_EQ(facts.certificate_status, "good");
}

TEST(OcspResponseTest, NamesTheStatusOfResponsesWithoutMore) {
  const std::vector<std::pair<uint8_t, std::string>> rows = {
      {1, "malformedRequest"}, {2, "internalError"}, {3, "tryLater"},
      {5, "sigRequired"},      {6, "unauthorized"},
  };
  for (const auto& [number, name] : rows) {
    OcspResponseSpec spec;
    spec.response_status = number;

    ASSERT_OK_AND_ASSIGN(const OcspResponseFacts facts,
                         Parse(ResponseOf(spec)));

    EXPECT_EQ(facts.response_status, name);
    EXPECT_EQ(facts.certificate_status, "");
    EXPECT_EQ(facts.serial_number, "");
    EXPECT_EQ(facts.produced_time, std::nullopt);
    EXPECT_EQ(facts.this_update_time, std::nullopt);
  }
  for (const uint8_t number : {4, 7, 255}) {
    OcspResponseSpec spec;
    spec.response_status = number;
    EXPECT_THAT(Parse(ResponseOf(spec)), Fails()) << int{number};
  }
}

TEST(OcspResponseTest, TellsOfTheFirstOfSeveral) {
  const std::string der = OcspResponseDer(
      IntermediateIdentity(),
      {&RsaServerIdentity(), &ServerIdentity(), &ClientIdentity()},
      Spec(OcspCertificateStatus::kGood));

  ASSERT_OK_AND_ASSIGN(const OcspResponseFacts facts, Parse(der));

  EXPECT_EQ(
      facts.serial_number,
      DescribeCertificate(RsaServerIdentity().certificate()).serial_number);
  EXPECT_THAT(Parse(OcspResponseDer(IntermediateIdentity(), {})), Fails());
}

TEST(OcspResponseTest, RefusesWhatIsCutAnywhere) {
  OcspResponseSpec try_later;
  try_later.response_status = 3;
  for (const OcspResponseSpec& spec :
       {Spec(OcspCertificateStatus::kGood),
        Spec(OcspCertificateStatus::kRevoked), try_later}) {
    const std::string der = ResponseOf(spec);
    ASSERT_THAT(Parse(der), IsOk());
    for (size_t size = 0; size < der.size(); ++size) {
      EXPECT_THAT(Parse(der.substr(0, size)), Fails()) << size;
    }
  }
}

TEST(OcspResponseTest, RefusesWhatHasSomethingBehindIt) {
  const std::string der = ResponseOf(Spec(OcspCertificateStatus::kGood));

  const absl::StatusOr<OcspResponseFacts> facts =
      Parse(absl::StrCat(der, "12"));

  EXPECT_THAT(facts, Fails());
  EXPECT_THAT(std::string(facts.status().message()),
              HasSubstr("2 bytes behind"));
}

TEST(OcspResponseTest, RefusesOtherTypes) {
  OcspResponseSpec spec = Spec(OcspCertificateStatus::kGood);
  spec.response_type = "1.3.6.1.5.5.7.48.1.2";

  const absl::StatusOr<OcspResponseFacts> facts = Parse(ResponseOf(spec));

  EXPECT_THAT(facts, Fails());
  EXPECT_THAT(std::string(facts.status().message()),
              HasSubstr("\"1.3.6.1.5.5.7.48.1.2\""));
}

// Whatever is wrong with them, these are answers or errors, never more.
TEST(OcspResponseTest, SurvivesEveryAlteredByte) {
  const std::string der = ResponseOf(Spec(OcspCertificateStatus::kRevoked));
  int refused_count = 0;
  for (size_t i = 0; i < der.size(); ++i) {
    for (const char mask : {'\x01', '\x20', '\x80', '\xff'}) {
      std::string altered = der;
      altered[i] = static_cast<char>(altered[i] ^ mask);
      const absl::StatusOr<OcspResponseFacts> facts = Parse(altered);
      if (facts.ok()) {
        EXPECT_EQ(facts->response_status, "successful") << i;
        EXPECT_EQ(facts->certificate_status, "revoked") << i;
      } else {
        EXPECT_THAT(facts, Fails()) << i;
        ++refused_count;
      }
    }
  }
  EXPECT_GT(refused_count, 0);
}

// Element returns one in DER.
std::string Element(uint8_t tag, absl::string_view content) {
  std::string size;
  if (content.size() < 0x80) {
    size = std::string(1, static_cast<char>(content.size()));
  } else if (content.size() < 0x100) {
    size = {'\x81', static_cast<char>(content.size())};
  } else {
    size = {'\x82', static_cast<char>(content.size() >> 8),
            static_cast<char>(content.size())};
  }
  return absl::StrCat(std::string(1, static_cast<char>(tag)), size, content);
}
std::string Sequence(absl::string_view content) {
  return Element(0x30, content);
}
std::string Octets(absl::string_view content) { return Element(4, content); }
std::string Time(absl::string_view text) { return Element(0x18, text); }

const std::string& Algorithm() {
  static const auto& algorithm =
      *new std::string(Sequence(Element(6, "\x2a\x03")));
  return algorithm;
}

// Parts is a response that is fine, in parts that can be replaced.
struct Parts {
  std::string issuer_hashes = Octets("name") + Octets("key");
  std::string serial_number = Element(2, "\x01\xab");
  std::string certificate_status = Element(0x80, "");
  std::string this_update = Time("20231114221320Z");
  std::string single_rest;
  std::string more_responses;
  std::string version;
  std::string responder = Element(0xa2, Octets("key"));
  std::string produced = Time("20231114221320Z");
  std::string data_rest;
  std::string signature = Element(3, absl::string_view("\0sign", 5));
  std::string basic_rest;
  std::string behind_basic;
  std::string behind_octets;
  std::string behind_bytes;
  std::string response_rest;

  std::string Single() const {
    return Sequence(absl::StrCat(
        Sequence(absl::StrCat(Algorithm(), issuer_hashes, serial_number)),
        certificate_status, this_update, single_rest));
  }
  std::string Basic() const {
    return Sequence(absl::StrCat(
        Sequence(absl::StrCat(version, responder, produced,
                              Sequence(absl::StrCat(Single(), more_responses)),
                              data_rest)),
        Algorithm(), signature, basic_rest));
  }
  std::string Der() const {
    const std::string type = Element(6, "\x2b\x06\x01\x05\x05\x07\x30\x01\x01");
    const std::string bytes = Sequence(absl::StrCat(
        type, Octets(absl::StrCat(Basic(), behind_basic)), behind_octets));
    return Sequence(absl::StrCat(
        Element(0x0a, absl::string_view("\0", 1)),
        Element(0xa0, absl::StrCat(bytes, behind_bytes)), response_rest));
  }
};

struct PartRow {
  const char* what;
  std::string Parts::*part;
  std::string value;
};

TEST(OcspResponseTest, TakesAllThatTheStandardAllows) {
  ASSERT_OK_AND_ASSIGN(const OcspResponseFacts facts, Parse(Parts().Der()));
  EXPECT_EQ(facts.serial_number, "01AB");
  EXPECT_EQ(facts.produced_time, kProduced);

  const std::string extensions = Element(0xa1, Sequence(Sequence("")));
  const PartRow rows[] = {
      {"a version", &Parts::version,
       Element(0xa0, Element(2, absl::string_view("\0", 1)))},
      {"extensions", &Parts::data_rest, extensions},
      {"single extensions", &Parts::single_rest, extensions},
      {"a next update and extensions", &Parts::single_rest,
       Element(0xa0, Time("20231114221321Z")) + extensions},
      {"certificates", &Parts::basic_rest,
       Element(0xa0, Sequence(Sequence("") + Sequence("")))},
      {"a responder's name", &Parts::responder, Element(0xa1, Sequence(""))},
      {"a revocation without a reason", &Parts::certificate_status,
       Element(0xa1, Time("20231114221321Z"))},
      {"a negative serial number", &Parts::serial_number, Element(2, "\x81")},
      {"another response", &Parts::more_responses, Parts().Single()},
  };
  for (const PartRow& row : rows) {
    Parts parts;
    parts.*row.part = row.value;
    EXPECT_THAT(Parse(parts.Der()), IsOk()) << row.what;
  }
}

TEST(OcspResponseTest, RefusesWhatTheStandardDoesNotAllow) {
  const std::string null = Element(5, "");
  const std::string later = Time("20231114221321Z");
  const PartRow rows[] = {
      {"no serial number", &Parts::serial_number, ""},
      {"a padded serial number", &Parts::serial_number,
       Element(2, absl::string_view("\0\x01", 2))},
      {"an empty serial number", &Parts::serial_number, Element(2, "")},
      {"one hash", &Parts::issuer_hashes, Octets("name")},
      {"three hashes", &Parts::issuer_hashes,
       Octets("a") + Octets("b") + Octets("c")},
      {"no status", &Parts::certificate_status, ""},
      {"a status of no kind", &Parts::certificate_status, Element(0x83, "")},
      {"a good one with more", &Parts::certificate_status, Element(0x80, "1")},
      {"an unknown one with more", &Parts::certificate_status,
       Element(0x82, "1")},
      {"a revocation without a time", &Parts::certificate_status,
       Element(0xa1, "")},
      {"a revocation for nothing", &Parts::certificate_status,
       Element(0xa1, later + Element(0xa0, ""))},
      {"a revocation with more", &Parts::certificate_status,
       Element(0xa1, later + null)},
      {"no this update", &Parts::this_update, ""},
      {"a two-digit year", &Parts::this_update, Element(0x17, "231114221320Z")},
      {"part of a second", &Parts::this_update, Time("20231114221320.5Z")},
      {"no seconds", &Parts::this_update, Time("202311142213Z")},
      {"a time zone", &Parts::this_update, Time("20231114221320+0100")},
      {"no time zone", &Parts::this_update, Time("20231114221320")},
      {"a thirteenth month", &Parts::this_update, Time("20231314221320Z")},
      {"an empty next update", &Parts::single_rest, Element(0xa0, "")},
      {"two next updates", &Parts::single_rest, Element(0xa0, later + later)},
      {"extensions that are none", &Parts::single_rest, Element(0xa1, null)},
      {"more of a response", &Parts::single_rest, null},
      {"another response that is none", &Parts::more_responses, null},
      {"version 2", &Parts::version, Element(0xa0, Element(2, "\x01"))},
      {"an empty version", &Parts::version, Element(0xa0, "")},
      {"no responder", &Parts::responder, ""},
      {"a responder of no kind", &Parts::responder,
       Element(0xa3, Octets("key"))},
      {"an empty responder", &Parts::responder, Element(0xa2, "")},
      {"two responders", &Parts::responder,
       Element(0xa2, Octets("a") + Octets("b"))},
      {"no time", &Parts::produced, ""},
      {"more data", &Parts::data_rest, null},
      {"no signature", &Parts::signature, ""},
      {"a signature without its first byte", &Parts::signature, Element(3, "")},
      {"certificates that are none", &Parts::basic_rest,
       Element(0xa0, Sequence(null))},
      {"more of the basic response", &Parts::basic_rest, null},
      {"something behind the basic response", &Parts::behind_basic, null},
      {"something behind its octets", &Parts::behind_octets, null},
      {"something behind its bytes", &Parts::behind_bytes, null},
      {"more of the response", &Parts::response_rest, null},
  };
  for (const PartRow& row : rows) {
    Parts parts;
    parts.*row.part = row.value;
    EXPECT_THAT(Parse(parts.Der()), Fails()) << row.what;
  }
}

TEST(OcspResponseTest, HoldsTheStatusToWhatComesWithIt) {
  const std::string try_later = Element(0x0a, "\x03");
  EXPECT_THAT(Parse(Sequence(try_later)), IsOk());
  EXPECT_THAT(Parse(Sequence(try_later + Element(0xa0, Sequence("")))),
              Fails());
  EXPECT_THAT(Parse(Sequence(Element(0x0a, absl::string_view("\0", 1)))),
              Fails());
  EXPECT_THAT(Parse(Sequence(Element(0x0a, absl::string_view("\0\x03", 2)))),
              Fails());
  EXPECT_THAT(Parse(Sequence("")), Fails());
  EXPECT_THAT(Parse(Element(0x31, try_later)), Fails());
  // Indefinite lengths are not of DER.
  EXPECT_THAT(
      Parse(absl::StrCat("\x30\x80", try_later, absl::string_view("\0\0", 2))),
      Fails());
}

TEST(OcspResponseTest, HoldsTheLimit) {
  const auto make = [](size_t padding) {
    Parts parts;
    parts.basic_rest =
        Element(0xa0, Sequence(Sequence(std::string(padding, 'a'))));
    return parts.Der();
  };
  // All lengths take two bytes in both.
  const size_t frame_size = make(60000).size() - 60000;
  const size_t fitting = kOcspResponseBytesMax - frame_size;
  ASSERT_EQ(make(fitting).size(), kOcspResponseBytesMax);

  EXPECT_THAT(Parse(make(fitting)), IsOk());
  const absl::StatusOr<OcspResponseFacts> facts = Parse(make(fitting + 1));
  EXPECT_THAT(facts, Fails());
  EXPECT_THAT(std::string(facts.status().message()),
              HasSubstr("65537 bytes; at most 65536"));
}

std::string FileWith(const std::string& name, const std::string& content) {
  const std::filesystem::path path =
      std::filesystem::path(::testing::TempDir()) / name;
  std::ofstream(path) << content;
  return path.string();
}

std::string ContentOf(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Responder is what `openssl ocsp` needs to know, in files.
struct Responder {
  std::string issuer =
      FileWith("issuer.pem", IntermediateIdentity().CertificatePem());
  std::string key = FileWith("issuer.key", IntermediateIdentity().KeyPem());
  std::string root = FileWith("root.pem", RootIdentity().CertificatePem());

  // Answer returns what it says of `identity`, which stands in its index as
  // `entry`: "V\t491231235959Z\t", "R\t...Z\t231114221320Z,keyCompromise".
  std::string Answer(const TestIdentity& identity, const std::string& entry) {
    const std::string index = FileWith(
        "index.txt",
        entry.empty()
            ? ""
            : absl::StrCat(
                  entry, "\t",
                  DescribeCertificate(identity.certificate()).serial_number,
                  "\tunknown\t/CN=a\n"));
    const std::string certificate =
        FileWith("leaf.pem", identity.CertificatePem());
    const std::string request = FileWith("request.der", "");
    const std::string response = FileWith("response.der", "");
    Run({"openssl", "ocsp", "-issuer", issuer, "-cert", certificate,
         "-no_nonce", "-reqout", request});
    Run({"openssl", "ocsp", "-index", index, "-CA", issuer, "-rsigner", issuer,
         "-rkey", key, "-reqin", request, "-ndays", "7", "-respout", response});
    return ContentOf(response);
  }

  // Reads returns how `openssl ocsp` understands `der`.
  std::string Reads(const TestIdentity& identity, const std::string& der) {
    return Run({"openssl", "ocsp", "-respin", FileWith("read.der", der),
                "-issuer", issuer, "-cert",
                FileWith("leaf.pem", identity.CertificatePem()), "-CAfile",
                root, "-no_nonce"});
  }

  std::string Run(const std::vector<std::string>& command) {
    const auto result = RunCommand(command);
    EXPECT_THAT(result, IsOk());
    if (!result.ok()) return "";
    EXPECT_EQ(result->exit_code, 0) << result->error_output;
    return absl::StrCat(result->output, result->error_output);
  }
};

TEST(OcspResponseTest, ReadsWhatOpenSslSays) {
  Responder responder;
  struct Row {
    const char* entry;
    const char* status;
    std::optional<absl::Time> revocation_time;
  };
  const Row rows[] = {
      {"V\t491231235959Z\t", "good", std::nullopt},
      {"R\t491231235959Z\t231114221320Z,keyCompromise", "revoked", kProduced},
      {"", "unknown", std::nullopt},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.status);
    const std::string der = responder.Answer(ServerIdentity(), row.entry);

    ASSERT_OK_AND_ASSIGN(const OcspResponseFacts facts, Parse(der));

    EXPECT_EQ(facts.response_status, "successful");
    EXPECT_EQ(facts.certificate_status, row.status);
    EXPECT_EQ(facts.revocation_time, row.revocation_time);
    EXPECT_EQ(
        facts.serial_number,
        DescribeCertificate(ServerIdentity().certificate()).serial_number);
    EXPECT_EQ(facts.produced_time, facts.this_update_time);
    EXPECT_EQ(facts.next_update_time,
              *facts.this_update_time + absl::Hours(7 * 24));
  }
}

// The other way round, so that other tests can trust the maker.
TEST(OcspResponseTest, IsReadByOpenSslAsItWasMade) {
  Responder responder;
  const std::pair<OcspCertificateStatus, const char*> rows[] = {
      {OcspCertificateStatus::kGood, ": good\n"},
      {OcspCertificateStatus::kRevoked, ": revoked\n"},
      {OcspCertificateStatus::kUnknown, ": unknown\n"},
  };
  for (const auto& [status, text] : rows) {
    OcspResponseSpec spec;
    spec.certificate_status = status;
    for (const bool by_key : {false, true}) {
      spec.by_key = by_key;
      const std::string output =
          responder.Reads(ServerIdentity(), ResponseOf(spec));
      EXPECT_THAT(output, HasSubstr("Response verify OK"));
      EXPECT_THAT(output, HasSubstr(text));
    }
  }
}

}  // namespace
}  // namespace tlsd::tls
