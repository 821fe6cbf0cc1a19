// The lists of own and of trusted certificates.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"

namespace tlsd::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;
using ::testing::UnorderedElementsAreArray;

// What gRPC's clients take at most unless they are told to take more.
constexpr size_t kMessageBytes = size_t{4} * 1024 * 1024;

// A certificate of 60 KB that takes 400 KB to tell.
TestIdentity LongIdentity(int number) {
  IdentitySpec spec;
  spec.subject = {{"O", std::string(30000, '\n'), V_ASN1_UTF8STRING},
                  {"CN", absl::StrCat("long ", number)}};
  return TestIdentity::SelfSigned(spec);
}

class OwnCertificatesTest : public DaemonTest {
 protected:
  // Own certificates end after `hours`, one context for each.
  static std::vector<std::string> MakeContexts(const std::vector<int>& hours) {
    std::vector<std::string> names;
    for (const int hour : hours) {
      IdentitySpec spec;
      spec.valid_from = -absl::Hours(1000);
      spec.valid_for = absl::Hours(1000 + hour);
      v1::SecureContext context;
      *context.add_credentials() = PemOf(IntermediateIdentity().Issue(spec));
      context.mutable_credentials(0)->mutable_pem()->set_allow_outside_validity(
          true);
      names.push_back(NewContext(context));
    }
    return names;
  }

