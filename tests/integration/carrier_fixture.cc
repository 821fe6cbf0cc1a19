#include "tests/integration/carrier_fixture.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"

namespace tlsd::testing {
namespace {

constexpr size_t kWriteBytesMax = 1 << 20;
// How often a call that waits for ciphertext looks whether it shall stop.
constexpr absl::Duration kGlance = absl::Milliseconds(20);
// The longest that a stream carries bytes.
constexpr absl::Duration kCarryTimeout = absl::Minutes(30);

// ReadFor reads at most `size_max` bytes, or fails with WAIT_TIMEOUT after
// `timeout`; then nothing is lost.
absl::StatusOr<v1::ReadResponse> ReadFor(ControlClient& client,
                                         const v1::Connection& connection,
                                         size_t size_max,
                                         absl::Duration timeout) {
  v1::ReadRequest request;
  request.set_name(connection.name());
  request.set_max_bytes(static_cast<int32_t>(size_max));
  *request.mutable_timeout() = ToProto(timeout);
  return client.Call(request);
}

bool IsTimeout(const absl::Status& status) {
  return IsFailure(status, Reason::kWaitTimeout, "");
}

}  // namespace

std::string MadeBytes(size_t size, uint64_t position) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) {
    // A byte of each number of eight: a shift of any length shows.
    const uint64_t at = position + i;
    const uint64_t mixed = (at / 8 + 1) * 0x9e3779b97f4a7c15;
    bytes[i] = static_cast<char>(mixed >> (8 * (at % 8)));
  }
  return bytes;
}

v1::ConnectRequest CarrierTest::ClientOptions(v1::TlsVersion version) {
  v1::ConnectRequest options = ToConnect(v1::Listener(), version);
  options.clear_address();
  return options;
}

v1::ServerOptions CarrierTest::ServerOptions(const std::string& context) {
  v1::ServerOptions options;
  options.set_secure_context(context);
  return options;
}

std::string CarrierTest::ClientContext() {
  v1::SecureContext context;
  context.mutable_trust_anchors()->add_pems(RootIdentity().CertificatePem());
  *context.add_credentials() = PemOf(ClientIdentity());
  context.set_min_version(GetParam());
  context.set_max_version(GetParam());
  return NewContext(context);
}

std::string CarrierTest::JudgingContext(v1::ClientCertificateMode mode) {
  v1::SecureContext context;
  *context.add_credentials() = PemOf(ServerIdentity());
  context.mutable_trust_anchors()->add_pems(RootIdentity().CertificatePem());
  context.set_client_certificate_mode(mode);
  return NewContext(context);
}

v1::Listener CarrierTest::ListenPlain(v1::Listener listener) {
  listener.set_protection(v1::PROTECTION_NONE);
  return Listen(std::move(listener));
}

v1::Listener CarrierTest::ListenPlainUnix() {
  v1::Listener listener;
  listener.set_address(absl::StrCat("unix:", UnusedPath()));
  return ListenPlain(listener);
}

v1::ConnectRequest CarrierTest::ToConnectPlain(const std::string& address) {
  v1::ConnectRequest request;
  request.set_address(address);
  request.set_protection(v1::PROTECTION_NONE);
  return request;
}

v1::Connection CarrierTest::ConnectPlain(const std::string& address) {
  const auto connected = client().Call(ToConnectPlain(address));
  EXPECT_THAT(connected, IsOk());
  return connected.ok() ? *connected : v1::Connection();
}

Pair CarrierTest::OpenPlain(const v1::Listener& listener) {
  Pair pair;
  pair.client = ConnectPlain(AddressOf(listener));
  const auto accepted = Accept(listener.name());
  EXPECT_THAT(accepted, IsOk());
  if (accepted.ok()) pair.server = *accepted;
  return pair;
}

