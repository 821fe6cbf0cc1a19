#include "client/cli/show_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/client/parse_text.h"

namespace tlsd::client::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::Parse;

TEST(ShowTransportTest, TellsHowASocketDiffersFromOthers) {
  EXPECT_EQ(SocketText(v1::SocketOptions()), "");
  EXPECT_EQ(SocketText(Parse<v1::SocketOptions>(R"pb(
              idle_timeout { seconds: 300 }
              keep_alive { seconds: 60 }
              delay_small_writes: true
            )pb")),
            "idle timeout 5m, keep-alive 1m, small writes delayed");
}

TEST(ShowTransportTest, TellsWhatAProxyHasClaimed) {
  v1::Connection connection = Parse<v1::Connection>(R"pb(
    proxy_header {
      version: 1
      source { family: "IPv4" address: "192.0.2.1" port: 1 }
      destination { family: "IPv4" address: "192.0.2.2" port: 2 }
    }
    proxy_address { family: "IPv4" address: "192.0.2.3" port: 3 }
  )pb");

  EXPECT_EQ(ProxyHeaderText(connection),
            "version 1, from 192.0.2.3:3, for 192.0.2.2:2");
  connection.mutable_proxy_header()->set_is_local(true);
  EXPECT_EQ(ProxyHeaderText(connection),
            "version 1, from 192.0.2.3:3, of the proxy itself");
  EXPECT_EQ(ProxyHeaderText(v1::Connection()), "");
}

TEST(ShowTransportTest, NamesTheFieldsOfAProxyHeader) {
  EXPECT_THAT(ProxyFieldTexts(Parse<v1::ProxyHeader>(R"pb(
                fields { type: 1 value: "h2" }
                fields { type: 2 value: "a.test" }
                fields { type: 5 value: "\001\377" }
                fields { type: 224 value: "x" }
              )pb")),
              ElementsAre("ALPN: h2", "authority: a.test", "unique ID: 01ff",
                          "type 224: 78"));
  EXPECT_THAT(ProxyFieldTexts(v1::ProxyHeader()), IsEmpty());
}

TEST(ShowTransportTest, TellsWhereConnectionsArePassedOnTo) {
  v1::ForwardHandler forward = Parse<v1::ForwardHandler>(R"pb(
    upstream { address: "h:1" protection: PROTECTION_NONE }
    send_proxy_header: PROXY_HEADER_VERSION_1
  )pb");
  EXPECT_EQ(ForwardText(forward), "h:1, plain, PROXY v1");

  forward.mutable_upstream()->clear_protection();
  forward.clear_send_proxy_header();
  EXPECT_EQ(ForwardText(forward), "h:1, TLS");
  forward.set_send_proxy_header(v1::PROXY_HEADER_VERSION_2);
  EXPECT_EQ(ForwardText(forward), "h:1, TLS, PROXY v2");
  forward.set_send_proxy_header(v1::PROXY_HEADER_VERSION_2_TLS);
  EXPECT_EQ(ForwardText(forward), "h:1, TLS, PROXY v2 with TLS");
  forward.set_send_proxy_header(v1::PROXY_HEADER_VERSION_2_TLS_CERTIFICATE);
  EXPECT_EQ(ForwardText(forward),
            "h:1, TLS, PROXY v2 with TLS and certificate");
}

}  // namespace
}  // namespace tlsd::client::cli
