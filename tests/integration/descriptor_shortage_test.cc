// A daemon that has run out of file descriptors serves who is connected, and
// accepts again when there are some.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "tests/integration/daemon_process.h"
#include "tests/integration/raw_socket.h"
#include "tests/integration/tls_peer.h"
#include "tests/testing/control_client.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/subprocess.h"

namespace tlsd::testing {
namespace {

TEST(DescriptorShortageTest, IsSurvived) {
  const TemporaryFolder folder;
  const std::string control = "unix:" + (folder / "control");
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Subprocess> daemon,
                       StartDaemonProcess(control, {}, "ulimit -n 64"));
  ControlClient client(control);
  ASSERT_OK_AND_ASSIGN(const v1::Listener listener, StartEcho(client));
  v1::GetListenerRequest get;
  get.set_name(listener.name());

  std::vector<RawSocket> peers;
  for (int i = 0; i < 100; ++i) {
    ASSERT_OK_AND_ASSIGN(RawSocket peer,
                         RawSocket::Connect(AddressOf(listener)));
    peers.push_back(std::move(peer));
  }
  ASSERT_THAT(daemon->WaitForErrorOutput("accepting pauses"), IsOk());

  // Who is connected is served; what needs a descriptor says so.
  EXPECT_THAT(client.Call(v1::GetServerInfoRequest()), IsOk());
  v1::ConnectRequest connect;
  connect.set_address(AddressOf(listener));
  const absl::Status refused = client.Call(connect).status();
  EXPECT_THAT(refused, FailsWith(Reason::kDescriptorsExhausted));
  ASSERT_OK_AND_ASSIGN(const v1::Listener full, client.Call(get));
  EXPECT_LT(full.accepted_count(), 64);
  peers.clear();
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<TlsPeer> peer,
                       TlsPeer::Connect(AddressOf(listener)));
  ASSERT_TRUE(peer->Send("again"));
  EXPECT_EQ(peer->Receive(5), "again");
  // Each worker begins again by itself; the others may still wait.
  v1::Listener after;
  const absl::Time deadline = absl::Now() + Subprocess::kTimeout;
  do {
    ASSERT_OK_AND_ASSIGN(after, client.Call(get));
  } while (after.accepted_count() < 101 && absl::Now() < deadline);
  EXPECT_EQ(after.accepted_count(), 101);
  EXPECT_EQ(after.rejected_count(), 0);
}

}  // namespace
}  // namespace tlsd::testing