absl::StatusOr<v1::Connection> CarrierTest::Pipe(
    const v1::Connection& connection, const v1::Connection& peer) {
  v1::PipeRequest request;
  request.set_name(connection.name());
  request.set_peer(peer.name());
  return client().Call(request);
}

std::string CarrierTest::ReadBytes(const v1::Connection& connection,
                                   size_t size) {
  std::string bytes;
  while (bytes.size() < size) {
    const auto read =
        ReadFor(client(), connection,
                std::min<size_t>(size - bytes.size(), 65536), kCallTimeout / 2);
    EXPECT_THAT(read, IsOk());
    if (!read.ok()) return bytes;
    EXPECT_FALSE(read->end()) << "after " << bytes.size() << " bytes";
    if (read->end()) return bytes;
    bytes += read->data();
  }
  return bytes;
}

absl::Status CarrierTest::WriteMuch(const v1::Connection& connection,
                                    size_t size, uint64_t position, Then then) {
  v1::WriteRequest request;
  request.set_name(connection.name());
  while (size > 0) {
    const size_t piece = std::min(size, kWriteBytesMax);
    request.set_data(MadeBytes(piece, position));
    size -= piece;
    position += piece;
    request.set_shut_down(size == 0 && then == Then::kShutDown);
    const absl::Status written = client().Call(request).status();
    if (!written.ok()) return written;
  }
  return absl::OkStatus();
}

absl::StatusOr<size_t> CarrierTest::ReadMuch(const v1::Connection& connection,
                                             uint64_t position) {
  size_t size = 0;
  while (true) {
    absl::StatusOr<v1::ReadResponse> read = Read(connection);
    if (!read.ok()) return std::move(read).status();
    if (read->end()) return size;
    if (read->data() != MadeBytes(read->data().size(), position + size)) {
      return absl::DataLossError(absl::StrCat("altered after byte ", size));
    }
    size += read->data().size();
  }
}

void CarrierTest::ExpectCarriesBothWays(const v1::Connection& one,
                                        const v1::Connection& other) {
  EXPECT_THAT(Write(one, "there"), IsOk());
  EXPECT_EQ(ReadBytes(other, 5), "there");
  EXPECT_THAT(Write(other, "and back"), IsOk());
  EXPECT_EQ(ReadBytes(one, 8), "and back");
}

std::vector<v1::EventType> CarrierTest::TypesOf(
    const v1::Connection& connection) {
  v1::ListEventsRequest request;
  request.add_subjects(connection.name());
  const auto response = client().Call(request);
  EXPECT_THAT(response, IsOk());
  std::vector<v1::EventType> types;
  if (!response.ok()) return types;
  for (const v1::Event& event : response->events()) {
    types.push_back(event.type());
  }
  return types;
}

std::string CarrierTest::AwaitFailure(const v1::Connection& connection) {
  return AwaitClosed(connection).failure().reason();
}

Joint::Joint(ControlClient& client, How how, const v1::Connection& one,
             const v1::Connection& other, size_t piece_size)
    : client_(client), piece_size_(piece_size) {
  const v1::Connection ends[] = {one, other};
  if (how == How::kPipe) {
    v1::PipeRequest request;
    request.set_name(one.name());
    request.set_peer(other.name());
    EXPECT_THAT(client.Call(request), IsOk());
    return;
  }
  if (how == How::kStream) {
    for (int i : {0, 1}) {
      v1::StreamAttach attach;
      attach.set_connection(ends[i].name());
      auto stream = StreamClient::Attach(client, attach, kCarryTimeout);
      EXPECT_THAT(stream, IsOk());
      if (!stream.ok()) return;
      streams_[i] = *std::move(stream);
    }
  }
  for (int i : {0, 1}) {
    carrying_[i] =
        InBackground([this, how, i, from = ends[i], to = ends[1 - i]] {
          if (how == How::kStream) {
            CarryStream(*streams_[i], *streams_[1 - i]);
          } else {
            CarryCalls(from, to);
          }
        });
  }
}

