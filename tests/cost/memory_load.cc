#include "tests/cost/memory_load.h"

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/cost/allocations.h"
#include "tests/cost/require.h"

namespace tlsd::cost {
namespace {

constexpr int kHandshakeCount = 20;
constexpr int kMessageCount = 100;
constexpr int kIdleCount = 50;

constexpr size_t kRecordBytes = 16 * 1024;
// Four records, which come in one read.
constexpr size_t kBulkBytes = 64 * 1024;

}  // namespace

MemoryLoad::MemoryLoad(const Plan& plan, net::EventLoop& loop)
    : plan_(plan), loop_(loop), side_{meter_, loop, pool_}, turns_(loop) {}

void MemoryLoad::AddHandshakes(const std::string& quantity,
                               const Version& version, bool resumes) {
  if (!plan_.wants(quantity)) return;
  auto session = std::make_shared<bssl::UniquePtr<SSL_SESSION>>();
  const auto handshake = [this, &version, resumes, session] {
    ClientPeer client(version.client.get(), resumes ? session->get() : nullptr);
    ServerEnd server(side_);
    server.Handshake(version.server, client);
    Require(client.is_resumed() == (resumes && *session != nullptr),
            "what shall be resumed is, and nothing else");
    if (client.session() != nullptr) *session = bssl::UpRef(client.session());
  };
  for (int i = 0; i < kWarmUpCount; ++i) turns_.Add(handshake);
  turns_.Add([this] { meter_.Begin(); });
  for (int i = 0; i < kHandshakeCount; ++i) turns_.Add(handshake);
  turns_.Add([this, quantity] { meter_.Finish(quantity, kHandshakeCount); });
}

void MemoryLoad::AddEnds(const std::string& quantity, const Version& version) {
  if (!plan_.wants(quantity)) return;
  const auto end = [this, &version] {
    ClientPeer client(version.client.get());
    ServerEnd server(side_);
    {
      const Meter::Pause pause(meter_);
      server.Handshake(version.server, client);
    }
    server.End(client);
  };
  for (int i = 0; i < kWarmUpCount; ++i) turns_.Add(end);
  turns_.Add([this] { meter_.Begin(); });
  for (int i = 0; i < kHandshakeCount; ++i) turns_.Add(end);
  turns_.Add([this, quantity] { meter_.Finish(quantity, kHandshakeCount); });
}

void MemoryLoad::AddMoves(const std::string& quantity, const Version& version,
                          const Move& move) {
  if (!plan_.wants(quantity)) return;
  turns_.Add([this, quantity, &version, move] {
    ClientPeer client(version.client.get());
    ServerEnd server(side_);
    server.Handshake(version.server, client);
    server.Forward();
    for (int i = 0; i < kWarmUpCount; ++i) move(server, client);
    meter_.Begin();
    for (int i = 0; i < kMessageCount; ++i) move(server, client);
    meter_.Finish(quantity, kMessageCount);
  });
}

void MemoryLoad::AddIdle(const std::string& quantity, const Version& version,
                         const Move& move) {
  if (!plan_.wants(quantity)) return;
  struct Crowd {
    std::vector<std::unique_ptr<ServerEnd>> servers;
    int64_t bytes_before = 0;
  };
  auto crowd = std::make_shared<Crowd>();
  const auto open = [&version, move](ServerEnd& server) {
    ClientPeer client(version.client.get());
    server.Handshake(version.server, client);
    move(server, client);
  };
  turns_.Add([this, open] {
    ServerEnd server(side_);
    open(server);
  });
  turns_.Add([this, crowd] {
    for (int i = 0; i < kIdleCount; ++i) {
      crowd->servers.push_back(std::make_unique<ServerEnd>(side_));
    }
    crowd->bytes_before = LiveBytes();
  });
  turns_.Add([crowd, open] {
    for (const auto& server : crowd->servers) open(*server);
  });
  turns_.Add([crowd, quantity] {
    Report(
        absl::StrCat(quantity, ".bytes"),
        static_cast<double>((LiveBytes() - crowd->bytes_before) / kIdleCount));
    crowd->servers.clear();
  });
}

void MemoryLoad::Run() {
  for (const Version* version : {&plan_.tls13, &plan_.tls12}) {
    AddHandshakes("handshake_" + version->name, *version, false);
    AddHandshakes("resumption_" + version->name, *version, true);
    AddEnds("end_" + version->name, *version);
  }
  struct Size {
    std::string name;
    std::string message;
  };
  for (const Size& size :
       {Size{"byte", "x"}, Size{"record_16k", std::string(kRecordBytes, 'x')},
        Size{"bulk_64k", std::string(kBulkBytes, 'x')}}) {
    AddMoves(size.name + "_in", plan_.tls13,
             [message = size.message](ServerEnd& server, ClientPeer& client) {
               server.ReceiveFromClient(client, message);
             });
    AddMoves(size.name + "_out", plan_.tls13,
             [message = size.message](ServerEnd& server, ClientPeer& client) {
               server.SendToClient(client, message);
             });
  }
  const auto stay = [](ServerEnd&, ClientPeer&) {};
  AddIdle("idle_tls13", plan_.tls13, stay);
  AddIdle("idle_tls12", plan_.tls12, stay);
  AddIdle("idle_forwarded", plan_.tls13,
          [](ServerEnd& server, ClientPeer&) { server.Forward(); });
  AddIdle("idle_after_64k", plan_.tls13,
          [](ServerEnd& server, ClientPeer& client) {
            const std::string message(kBulkBytes, 'x');
            server.Forward();
            server.ReceiveFromClient(client, message);
            server.SendToClient(client, message);
          });
  turns_.Start([this] { loop_.Stop(); });
  loop_.Run();
}

}  // namespace tlsd::cost
