#include "server/tls/client_hello.h"

#include <openssl/bio.h>
#include <openssl/err.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/tls/signature_algorithms.h"

namespace tlsd::tls {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

ssl_select_cert_result_t Describe(const SSL_CLIENT_HELLO* hello) {
  *static_cast<std::optional<ClientHelloFacts>*>(SSL_get_app_data(hello->ssl)) =
      DescribeClientHello(*hello);
  return ssl_select_cert_error;
}

// AskServer returns what a server that `records` come to knows of the client;
// nothing if the library does not ask it.
std::optional<ClientHelloFacts> AskServer(absl::string_view records) {
  const bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_method()));
  SSL_CTX_set_select_certificate_cb(context.get(), Describe);
  const bssl::UniquePtr<SSL> ssl(SSL_new(context.get()));
  std::optional<ClientHelloFacts> facts;
  SSL_set_app_data(ssl.get(), &facts);
  SSL_set0_rbio(ssl.get(),
                BIO_new_mem_buf(records.data(),
                                static_cast<ossl_ssize_t>(records.size())));
  SSL_set0_wbio(ssl.get(), BIO_new(BIO_s_mem()));
  SSL_set_accept_state(ssl.get());
  SSL_do_handshake(ssl.get());
  ERR_clear_error();
  return facts;
}

std::string Number(size_t value, int size) {
  std::string bytes;
  for (int i = size - 1; i >= 0; --i) {
    bytes += static_cast<char>(value >> (8 * i));
  }
  return bytes;
}

// Prefixed returns `bytes` behind their size in `size` bytes.
std::string Prefixed(absl::string_view bytes, int size) {
  return absl::StrCat(Number(bytes.size(), size), bytes);
}

std::string Numbers(const std::vector<uint16_t>& numbers) {
  std::string bytes;
  for (const uint16_t number : numbers) bytes += Number(number, 2);
  return bytes;
}

// NumberList is the body of most extensions.
std::string NumberList(const std::vector<uint16_t>& numbers) {
  return Prefixed(Numbers(numbers), 2);
}
std::string VersionList(const std::vector<uint16_t>& versions) {
  return Prefixed(Numbers(versions), 1);
}
std::string ServerName(absl::string_view name) {
  return Prefixed(absl::StrCat(Number(0, 1), Prefixed(name, 2)), 2);
}
std::string Protocols(const std::vector<std::string>& protocols) {
  std::string list;
  for (const std::string& protocol : protocols) list += Prefixed(protocol, 1);
  return Prefixed(list, 2);
}

constexpr uint16_t kServerName = 0;
constexpr uint16_t kGroups = 10;
constexpr uint16_t kPointFormats = 11;
constexpr uint16_t kSignatureAlgorithms = 13;
constexpr uint16_t kAlpn = 16;
constexpr uint16_t kVersions = 43;

// Hello is a ClientHello that is made by hand.
struct Hello {
  uint16_t version = 0x0303;
  std::vector<uint16_t> cipher_suites = {0x1301};
  std::vector<std::pair<uint16_t, std::string>> extensions;
  bool has_extensions = true;

  std::string ExtensionBytes() const {
    std::string bytes;
    for (const auto& [number, body] : extensions) {
      absl::StrAppend(&bytes, Number(number, 2), Prefixed(body, 2));
    }
    return bytes;
  }
  std::string Body() const {
    return absl::StrCat(
        Number(version, 2), std::string(32, 'r'), Prefixed("session", 1),
        Prefixed(Numbers(cipher_suites), 2), Prefixed(Number(0, 1), 1),
        has_extensions ? Prefixed(ExtensionBytes(), 2) : "");
  }
};

// FactsOf sends `hello` to a server.
ClientHelloFacts FactsOf(const Hello& hello) {
  const std::string message =
      absl::StrCat(Number(1, 1), Prefixed(hello.Body(), 3));
  const std::optional<ClientHelloFacts> facts = AskServer(
      absl::StrCat(Number(22, 1), Number(0x0301, 2), Prefixed(message, 2)));
  EXPECT_TRUE(facts.has_value());
  return facts.value_or(ClientHelloFacts());
}

