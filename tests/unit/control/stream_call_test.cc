// StreamCall in this process: what it holds, for how long, and how it ends.
#include "server/control/stream_call.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "server/base/byte_queue.h"
#include "tests/testing/status_matchers.h"
#include "tests/unit/control/stream_call_fixture.h"

namespace tlsd::control {
namespace {

using conn::Connection;
using testing::FailsWith;
using testing::IsOk;
using worker::EventType;

// How many pieces wait for the caller at most.
constexpr size_t kOutboxPiecesMax = 256;

using StreamCallTest = StreamCallFixture;
INSTANTIATE_WITH_BOTH_PROTECTIONS(StreamCallTest);

// How a call begins.

TEST_P(StreamCallTest, CarriesBytesBothWaysUntilBothHaveEnded) {
  const std::unique_ptr<Caller> caller = Attach();
  ExpectCarries(*caller);

  caller->HalfClose();
  EXPECT_EQ(TakeFromPeer(), "");
  EXPECT_TRUE(Facts().shut_down);
  SendPiece("last");
  EndPeer();

  EXPECT_EQ(caller->ReceiveAll(), "last");
  EXPECT_TRUE(caller->has_end());
  EXPECT_THAT(caller->Finish(), IsOk());
}

TEST_P(StreamCallTest, LetsOneCallAttachAtATime) {
  std::unique_ptr<Caller> first = Attach(v1::DETACH_POLICY_KEEP);
  const std::unique_ptr<Caller> second = Call();
  second->Send(AttachRequest(v1::DETACH_POLICY_CLOSE));
  EXPECT_THAT(second->Finish(), FailsWith(Reason::kConnectionAttached));
  ExpectCarries(*first);

  first = nullptr;

  ExpectCarries(*Attach());
}

TEST_P(StreamCallTest, RefusesToAttachToWhatItCannot) {
  const auto how_ends = [this](const v1::StreamRequest& request) {
    const std::unique_ptr<Caller> caller = Call();
    caller->Send(request);
    return caller->Finish();
  };
  v1::StreamRequest unknown = AttachRequest(v1::DETACH_POLICY_CLOSE);
  unknown.mutable_attach()->set_connection(connection_ + "9");
  v1::StreamRequest misnamed = AttachRequest(v1::DETACH_POLICY_CLOSE);
  misnamed.mutable_attach()->set_connection("listeners/l1");

  EXPECT_THAT(how_ends(unknown), FailsWith(Reason::kConnectionNotFound));
  EXPECT_THAT(how_ends(misnamed),
              FailsWith(Reason::kNameInvalid, "attach.connection"));
  EXPECT_THAT(how_ends(AttachRequest(static_cast<v1::DetachPolicy>(3))),
              FailsWith(Reason::kFieldInvalid, "attach.detach_policy"));
  EXPECT_THAT(how_ends(DataRequest("x")),
              FailsWith(Reason::kStreamMessageInvalid));

  ExpectCarries(*Attach());
}

// From the connection to the caller.

TEST_P(StreamCallTest, HoldsFewSmallPiecesForACallerThatDoesNotRead) {
  constexpr size_t kCount = 1200;
  const std::unique_ptr<Caller> caller = Attach();

  std::string sent;
  for (size_t i = 0; i < kCount; ++i) {
    sent.push_back(static_cast<char>(i % 251));
    SendPiece(absl::string_view(sent).substr(i));
  }

  // As many may be in the message under way. The others lie together in the
  // connection.
  EXPECT_GE(UntakenSize(), kCount - 2 * kOutboxPiecesMax);
  EXPECT_EQ(caller->ReceiveBytes(kCount), sent);
  EXPECT_EQ(UntakenSize(), 0);
  ExpectCarries(*caller);
}

TEST_P(StreamCallTest, TakesEachPieceFromTheConnectionForACallerThatReads) {
  const std::unique_ptr<Caller> caller = Attach();

  for (int i = 0; i < 600; ++i) {
    SendPiece("x");
    EXPECT_EQ(UntakenSize(), 0);
    EXPECT_EQ(caller->ReceiveBytes(1), "x");
  }
}

TEST_P(StreamCallTest, StopsReadingTheConnectionWhileNobodyReadsTheCall) {
  const std::unique_ptr<Caller> caller = Attach();

  const std::string sent = SendUntilFull();

  const size_t received_size = ReceivedSize();
  EXPECT_LE(received_size, 1 << 20);
  // The peer sends on as long as the kernel takes it.
  const std::string more = [this] {
    std::string written;
    Do(peer_, [&](Connection& c) {
      while (c.writable()) {
        EXPECT_THAT(c.Write(base::AsBytes("more")), IsOk());
        written += "more";
      }
    });
    return written;
  }();
  EXPECT_EQ(ReceivedSize(), received_size);
  EXPECT_TRUE(caller->ReceiveBytes(sent.size() + more.size()) == sent + more);
  EXPECT_EQ(UntakenSize(), 0);
  ExpectCarries(*caller);
}

TEST_P(StreamCallTest, GivesTextToACallerThatReadsLate) {
  v1::StreamRequest request = AttachRequest(v1::DETACH_POLICY_CLOSE);
  request.mutable_attach()->set_as_text(true);
  const std::unique_ptr<Caller> caller = Attach(request);

  SendPiece("gr\xc3\xbc\xc3\x9f");
  SendPiece("dich");
  SendPiece("\xff\xfe");
  SendPiece("together");

  EXPECT_EQ(caller->Receive().text(), "gr\xc3\xbc\xc3\x9f");
  // They may have come together.
  EXPECT_EQ(caller->ReceiveBytes(14), "dich\xff\xfetogether");
  SendPiece("\xff");
  EXPECT_EQ(caller->Receive().data(), "\xff");
  SendPiece("text");
  EXPECT_EQ(caller->Receive().text(), "text");
}

// From the caller to the connection.

TEST_P(StreamCallTest, SealsWhatIsHeldBeforeAHalfClose) {
  const std::unique_ptr<Caller> caller = Attach();
  const std::string written = WriteUntilFull();

  EXPECT_TRUE(caller->SendData("last "));
  EXPECT_TRUE(caller->SendData("words"));
  caller->HalfClose();
  EXPECT_FALSE(Facts().shut_down);

  EXPECT_TRUE(TakeFromPeer() == written + "last words");
  Do(peer_, [](Connection& c) {
    EXPECT_TRUE(c.at_end());
    c.Close();
  });
  EXPECT_EQ(caller->ReceiveAll(), "");
  EXPECT_TRUE(caller->has_end());
  EXPECT_THAT(caller->Finish(), IsOk());
}

TEST_P(StreamCallTest, SealsWhatCameBeforeAFault) {
  const std::unique_ptr<Caller> caller = Attach(v1::DETACH_POLICY_KEEP);
  const std::string written = WriteUntilFull();

  EXPECT_TRUE(caller->SendData("before"));
  EXPECT_TRUE(caller->Send(v1::StreamRequest()));

  EXPECT_TRUE(TakeFromPeer(written.size() + 6) == written + "before");
  EXPECT_THAT(caller->Finish(), FailsWith(Reason::kStreamMessageInvalid));
  EXPECT_FALSE(Facts().shut_down);
  ExpectCarries(*Attach());
}

TEST_P(StreamCallTest, ClosesTheConnectionAfterAFaultUnlessTold) {
  const std::unique_ptr<Caller> caller = Attach();
  const std::string written = WriteUntilFull();

  EXPECT_TRUE(caller->SendData("before"));
  EXPECT_TRUE(caller->Send(v1::StreamRequest()));

  EXPECT_TRUE(TakeFromPeer() == written + "before");
  EXPECT_THAT(caller->Finish(), FailsWith(Reason::kStreamMessageInvalid));
  plane_.Await(EventType::kConnectionClosed, connection_);
  EXPECT_THAT(Facts().failure, IsOk());
}

class InboxTest : public StreamCallFixture {
 protected:
  // ExpectHoldsBack has a caller send `count` messages of `size` bytes. While
  // the peer reads nothing, the call shall take some of them, but no more than
  // `count_max`; and all when it reads.
  void ExpectHoldsBack(size_t size, int count, int count_min, int count_max) {
    const std::unique_ptr<Caller> caller = Attach();
    const std::string written = WriteUntilFull();
    std::atomic<int> sent_count = 0;
    std::thread sending([&] {
      for (int i = 0; i < count; ++i) {
        EXPECT_TRUE(
            caller->SendData(std::string(size, static_cast<char>(i % 251))));
        ++sent_count;
      }
      caller->HalfClose();
    });

    Until([&] { return sent_count >= count_min; });
    // It could go on meanwhile, so that it would be found out.
    int seen_count = 0;
    while (seen_count != sent_count) {
      seen_count = sent_count;
      for (int i = 0; i < 200; ++i) UntakenSize();
    }
    EXPECT_LE(seen_count, count_max);

    const std::string taken = TakeFromPeer();
    sending.join();
    std::string expected = written;
    for (int i = 0; i < count; ++i) {
      expected.append(size, static_cast<char>(i % 251));
    }
    EXPECT_TRUE(taken == expected);
  }
};

INSTANTIATE_WITH_BOTH_PROTECTIONS(InboxTest);

TEST_P(InboxTest, HoldsACallerBackThatSendsMuch) {
  ExpectHoldsBack(64 * 1024, 64, /*count_min=*/4, /*count_max=*/16);
}

TEST_P(InboxTest, HoldsACallerBackThatSendsManySmallPieces) {
  ExpectHoldsBack(1, 4096, /*count_min=*/256, /*count_max=*/1024);
}

TEST_P(InboxTest, DoesNotHoldMessagesOfNoBytes) {
  const std::unique_ptr<Caller> caller = Attach();
  const std::string written = WriteUntilFull();
  v1::StreamRequest no_text;
  no_text.set_text("");

  EXPECT_TRUE(caller->SendData("some"));
  for (int i = 0; i < 2000; ++i) {
    ASSERT_TRUE(caller->SendData(""));
    ASSERT_TRUE(caller->Send(no_text));
  }
  EXPECT_TRUE(caller->SendData("thing"));

  EXPECT_TRUE(TakeFromPeer(written.size() + 9) == written + "something");
  ExpectCarries(*caller);
}

// A caller that leaves.

TEST_P(StreamCallTest, IsCancelledBeforeItIsAttached) {
  for (int i = 0; i < 40; ++i) {
    const std::unique_ptr<Caller> caller = Call();
    // Every other call is already about to attach.
    if (i % 2 == 1) caller->Send(AttachRequest(v1::DETACH_POLICY_KEEP));
    caller->Cancel();
    EXPECT_TRUE(absl::IsCancelled(caller->Finish()));
  }

  ExpectCarries(*Attach());
}

TEST_P(StreamCallTest, TakesNoCancelledCallerForOneThatHasHalfClosed) {
  for (int i = 0; i < 40; ++i) {
    const std::unique_ptr<Caller> caller = Attach(v1::DETACH_POLICY_KEEP);
    if (i % 2 == 1) {
      EXPECT_TRUE(caller->SendData("x"));
      EXPECT_EQ(TakeFromPeer(1), "x");
    }
    caller->Cancel();
    EXPECT_TRUE(absl::IsCancelled(caller->Finish()));
  }

  const std::unique_ptr<Caller> caller = Attach(v1::DETACH_POLICY_KEEP);
  EXPECT_FALSE(Facts().shut_down);
  ExpectCarries(*caller);
}

TEST_P(StreamCallTest, TakesACallerForOneThatHasHalfClosedThatHas) {
  std::unique_ptr<Caller> caller = Attach(v1::DETACH_POLICY_KEEP);
  caller->HalfClose();
  EXPECT_EQ(TakeFromPeer(), "");
  caller = nullptr;

  caller = Attach(v1::DETACH_POLICY_KEEP);

  EXPECT_TRUE(Facts().shut_down);
  EXPECT_TRUE(caller->SendData("too late"));
  EXPECT_THAT(caller->Finish(), FailsWith(Reason::kWriteAfterShutdown));
}

TEST_P(StreamCallTest, LetsGoOfAnOutboxThatIsFullWhenTheCallerLeaves) {
  std::unique_ptr<Caller> caller = Attach();
  SendUntilFull();

  caller->Cancel();

  EXPECT_TRUE(absl::IsCancelled(caller->Finish()));
  plane_.Await(EventType::kConnectionClosed, connection_);
  EXPECT_THAT(Facts().failure, IsOk());
}

TEST_P(StreamCallTest, KeepsWhatTheCallThatWasLeftHadNotTaken) {
  std::unique_ptr<Caller> caller = Attach(v1::DETACH_POLICY_KEEP);
  const std::string sent = SendUntilFull();
  caller = nullptr;

  caller = Attach(v1::DETACH_POLICY_KEEP);
  EndPeer();
  caller->HalfClose();
  const std::string rest = caller->ReceiveAll();

  EXPECT_GE(rest.size(), Connection::kQueueBytesMax);
  EXPECT_LT(rest.size(), sent.size());
  EXPECT_TRUE(absl::EndsWith(sent, rest));
  EXPECT_THAT(caller->Finish(), IsOk());
}

TEST_P(StreamCallTest, LeavesWhatIsHeldOfACallerThatLeaves) {
  std::unique_ptr<Caller> caller = Attach(v1::DETACH_POLICY_KEEP);
  const std::string written = WriteUntilFull();
  EXPECT_TRUE(caller->SendData("not sealed"));
  caller = nullptr;

  caller = Attach(v1::DETACH_POLICY_KEEP);

  EXPECT_TRUE(TakeFromPeer(written.size()) == written);
  ExpectCarries(*caller);
}

// A connection that ends.

TEST_P(StreamCallTest, EndsBehindTheMessagesThatTheCallerHasYetToRead) {
  const std::unique_ptr<Caller> caller = Attach();
  const std::string sent = SendUntilFull();
  // Nothing more of it arrives.
  const size_t received_size = ReceivedSize();

  Do(connection_, [](Connection& c) { c.Reset(); });

  EXPECT_TRUE(caller->ReceiveAll() == sent.substr(0, received_size));
  EXPECT_FALSE(caller->has_end());
  EXPECT_THAT(caller->Finish(), FailsWith(Reason::kConnectionReset));
}

TEST_P(StreamCallTest, EndsForAFaultBehindTheMessageUnderWay) {
  const std::unique_ptr<Caller> caller = Attach(v1::DETACH_POLICY_KEEP);
  SendPiece("under way");

  EXPECT_TRUE(caller->Send(v1::StreamRequest()));
  // The fault has ended the call when another can attach.
  const std::unique_ptr<Caller> next = Attach();

  EXPECT_EQ(caller->ReceiveAll(), "under way");
  EXPECT_THAT(caller->Finish(), FailsWith(Reason::kStreamMessageInvalid));
  ExpectCarries(*next);
}

TEST_P(StreamCallTest, CarriesOnAfterThePeersEnd) {
  const std::unique_ptr<Caller> caller = Attach();
  EndPeer();
  EXPECT_TRUE(caller->Receive().has_end());

  EXPECT_TRUE(caller->SendData("answer"));
  EXPECT_EQ(TakeFromPeer(6), "answer");

  caller->HalfClose();
  EXPECT_EQ(TakeFromPeer(), "");
  EXPECT_THAT(caller->Finish(), IsOk());
}

TEST_P(StreamCallTest, HearsAfterThePeersEndThatTheConnectionWasReset) {
  const std::unique_ptr<Caller> caller = Attach();
  EndPeer();
  EXPECT_TRUE(caller->Receive().has_end());

  Do(connection_, [](Connection& c) { c.Reset(); });

  EXPECT_THAT(caller->Finish(), FailsWith(Reason::kConnectionReset));
}

TEST_P(StreamCallTest, HearsAfterThePeersEndThatTheConnectionWasClosed) {
  const std::unique_ptr<Caller> caller = Attach();
  EndPeer();
  EXPECT_TRUE(caller->Receive().has_end());

  Do(connection_, [](Connection& c) { c.Close(); });

  EXPECT_THAT(caller->Finish(), FailsWith(Reason::kConnectionClosed));
}

TEST_P(StreamCallTest, TellsThePeersEndBeforeWhatHasEndedTheConnection) {
  const std::unique_ptr<Caller> caller = Attach();
  SendPiece("last");
  EndPeer();
  Until([&] { return Facts().peer_closed; });

  Do(connection_, [](Connection& c) { c.Reset(); });

  EXPECT_EQ(caller->ReceiveAll(), "last");
  EXPECT_TRUE(caller->has_end());
  EXPECT_THAT(caller->Finish(), FailsWith(Reason::kConnectionReset));
}

// What it has sent is not sealed, so this is no clean end.
TEST_P(StreamCallTest, FailsACallerWhoseConnectionEndsWhileItSeals) {
  const std::unique_ptr<Caller> caller = Attach();
  WriteUntilFull();
  EXPECT_TRUE(caller->SendData("not sealed"));
  caller->HalfClose();

  Do(connection_, [](Connection& c) { c.Reset(); });

  EXPECT_EQ(caller->ReceiveAll(), "");
  EXPECT_FALSE(caller->has_end());
  EXPECT_THAT(caller->Finish(), FailsWith(Reason::kConnectionReset));
}

}  // namespace
}  // namespace tlsd::control
