#include "tests/bench/load/backend.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "tests/bench/load/pattern.h"
#include "tests/bench/load/sink_report.h"
#include "tests/bench/load/sockets.h"

namespace tlsd::bench::load {
namespace {

constexpr size_t kRequestSize = 8;

}  // namespace

// Connection is one that was accepted. It goes when its peer ends it.
class Backend::Connection : public Poller::Watcher {
 public:
  Connection(Backend& backend, int descriptor, uint32_t events)
      : backend_(backend), descriptor_(descriptor), events_(events) {
    backend_.poller_.Watch(descriptor, events, this);
  }
  virtual ~Connection() { close(descriptor_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void OnReady(uint32_t events) final {
    bool goes_on = true;
    if ((events & EPOLLOUT) != 0) goes_on = OnWritable();
    if (goes_on && (events & ~EPOLLOUT) != 0) goes_on = Receive();
    if (!goes_on) backend_.connections_.erase(descriptor_);
  }

 protected:
  // These report whether the connection goes on.
  virtual bool OnBytes(absl::string_view bytes) = 0;
  virtual bool OnEnd() { return false; }
  virtual bool OnWritable() { return true; }

  // Send returns how much of `bytes` was taken; nothing after an error, which
  // the next read will show.
  size_t Send(absl::string_view bytes) const {
    const ssize_t size =
        send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return size > 0 ? static_cast<size_t>(size) : 0;
  }

  void WatchFor(uint32_t events) {
    if (events == events_) return;
    events_ = events;
    backend_.poller_.Change(descriptor_, events, this);
  }

  // Spoil changes what shall be wrong of `bytes`, which begin at `position`.
  void Spoil(uint64_t position, char* bytes, size_t size) const {
    const auto wrong = static_cast<uint64_t>(backend_.options_.wrong_byte_at);
    if (wrong >= position && wrong - position < size) {
      bytes[wrong - position] = static_cast<char>(~bytes[wrong - position]);
    }
  }

  Backend& backend_;
  const int descriptor_;

 private:
  bool Receive() {
    std::vector<char>& buffer = backend_.buffer_;
    const ssize_t size = recv(descriptor_, buffer.data(), buffer.size(), 0);
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    if (size == 0) return OnEnd();
    return OnBytes({buffer.data(), static_cast<size_t>(size)});
  }

  uint32_t events_;
};

// Echo reads no more while its peer does not take what came back.
class Backend::Echo : public Connection {
 public:
  Echo(Backend& backend, int descriptor)
      : Connection(backend, descriptor, EPOLLIN) {}

 private:
  bool OnBytes(absl::string_view bytes) override {
    Spoil(position_, backend_.buffer_.data(), bytes.size());
    position_ += bytes.size();
    bytes.remove_prefix(Send(bytes));
    waiting_ = std::string(bytes);
    if (!waiting_.empty()) WatchFor(EPOLLOUT);
    return true;
  }

  bool OnWritable() override {
    waiting_.erase(0, Send(waiting_));
    if (waiting_.empty()) WatchFor(EPOLLIN);
    return true;
  }

  uint64_t position_ = 0;
  std::string waiting_;
};

// Source sends the pattern, up to a limit that may have to be asked for.
class Backend::Source : public Connection {
 public:
  Source(Backend& backend, int descriptor, bool awaits_request)
      : Connection(backend, descriptor,
                   awaits_request ? EPOLLIN : EPOLLIN | EPOLLOUT),
        awaits_request_(awaits_request) {}

 private:
  bool OnBytes(absl::string_view bytes) override {
    if (!awaits_request_) return true;
    request_.append(bytes.data(), bytes.size());
    if (request_.size() < kRequestSize) return true;
    limit_ = 0;
    for (size_t i = 0; i < kRequestSize; ++i) {
      limit_ = limit_ << 8 | static_cast<uint8_t>(request_[i]);
    }
    awaits_request_ = false;
    WatchFor(EPOLLIN | EPOLLOUT);
    return true;
  }

  bool OnWritable() override {
    const size_t size = std::min<uint64_t>(kBufferSize, limit_ - position_);
    const absl::string_view bytes = ThePattern().At(position_, size);
    if (backend_.options_.wrong_byte_at < 0) {
      position_ += Send(bytes);
    } else {
      std::string copy(bytes);
      Spoil(position_, copy.data(), copy.size());
      position_ += Send(copy);
    }
    if (position_ == limit_) WatchFor(EPOLLIN);
    return true;
  }

  bool awaits_request_;
  std::string request_;
  uint64_t limit_ = std::numeric_limits<uint64_t>::max();
  uint64_t position_ = 0;
};

class Backend::Sink : public Connection {
 public:
  Sink(Backend& backend, int descriptor)
      : Connection(backend, descriptor, EPOLLIN),
        number_(backend.sink_count_++) {
    backend_.sinks_[number_] = this;
  }
  ~Sink() override { backend_.sinks_.erase(number_); }

  int64_t size() const { return static_cast<int64_t>(position_); }

 private:
  bool OnBytes(absl::string_view bytes) override {
    if (!ThePattern().Matches(position_, bytes)) {
      ++backend_.error_count_;
      std::fprintf(stderr,
                   "tcp_backend: sink %lld: a wrong byte after byte %llu; "
                   "%lld wrong connections\n",
                   static_cast<long long>(number_),
                   static_cast<unsigned long long>(position_),
                   static_cast<long long>(backend_.error_count_));
      ResetOnClose(descriptor_);
      return false;
    }
    position_ += bytes.size();
    return true;
  }

  const int64_t number_;
  uint64_t position_ = 0;
};

class Backend::Acceptor : public Poller::Watcher {
 public:
  Acceptor(Backend& backend, std::string name, int descriptor)
      : backend_(backend), name_(std::move(name)), descriptor_(descriptor) {
    backend_.poller_.Watch(descriptor, EPOLLIN, this);
  }
  ~Acceptor() { close(descriptor_); }
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  void OnReady(uint32_t) override {
    for (int next = Accept(descriptor_); next >= 0;
         next = Accept(descriptor_)) {
      backend_.Serve(name_, next);
    }
  }

  std::string Port() const {
    return absl::StrCat("\"", name_, "\":", PortOf(descriptor_));
  }

 private:
  Backend& backend_;
  const std::string name_;
  const int descriptor_;
};

// Input is what ends a backend by its own end.
class Backend::Input : public Poller::Watcher {
 public:
  explicit Input(int descriptor) : descriptor_(descriptor) {}

  void OnReady(uint32_t) override {
    char ignored[256];
    const ssize_t size = read(descriptor_, ignored, sizeof(ignored));
    has_ended_ = size == 0 || (size < 0 && errno != EINTR && errno != EAGAIN);
  }

  bool has_ended() const { return has_ended_; }

 private:
  const int descriptor_;
  bool has_ended_ = false;
};

Backend::Backend(const BackendOptions& options)
    : options_(options), buffer_(kBufferSize) {}

Backend::~Backend() = default;

absl::StatusOr<std::unique_ptr<Backend>> Backend::Start(
    const BackendOptions& options) {
  std::unique_ptr<Backend> backend(new Backend(options));
  for (const char* name : {"echo", "source", "request", "sink", "report"}) {
    const absl::StatusOr<int> descriptor = Listen();
    if (!descriptor.ok()) return descriptor.status();
    backend->acceptors_.push_back(
        std::make_unique<Acceptor>(*backend, name, *descriptor));
  }
  return backend;
}

std::string Backend::Ports() const {
  return absl::StrCat(
      "{",
      absl::StrJoin(
          acceptors_, ",",
          [](std::string* text, const std::unique_ptr<Acceptor>& acceptor) {
            text->append(acceptor->Port());
          }),
      "}");
}

void Backend::Serve(const std::string& name, int descriptor) {
  std::unique_ptr<Connection>& connection = connections_[descriptor];
  if (name == "echo") {
    connection = std::make_unique<Echo>(*this, descriptor);
  } else if (name == "source" || name == "request") {
    connection = std::make_unique<Source>(*this, descriptor, name == "request");
  } else if (name == "sink") {
    connection = std::make_unique<Sink>(*this, descriptor);
  } else {
    connections_.erase(descriptor);
    Report(descriptor);
  }
}

void Backend::Report(int descriptor) const {
  SinkReport report = {.error_count = error_count_};
  for (const auto& [number, sink] : sinks_) report.sizes[number] = sink->size();
  // A socket that is new takes it at once.
  const std::string text = FormatSinkReport(report);
  send(descriptor, text.data(), text.size(), MSG_NOSIGNAL);
  close(descriptor);
}

void Backend::RunUntilEnd(int input) {
  Input end(input);
  poller_.Watch(input, EPOLLIN, &end);
  while (!end.has_ended()) poller_.Wait(absl::InfiniteDuration());
}

}  // namespace tlsd::bench::load
