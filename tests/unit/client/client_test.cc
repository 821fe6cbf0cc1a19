#include "client/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "proto/status/error.h"
#include "tests/unit/client/fake_daemon.h"

namespace tlsd::client {
namespace {

using ::testing::ElementsAre;

class ClientTest : public ::testing::Test {
 protected:
  Client Open() {
    absl::StatusOr<Client> client = Client::Open(daemon_.address());
    EXPECT_TRUE(client.ok()) << client.status();
    return *std::move(client);
  }

  // ServeStreams makes each stream last until its client has ended.
  void ServeStreams() {
    daemon_.on.stream = [](const v1::StreamAttach&,
                           testing::CleartextStream& stream) {
      testing::ReadAll(stream);
      stream.Write(testing::End());
      return absl::OkStatus();
    };
  }

  testing::FakeDaemon daemon_;
};

TEST_F(ClientTest, OpensOnlyWhenADaemonAnswers) {
  testing::SocketFolder folder;

  EXPECT_TRUE(Client::Open(daemon_.address()).ok());
  EXPECT_TRUE(IsDaemonUnreachable(
      Client::Open("unix:" + folder.path() + "/none").status()));
  EXPECT_TRUE(
      HasReason(Client::Open("nonsense").status(), Reason::kAddressInvalid));
}

TEST_F(ClientTest, CreatesASecureContextAndGivesItsHandle) {
  v1::CreateSecureContextRequest seen;
  daemon_.on.create_secure_context = [&](const auto& request, auto& context) {
    seen = request;
    context.set_name("secureContexts/web");
    return absl::OkStatus();
  };

  const auto context = Open().CreateSecureContext({.id = "web"});

  ASSERT_TRUE(context.ok()) << context.status();
  EXPECT_EQ(context->name(), "secureContexts/web");
  EXPECT_EQ(seen.secure_context_id(), "web");
}

TEST_F(ClientTest, GivesTheFieldOfAnErrorToItsCaller) {
  daemon_.on.create_secure_context = [](const auto&, auto&) {
    return FieldError(Reason::kPemInvalid, "pem.private_key", "x", "a key");
  };

  const auto context = Open().CreateSecureContext({});

  ASSERT_TRUE(HasReason(context.status(), Reason::kPemInvalid));
  EXPECT_EQ(GetErrorDetail(context.status())->metadata.at("field"),
            "pem.private_key");
}

TEST_F(ClientTest, ListsAllPages) {
  daemon_.on.list_listeners = [](const auto& request, auto& page) {
    const bool is_first = request.page_token().empty();
    page.add_listeners()->set_name(is_first ? "listeners/a" : "listeners/b");
    if (is_first) page.set_next_page_token("next");
    return absl::OkStatus();
  };

  const auto listeners = Open().ListListeners();

  ASSERT_TRUE(listeners.ok()) << listeners.status();
  ASSERT_EQ(listeners->size(), 2u);
  EXPECT_EQ((*listeners)[0].name(), "listeners/a");
  EXPECT_EQ((*listeners)[1].name(), "listeners/b");
}

TEST_F(ClientTest, ListensAndTellsTheBoundAddress) {
  daemon_.on.create_listener = [](const auto& request, auto& listener) {
    listener = request.listener();
    listener.set_name("listeners/l");
    listener.mutable_bound_address()->set_family("IPv4");
    listener.mutable_bound_address()->set_address("127.0.0.1");
    listener.mutable_bound_address()->set_port(1234);
    return absl::OkStatus();
  };

  const auto listener = Open().Listen(
      {.address = "127.0.0.1:0", .secure_context = "secureContexts/web"});

  ASSERT_TRUE(listener.ok()) << listener.status();
  EXPECT_EQ(listener->address(), "127.0.0.1:1234");
}

TEST_F(ClientTest, ConnectsAndAttaches) {
  ServeStreams();
  daemon_.on.connect = [](const auto&, auto& connection) {
    connection.set_name("connections/c");
    return absl::OkStatus();
  };

  auto connection = Open().Connect({.address = "localhost:1"});

  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_EQ(connection->name(), "connections/c");
  EXPECT_TRUE(connection->facts().authorized);
}

TEST_F(ClientTest, ClosesAConnectionThatItCannotAttach) {
  std::string closed;
  daemon_.on.connect = [](const auto&, auto& connection) {
    connection.set_name("connections/c");
    return absl::OkStatus();
  };
  daemon_.on.close = [&](const auto& request, auto&) {
    closed = request.name();
    return absl::OkStatus();
  };

  const auto connection = Open().Connect({.address = "localhost:1"});

  EXPECT_EQ(connection.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(closed, "connections/c");
}

TEST_F(ClientTest, AcceptsWithTheTimeoutInTheRequest) {
  ServeStreams();
  daemon_.on.create_listener = [](const auto&, auto& listener) {
    listener.set_name("listeners/l");
    return absl::OkStatus();
  };
  daemon_.on.accept = [](const v1::AcceptRequest& request, v1::Connection&) {
    EXPECT_EQ(request.listener(), "listeners/l");
    EXPECT_EQ(request.timeout().nanos(), 1000000);
    return MakeError(Reason::kWaitTimeout, "nobody came");
  };
  const auto listener = Open().Listen({});
  ASSERT_TRUE(listener.ok());

  const auto connection = listener->Accept(absl::Milliseconds(1));

  EXPECT_TRUE(HasReason(connection.status(), Reason::kWaitTimeout));
}

TEST_F(ClientTest, GivesAListenerContextsByName) {
  daemon_.on.create_listener = [](const auto&, auto& listener) {
    listener.set_name("listeners/l");
    return absl::OkStatus();
  };
  v1::AddContextRequest added;
  daemon_.on.add_context = [&](const auto& request, auto& listener) {
    added = request;
    listener.set_context_count(1);
    return absl::OkStatus();
  };
  v1::RemoveContextRequest removed;
  daemon_.on.remove_context = [&](const auto& request, auto&) {
    removed = request;
    return MakeError(Reason::kServerNameNotFound, "no such name");
  };
  const auto listener = Open().Listen({});
  ASSERT_TRUE(listener.ok());

  const auto facts = listener->AddContext("a.test", "secureContexts/a");
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(facts->context_count, 1);
  EXPECT_EQ(added.listener(), "listeners/l");
  EXPECT_EQ(added.server_name(), "a.test");
  EXPECT_EQ(added.secure_context(), "secureContexts/a");

  EXPECT_TRUE(HasReason(listener->RemoveContext("b.test").status(),
                        Reason::kServerNameNotFound));
  EXPECT_EQ(removed.listener(), "listeners/l");
  EXPECT_EQ(removed.server_name(), "b.test");
}

TEST_F(ClientTest, ListsAllContextsByNameOfAListener) {
  daemon_.on.create_listener = [](const auto&, auto& listener) {
    listener.set_name("listeners/l");
    return absl::OkStatus();
  };
  daemon_.on.list_contexts = [](const auto& request, auto& page) {
    EXPECT_EQ(request.listener(), "listeners/l");
    const bool is_first = request.page_token().empty();
    auto& context = *page.add_contexts();
    context.set_server_name(is_first ? "*.test" : "b.test");
    context.set_secure_context(is_first ? "secureContexts/a"
                                        : "secureContexts/b");
    if (is_first) page.set_next_page_token("next");
    return absl::OkStatus();
  };
  const auto listener = Open().Listen({});
  ASSERT_TRUE(listener.ok());

  const auto contexts = listener->ListContexts();

  ASSERT_TRUE(contexts.ok()) << contexts.status();
  ASSERT_EQ(contexts->size(), 2u);
  EXPECT_EQ((*contexts)[0].server_name, "*.test");
  EXPECT_EQ((*contexts)[0].secure_context, "secureContexts/a");
  EXPECT_EQ((*contexts)[1].server_name, "b.test");
}

TEST_F(ClientTest, ClosesAListenerWithOrWithoutADeadline) {
  v1::DeleteListenerRequest seen;
  daemon_.on.create_listener = [](const auto&, auto& listener) {
    listener.set_name("listeners/l");
    return absl::OkStatus();
  };
  daemon_.on.delete_listener = [&](const auto& request, auto&) {
    seen = request;
    return absl::OkStatus();
  };
  const auto listener = Open().Listen({});
  ASSERT_TRUE(listener.ok());

  ASSERT_TRUE(listener->Close().ok());
  EXPECT_FALSE(seen.has_drain_timeout());
  ASSERT_TRUE(listener->Close(absl::ZeroDuration()).ok());
  EXPECT_TRUE(seen.has_drain_timeout());
}

TEST_F(ClientTest, ValidatesASecureContextWithoutKeepingIt) {
  daemon_.on.create_secure_context = [](const auto& request, auto& context) {
    EXPECT_TRUE(request.validate_only());
    context = request.secure_context();
    context.add_warnings("w");
    return absl::OkStatus();
  };

  const auto facts = Open().ValidateSecureContext({.ciphers = "HIGH"});

  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(facts->name, "");
  EXPECT_EQ(facts->ciphers, "HIGH");
  EXPECT_THAT(facts->warnings, ElementsAre("w"));
}

TEST_F(ClientTest, ASecureContextIsKeptUnlessItIsOnlyValidated) {
  daemon_.on.create_secure_context = [](const auto& request, auto&) {
    EXPECT_FALSE(request.validate_only());
    return absl::OkStatus();
  };

  EXPECT_TRUE(Open().CreateSecureContext({}).ok());
}

// ServeUpdates makes contexts exist, and keeps the last update.
void ServeUpdates(testing::Handlers& on, v1::UpdateSecureContextRequest& seen) {
  on.get_secure_context = [](const auto& request, auto& context) {
    context.set_name(request.name());
    context.set_etag("now");
    return absl::OkStatus();
  };
  on.update_secure_context = [&seen](const auto& request, auto& context) {
    seen = request;
    context.set_name(request.secure_context().name());
    context.set_etag("next");
    return absl::OkStatus();
  };
}

TEST_F(ClientTest, UpdatesASecureContext) {
  v1::UpdateSecureContextRequest seen;
  ServeUpdates(daemon_.on, seen);
  const auto context = Open().GetSecureContext("secureContexts/web");
  ASSERT_TRUE(context.ok()) << context.status();

  const auto facts = context->Update({.ciphers = "HIGH", .etag = "now"});

  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(facts->etag, "next");
  EXPECT_EQ(context->facts().etag, "now");
  EXPECT_EQ(seen.secure_context().name(), "secureContexts/web");
  EXPECT_EQ(seen.secure_context().etag(), "now");
  EXPECT_THAT(seen.update_mask().paths(), ElementsAre("ciphers"));
  EXPECT_FALSE(seen.validate_only());
}

TEST_F(ClientTest, UpdatesASecureContextByItsName) {
  v1::UpdateSecureContextRequest seen;
  ServeUpdates(daemon_.on, seen);

  const auto context = Open().UpdateSecureContext(
      "secureContexts/web",
      {.credentials = CredentialsList{DevelopmentCredentials{}}});

  ASSERT_TRUE(context.ok()) << context.status();
  EXPECT_EQ(context->facts().etag, "next");
  EXPECT_EQ(seen.secure_context().credentials_size(), 1);
  EXPECT_THAT(seen.update_mask().paths(), ElementsAre("credentials"));
}

TEST_F(ClientTest, ValidatesAnUpdateWithoutMakingIt) {
  v1::UpdateSecureContextRequest seen;
  ServeUpdates(daemon_.on, seen);
  const auto context = Open().GetSecureContext("secureContexts/web");
  ASSERT_TRUE(context.ok()) << context.status();

  ASSERT_TRUE(context->ValidateUpdate({.ciphers = "HIGH"}).ok());

  EXPECT_TRUE(seen.validate_only());
}

TEST_F(ClientTest, TellsWhyAnUpdateIsRefused) {
  v1::UpdateSecureContextRequest seen;
  ServeUpdates(daemon_.on, seen);
  const auto context = Open().GetSecureContext("secureContexts/web");
  ASSERT_TRUE(context.ok()) << context.status();
  daemon_.on.update_secure_context = [](const auto&, auto&) {
    return MakeError(Reason::kEtagMismatch, "it has changed");
  };

  EXPECT_TRUE(HasReason(context->Update({}).status(), Reason::kEtagMismatch));
  EXPECT_TRUE(HasReason(Open().UpdateSecureContext("s", {}).status(),
                        Reason::kEtagMismatch));
}

TEST_F(ClientTest, DeletesASecureContextAsItIsTold) {
  v1::UpdateSecureContextRequest updated;
  ServeUpdates(daemon_.on, updated);
  v1::DeleteSecureContextRequest seen;
  daemon_.on.delete_secure_context = [&seen](const auto& request, auto&) {
    seen = request;
    return absl::OkStatus();
  };
  auto context = Open().GetSecureContext("secureContexts/web");
  ASSERT_TRUE(context.ok()) << context.status();

  EXPECT_TRUE(context->Delete().ok());
  EXPECT_EQ(seen.name(), "secureContexts/web");
  EXPECT_EQ(seen.etag(), "");
  EXPECT_FALSE(seen.force());

  EXPECT_TRUE(
      context->Delete({.mode = DeleteMode::kForce, .etag = "now"}).ok());
  EXPECT_EQ(seen.etag(), "now");
  EXPECT_TRUE(seen.force());
}

TEST_F(ClientTest, TellsWhyADeletionIsRefused) {
  v1::UpdateSecureContextRequest updated;
  ServeUpdates(daemon_.on, updated);
  daemon_.on.delete_secure_context = [](const auto& request, auto&) {
    return request.etag().empty()
               ? MakeError(Reason::kContextInUse, "listeners name it")
               : MakeError(Reason::kEtagMismatch, "it has changed");
  };
  auto context = Open().GetSecureContext("secureContexts/web");
  ASSERT_TRUE(context.ok()) << context.status();

  EXPECT_TRUE(HasReason(context->Delete(), Reason::kContextInUse));
  EXPECT_TRUE(
      HasReason(context->Delete({.etag = "old"}), Reason::kEtagMismatch));
}

TEST_F(ClientTest, RotatesKeysOfEncryptedClientHellos) {
  v1::UpdateSecureContextRequest updated;
  ServeUpdates(daemon_.on, updated);
  v1::RotateEchKeysRequest seen;
  daemon_.on.rotate_ech_keys = [&](const auto& request, auto& response) {
    seen = request;
    if (request.public_name().empty()) return FieldRequired("public_name");
    response.set_ech_config_list("LIST");
    response.set_key_count(2);
    return absl::OkStatus();
  };
  const auto context = Open().GetSecureContext("secureContexts/web");
  ASSERT_TRUE(context.ok()) << context.status();

  const auto rotation = context->RotateEchKeys("public.test");

  ASSERT_TRUE(rotation.ok()) << rotation.status();
  EXPECT_EQ(rotation->ech_config_list, "LIST");
  EXPECT_EQ(rotation->key_count, 2);
  EXPECT_EQ(seen.name(), "secureContexts/web");
  EXPECT_EQ(seen.public_name(), "public.test");
  EXPECT_EQ(seen.max_name_length(), 64);
  EXPECT_TRUE(context->RotateEchKeys("public.test", 100).ok());
  EXPECT_EQ(seen.max_name_length(), 100);
  EXPECT_TRUE(
      HasReason(context->RotateEchKeys("").status(), Reason::kFieldRequired));
}

TEST_F(ClientTest, ReadsAContextAgain) {
  v1::UpdateSecureContextRequest seen;
  ServeUpdates(daemon_.on, seen);
  const auto context = Open().GetSecureContext("secureContexts/web");
  ASSERT_TRUE(context.ok()) << context.status();
  daemon_.on.get_secure_context = [](const auto&, auto& now) {
    now.set_etag("later");
    return absl::OkStatus();
  };

  const auto facts = context->GetFacts();

  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(facts->etag, "later");
}

TEST_F(ClientTest, ListsAlgorithms) {
  daemon_.on.list_algorithms = [](const auto&, auto& response) {
    response.add_groups("X25519");
    return absl::OkStatus();
  };

  const auto algorithms = Open().ListAlgorithms();

  ASSERT_TRUE(algorithms.ok()) << algorithms.status();
  EXPECT_THAT(algorithms->groups, ElementsAre("X25519"));
}

TEST_F(ClientTest, GetsThePeersCertificateOfAnyConnection) {
  daemon_.on.get_peer_certificate = [](const auto& request, auto& response) {
    EXPECT_EQ(request.name(), "connections/c");
    response.mutable_certificate()->set_subject("CN=p");
    if (request.detailed()) response.add_chain()->set_subject("CN=p");
    return absl::OkStatus();
  };

  const auto without = Open().GetPeerCertificate("connections/c");
  const auto with =
      Open().GetPeerCertificate("connections/c", ChainDetail::kChain);

  ASSERT_TRUE(without.ok()) << without.status();
  ASSERT_TRUE(with.ok()) << with.status();
  EXPECT_EQ(without->certificate->subject, "CN=p");
  EXPECT_TRUE(without->chain.empty());
  EXPECT_EQ(with->chain.size(), 1u);
}

TEST_F(ClientTest, ParsesCertificates) {
  daemon_.on.parse_certificate = [](const auto& request, auto& response) {
    if (request.pem() != "PEM") {
      return FieldError(Reason::kPemInvalid, "pem", request.pem(), "PEM");
    }
    response.add_certificates()->set_subject("CN=a");
    response.add_certificates()->set_subject("CN=b");
    return absl::OkStatus();
  };

  const auto certificates = Open().ParseCertificates(Pem{"PEM"});

  ASSERT_TRUE(certificates.ok()) << certificates.status();
  ASSERT_EQ(certificates->size(), 2u);
  EXPECT_EQ((*certificates)[1].subject, "CN=b");
  EXPECT_TRUE(HasReason(Open().ParseCertificates(Pem{"x"}).status(),
                        Reason::kPemInvalid));
}

TEST_F(ClientTest, ChecksTheIdentityOfAServer) {
  daemon_.on.check_server_identity = [](const auto& request, auto& response) {
    EXPECT_EQ(request.der(), "DER");
    response.set_matches(request.server_name() == "a.test");
    if (!response.matches()) response.set_error("HOSTNAME_MISMATCH");
    return absl::OkStatus();
  };

  const auto good = Open().CheckServerIdentity("a.test", Der{"DER"});
  const auto bad = Open().CheckServerIdentity("b.test", Der{"DER"});

  ASSERT_TRUE(good.ok()) << good.status();
  EXPECT_TRUE(good->matches);
  ASSERT_TRUE(bad.ok()) << bad.status();
  EXPECT_FALSE(bad->matches);
  EXPECT_EQ(bad->error, "HOSTNAME_MISMATCH");
}

TEST_F(ClientTest, ListsOwnCertificatesThatEndSoon) {
  v1::ListOwnCertificatesRequest seen;
  daemon_.on.list_own_certificates = [&](const auto& request, auto& page) {
    seen = request;
    const bool is_first = request.page_token().empty();
    page.add_own_certificates()->set_credentials_index(is_first ? 0 : 1);
    if (is_first) page.set_next_page_token("next");
    return absl::OkStatus();
  };

  const auto all = Open().ListOwnCertificates();
  EXPECT_FALSE(seen.has_ends_within());
  const auto soon = Open().ListOwnCertificates(absl::Hours(1));

  EXPECT_EQ(seen.ends_within().seconds(), 3600);
  ASSERT_TRUE(all.ok()) << all.status();
  ASSERT_TRUE(soon.ok()) << soon.status();
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[1].credentials_index, 1);
}

TEST_F(ClientTest, ListsWhomAContextTrusts) {
  daemon_.on.list_trusted_certificates = [](const auto& request, auto& page) {
    if (request.secure_context() == "secureContexts/none") {
      return MakeError(Reason::kContextNotFound, "none");
    }
    page.add_certificates()->set_subject("CN=root");
    if (request.secure_context().empty()) page.set_system_path("/etc/ssl");
    return absl::OkStatus();
  };

  const auto system = Open().ListTrustedCertificates();
  const auto context = Open().ListTrustedCertificates("secureContexts/s");

  ASSERT_TRUE(system.ok()) << system.status();
  EXPECT_EQ(system->system_path, "/etc/ssl");
  ASSERT_EQ(system->certificates.size(), 1u);
  EXPECT_EQ(system->certificates[0].subject, "CN=root");
  ASSERT_TRUE(context.ok()) << context.status();
  EXPECT_EQ(context->system_path, "");
  EXPECT_TRUE(
      HasReason(Open().ListTrustedCertificates("secureContexts/none").status(),
                Reason::kContextNotFound));
}

}  // namespace
}  // namespace tlsd::client
