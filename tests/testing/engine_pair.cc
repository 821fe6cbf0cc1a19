#include "tests/testing/engine_pair.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/testing/test_identities.h"

namespace tlsd::testing {
namespace {

// More steps than any test needs: an engine that does not come to rest is a
// failure, not a hang.
constexpr int kStepCountMax = 5'000'000;

}  // namespace

tls::DevelopmentAuthority& TestAuthority() {
  static auto& authority = *new tls::DevelopmentAuthority;
  return authority;
}

std::shared_ptr<const tls::SecureContext> MakeContext(
    const tls::SecureContextOptions& options) {
  auto context =
      tls::SecureContext::Create(options, TestAuthority(), absl::Now());
  EXPECT_TRUE(context.ok()) << context.status();
  return context.ok() ? *std::move(context) : nullptr;
}

tls::SecureContextOptions ServerOptions(tls::TlsVersion version) {
  tls::SecureContextOptions options;
  options.credentials = {ServerIdentity().Credentials()};
  options.trust_anchors.pems = {RootIdentity().CertificatePem()};
  options.min_version = options.max_version = version;
  return options;
}

tls::SecureContextOptions ClientOptions(tls::TlsVersion version) {
  tls::SecureContextOptions options;
  options.trust_anchors.pems = {RootIdentity().CertificatePem()};
  options.min_version = options.max_version = version;
  return options;
}

tls::EngineOptions LocalhostOptions() {
  tls::EngineOptions options;
  options.server_name = "localhost";
  return options;
}

std::string EnginePair::End::TakeCleartext() {
  return cleartext->TakeText(cleartext->size());
}

EnginePair::EnginePair(std::shared_ptr<const tls::SecureContext> client,
                       std::shared_ptr<const tls::SecureContext> server,
                       const tls::EngineOptions& client_options,
                       const tls::EngineOptions& server_options) {
  client_.cleartext = std::make_unique<base::ByteQueue>(*pool_);
  server_.cleartext = std::make_unique<base::ByteQueue>(*pool_);
  auto client_engine = tls::TlsEngine::Create(
      std::move(client), tls::Role::kClient, client_options, *pool_);
  EXPECT_TRUE(client_engine.ok()) << client_engine.status();
  client_.engine = *std::move(client_engine);
  auto server_engine = tls::TlsEngine::Create(
      std::move(server), tls::Role::kServer, server_options, *pool_);
  EXPECT_TRUE(server_engine.ok()) << server_engine.status();
  server_.engine = *std::move(server_engine);
}

void EnginePair::CutAfter(tls::Role receiver, size_t size) {
  cuts_[receiver] = size;
}

void EnginePair::Alter(tls::Role receiver, size_t offset, uint8_t mask) {
  alterations_[receiver][offset] = mask;
}

void EnginePair::Deliver(tls::Role receiver, absl::string_view bytes) {
  end(receiver).inbound.append(bytes.data(), bytes.size());
}

void EnginePair::Pump() {
  for (int step = 0; step < kStepCountMax; ++step) {
    const bool client_moved = Carry(server_, client_, tls::Role::kClient);
    const bool server_moved = Carry(client_, server_, tls::Role::kServer);
    if (!client_moved && !server_moved) return;
  }
  ADD_FAILURE() << "the engines do not come to rest";
}

void EnginePair::Collect(End& from, End& to, tls::Role receiver) {
  base::ByteQueue& queue = from.engine->ciphertext();
  std::string bytes = queue.TakeText(queue.size());
  size_t& sent_size = sent_sizes_[receiver];
  for (const auto& [offset, mask] : alterations_[receiver]) {
    if (offset >= sent_size && offset < sent_size + bytes.size()) {
      bytes[offset - sent_size] ^= static_cast<char>(mask);
    }
  }
  sent_size += bytes.size();
  to.inbound += bytes;
}

bool EnginePair::Carry(End& from, End& to, tls::Role receiver) {
  Collect(from, to, receiver);
  return Arrive(to, receiver);
}

bool EnginePair::Arrive(End& to, tls::Role receiver) {
  if (!to.status.ok() || to.has_seen_eof) return false;
  size_t allowed = std::numeric_limits<size_t>::max();
  if (const auto cut = cuts_.find(receiver); cut != cuts_.end()) {
    allowed = cut->second - to.arrived_size;
    if (allowed == 0) {
      to.has_seen_eof = true;
      to.status = to.engine->ReceiveEof();
      return true;
    }
  }
  const size_t size = std::min({to.inbound.size(), delivery_size, allowed});
  if (size == 0 && !to.engine->has_more()) return false;
  const size_t cleartext_size = to.cleartext->size();
  const size_t ciphertext_size = to.engine->ciphertext().size();
  tls::EventList events;
  const absl::StatusOr<size_t> taken = to.engine->Receive(
      base::AsBytes(absl::string_view(to.inbound.data(), size)),
      cleartext_limit, *to.cleartext, events);
  Note(to, events);
  if (!taken.ok()) {
    to.status = taken.status();
    return true;
  }
  to.inbound.erase(0, *taken);
  to.arrived_size += *taken;
  return *taken > 0 || !events.empty() ||
         to.cleartext->size() > cleartext_size ||
         to.engine->ciphertext().size() > ciphertext_size;
}

void EnginePair::Note(End& to, const tls::EventList& events) {
  for (const tls::EngineEvent& event : events) {
    to.events.push_back(event);
    if (const auto* completed = std::get_if<tls::HandshakeCompleted>(&event)) {
      ++to.event_count;
      to.handshake = completed->facts;
    } else if (std::holds_alternative<tls::PeerClosed>(event)) {
      ++to.event_count;
      to.peer_closed = true;
    }
    const auto* asked = std::get_if<tls::QuestionAsked>(&event);
    if (asked == nullptr || to.answer == nullptr) continue;
    std::optional<tls::Answer> answer = to.answer(*asked->question);
    if (!answer.has_value()) continue;
    const absl::Status status = to.engine->Answer(*std::move(answer));
    if (!status.ok()) to.status = status;
  }
}

}  // namespace tlsd::testing
