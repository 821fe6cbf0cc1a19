// Contexts by server name (SNI), on a listener that goes on accepting.
#include <openssl/digest.h>
#include <openssl/x509.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "tests/integration/tls_peer.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"

namespace tlsd::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// An identity with a key of its own for each `index`.
TestIdentity Identity(int index) {
  IdentitySpec spec;
  spec.common_name = absl::StrCat("identity ", index);
  spec.key_index = index;
  return IntermediateIdentity().Issue(spec);
}

std::string DigestOf(const TestIdentity& identity) {
  uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  X509_digest(identity.certificate(), EVP_sha256(), digest, &size);
  return std::string(reinterpret_cast<const char*>(digest), size);
}

class ServerNamesTest : public VersionTest {
 protected:
  struct Context {
    std::string name;
    std::string digest;
    v1::Credentials credentials;
  };

  static Context NewServer(int index) {
    const TestIdentity identity = Identity(index);
    v1::SecureContext context;
    *context.add_credentials() = PemOf(identity);
    return {NewContext(context), DigestOf(identity), context.credentials(0)};
  }

  // A listener whose own context is own_.
  v1::Listener ListenOwn(bool strict = false) {
    v1::Listener listener;
    listener.set_secure_context(own_.name);
    listener.set_strict_server_names(strict);
    listener.mutable_echo();
    return Listen(listener);
  }

  static absl::StatusOr<v1::Listener> Add(const v1::Listener& listener,
                                          const std::string& server_name,
                                          const Context& context) {
    v1::AddContextRequest request;
    request.set_listener(listener.name());
    request.set_server_name(server_name);
    request.set_secure_context(context.name);
    return client().Call(request);
  }

  static absl::StatusOr<v1::Listener> Remove(const v1::Listener& listener,
                                             const std::string& server_name) {
    v1::RemoveContextRequest request;
    request.set_listener(listener.name());
    request.set_server_name(server_name);
    return client().Call(request);
  }

  static absl::StatusOr<std::unique_ptr<TlsPeer>> Dial(
      const v1::Listener& listener, const std::string& server_name) {
    return TlsPeer::Connect(AddressOf(listener), GetParam(), server_name);
  }

  // Shown returns which context serves a client that asks for `server_name`.
  std::string Shown(const v1::Listener& listener,
                    const std::string& server_name) {
    const auto peer = Dial(listener, server_name);
    if (!peer.ok()) return std::string(peer.status().message());
    const std::string digest = (*peer)->CertificateDigest();
    for (const Context* context : {&own_, &a_, &b_}) {
      if (digest == context->digest) return context->name;
    }
    return "another certificate";
  }

  const Context own_ = NewServer(1);
  const Context a_ = NewServer(2);
  const Context b_ = NewServer(3);
};

TEST_P(ServerNamesTest, PrefersANameToAWildcard) {
  const v1::Listener listener = ListenOwn();
  ASSERT_THAT(Add(listener, "www.example.com", a_), IsOk());
  ASSERT_THAT(Add(listener, "*.example.com", b_), IsOk());

  EXPECT_EQ(Shown(listener, "www.example.com"), a_.name);
  EXPECT_EQ(Shown(listener, "mail.example.com"), b_.name);
  EXPECT_EQ(Shown(listener, "www.example.org"), own_.name);
}

TEST_P(ServerNamesTest, LetsAWildcardStandForOneLabel) {
  const v1::Listener listener = ListenOwn();
  ASSERT_THAT(Add(listener, "*.example.com", a_), IsOk());

  EXPECT_EQ(Shown(listener, "x.example.com"), a_.name);
  EXPECT_EQ(Shown(listener, "example.com"), own_.name);
  EXPECT_EQ(Shown(listener, "x.y.example.com"), own_.name);
}

TEST_P(ServerNamesTest, CountsNeitherCaseNorALastDot) {
  const v1::Listener listener = ListenOwn();
  ASSERT_THAT(Add(listener, "WWW.Example.com.", a_), IsOk());
  ASSERT_THAT(Add(listener, "*.EXAMPLE.com", b_), IsOk());

  EXPECT_EQ(Shown(listener, "www.example.com"), a_.name);
  EXPECT_EQ(Shown(listener, "wWw.eXample.Com"), a_.name);
  EXPECT_EQ(Shown(listener, "www.example.com."), a_.name);
  EXPECT_EQ(Shown(listener, "Mail.Example.COM."), b_.name);
}

