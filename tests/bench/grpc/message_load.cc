#include "tests/bench/grpc/message_load.h"

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/bench/load/latencies.h"
#include "tests/bench/load/pattern.h"

namespace tlsd::bench {

using load::Interval;
using load::ThePattern;

// Call is one stream. gRPC reads on one thread and writes on another.
class MessageLoad::Call
    : public grpc::ClientBidiReactor<v1::StreamRequest, v1::StreamResponse> {
 public:
  explicit Call(MessageLoad& load) : load_(load) {}

  void Start() {
    load_.stub_->async()->Stream(&context_, this);
    StartRead(&response_);
    MaybeWrite();
    StartCall();
  }

  void Cancel() {
    is_ending_ = true;
    context_.TryCancel();
  }

  int64_t received() const { return received_; }
  // When it is done.
  const load::Tally& tally() const { return tally_; }

 private:
  // MaybeWrite sends a message unless one is on its way to gRPC, or as many as
  // may be are under way.
  void MaybeWrite() {
    absl::MutexLock lock(&mutex_);
    if (is_writing_ ||
        static_cast<int>(send_times_.size()) >= load_.options_.outstanding) {
      return;
    }
    is_writing_ = true;
    const auto size = static_cast<size_t>(load_.options_.base.size);
    const absl::string_view bytes = ThePattern().At(sent_, size);
    request_.mutable_data()->assign(bytes.data(), bytes.size());
    sent_ += size;
    send_times_.push_back(load::Uptime());
    StartWrite(&request_);
  }

  void OnWriteDone(bool ok) override {
    {
      absl::MutexLock lock(&mutex_);
      is_writing_ = false;
    }
    if (ok) MaybeWrite();
  }

  void OnReadDone(bool ok) override {
    // The end of the call says why.
    if (!ok) return;
    const std::string& bytes = response_.data();
    const auto before = static_cast<uint64_t>(received_.load());
    if (bytes.size() != static_cast<size_t>(load_.options_.base.size) ||
        !ThePattern().Matches(before, bytes)) {
      is_wrong_ = true;
      context_.TryCancel();
      return;
    }
    received_ += static_cast<int64_t>(bytes.size());
    if (before == 0) load_.OnFirstAnswer();
    absl::Duration send_time;
    {
      absl::MutexLock lock(&mutex_);
      send_time = send_times_.front();
      send_times_.pop_front();
    }
    if (load_.interval_.is_counted()) {
      load_.interval_.NoteDone();
      ++tally_.count;
      tally_.latencies.Add(load::Uptime() - send_time);
    }
    MaybeWrite();
    StartRead(&response_);
  }

  void OnDone(const grpc::Status& status) override {
    if (is_wrong_) {
      load_.OnDone(absl::DataLossError("a wrong message has come back"));
    } else if (is_ending_) {
      load_.OnDone(absl::OkStatus());
    } else {
      load_.OnDone(absl::AbortedError(
          absl::StrCat("a stream has ended: ", status.error_message())));
    }
  }

  MessageLoad& load_;
  grpc::ClientContext context_;
  v1::StreamRequest request_;
  v1::StreamResponse response_;
  std::atomic<int64_t> received_ = 0;
  std::atomic<bool> is_ending_ = false;
  std::atomic<bool> is_wrong_ = false;
  load::Tally tally_;

  absl::Mutex mutex_;
  bool is_writing_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t sent_ ABSL_GUARDED_BY(mutex_) = 0;
  // Of the messages that are under way.
  std::deque<absl::Duration> send_times_ ABSL_GUARDED_BY(mutex_);
};

MessageLoad::MessageLoad(const MessageOptions& options)
    : options_(options), interval_(options.base) {}

MessageLoad::~MessageLoad() = default;

absl::StatusOr<load::Result> MessageLoad::Run() {
  Start();
  const absl::Status status = Drive();
  End();
  if (!status.ok()) return status;
  load::Result result = {.length = interval_.length(),
                         .server_time = interval_.server_time(),
                         .own_time = interval_.own_time()};
  for (const auto& call : calls_) result.tally.Add(call->tally());
  if (options_.base.mode == load::Mode::kEcho) result.tally.bytes = moved_;
  return result;
}

void MessageLoad::Start() {
  grpc::ChannelArguments arguments;
  // Proxies are for other hosts.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  stub_ = v1::ConnectionService::NewStub(grpc::CreateCustomChannel(
      options_.target, grpc::InsecureChannelCredentials(), arguments));
  {
    absl::MutexLock lock(&mutex_);
    open_count_ = options_.base.connections;
  }
  for (int i = 0; i < options_.base.connections; ++i) {
    calls_.push_back(std::make_unique<Call>(*this));
  }
  for (const auto& call : calls_) call->Start();
}

absl::Status MessageLoad::Drive() {
  last_progress_ = load::Uptime();
  Interval::Phase last = Interval::Phase::kWarmup;
  while (true) {
    interval_.Tick();
    if (!interval_.status().ok()) return interval_.status();
    const Interval::Phase phase = interval_.phase();
    if (phase != last) OnPhase(phase);
    last = phase;
    if (phase == Interval::Phase::kOver) return absl::OkStatus();
    absl::Status status = Wait(interval_.TimeToTick());
    if (status.ok()) status = CheckProgress();
    if (!status.ok()) return status;
  }
}

absl::Status MessageLoad::Wait(absl::Duration time) {
  absl::MutexLock lock(&mutex_);
  mutex_.AwaitWithTimeout(
      absl::Condition(
          +[](absl::Status* failure) { return !failure->ok(); }, &failure_),
      time);
  return failure_;
}

void MessageLoad::OnPhase(Interval::Phase phase) {
  for (size_t i = 0; i < calls_.size(); ++i) {
    if (phase == Interval::Phase::kCounted) {
      before_.push_back(calls_[i]->received());
    } else {
      moved_.push_back(calls_[i]->received() - before_[i]);
    }
  }
}

absl::Status MessageLoad::CheckProgress() {
  const int64_t total = std::accumulate(
      calls_.begin(), calls_.end(), int64_t{0},
      [](int64_t sum, const auto& call) { return sum + call->received(); });
  if (total > last_total_) {
    last_total_ = total;
    last_progress_ = load::Uptime();
  }
  if (load::Uptime() - last_progress_ < options_.base.patience) {
    return absl::OkStatus();
  }
  return absl::DeadlineExceededError("no message comes back");
}

void MessageLoad::End() {
  for (const auto& call : calls_) call->Cancel();
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(
      +[](int* open_count) { return *open_count == 0; }, &open_count_));
}

void MessageLoad::OnFirstAnswer() {
  absl::MutexLock lock(&mutex_);
  if (++answering_count_ == options_.base.connections) interval_.Ready();
}

void MessageLoad::OnDone(const absl::Status& status) {
  absl::MutexLock lock(&mutex_);
  failure_.Update(status);
  --open_count_;
}

}  // namespace tlsd::bench