// FactsOfExtension describes a hello with that extension alone, which the
// library itself might not take.
ClientHelloFacts FactsOfExtensions(absl::string_view bytes) {
  // A copy, so that a sanitizer sees what lies beyond its end.
  const auto extensions = std::make_unique<uint8_t[]>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), extensions.get());
  SSL_CLIENT_HELLO hello = {};
  hello.version = 0x0303;
  hello.extensions = extensions.get();
  hello.extensions_len = bytes.size();
  return DescribeClientHello(hello);
}
ClientHelloFacts FactsOfExtension(uint16_t number, absl::string_view body) {
  return FactsOfExtensions(absl::StrCat(Number(number, 2), Prefixed(body, 2)));
}

// What Chrome 100 sent: the worked example of JA4's specification.
Hello Browser() {
  Hello hello;
  hello.cipher_suites = {0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f,
                         0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014,
                         0x009c, 0x009d, 0x002f, 0x0035};
  hello.extensions = {
      {0x5a5a, ""},
      {kServerName, ServerName("Example.COM.")},
      {0x0017, ""},
      {0xff01, Number(0, 1)},
      {kGroups, NumberList({0xdada, 0x001d, 0x0017, 0x0018})},
      {kPointFormats, Prefixed(Number(0, 1), 1)},
      {0x0023, ""},
      {kAlpn, Protocols({"h2", "http/1.1"})},
      {0x0005, ""},
      {kSignatureAlgorithms, NumberList({0x0403, 0x0804, 0x0401, 0x0503, 0x0805,
                                         0x0501, 0x0806, 0x0601})},
      {0x0012, ""},
      {0x0033, Prefixed("", 2)},
      {0x002d, Prefixed(Number(1, 1), 1)},
      {kVersions, VersionList({0x6a6a, 0x0304, 0x0303})},
      {0x001b, VersionList({2})},
      {0x4469, ""},
      {0xfafa, Number(0, 1)},
      {0x0015, std::string(10, '\0')},
  };
  return hello;
}

TEST(ClientHelloTest, ReadsWhatABrowserSays) {
  const ClientHelloFacts facts = FactsOf(Browser());

  EXPECT_EQ(facts.server_name, "example.com");
  EXPECT_THAT(facts.alpn_protocols, ElementsAre("h2", "http/1.1"));
  EXPECT_THAT(facts.versions, ElementsAre("TLSv1.3", "TLSv1.2"));
  EXPECT_THAT(facts.cipher_suites,
              ElementsAre("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                          "TLS_CHACHA20_POLY1305_SHA256",
                          "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
                          "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
                          "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
                          "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
                          "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
                          "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
                          "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
                          "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
                          "TLS_RSA_WITH_AES_128_GCM_SHA256",
                          "TLS_RSA_WITH_AES_256_GCM_SHA384",
                          "TLS_RSA_WITH_AES_128_CBC_SHA",
                          "TLS_RSA_WITH_AES_256_CBC_SHA"));
  EXPECT_THAT(facts.groups, ElementsAre("X25519", "P-256", "P-384"));
  EXPECT_THAT(facts.signature_algorithms,
              ElementsAre("ecdsa_secp256r1_sha256", "rsa_pss_rsae_sha256",
                          "rsa_pkcs1_sha256", "ecdsa_secp384r1_sha384",
                          "rsa_pss_rsae_sha384", "rsa_pkcs1_sha384",
                          "rsa_pss_rsae_sha512", "rsa_pkcs1_sha512"));
  EXPECT_THAT(facts.extensions, ElementsAre(0, 23, 65281, 10, 11, 35, 16, 5, 13,
                                            18, 51, 45, 43, 27, 17513, 21));
  EXPECT_EQ(facts.raw, Browser().Body());
  EXPECT_EQ(facts.ja3,
            "771,4865-4866-4867-49195-49199-49196-49200-52393-52392-49171-"
            "49172-156-157-47-53,0-23-65281-10-11-35-16-5-13-18-51-45-43-27-"
            "17513-21,29-23-24,0");
  // As it is known.
  EXPECT_EQ(facts.ja3_hash, "cd08e31494f9531f560d64c695473da9");
  EXPECT_EQ(facts.ja4, "t13d1516h2_8daaf6152771_e5627efa2ab1");
}