TEST_P(ServerNamesTest, ServesClientsWithoutANameWithTheListenersOwn) {
  const v1::Listener listener = ListenOwn();
  ASSERT_THAT(Add(listener, "www.example.com", a_), IsOk());

  EXPECT_EQ(Shown(listener, ""), own_.name);
}

TEST_P(ServerNamesTest, ChangesBetweenHandshakes) {
  const v1::Listener listener = ListenOwn();
  EXPECT_EQ(Shown(listener, "www.example.com"), own_.name);

  ASSERT_THAT(Add(listener, "www.example.com", a_), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto early, Dial(listener, "www.example.com"));
  EXPECT_EQ(early->CertificateDigest(), a_.digest);
  // The last one added wins.
  ASSERT_THAT(Add(listener, "www.example.com", b_), IsOk());
  EXPECT_EQ(Shown(listener, "www.example.com"), b_.name);
  ASSERT_THAT(Remove(listener, "www.example.com"), IsOk());
  EXPECT_EQ(Shown(listener, "www.example.com"), own_.name);

  // Who has a context keeps it.
  ASSERT_TRUE(early->Send("still here"));
  EXPECT_EQ(early->Receive(), "still here");
}

TEST_P(ServerNamesTest, FollowsChangesOfAContext) {
  const v1::Listener listener = ListenOwn();
  ASSERT_THAT(Add(listener, "www.example.com", a_), IsOk());
  ASSERT_EQ(Shown(listener, "www.example.com"), a_.name);
  v1::UpdateSecureContextRequest request;
  request.mutable_secure_context()->set_name(a_.name);
  *request.mutable_secure_context()->add_credentials() = b_.credentials;

  ASSERT_THAT(client().Call(request), IsOk());

  EXPECT_EQ(Shown(listener, "www.example.com"), b_.name);
}

TEST_P(ServerNamesTest, TellsWhichContextAConnectionHas) {
  v1::Listener options;
  options.set_secure_context(own_.name);
  const v1::Listener listener = Listen(options);
  ASSERT_THAT(Add(listener, "*.example.com", a_), IsOk());

  ASSERT_OK_AND_ASSIGN(const auto named, Dial(listener, "WWW.example.com"));
  ASSERT_OK_AND_ASSIGN(const v1::Connection first, Accept(listener.name()));
  EXPECT_EQ(first.secure_context(), a_.name);
  EXPECT_NE(first.handshake().own_certificate_sha256(), "");
  ASSERT_OK_AND_ASSIGN(const auto unnamed, Dial(listener, ""));
  ASSERT_OK_AND_ASSIGN(const v1::Connection second, Accept(listener.name()));
  EXPECT_EQ(second.secure_context(), own_.name);
  EXPECT_NE(first.handshake().own_certificate_sha256(),
            second.handshake().own_certificate_sha256());
}

TEST_P(ServerNamesTest, TurnsAwayUnknownNamesIfItIsStrict) {
  const v1::Listener listener = ListenOwn(/*strict=*/true);
  EXPECT_TRUE(listener.strict_server_names());
  ASSERT_THAT(Add(listener, "www.example.com", a_), IsOk());
  const std::unique_ptr<EventWatch> watch = Watch(listener.name());

  EXPECT_EQ(Shown(listener, "www.example.com"), a_.name);
  // RFC 6066 section 3: unrecognized_name(112).
  EXPECT_THAT(Dial(listener, "other.example.com").status().message(),
              HasSubstr("UNRECOGNIZED_NAME"));
  ASSERT_OK_AND_ASSIGN(
      const v1::Event event,
      watch->WaitFor(v1::EVENT_TYPE_CLIENT_ERROR, listener.name()));
  const v1::Failure& failure = event.connection().failure();
  EXPECT_EQ(failure.reason(), "SERVER_NAME_UNRECOGNIZED");
  EXPECT_EQ(failure.metadata().at("server_name"), "other.example.com");
}

TEST_P(ServerNamesTest, TurnsAwayClientsWithoutANameIfItIsStrict) {
  const v1::Listener listener = ListenOwn(/*strict=*/true);
  const std::unique_ptr<EventWatch> watch = Watch(listener.name());

  EXPECT_THAT(Dial(listener, "").status().message(),
              HasSubstr("UNRECOGNIZED_NAME"));
  ASSERT_OK_AND_ASSIGN(
      const v1::Event event,
      watch->WaitFor(v1::EVENT_TYPE_CLIENT_ERROR, listener.name()));
  EXPECT_EQ(event.connection().failure().reason(), "SERVER_NAME_UNRECOGNIZED");
}