Joint::~Joint() {
  is_stopped_ = true;
  for (const std::unique_ptr<StreamClient>& stream : streams_) {
    if (stream != nullptr) stream->Cancel();
  }
  Await();
}

void Joint::Await() {
  for (std::future<void>& carrying : carrying_) {
    if (carrying.valid()) carrying.get();
  }
}

void Joint::CarryStream(StreamClient& from, StreamClient& to) {
  while (const auto response = from.Receive()) {
    if (response->has_end()) {
      to.HalfClose();
      return;
    }
    absl::string_view bytes = response->data();
    while (!bytes.empty()) {
      if (!to.SendData(bytes.substr(0, piece_size_))) return;
      bytes.remove_prefix(std::min(piece_size_, bytes.size()));
    }
  }
  // It has failed, and so the other side must.
  to.Cancel();
}

void Joint::CarryCalls(const v1::Connection& from, const v1::Connection& to) {
  while (!is_stopped_) {
    const auto read = ReadFor(client_, from, piece_size_, kGlance);
    if (!read.ok() && IsTimeout(read.status())) continue;
    if (!read.ok()) {
      v1::ResetRequest reset;
      reset.set_name(to.name());
      client_.Call(reset).IgnoreError();
      return;
    }
    v1::WriteRequest write;
    write.set_name(to.name());
    write.set_data(read->data());
    write.set_shut_down(read->end());
    if (!client_.Call(write).ok() || read->end()) return;
  }
}

v1::SecurePair SecurePairTest::Make(const v1::ConnectRequest& options) {
  v1::CreateSecurePairRequest request;
  *request.mutable_client() = options;
  const auto pair = client().Call(request);
  EXPECT_THAT(pair, IsOk());
  return pair.ok() ? *pair : v1::SecurePair();
}

v1::SecurePair SecurePairTest::Make(const v1::ServerOptions& options) {
  v1::CreateSecurePairRequest request;
  *request.mutable_server() = options;
  const auto pair = client().Call(request);
  EXPECT_THAT(pair, IsOk());
  return pair.ok() ? *pair : v1::SecurePair();
}

SecurePairTest::Ends SecurePairTest::MakeEnds(
    const v1::ServerOptions& options) {
  return {Make(ClientOptions(GetParam())), Make(options)};
}

std::unique_ptr<Joint> SecurePairTest::Join(const Ends& ends, Joint::How how,
                                            size_t piece_size) {
  return std::make_unique<Joint>(client(), how, ends.client.encrypted(),
                                 ends.server.encrypted(), piece_size);
}

void SecurePairTest::AwaitHandshake(const Ends& ends) {
  Await(v1::EVENT_TYPE_SECURE_CONNECT, ends.client.cleartext().name());
  Await(v1::EVENT_TYPE_SECURE_CONNECTION, ends.server.cleartext().name());
}

void SecurePairTest::Complete(const Ends& ends) {
  {
    const std::unique_ptr<Joint> joint = Join(ends);
    AwaitHandshake(ends);
  }
  CarryAll(ends.server.encrypted(), ends.client.encrypted());
}

void SecurePairTest::CarryAll(const v1::Connection& from,
                              const v1::Connection& to) {
  while (true) {
    const auto read = ReadFor(client(), from, 65536, absl::ZeroDuration());
    if (!read.ok()) {
      EXPECT_TRUE(IsTimeout(read.status())) << read.status();
      return;
    }
    if (read->end()) {
      EXPECT_THAT(Shutdown(to), IsOk());
      return;
    }
    ASSERT_THAT(Write(to, read->data()), IsOk());
  }
}

std::string HowName(Joint::How how) {
  switch (how) {
    case Joint::How::kStream:
      return "streams";
    case Joint::How::kReadWrite:
      return "Read and Write";
    case Joint::How::kPipe:
      return "a pipe";
  }
  return "";
}

}  // namespace tlsd::testing