// The example of JA3's description.
TEST(ClientHelloTest, ReadsWhatAnOldClientSays) {
  Hello hello;
  hello.version = 0x0301;
  hello.cipher_suites = {47,    53,    5,  10, 49161, 49162,
                         49171, 49172, 50, 56, 19,    4};
  hello.extensions = {{kServerName, ServerName("localhost")},
                      {kGroups, NumberList({23, 24, 25})},
                      {kPointFormats, Prefixed(Number(0, 1), 1)}};

  const ClientHelloFacts facts = FactsOf(hello);

  EXPECT_EQ(facts.server_name, "localhost");
  EXPECT_THAT(facts.versions, ElementsAre("TLSv1"));
  EXPECT_THAT(facts.alpn_protocols, IsEmpty());
  EXPECT_THAT(facts.signature_algorithms, IsEmpty());
  EXPECT_THAT(facts.groups, ElementsAre("P-256", "P-384", "P-521"));
  EXPECT_EQ(facts.ja3_hash, "ada70206e40642a3e4461f35503241d5");
  EXPECT_THAT(facts.ja4, StartsWith("t10d120300_"));
}

TEST(ClientHelloTest, NeedsNoExtensions) {
  Hello hello;
  hello.version = 0x0301;
  hello.cipher_suites = {4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99};
  for (const bool has_extensions : {false, true}) {
    hello.has_extensions = has_extensions;

    const ClientHelloFacts facts = FactsOf(hello);

    EXPECT_EQ(facts.server_name, "");
    EXPECT_THAT(facts.extensions, IsEmpty());
    EXPECT_THAT(facts.groups, IsEmpty());
    EXPECT_EQ(facts.ja3_hash, "de350869b8c85de67a350c8d186f11e6");
    EXPECT_THAT(facts.ja4, StartsWith("t10i110000_"));
    EXPECT_TRUE(absl::EndsWith(facts.ja4, "_000000000000"));
    EXPECT_EQ(facts.raw, hello.Body());
  }
}

TEST(ClientHelloTest, NamesVersions) {
  const std::vector<std::pair<uint16_t, std::string>> rows = {
      {0x0300, "SSLv3"},   {0x0301, "TLSv1"},   {0x0302, "TLSv1.1"},
      {0x0303, "TLSv1.2"}, {0x0304, "TLSv1.3"}, {0x0305, "0x0305"},
      {0x02ff, "0x02FF"},  {0x7f1c, "0x7F1C"},  {0xfefd, "0xFEFD"}};
  for (const auto& [number, name] : rows) {
    EXPECT_THAT(FactsOfExtension(kVersions, VersionList({number})).versions,
                ElementsAre(name));
    Hello hello;
    hello.version = number;
    EXPECT_THAT(FactsOf(hello).versions, ElementsAre(name));
  }
}

TEST(ClientHelloTest, WritesWhatHasNoNameAsNumbers) {
  Hello hello;
  hello.cipher_suites = {0x00ff, 0x5600, 0xabcd, 0x1301};
  hello.extensions = {{kGroups, NumberList({0x0200, 0x11ec, 29})},
                      {kSignatureAlgorithms, NumberList({0, 0x0808, 0x0807})}};

  const ClientHelloFacts facts = FactsOf(hello);

  EXPECT_THAT(facts.cipher_suites, ElementsAre("0x00FF", "0x5600", "0xABCD",
                                               "TLS_AES_128_GCM_SHA256"));
  EXPECT_THAT(facts.groups, ElementsAre("0x0200", "0x11EC", "X25519"));
  EXPECT_THAT(facts.signature_algorithms,
              ElementsAre("0x0000", "0x0808", "ed25519"));
}

