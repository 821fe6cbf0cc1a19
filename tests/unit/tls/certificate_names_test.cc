#include "server/tls/certificate_names.h"

#include <openssl/obj.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/test_identities.h"

namespace tlsd::tls {
namespace {

using ::testing::ElementsAre;
using ::testing::FieldsAre;
using ::tlsd::testing::IdentitySpec;
using ::tlsd::testing::SubjectAttribute;
using ::tlsd::testing::TestIdentity;

bssl::UniquePtr<X509> WithSubject(std::vector<SubjectAttribute> subject) {
  IdentitySpec spec;
  spec.subject = std::move(subject);
  return bssl::UpRef(TestIdentity::SelfSigned(spec).certificate());
}

std::string OneLine(const X509* certificate) {
  return DescribeName(X509_get_subject_name(certificate));
}

std::vector<NameAttribute> Attributes(const X509* certificate) {
  return DescribeAttributes(X509_get_subject_name(certificate));
}

TEST(CertificateNamesTest, KeepsTheOrderOfAName) {
  const auto certificate = WithSubject({{"C", "DE"},
                                        {"O", "Example"},
                                        {"OU", "one"},
                                        {"OU", "two"},
                                        {"CN", "www.example.com"},
                                        {"emailAddress", "a@example.com"}});

  EXPECT_EQ(OneLine(certificate.get()),
            "C=DE, O=Example, OU=one, OU=two, CN=www.example.com, "
            "emailAddress=a@example.com");
  EXPECT_THAT(Attributes(certificate.get()),
              ElementsAre(FieldsAre("C", "DE"), FieldsAre("O", "Example"),
                          FieldsAre("OU", "one"), FieldsAre("OU", "two"),
                          FieldsAre("CN", "www.example.com"),
                          FieldsAre("emailAddress", "a@example.com")));
}

TEST(CertificateNamesTest, JoinsAttributesOfOnePlace) {
  SubjectAttribute joined = {"OU", "b"};
  joined.joins_previous = true;
  const auto certificate = WithSubject({{"CN", "a"}, joined, {"O", "c"}});

  EXPECT_EQ(OneLine(certificate.get()), "CN=a + OU=b, O=c");
  EXPECT_THAT(Attributes(certificate.get()),
              ElementsAre(FieldsAre("CN", "a"), FieldsAre("OU", "b"),
                          FieldsAre("O", "c")));
}

TEST(CertificateNamesTest, GivesTheIdentifierOfATypeThatHasNoName) {
  const auto certificate = WithSubject({{"1.2.3.4.5", "value"}});
  EXPECT_EQ(OneLine(certificate.get()), "1.2.3.4.5=value");
  EXPECT_THAT(Attributes(certificate.get()),
              ElementsAre(FieldsAre("1.2.3.4.5", "value")));
}

struct ValueRow {
  SubjectAttribute attribute;
  const char* one_line;
  const char* value;
};

TEST(CertificateNamesTest, ShowsValuesOfEveryTypeAsText) {
  const ValueRow rows[] = {
      {{"CN", "\xc3\xbc\xe4\xb8\xad\xf0\x9f\x94\x92"},
       "CN=\xc3\xbc\xe4\xb8\xad\xf0\x9f\x94\x92",
       "\xc3\xbc\xe4\xb8\xad\xf0\x9f\x94\x92"},
      // Bytes that are no UTF-8: T.61 is taken for Latin-1, as everybody does.
      {{"CN", "\xfc\xff", V_ASN1_T61STRING},
       "CN=\xc3\xbc\xc3\xbf",
       "\xc3\xbc\xc3\xbf"},
      {{"CN", std::string("\0u\0\xfc", 4), V_ASN1_BMPSTRING},
       "CN=u\xc3\xbc",
       "u\xc3\xbc"},
      // What could pass for another attribute, line, or name.
      {{"CN", "a, O=b + C=c"}, "CN=a\\, O=b \\+ C=c", "a, O=b + C=c"},
      {{"CN", "a\\b\"c"}, "CN=a\\\\b\\\"c", "a\\\\b\"c"},
      {{"CN", "a\nb\tc\x7f"}, "CN=a\\0Ab\\09c\\7F", "a\\0Ab\\09c\\7F"},
      {{"CN", std::string("a\0.evil", 7)}, "CN=a\\00.evil", "a\\00.evil"},
      {{"CN", "\x1b[31mred"}, "CN=\\1B[31mred", "\\1B[31mred"},
      // Unprintable, though no ASCII control: C1, bidirectional, zero-width.
      {{"CN",
        "a\xc2\x9b"
        "b"},
       "CN=a\\C2\\9Bb",
       "a\\C2\\9Bb"},
      {{"CN",
        "a\xe2\x80\xae"
        "b"},
       "CN=a\\E2\\80\\AEb",
       "a\\E2\\80\\AEb"},
      {{"CN",
        "a\xe2\x80\x8b"
        "b"},
       "CN=a\\E2\\80\\8Bb",
       "a\\E2\\80\\8Bb"},
      {{"CN",
        "a\xe2\x81\xa6"
        "b"},
       "CN=a\\E2\\81\\A6b",
       "a\\E2\\81\\A6b"},
      {{"CN",
        "\xef\xbb\xbf"
        "b"},
       "CN=\\EF\\BB\\BFb",
       "\\EF\\BB\\BFb"},
      // Printable neighbours of those.
      {{"CN", "\xc2\xa1\xe2\x80\x93\xe2\x82\xac\xef\xbc\xa1"},
       "CN=\xc2\xa1\xe2\x80\x93\xe2\x82\xac\xef\xbc\xa1",
       "\xc2\xa1\xe2\x80\x93\xe2\x82\xac\xef\xbc\xa1"},
  };
  for (const ValueRow& row : rows) {
    const auto certificate = WithSubject({row.attribute});
    EXPECT_EQ(OneLine(certificate.get()), row.one_line);
    EXPECT_THAT(Attributes(certificate.get()),
                ElementsAre(FieldsAre("CN", row.value)));
  }
}

TEST(CertificateNamesTest, ShowsBytesThatAreNotWhatTheirTypeSays) {
  ASN1_STRING* text = ASN1_STRING_type_new(V_ASN1_UTF8STRING);
  ASSERT_TRUE(ASN1_STRING_set(text, "a\n\xff", 3));
  ASN1_TYPE* value = ASN1_TYPE_new();
  ASN1_TYPE_set(value, V_ASN1_UTF8STRING, text);
  const bssl::UniquePtr<GENERAL_NAME> name(GENERAL_NAME_new());
  ASSERT_TRUE(GENERAL_NAME_set0_othername(
      name.get(), OBJ_txt2obj("1.2.3", /*dont_search_names=*/1), value));

  EXPECT_EQ(DescribeGeneralName(name.get()), "othername:1.2.3:a\\0A\\FF");
}

TEST(CertificateNamesTest, HasNothingToSayOfAnEmptyName) {
  const bssl::UniquePtr<X509_NAME> name(X509_NAME_new());
  EXPECT_EQ(DescribeName(name.get()), "");
  EXPECT_THAT(DescribeAttributes(name.get()), ElementsAre());
}

std::string Ia5(const std::string& bytes) {
  bssl::UniquePtr<ASN1_STRING> text(ASN1_STRING_type_new(V_ASN1_IA5STRING));
  EXPECT_TRUE(ASN1_STRING_set(text.get(), bytes.data(), bytes.size()));
  return DescribeIa5(text.get());
}

TEST(CertificateNamesTest, EscapesAllThatIsNotAscii) {
  EXPECT_EQ(Ia5("http://a.example/o'brien?\"x\""),
            "http://a.example/o'brien?\"x\"");
  EXPECT_EQ(Ia5(std::string("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(Ia5("a\\x00b"), "a\\\\x00b");
  EXPECT_EQ(Ia5("\xc3\xbc\n\x7f"), "\\xc3\\xbc\\x0a\\x7f");
  EXPECT_EQ(Ia5(""), "");
}

TEST(CertificateNamesTest, NamesObjects) {
  const bssl::UniquePtr<ASN1_OBJECT> known(
      OBJ_txt2obj("1.3.6.1.5.5.7.3.1", /*dont_search_names=*/1));
  const bssl::UniquePtr<ASN1_OBJECT> unknown(
      OBJ_txt2obj("2.999.1234567890123.1", /*dont_search_names=*/1));

  EXPECT_EQ(DescribeObject(known.get()), "serverAuth");
  EXPECT_EQ(ObjectIdentifier(known.get()), "1.3.6.1.5.5.7.3.1");
  EXPECT_EQ(DescribeObject(unknown.get()), "2.999.1234567890123.1");
  EXPECT_EQ(ObjectIdentifier(unknown.get()), "2.999.1234567890123.1");
}

std::string TimeOf(int64_t seconds) {
  const bssl::UniquePtr<ASN1_TIME> time(ASN1_TIME_new());
  EXPECT_TRUE(ASN1_TIME_set_posix(time.get(), seconds));
  return DescribeTime(time.get());
}

TEST(CertificateNamesTest, WritesTimesAsOpenSslDoes) {
  EXPECT_EQ(TimeOf(0), "Jan  1 00:00:00 1970 GMT");
  EXPECT_EQ(TimeOf(1795334400), "Nov 22 08:00:00 2026 GMT");
  // UTCTime ends in 2049.
  EXPECT_EQ(TimeOf(2524608000), "Jan  1 00:00:00 2050 GMT");
  EXPECT_EQ(TimeOf(253402300799), "Dec 31 23:59:59 9999 GMT");
}

TEST(CertificateNamesTest, SaysThatATimeIsNone) {
  const bssl::UniquePtr<ASN1_TIME> time(ASN1_STRING_type_new(V_ASN1_UTCTIME));
  ASSERT_TRUE(ASN1_STRING_set(time.get(), "never", 5));
  EXPECT_EQ(DescribeTime(time.get()), "Bad time value");
}

}  // namespace
}  // namespace tlsd::tls