  static std::vector<v1::OwnCertificate> ListAll(
      v1::ListOwnCertificatesRequest request) {
    std::vector<v1::OwnCertificate> all;
    do {
      const auto page = client().Call(request);
      EXPECT_THAT(page, IsOk());
      if (!page.ok()) break;
      if (request.page_size() > 0) {
        EXPECT_LE(page->own_certificates_size(), request.page_size());
      }
      all.insert(all.end(), page->own_certificates().begin(),
                 page->own_certificates().end());
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    return all;
  }

  // The contexts of `all` that are in `names`, in the order of `all`.
  static std::vector<std::string> Among(
      const std::vector<v1::OwnCertificate>& all,
      const std::vector<std::string>& names) {
    std::vector<std::string> found;
    for (const v1::OwnCertificate& own : all) {
      if (std::find(names.begin(), names.end(), own.secure_context()) !=
          names.end()) {
        found.push_back(own.secure_context());
      }
    }
    return found;
  }
};

TEST_F(OwnCertificatesTest, AreListedByTheirEndPageByPage) {
  const std::vector<std::string> names = MakeContexts({30, -5, 400, 30, 2});
  for (const int page_size : {1, 2, 3, 1000, 0}) {
    v1::ListOwnCertificatesRequest request;
    request.set_page_size(page_size);
    const std::vector<v1::OwnCertificate> all = ListAll(request);

    const std::vector<std::string> found = Among(all, names);
    EXPECT_THAT(found, UnorderedElementsAreArray(names));
    EXPECT_EQ(found[0], names[1]);
    EXPECT_EQ(found[1], names[4]);
    EXPECT_EQ(found[4], names[2]);
    int64_t last = 0;
    for (const v1::OwnCertificate& own : all) {
      EXPECT_GE(own.certificate().not_after_time().seconds(), last);
      last = own.certificate().not_after_time().seconds();
    }
  }
}

TEST_F(OwnCertificatesTest, TellHowLongTheyAreValid) {
  const std::vector<std::string> names = MakeContexts({-10, 10});

  for (const v1::OwnCertificate& own : ListAll({})) {
    if (own.secure_context() == names[0]) {
      EXPECT_LT(own.time_left().seconds(), -9 * 3600);
      EXPECT_GT(own.time_left().seconds(), -11 * 3600);
    } else if (own.secure_context() == names[1]) {
      EXPECT_GT(own.time_left().seconds(), 9 * 3600);
      EXPECT_LE(own.time_left().seconds(), 10 * 3600);
      EXPECT_EQ(own.certificate().subject(), "CN=localhost");
      EXPECT_EQ(own.credentials_index(), 0);
    }
  }
}

TEST_F(OwnCertificatesTest, AreThoseThatEndSoonIfAsked) {
  const std::vector<std::string> names = MakeContexts({-3, 5, 5000});
  v1::ListOwnCertificatesRequest request;

  *request.mutable_ends_within() = ToProto(absl::ZeroDuration());
  EXPECT_THAT(Among(ListAll(request), names), ElementsAre(names[0]));
  *request.mutable_ends_within() = ToProto(absl::Hours(6));
  EXPECT_THAT(Among(ListAll(request), names), ElementsAre(names[0], names[1]));
  *request.mutable_ends_within() = ToProto(absl::Hours(4));
  EXPECT_THAT(Among(ListAll(request), names), ElementsAre(names[0]));
  request.clear_ends_within();
  EXPECT_THAT(Among(ListAll(request), names),
              ElementsAre(names[0], names[1], names[2]));
}

TEST_F(OwnCertificatesTest, ComeFromEveryCredentialsOfAContext) {
  v1::SecureContext context;
  *context.add_credentials() = PemOf(ServerIdentity());
  *context.add_credentials() = PemOf(RsaServerIdentity());
  const std::string name = NewContext(context);
  std::vector<std::string> found;

  for (const v1::OwnCertificate& own : ListAll({})) {
    if (own.secure_context() != name) continue;
    found.push_back(absl::StrCat(own.credentials_index(), " ",
                                 own.certificate().public_key()));
  }

  EXPECT_THAT(found, UnorderedElementsAre("0 EC P-256", "1 RSA 2048"));
}

TEST_F(OwnCertificatesTest, KeepTheirPlaceWhileContextsComeAndGo) {
  const std::vector<std::string> names = MakeContexts({7000, 7001, 7002, 7003});
  v1::ListOwnCertificatesRequest request;
  request.set_page_size(1);
  std::vector<v1::OwnCertificate> seen;
  // Up to the second of the four.
  do {
    ASSERT_OK_AND_ASSIGN(const v1::ListOwnCertificatesResponse page,
                         client().Call(request));
    ASSERT_EQ(page.own_certificates_size(), 1);
    seen.push_back(page.own_certificates(0));
    request.set_page_token(page.next_page_token());
  } while (seen.back().secure_context() != names[1]);

  // The one that the page ended with goes, and one comes before it.
  v1::DeleteSecureContextRequest remove;
  remove.set_name(names[1]);
  ASSERT_THAT(client().Call(remove), IsOk());
  const std::vector<std::string> early = MakeContexts({1});
  const std::vector<v1::OwnCertificate> rest = ListAll(request);

  EXPECT_THAT(Among(rest, names), ElementsAre(names[2], names[3]));
  EXPECT_THAT(Among(rest, early), IsEmpty());
}

TEST_F(OwnCertificatesTest, ComeInPagesThatFitIntoAMessage) {
  std::vector<std::string> names;
  for (int i = 0; i < 12; ++i) {
    v1::SecureContext context;
    *context.add_credentials() = PemOf(LongIdentity(i));
    names.push_back(NewContext(context));
  }
  v1::ListOwnCertificatesRequest request;
  request.set_page_size(1000);

  ASSERT_OK_AND_ASSIGN(const v1::ListOwnCertificatesResponse page,
                       client().Call(request));

  EXPECT_LT(page.ByteSizeLong(), kMessageBytes);
  EXPECT_THAT(page.next_page_token(), Not(IsEmpty()));
  EXPECT_THAT(Among(ListAll(request), names), UnorderedElementsAreArray(names));
}

TEST_F(OwnCertificatesTest, WantWellFormedRequests) {
  v1::ListOwnCertificatesRequest request;
  request.set_page_size(-1);
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kFieldInvalid, "page_size"));
  request.Clear();
  request.mutable_ends_within()->set_seconds(-1);
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kFieldInvalid, "ends_within"));
  request.Clear();
  request.set_page_token("forged");
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kPageTokenInvalid, "page_token"));
  // A sound token, of another list.
  v1::ListSecureContextsRequest others;
  others.set_page_size(1);
  MakeContexts({1, 2});
  ASSERT_OK_AND_ASSIGN(const v1::ListSecureContextsResponse page,
                       client().Call(others));
  ASSERT_THAT(page.next_page_token(), Not(IsEmpty()));
  request.set_page_token(page.next_page_token());
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kPageTokenInvalid, "page_token"));
}

class TrustedCertificatesTest : public DaemonTest {
 protected:
  static std::string Trusting(const std::vector<std::string>& pems) {
    v1::SecureContext context;
    for (const std::string& pem : pems) {
      context.mutable_trust_anchors()->add_pems(pem);
    }
    return NewContext(context);
  }

  static std::vector<std::string> SubjectsOf(
      const v1::ListTrustedCertificatesResponse& page) {
    std::vector<std::string> subjects;
    for (const v1::Certificate& certificate : page.certificates()) {
      subjects.push_back(certificate.subject());
    }
    return subjects;
  }
};

TEST_F(TrustedCertificatesTest, AreThoseOfTheContext) {
  v1::ListTrustedCertificatesRequest request;
  request.set_secure_context(Trusting(
      {RootIdentity().CertificatePem() + OtherRootIdentity().CertificatePem(),
       RootIdentity().CertificatePem()}));

  ASSERT_OK_AND_ASSIGN(const v1::ListTrustedCertificatesResponse page,
                       client().Call(request));

  EXPECT_THAT(
      SubjectsOf(page),
      UnorderedElementsAre("CN=tlsd test root", "CN=tlsd other test root"));
  EXPECT_TRUE(page.certificates(0).is_authority());
  EXPECT_EQ(page.next_page_token(), "");
  EXPECT_EQ(page.system_path(), "");
}