// What a context says about versions, ALPN and client certificates holds for
// its names, although the handshake has begun under another.
TEST_P(ServerNamesTest, TakesAllOfAContext) {
  const v1::Listener listener = ListenOwn();
  v1::SecureContext strange;
  *strange.add_credentials() = a_.credentials;
  const bool is_tls12 = GetParam() == v1::TLS_VERSION_TLS_1_2;
  const v1::TlsVersion other =
      is_tls12 ? v1::TLS_VERSION_TLS_1_3 : v1::TLS_VERSION_TLS_1_2;
  strange.set_min_version(other);
  strange.set_max_version(other);
  ASSERT_THAT(Add(listener, "version.example", {NewContext(strange), "", {}}),
              IsOk());
  strange.set_min_version(v1::TLS_VERSION_TLS_1_2);
  strange.set_max_version(v1::TLS_VERSION_TLS_1_3);
  strange.set_client_certificate_mode(v1::CLIENT_CERTIFICATE_MODE_REQUIRE);
  ASSERT_THAT(
      Add(listener, "certificate.example", {NewContext(strange), "", {}}),
      IsOk());

  EXPECT_EQ(Shown(listener, "plain.example"), own_.name);
  EXPECT_THAT(Shown(listener, "version.example"),
              HasSubstr("PROTOCOL_VERSION"));
  const std::unique_ptr<EventWatch> watch = Watch(listener.name());
  const auto peer = Dial(listener, "certificate.example");
  v1::Event event;
  // The one before may be told late.
  do {
    ASSERT_OK_AND_ASSIGN(
        event, watch->WaitFor(v1::EVENT_TYPE_CLIENT_ERROR, listener.name()));
  } while (event.connection().handshake().server_name() !=
           "certificate.example");
  EXPECT_EQ(event.connection().failure().reason(), "PEER_CERTIFICATE_REQUIRED");
}

TEST_P(ServerNamesTest, CanChangeWhileClientsCome) {
  const v1::Listener listener = ListenOwn(/*strict=*/true);
  ASSERT_THAT(Add(listener, "*.example.com", a_), IsOk());
  std::atomic<bool> is_done{false};
  std::atomic<int> failure_count{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 2; ++i) {
    clients.emplace_back([&] {
      while (!is_done) {
        const auto peer = Dial(listener, "www.example.com");
        const bool is_good =
            peer.ok() && ((*peer)->CertificateDigest() == a_.digest ||
                          (*peer)->CertificateDigest() == b_.digest);
        if (!is_good) ++failure_count;
      }
    });
  }
  for (int i = 0; i < 50; ++i) {
    EXPECT_THAT(Add(listener, "www.example.com", b_), IsOk());
    EXPECT_THAT(Add(listener, "www.example.com", a_), IsOk());
    EXPECT_THAT(Remove(listener, "www.example.com"), IsOk());
  }
  is_done = true;
  for (std::thread& one : clients) one.join();

  EXPECT_EQ(failure_count, 0);
}

INSTANTIATE_IN_BOTH_VERSIONS(ServerNamesTest);

class ServerNameResourcesTest : public DaemonTest {
 protected:
  static std::string NewServer() {
    v1::SecureContext context;
    *context.add_credentials() = PemOf(ServerIdentity());
    return NewContext(context);
  }

  static v1::AddContextRequest ToAdd(const std::string& listener,
                                     const std::string& server_name,
                                     const std::string& context) {
    v1::AddContextRequest request;
    request.set_listener(listener);
    request.set_server_name(server_name);
    request.set_secure_context(context);
    return request;
  }

  static v1::RemoveContextRequest ToRemove(const std::string& listener,
                                           const std::string& server_name) {
    v1::RemoveContextRequest request;
    request.set_listener(listener);
    request.set_server_name(server_name);
    return request;
  }

  static absl::Status DeleteContext(const std::string& name) {
    v1::DeleteSecureContextRequest request;
    request.set_name(name);
    return client().Call(request).status();
  }

  static v1::CreateListenerRequest ToCreate() {
    v1::CreateListenerRequest request;
    request.mutable_listener()->set_address("127.0.0.1:0");
    request.mutable_listener()->set_secure_context("secureContexts/server");
    return request;
  }

  static void AddTo(v1::CreateListenerRequest& request,
                    const std::string& server_name,
                    const std::string& context) {
    v1::ServerNameContext& added = *request.add_contexts();
    added.set_server_name(server_name);
    added.set_secure_context(context);
  }
};