TEST(ClientHelloTest, KnowsTheNamesOfAllSignatureAlgorithmsItCanUse) {
  const std::vector<uint16_t> numbers = SupportedSignatureAlgorithms();
  std::vector<std::string> names;
  for (const uint16_t number : numbers) {
    names.emplace_back(SignatureAlgorithmName(number));
  }
  EXPECT_EQ(FactsOfExtension(kSignatureAlgorithms, NumberList(numbers))
                .signature_algorithms,
            names);
}

// RFC 8701 section 2.
TEST(ClientHelloTest, LeavesOutGreaseAndNothingElse) {
  std::vector<uint16_t> grease;
  for (int i = 0; i < 16; ++i) {
    grease.push_back(static_cast<uint16_t>(0x0a0a + i * 0x1010));
  }
  // Nearly so.
  const std::vector<uint16_t> others = {0x0a1a, 0x0b0b, 0x1a0a, 0x0a0b, 0xaaab};
  std::vector<uint16_t> all = grease;
  all.insert(all.end(), others.begin(), others.end());
  Hello hello;
  hello.cipher_suites = all;
  for (const uint16_t number : all) hello.extensions.push_back({number, ""});
  std::vector<std::string> protocols;
  for (const uint16_t number : all) protocols.push_back(Number(number, 2));
  hello.extensions.push_back({kAlpn, Protocols(protocols)});
  hello.extensions.push_back({kGroups, NumberList(all)});
  hello.extensions.push_back({kSignatureAlgorithms, NumberList(all)});
  hello.extensions.push_back({kVersions, VersionList(all)});

  const ClientHelloFacts facts = FactsOf(hello);

  const std::vector<std::string> names = {"0x0A1A", "0x0B0B", "0x1A0A",
                                          "0x0A0B", "0xAAAB"};
  EXPECT_EQ(facts.cipher_suites, names);
  EXPECT_EQ(facts.groups, names);
  EXPECT_EQ(facts.signature_algorithms, names);
  EXPECT_EQ(facts.versions, names);
  EXPECT_THAT(facts.extensions,
              ElementsAre(0x0a1a, 0x0b0b, 0x1a0a, 0x0a0b, 0xaaab, kAlpn,
                          kGroups, kSignatureAlgorithms, kVersions));
  EXPECT_THAT(
      facts.alpn_protocols,
      ElementsAre("\x0a\x1a", "\x0b\x0b", "\x1a\x0a", "\x0a\x0b", "\xaa\xab"));
  EXPECT_THAT(facts.ja3, StartsWith("771,2586-2827-6666-2571-43691,"));
  // 0x0A1A is not alphanumeric.
  EXPECT_THAT(facts.ja4, StartsWith("t00i05090a_"));
  EXPECT_EQ(facts.raw, hello.Body());
}

TEST(ClientHelloTest, TellsServerNamesInOneForm) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"example.com", "example.com"},
      {"EXAMPLE.Com", "example.com"},
      {"example.com.", "example.com"},
      {"example.com..", "example.com."},
      {".", ""},
      {"127.0.0.1", "127.0.0.1"},
      {"2001:DB8::1", "2001:db8::1"},
      {"b\xc3\xbc"
       "cher.example",
       "b\xc3\xbc"
       "cher.example"},
      {"\x01\xff", "\x01\xff"},
  };
  for (const auto& [sent, told] : rows) {
    Hello hello;
    hello.extensions = {{kServerName, ServerName(sent)}};

    const ClientHelloFacts facts = FactsOf(hello);

    EXPECT_EQ(facts.server_name, told);
    EXPECT_THAT(facts.ja4, StartsWith("t12d"));
  }
}

TEST(ClientHelloTest, TellsProtocolsAsTheyCame) {
  const std::vector<std::string> protocols = {
      "http/1.1", "h2", "H2", std::string("\0\xff", 2), std::string(255, 'a')};
  Hello hello;
  hello.extensions = {{kAlpn, Protocols(protocols)}};

  const ClientHelloFacts facts = FactsOf(hello);

  EXPECT_EQ(facts.alpn_protocols, protocols);
  EXPECT_THAT(facts.ja4, StartsWith("t12i0101h1_"));
}