TEST_F(TrustedCertificatesTest, ComePageByPage) {
  v1::ListTrustedCertificatesRequest request;
  request.set_secure_context(Trusting(
      {RootIdentity().CertificatePem(), OtherRootIdentity().CertificatePem(),
       IntermediateIdentity().CertificatePem()}));
  request.set_page_size(1);
  std::vector<std::string> subjects;

  do {
    ASSERT_OK_AND_ASSIGN(const v1::ListTrustedCertificatesResponse page,
                         client().Call(request));
    ASSERT_EQ(page.certificates_size(), 1);
    subjects.push_back(SubjectsOf(page).front());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());

  EXPECT_THAT(subjects, UnorderedElementsAre("CN=tlsd test root",
                                             "CN=tlsd other test root",
                                             "CN=tlsd test intermediate"));
}

TEST_F(TrustedCertificatesTest, ComeInPagesThatFitIntoAMessage) {
  std::vector<std::string> pems;
  for (int i = 0; i < 12; ++i) pems.push_back(LongIdentity(i).CertificatePem());
  v1::ListTrustedCertificatesRequest request;
  request.set_secure_context(Trusting(pems));
  request.set_page_size(1000);
  int count = 0;
  int page_count = 0;

  do {
    ASSERT_OK_AND_ASSIGN(const v1::ListTrustedCertificatesResponse page,
                         client().Call(request));
    EXPECT_LT(page.ByteSizeLong(), kMessageBytes);
    count += page.certificates_size();
    ++page_count;
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());

  EXPECT_EQ(count, 12);
  EXPECT_GT(page_count, 1);
}

TEST_F(TrustedCertificatesTest, WantWellFormedRequests) {
  v1::ListTrustedCertificatesRequest request;
  request.set_secure_context("secureContexts/none-such");
  EXPECT_THAT(client().Call(request), FailsWith(Reason::kContextNotFound));
  request.set_secure_context("listeners/a");
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kNameInvalid, "secure_context"));
  request.set_secure_context("secureContexts/client");
  request.set_page_size(-1);
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kFieldInvalid, "page_size"));
  request.set_page_size(1);
  request.set_page_token("forged");
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kPageTokenInvalid, "page_token"));
}

// The daemon reads the system's trust store when it starts.
class SystemStoreTest : public DaemonTest {
 protected:
  // StartWithStore starts the daemon where the system's trust store is `pem`.
  static void StartWithStore(const std::string& pem) {
    store_folder_ = std::make_unique<TemporaryFolder>();
    if (!pem.empty()) std::ofstream(StorePath()) << pem;
    setenv("SSL_CERT_FILE", StorePath().c_str(), /*overwrite=*/1);
    setenv("SSL_CERT_DIR", (*store_folder_ / "none").c_str(), /*overwrite=*/1);
    DaemonTest::SetUpTestSuite();
  }

  static void TearDownTestSuite() {
    DaemonTest::TearDownTestSuite();
    unsetenv("SSL_CERT_FILE");
    unsetenv("SSL_CERT_DIR");
    store_folder_.reset();
  }

  static std::string StorePath() { return *store_folder_ / "roots.pem"; }

 private:
  static std::unique_ptr<TemporaryFolder> store_folder_;
};

std::unique_ptr<TemporaryFolder> SystemStoreTest::store_folder_;

class FullSystemStoreTest : public SystemStoreTest {
 protected:
  static void SetUpTestSuite() {
    StartWithStore(RootIdentity().CertificatePem() +
                   OtherRootIdentity().CertificatePem());
  }
};

TEST_F(FullSystemStoreTest, IsToldIfNoContextIsNamed) {
  ASSERT_OK_AND_ASSIGN(const v1::ListTrustedCertificatesResponse page,
                       client().Call(v1::ListTrustedCertificatesRequest()));

  EXPECT_EQ(page.certificates_size(), 2);
  EXPECT_THAT(page.system_path(), HasSubstr(StorePath()));
}

class EmptySystemStoreTest : public SystemStoreTest {
 protected:
  static void SetUpTestSuite() { StartWithStore(""); }
};

TEST_F(EmptySystemStoreTest, IsAnError) {
  EXPECT_THAT(client().Call(v1::ListTrustedCertificatesRequest()),
              FailsWith(Reason::kTrustStoreEmpty));
}

}  // namespace
}  // namespace tlsd::testing