TEST_F(ServerNameResourcesTest, ChangesTheListenersEtagAndCount) {
  const v1::Listener before = ListenEcho();
  EXPECT_EQ(before.context_count(), 0);

  ASSERT_OK_AND_ASSIGN(const v1::Listener added,
                       client().Call(ToAdd(before.name(), "a.example",
                                           "secureContexts/server")));
  EXPECT_EQ(added.context_count(), 1);
  EXPECT_NE(added.etag(), before.etag());
  ASSERT_OK_AND_ASSIGN(const v1::Listener removed,
                       client().Call(ToRemove(before.name(), "a.example")));
  EXPECT_EQ(removed.context_count(), 0);
  EXPECT_NE(removed.etag(), added.etag());
  ASSERT_OK_AND_ASSIGN(const v1::Listener got, Get(before));
  EXPECT_EQ(got.etag(), removed.etag());

  // What was read before is not what would be deleted.
  v1::DeleteListenerRequest request;
  request.set_name(before.name());
  request.set_etag(before.etag());
  EXPECT_THAT(client().Call(request), FailsWith(Reason::kEtagMismatch));
}

TEST_F(ServerNameResourcesTest, NamesWhatItCannotUse) {
  const std::string listener = ListenEcho().name();
  const std::string server = "secureContexts/server";

  EXPECT_THAT(client().Call(ToAdd("", "a.example", server)),
              FailsWith(Reason::kFieldRequired, "listener"));
  EXPECT_THAT(client().Call(ToAdd("listeners/none", "a.example", server)),
              FailsWith(Reason::kListenerNotFound));
  EXPECT_THAT(client().Call(ToAdd(listener, "", server)),
              FailsWith(Reason::kFieldRequired, "server_name"));
  EXPECT_THAT(client().Call(ToAdd(listener, "*", server)),
              FailsWith(Reason::kServerNameInvalid, "server_name"));
  EXPECT_THAT(client().Call(ToAdd(listener, "127.0.0.1", server)),
              FailsWith(Reason::kServerNameInvalid, "server_name"));
  EXPECT_THAT(client().Call(ToAdd(listener, "a.example", "")),
              FailsWith(Reason::kFieldRequired, "secure_context"));
  EXPECT_THAT(
      client().Call(ToAdd(listener, "a.example", "secureContexts/none")),
      FailsWith(Reason::kContextNotFound));
  EXPECT_THAT(
      client().Call(ToAdd(listener, "a.example", "secureContexts/client")),
      FailsWith(Reason::kCredentialsRequired, "secure_context"));
  EXPECT_THAT(client().Call(ToRemove("listeners/none", "a.example")),
              FailsWith(Reason::kListenerNotFound));
  EXPECT_THAT(client().Call(ToRemove(listener, "a.example")),
              FailsWith(Reason::kServerNameNotFound));
  EXPECT_THAT(client().Call(ToRemove(listener, "")),
              FailsWith(Reason::kFieldRequired, "server_name"));
}

TEST_F(ServerNameResourcesTest, KeepsAContextFromBeingDeleted) {
  const std::string context = NewServer();
  const v1::Listener listener = ListenEcho();
  ASSERT_THAT(client().Call(ToAdd(listener.name(), "a.example", context)),
              IsOk());
  ASSERT_THAT(client().Call(ToAdd(listener.name(), "b.example", context)),
              IsOk());

  ASSERT_THAT(client().Call(ToRemove(listener.name(), "a.example")), IsOk());
  const absl::Status in_use = DeleteContext(context);
  EXPECT_THAT(in_use, FailsWith(Reason::kContextInUse));
  EXPECT_EQ(MetadataOf(in_use, "listener"), listener.name());
  v1::UpdateSecureContextRequest strip;
  strip.mutable_secure_context()->set_name(context);
  strip.mutable_update_mask()->add_paths("credentials");
  EXPECT_THAT(client().Call(strip), FailsWith(Reason::kCredentialsRequired));

  ASSERT_THAT(client().Call(ToRemove(listener.name(), "b.example")), IsOk());
  EXPECT_THAT(DeleteContext(context), IsOk());
}