TEST(ClientHelloTest, TellsMalformedExtensionsAsEmpty) {
  struct Row {
    uint16_t extension;
    std::string body;
  };
  const Row rows[] = {
      {kServerName, ""},
      {kServerName, ServerName("a") + "b"},
      // Two names, a name of another kind, and one with an end in it.
      {kServerName, Prefixed(Number(0, 1) + Prefixed("a", 2) + Number(0, 1) +
                                 Prefixed("b", 2),
                             2)},
      {kServerName, Prefixed(Number(1, 1) + Prefixed("a", 2), 2)},
      {kServerName, ServerName(absl::string_view("a\0b", 3))},
      {kServerName, ServerName("")},
      {kAlpn, ""},
      {kAlpn, Protocols({})},
      {kAlpn, Protocols({"h2"}) + "h"},
      {kAlpn, Protocols({"h2", ""})},
      {kAlpn, Prefixed(Prefixed("h2", 1) + "\x02h", 2)},
      {kVersions, ""},
      {kVersions, VersionList({})},
      {kVersions, VersionList({0x0304}) + "1"},
      {kVersions, Prefixed("123", 1)},
      {kGroups, ""},
      {kGroups, NumberList({29}) + "1"},
      {kGroups, Prefixed("123", 2)},
      {kSignatureAlgorithms, NumberList({0x0403}) + "1"},
      {kSignatureAlgorithms, Prefixed("123", 2)},
      {kPointFormats, ""},
      {kPointFormats, Prefixed("1", 1) + "1"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.extension);

    const ClientHelloFacts facts = FactsOfExtension(row.extension, row.body);

    EXPECT_THAT(facts.extensions, ElementsAre(row.extension));
    EXPECT_EQ(facts.server_name, "");
    EXPECT_THAT(facts.alpn_protocols, IsEmpty());
    EXPECT_THAT(facts.groups, IsEmpty());
    EXPECT_THAT(facts.signature_algorithms, IsEmpty());
    EXPECT_EQ(facts.ja3, absl::StrCat("771,,", row.extension, ",,"));
    if (row.extension == kVersions) {
      EXPECT_THAT(facts.versions, IsEmpty());
    } else {
      EXPECT_THAT(facts.versions, ElementsAre("TLSv1.2"));
    }
  }
}

TEST(ClientHelloTest, ReadsExtensionsThatAreCutAnywhere) {
  for (const auto& [number, body] : Browser().extensions) {
    for (size_t size = 0; size < body.size(); ++size) {
      const ClientHelloFacts facts =
          FactsOfExtension(number, absl::string_view(body).substr(0, size));
      EXPECT_EQ(facts.server_name, "");
      EXPECT_THAT(facts.alpn_protocols, IsEmpty());
      EXPECT_THAT(facts.groups, IsEmpty());
      EXPECT_THAT(facts.signature_algorithms, IsEmpty());
    }
  }
  const std::string bytes = Browser().ExtensionBytes();
  const size_t all = FactsOfExtensions(bytes).extensions.size();
  for (size_t size = 0; size < bytes.size(); ++size) {
    const ClientHelloFacts facts =
        FactsOfExtensions(absl::string_view(bytes).substr(0, size));
    EXPECT_LT(facts.extensions.size(), all);
  }
}

