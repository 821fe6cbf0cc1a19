#include "server/worker/listener.h"

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/unit/worker/data_plane.h"

namespace tlsd::worker {
namespace {

using testing::FailsWith;
using testing::IsOk;
using Admission = Listener::Admission;

class ListenerTest : public ::testing::Test {
 protected:
  static ListenerOptions Options() {
    ListenerOptions options;
    options.name = "listeners/l1";
    options.endpoint.host = "localhost";
    options.endpoint.port = 8443;
    options.secure_context = Live(
        "secureContexts/web", testing::ServerOptions(tls::TlsVersion::kTls13));
    options.handler = Handler::kEcho;
    options.handshake_timeout = absl::Seconds(7);
    options.connection_count_max = 3;
    options.hooks = {{tls::HookType::kSign, absl::Seconds(2)}};
    return options;
  }

  static net::SocketAddress Bound() {
    net::SocketAddress address;
    address.family = net::SocketAddress::Family::kIpv4;
    address.text = "127.0.0.1";
    address.port = 8443;
    return address;
  }

  void Admit(int count) {
    for (int i = 0; i < count; ++i) {
      ASSERT_EQ(listener_.Admit(now_), Admission::kAdmitted);
    }
  }

  const absl::Time now_ = absl::FromUnixSeconds(1'000'000);
  int closed_count_ = 0;
  ListenerFacts closed_facts_;
  const std::shared_ptr<LiveContext> own_ = Live(
      "secureContexts/own", testing::ServerOptions(tls::TlsVersion::kTls13));
  Listener listener_{
      Options(),
      std::make_shared<ServerNameTable>("listeners/l1", UnknownNames::kAccept),
      Bound(),
      /*acceptor_count=*/2, [this](const Listener& listener) {
        ++closed_count_;
        // Without a lock, so that it may ask.
        closed_facts_ = listener.facts();
      }};
};

TEST_F(ListenerTest, TellsItsFacts) {
  const ListenerFacts facts = listener_.facts();

  EXPECT_EQ(facts.name, "listeners/l1");
  EXPECT_EQ(facts.address, "localhost:8443");
  EXPECT_EQ(facts.secure_context, "secureContexts/web");
  EXPECT_EQ(facts.handler, Handler::kEcho);
  EXPECT_EQ(facts.handshake_timeout, absl::Seconds(7));
  EXPECT_EQ(facts.connection_count_max, 3);
  EXPECT_FALSE(facts.strict_server_names);
  ASSERT_EQ(facts.hooks.size(), 1u);
  EXPECT_EQ(facts.hooks[0].type, tls::HookType::kSign);
  EXPECT_EQ(facts.context_count, 0);
  EXPECT_EQ(facts.bound_address, Bound());
  EXPECT_EQ(facts.state, ListenerState::kActive);
  EXPECT_EQ(facts.connection_count, 0);
  EXPECT_NE(facts.etag, "");
  EXPECT_LT(facts.create_time, absl::InfiniteFuture());
}

TEST_F(ListenerTest, ChangesItsEtagWithItsContexts) {
  const std::string first = listener_.facts().etag;

  const auto added = listener_.AddContext({"a.example", own_});
  ASSERT_THAT(added, IsOk());
  EXPECT_EQ(added->context_count, 1);
  EXPECT_NE(added->etag, first);
  EXPECT_EQ(listener_.facts().etag, added->etag);
  EXPECT_EQ(listener_.contexts()->Choose("a.example")->name,
            "secureContexts/own");

  const auto removed = listener_.RemoveContext("a.example");
  ASSERT_THAT(removed, IsOk());
  EXPECT_EQ(removed->context_count, 0);
  EXPECT_NE(removed->etag, added->etag);
  EXPECT_NE(removed->etag, first);
}

TEST_F(ListenerTest, KeepsItsEtagIfNothingChanges) {
  const std::string etag = listener_.facts().etag;

  EXPECT_THAT(listener_.AddContext({"*", own_}),
              FailsWith(Reason::kServerNameInvalid, "server_name"));
  EXPECT_THAT(listener_.RemoveContext("a.example"),
              FailsWith(Reason::kServerNameNotFound));

  EXPECT_EQ(listener_.facts().etag, etag);
}

// Handshakes may be under way.
TEST_F(ListenerTest, KeepsItsContextsWhileItDrains) {
  Admit(1);
  ASSERT_THAT(listener_.AddContext({"a.example", own_}), IsOk());
  listener_.BeginDrain();
  listener_.AcceptorStopped();
  listener_.AcceptorStopped();

  EXPECT_EQ(own_->first_listener(), "listeners/l1");
  EXPECT_THAT(listener_.AddContext({"b.example", own_}), IsOk());
}

TEST_F(ListenerTest, LetsGoOfItsContextsWhenItIsClosed) {
  ASSERT_THAT(listener_.AddContext({"a.example", own_}), IsOk());
  listener_.BeginDrain();
  listener_.AcceptorStopped();
  listener_.AcceptorStopped();

  EXPECT_EQ(own_->first_listener(), std::nullopt);
  EXPECT_EQ(closed_facts_.context_count, 0);
  EXPECT_THAT(listener_.AddContext({"b.example", own_}),
              FailsWith(Reason::kListenerNotFound));
  EXPECT_THAT(listener_.RemoveContext("a.example"),
              FailsWith(Reason::kListenerNotFound));
  EXPECT_EQ(own_->first_listener(), std::nullopt);
}

TEST_F(ListenerTest, AdmitsUpToItsLimit) {
  EXPECT_EQ(listener_.Admit(now_), Admission::kAdmitted);
  EXPECT_EQ(listener_.Admit(now_), Admission::kAdmitted);
  EXPECT_EQ(listener_.Admit(now_), Admission::kAdmitted);
  EXPECT_EQ(listener_.Admit(now_), Admission::kRejectedReport);

  EXPECT_EQ(listener_.facts().connection_count, 3);
  EXPECT_EQ(listener_.facts().accepted_count, 3);
  EXPECT_EQ(listener_.facts().rejected_count, 1);
}

TEST_F(ListenerTest, AdmitsAgainWhenOneHasLeft) {
  Admit(3);
  listener_.Leave();

  EXPECT_EQ(listener_.Admit(now_), Admission::kAdmitted);
  EXPECT_EQ(listener_.facts().connection_count, 3);
  EXPECT_EQ(listener_.facts().accepted_count, 4);
}

TEST_F(ListenerTest, ReportsRejectionsAtMostOnceASecond) {
  Admit(3);

  EXPECT_EQ(listener_.Admit(now_), Admission::kRejectedReport);
  EXPECT_EQ(listener_.Admit(now_), Admission::kRejected);
  EXPECT_EQ(listener_.Admit(now_ + absl::Milliseconds(999)),
            Admission::kRejected);
  EXPECT_EQ(listener_.Admit(now_ + absl::Seconds(1)),
            Admission::kRejectedReport);
  EXPECT_EQ(listener_.Admit(now_ + absl::Milliseconds(1500)),
            Admission::kRejected);
  EXPECT_EQ(listener_.facts().rejected_count, 5);
}

TEST_F(ListenerTest, ClosesWhenItDrainsWithoutConnections) {
  listener_.BeginDrain();
  EXPECT_EQ(listener_.facts().state, ListenerState::kDraining);
  listener_.AcceptorStopped();
  EXPECT_EQ(closed_count_, 0);
  listener_.AcceptorStopped();

  EXPECT_EQ(closed_count_, 1);
  EXPECT_EQ(closed_facts_.state, ListenerState::kClosed);
}

TEST_F(ListenerTest, WaitsForItsLastConnection) {
  Admit(2);
  listener_.BeginDrain();
  listener_.AcceptorStopped();
  listener_.AcceptorStopped();
  listener_.Leave();
  EXPECT_EQ(closed_count_, 0);
  listener_.Leave();

  EXPECT_EQ(closed_count_, 1);
}

TEST_F(ListenerTest, DoesNotCloseUnlessItDrains) {
  Admit(1);
  listener_.Leave();
  listener_.AcceptorStopped();
  listener_.AcceptorStopped();

  EXPECT_EQ(closed_count_, 0);
  EXPECT_EQ(listener_.facts().state, ListenerState::kActive);
}

// As when no worker could accept for it.
TEST_F(ListenerTest, ClosesWhenItsAcceptorsHadStoppedBefore) {
  listener_.AcceptorStopped();
  listener_.AcceptorStopped();
  listener_.BeginDrain();

  EXPECT_EQ(closed_count_, 1);
}

TEST_F(ListenerTest, ClosesOnce) {
  listener_.BeginDrain();
  listener_.BeginDrain();
  listener_.AcceptorStopped();
  listener_.AcceptorStopped();
  listener_.BeginDrain();

  EXPECT_EQ(closed_count_, 1);
}

TEST_F(ListenerTest, AdmitsNobodyWhileItDrains) {
  Admit(1);
  listener_.BeginDrain();

  EXPECT_EQ(listener_.Admit(now_), Admission::kRejectedReport);
  EXPECT_EQ(listener_.facts().connection_count, 1);
}

TEST_F(ListenerTest, TurnsAwayWhoWaitsInAccept) {
  std::vector<absl::Status> answers;
  const auto on_name = [&](absl::StatusOr<std::string> name) {
    answers.push_back(name.status());
  };
  listener_.accept_queue().Wait(on_name);
  EXPECT_TRUE(answers.empty());

  listener_.BeginDrain();
  listener_.accept_queue().Wait(on_name);

  ASSERT_EQ(answers.size(), 2u);
  EXPECT_THAT(answers[0], FailsWith(Reason::kListenerClosing));
  EXPECT_THAT(answers[1], FailsWith(Reason::kListenerClosing));
}

}  // namespace
}  // namespace tlsd::worker