TEST_F(ServerNameResourcesTest, LetsGoOfContextsWhenItIsClosed) {
  const std::string context = NewServer();
  v1::CreateListenerRequest request = ToCreate();
  AddTo(request, "a.example", context);
  ASSERT_OK_AND_ASSIGN(const v1::Listener listener, client().Call(request));
  EXPECT_THAT(DeleteContext(context), FailsWith(Reason::kContextInUse));
  const std::unique_ptr<EventWatch> watch = Watch(listener.name());
  v1::DeleteListenerRequest close;
  close.set_name(listener.name());
  *close.mutable_drain_timeout() = ToProto(absl::ZeroDuration());

  ASSERT_THAT(client().Call(close), IsOk());
  ASSERT_THAT(watch->WaitFor(v1::EVENT_TYPE_LISTENER_CLOSED), IsOk());

  EXPECT_THAT(DeleteContext(context), IsOk());
}

TEST_F(ServerNameResourcesTest, StartsWithContextsOrNotAtAll) {
  const std::string context = NewServer();
  v1::CreateListenerRequest bad_name = ToCreate();
  bad_name.set_listener_id("names");
  AddTo(bad_name, "a.example", context);
  AddTo(bad_name, "*", context);
  v1::CreateListenerRequest bad_context = ToCreate();
  AddTo(bad_context, "a.example", context);
  AddTo(bad_context, "b.example", "client");
  v1::CreateListenerRequest cannot_serve = ToCreate();
  AddTo(cannot_serve, "a.example", context);
  AddTo(cannot_serve, "b.example", "secureContexts/client");

  EXPECT_THAT(client().Call(bad_name),
              FailsWith(Reason::kServerNameInvalid, "contexts[1].server_name"));
  EXPECT_THAT(client().Call(bad_context),
              FailsWith(Reason::kNameInvalid, "contexts[1].secure_context"));
  EXPECT_THAT(
      client().Call(cannot_serve),
      FailsWith(Reason::kCredentialsRequired, "contexts[1].secure_context"));
  v1::Listener none;
  none.set_name("listeners/names");
  EXPECT_THAT(Get(none), FailsWith(Reason::kListenerNotFound));

  bad_name.mutable_contexts()->RemoveLast();
  ASSERT_OK_AND_ASSIGN(const v1::Listener listener, client().Call(bad_name));
  EXPECT_EQ(listener.context_count(), 1);
  ASSERT_THAT(client().Call(ToRemove(listener.name(), "a.example")), IsOk());
  // What was refused has left nothing behind.
  EXPECT_THAT(DeleteContext(context), IsOk());
}

TEST_F(ServerNameResourcesTest, ListsPagesInTheOrderOfNames) {
  v1::CreateListenerRequest create = ToCreate();
  AddTo(create, "B.example.", "secureContexts/server");
  AddTo(create, "a.example", "secureContexts/server");
  AddTo(create, "*.example", "secureContexts/server");
  ASSERT_OK_AND_ASSIGN(const v1::Listener listener, client().Call(create));
  v1::ListContextsRequest request;
  request.set_listener(listener.name());
  request.set_page_size(2);

  std::vector<std::string> names;
  do {
    ASSERT_OK_AND_ASSIGN(const v1::ListContextsResponse page,
                         client().Call(request));
    EXPECT_LE(page.contexts_size(), 2);
    for (const v1::ServerNameContext& context : page.contexts()) {
      EXPECT_EQ(context.secure_context(), "secureContexts/server");
      names.push_back(context.server_name());
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());

  EXPECT_THAT(names, ElementsAre("*.example", "a.example", "b.example"));
  request.set_page_token("nonsense");
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kPageTokenInvalid, "page_token"));
  request.clear_page_token();
  request.set_listener("listeners/none");
  EXPECT_THAT(client().Call(request), FailsWith(Reason::kListenerNotFound));
}

TEST_F(ServerNameResourcesTest, TakesHooksOfAListener) {
  v1::CreateListenerRequest request = ToCreate();
  v1::Hook& hook = *request.mutable_listener()->add_hooks();
  hook.set_type(v1::DECISION_TYPE_CLIENT_HELLO);
  *hook.mutable_timeout() = ToProto(absl::Seconds(2));

  ASSERT_OK_AND_ASSIGN(const v1::Listener listener, client().Call(request));
  ASSERT_EQ(listener.hooks_size(), 1);
  EXPECT_EQ(listener.hooks(0).type(), v1::DECISION_TYPE_CLIENT_HELLO);
  EXPECT_EQ(listener.hooks(0).timeout().seconds(), 2);

  *hook.mutable_timeout() = ToProto(absl::Hours(2));
  EXPECT_THAT(client().Call(request),
              FailsWith(Reason::kFieldInvalid, "listener.hooks[0].timeout"));
}

}  // namespace
}  // namespace tlsd::testing