// Client is a client of the same library.
class Client {
 public:
  Client() : context_(SSL_CTX_new(TLS_method())) {
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION);
    SSL_CTX_set_grease_enabled(context_.get(), 1);
  }

  SSL_CTX* context() { return context_.get(); }

  // Records returns what it begins with, for `server_name`.
  std::string Records(const char* server_name) {
    const bssl::UniquePtr<SSL> ssl(SSL_new(context_.get()));
    SSL_set_connect_state(ssl.get());
    if (server_name != nullptr) {
      EXPECT_TRUE(SSL_set_tlsext_host_name(ssl.get(), server_name));
    }
    SSL_set0_rbio(ssl.get(), BIO_new(BIO_s_mem()));
    SSL_set0_wbio(ssl.get(), BIO_new(BIO_s_mem()));
    SSL_do_handshake(ssl.get());
    ERR_clear_error();
    const uint8_t* data = nullptr;
    size_t size = 0;
    EXPECT_TRUE(BIO_mem_contents(SSL_get_wbio(ssl.get()), &data, &size));
    return std::string(reinterpret_cast<const char*>(data), size);
  }

  ClientHelloFacts Facts(const char* server_name = "localhost") {
    const std::string records = Records(server_name);
    const std::optional<ClientHelloFacts> facts = AskServer(records);
    EXPECT_TRUE(facts.has_value());
    if (!facts.has_value()) return {};
    // Before it are the headers of the record and the message.
    EXPECT_EQ(facts->raw, records.substr(9));
    return *facts;
  }

 private:
  const bssl::UniquePtr<SSL_CTX> context_;
};

TEST(ClientHelloTest, ReadsARealClient) {
  Client client;
  const uint8_t protocols[] = {2, 'h', '2', 3, 'f', 'o', 'o'};
  SSL_CTX_set_alpn_protos(client.context(), protocols, sizeof(protocols));
  ASSERT_TRUE(SSL_CTX_set_strict_cipher_list(client.context(),
                                             "ECDHE-RSA-AES128-GCM-SHA256"));
  ASSERT_TRUE(SSL_CTX_set1_curves_list(client.context(), "P-384:X25519"));

  const ClientHelloFacts facts = client.Facts("Server.Example");

  EXPECT_EQ(facts.server_name, "server.example");
  EXPECT_THAT(facts.alpn_protocols, ElementsAre("h2", "foo"));
  EXPECT_THAT(facts.versions, ElementsAre("TLSv1.3", "TLSv1.2"));
  EXPECT_THAT(std::set<std::string>(facts.cipher_suites.begin(),
                                    facts.cipher_suites.end()),
              ElementsAre("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                          "TLS_CHACHA20_POLY1305_SHA256",
                          "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"));
  EXPECT_THAT(facts.groups, ElementsAre("P-384", "X25519"));
  EXPECT_EQ(facts.signature_algorithms.front(), "ecdsa_secp256r1_sha256");
  EXPECT_THAT(facts.ja4, StartsWith("t13d0412h2_"));
}

TEST(ClientHelloTest, ReadsARealClientOfOneVersion) {
  Client client;
  SSL_CTX_set_max_proto_version(client.context(), TLS1_2_VERSION);

  const ClientHelloFacts facts = client.Facts(/*server_name=*/nullptr);

  EXPECT_EQ(facts.server_name, "");
  EXPECT_THAT(facts.versions, ElementsAre("TLSv1.2"));
  EXPECT_THAT(facts.ja4, StartsWith("t12i"));
}

// GREASE is random, and so is everything else that should make no difference.
TEST(ClientHelloTest, AClientKeepsItsFingerprints) {
  Client client;
  const ClientHelloFacts first = client.Facts("localhost");
  for (int i = 0; i < 10; ++i) {
    const ClientHelloFacts next = client.Facts("localhost");
    EXPECT_NE(next.raw, first.raw);
    EXPECT_EQ(next.ja3, first.ja3);
    EXPECT_EQ(next.ja3_hash, first.ja3_hash);
    EXPECT_EQ(next.ja4, first.ja4);
  }
  Client other;
  SSL_CTX_set1_curves_list(other.context(), "P-521");
  EXPECT_NE(other.Facts().ja3, first.ja3);
}

TEST(ClientHelloTest, Ja4StaysWhenAClientShufflesItsExtensions) {
  Client client;
  SSL_CTX_set_permute_extensions(client.context(), 1);
  std::set<std::string> ja3;
  std::set<std::string> ja4;
  for (int i = 0; i < 10; ++i) {
    const ClientHelloFacts facts = client.Facts("localhost");
    ja3.insert(facts.ja3);
    ja4.insert(facts.ja4);
  }
  EXPECT_GT(ja3.size(), 1u);
  EXPECT_EQ(ja4.size(), 1u);
}

}  // namespace
}  // namespace tlsd::tls
