#include "tests/bench/bench_handler.h"

#include <openssl/digest.h>
#include <openssl/evp.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/testing/test_identities.h"
#include "tests/testing/test_ocsp_response.h"

namespace tlsd::bench {
namespace {

const uint8_t* BytesOf(const std::string& text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

// The key of ServerIdentity is on P-256, so only one algorithm is asked for.
client::AnswerOr<client::SignAnswer> Sign(const client::Decision&,
                                          const client::SignQuestion& asked) {
  std::string signature(256, '\0');
  size_t size = signature.size();
  bssl::ScopedEVP_MD_CTX context;
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr,
                         testing::ServerIdentity().key()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<uint8_t*>(&signature[0]),
                     &size, BytesOf(asked.input), asked.input.size()) != 1) {
    return absl::InternalError("EVP_DigestSign has failed");
  }
  signature.resize(size);
  return client::SignAnswer{.signature = std::move(signature)};
}

}  // namespace

BenchHandler::BenchHandler(int session_count_max)
    : ocsp_response_(testing::OcspResponseDer(testing::IntermediateIdentity(),
                                              {&testing::ServerIdentity()})),
      sessions_(static_cast<size_t>(session_count_max)) {}

absl::StatusOr<std::unique_ptr<BenchHandler>> BenchHandler::Start(
    const BenchDaemon& daemon, int session_count_max) {
  std::unique_ptr<BenchHandler> handler(new BenchHandler(session_count_max));
  absl::StatusOr<client::DecisionHandler> stream =
      daemon.client().HandleDecisions({}, handler->MakeAnswerers());
  if (!stream.ok()) return stream.status();
  handler->handler_.emplace(*std::move(stream));
  return handler;
}

client::Answerers BenchHandler::MakeAnswerers() {
  client::Answerers answerers;
  answerers.client_hello = [this](const client::Decision& decision,
                                  const client::ClientHelloQuestion&) {
    OnClientHello(decision);
    return client::ClientHelloAnswer{.secure_context = decision.secure_context};
  };
  answerers.ocsp_staple = [this](const client::Decision&,
                                 const client::OcspStapleQuestion&) {
    return client::OcspStapleAnswer{.ocsp_response = ocsp_response_};
  };
  answerers.verify_peer = [](const client::Decision&,
                             const client::VerifyPeerQuestion& peer) {
    return client::VerifyPeerAnswer{.accept = peer.authorized};
  };
  answerers.sign = Sign;
  sessions_.AddTo(answerers);
  answerers.answer_failed = [this](const std::string&,
                                   const absl::Status& error) {
    OnFailure(error);
  };
  return answerers;
}

void BenchHandler::OnClientHello(const client::Decision& decision) {
  const absl::Duration way = absl::Now() - decision.create_time;
  absl::MutexLock lock(&mutex_);
  ways_.push_back(way);
}

void BenchHandler::OnFailure(const absl::Status& error) {
  absl::MutexLock lock(&mutex_);
  failure_.Update(error);
}

std::vector<absl::Duration> BenchHandler::TakeWays() {
  absl::MutexLock lock(&mutex_);
  return std::exchange(ways_, {});
}

absl::Status BenchHandler::Check() const {
  if (const std::optional<absl::Status> ended = handler_->status();
      ended.has_value()) {
    return absl::AbortedError(
        absl::StrCat("the handler has ended: ", ended->message()));
  }
  absl::MutexLock lock(&mutex_);
  return failure_;
}

}  // namespace tlsd::bench
