// Connections that a worker makes: dialled, over others, in pairs, and to
// upstreams.
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "proto/status/error.h"
#include "server/base/status_macros.h"
#include "server/conn/forward_header.h"
#include "server/conn/transport_sink.h"
#include "server/net/transport_pair.h"
#include "server/worker/worker.h"

namespace tlsd::worker {
namespace {

net::DialOptions DialOptionsOf(const DialOptions& options) {
  return {options.connection.handshake_timeout, options.local_address,
          options.connection.socket_options.socket};
}

}  // namespace

absl::StatusOr<conn::StreamSink*> ClaimCleartext(conn::Connection& connection) {
  TLSD_RETURN_IF_ERROR(connection.CheckNotClosed());
  TLSD_ASSIGN_OR_RETURN(conn::StreamSink * sink,
                        conn::StreamSink::Of(connection));
  TLSD_RETURN_IF_ERROR(sink->Reserve());
  return sink;
}

void Join(conn::Connection& connection,
          std::unique_ptr<net::Transport> transport, conn::FarEnd far_end,
          const std::string& piped_with, std::string preamble) {
  connection.SetSink(
      std::make_unique<conn::TransportSink>(
          std::move(transport), std::move(far_end), std::move(preamble)),
      piped_with);
}

void Worker::Connect(const std::string& name, DialOptions options,
                     ConnectDone done) {
  Connecting& connecting = connecting_[name];
  connecting.options = std::move(options);
  connecting.done = std::move(done);
  const absl::Duration timeout =
      connecting.options.connection.handshake_timeout;
  // The dial has a timeout of its own; this one is for what follows it.
  connecting.timer = loop().After(timeout, [this, name, timeout] {
    if (conn::Connection* connection = Find(name)) {
      connection->Abort(conn::HandshakeTimeoutError(timeout));
    }
  });
  connecting.dial = net::Dial::Start(
      loop(), pool_, connecting.options.endpoint,
      DialOptionsOf(connecting.options),
      [this, name](absl::StatusOr<std::unique_ptr<net::Transport>> transport) {
        OnDialed(name, std::move(transport));
      });
}

void Worker::OnDialed(
    const std::string& name,
    absl::StatusOr<std::unique_ptr<net::Transport>> transport) {
  if (!transport.ok()) {
    FinishConnect(name, transport.status());
    return;
  }
  const auto found = connecting_.find(name);
  // Cancelled in the same turn of the loop: the dial is not freed yet.
  if (found == connecting_.end()) return;
  DialOptions& dialled = found->second.options;
  conn::ConnectionOptions options = std::move(dialled.connection);
  options.name = name;
  options.role = tls::Role::kClient;
  std::unique_ptr<const std::string> session_key;
  if (!dialled.session_key.empty()) {
    session_key =
        std::make_unique<const std::string>(std::move(dialled.session_key));
    options.engine.session = parts_.sessions.Take(*session_key, absl::Now());
  }
  const std::string upstream_of = std::move(dialled.upstream_of);
  std::unique_ptr<conn::CleartextSink> sink;
  if (upstream_of.empty()) sink = std::make_unique<conn::StreamSink>();
  conn::Connection& started = StartConnection(
      std::move(options), std::move(sink), *std::move(transport),
      {.session_key = std::move(session_key)});
  if (!upstream_of.empty()) started.SetSink(nullptr, upstream_of);
}

void Worker::CancelConnect(const std::string& name) {
  if (connecting_.find(name) == connecting_.end()) return;
  const absl::Status reason =
      MakeError(Reason::kCallCancelled, "the caller has left");
  if (conn::Connection* connection = Find(name)) {
    connection->Abort(reason);
  } else {
    FinishConnect(name, reason);
  }
}

void Worker::FinishConnect(const std::string& name,
                           absl::StatusOr<conn::ConnectionFacts> result) {
  const auto found = connecting_.find(name);
  if (found == connecting_.end()) return;
  // The callback of the dial may run: it must not be freed under its feet.
  const auto connecting =
      std::make_shared<Connecting>(std::move(found->second));
  connecting_.erase(found);
  connecting->timer.reset();
  std::move(connecting->done)(std::move(result));
  Post([connecting] {});
}

// Over another connection.

absl::StatusOr<conn::StreamSink*> Worker::ClaimCarrier(
    conn::Connection* carrier, const std::string& name) {
  if (carrier == nullptr) return ConnectionNotFound(name);
  TLSD_RETURN_IF_ERROR(carrier->CheckWrite());
  if (carrier->depth() >= kDepthMax) {
    return MakeError(Reason::kLimitReached,
                     absl::StrCat("connections carry each other to a depth of ",
                                  kDepthMax, " at most"),
                     {{"limit", absl::StrCat(kDepthMax)}});
  }
  return ClaimCleartext(*carrier);
}

void Worker::Upgrade(const std::string& carrier_name,
                     conn::ConnectionOptions options, ConnectDone done) {
  conn::Connection* carrier = Find(carrier_name);
  const absl::StatusOr<conn::StreamSink*> claimed =
      ClaimCarrier(carrier, carrier_name);
  if (!claimed.ok()) {
    std::move(done)(claimed.status());
    return;
  }
  const conn::ConnectionFacts facts = carrier->facts();
  options.carrier = carrier_name;
  options.carrier_local_address = facts.local_address;
  options.carrier_remote_address = facts.remote_address;
  options.depth = carrier->depth() + 1;
  const std::string name = options.name;
  connecting_[name].done = std::move(done);
  net::TransportPair pair =
      net::MakeTransportPair(loop(), pool_, loop(), pool_);
  const conn::Connection& upgraded =
      StartConnection(std::move(options), std::make_unique<conn::StreamSink>(),
                      std::move(pair.first), {});
  if (upgraded.state() == conn::ConnectionState::kClosed) {
    // It could not begin, and nothing has been said to the peer.
    (*claimed)->Release(conn::Direction::kBoth);
    return;
  }
  Join(*carrier, std::move(pair.second), {conn::FarEnd::Kind::kCarried, name},
       name);
}

void Worker::CreatePair(conn::ConnectionOptions options, PairDone done) {
  if (pair_count_ >= kPairCountMax) {
    std::move(done)(MakeError(
        Reason::kLimitReached,
        absl::StrCat("a worker has ", kPairCountMax, " secure pairs at most"),
        {{"limit", absl::StrCat(kPairCountMax)}}));
    return;
  }
  net::TransportPair pair =
      net::MakeTransportPair(loop(), pool_, loop(), pool_);
  conn::ConnectionOptions encrypted;
  encrypted.name = MakeConnectionName(index_);
  encrypted.role = options.role;
  encrypted.protection = conn::Protection::kNone;
  encrypted.socket_options = options.socket_options;
  options.name = MakeConnectionName(index_);
  options.carrier = encrypted.name;
  options.depth = 1;
  const conn::Connection& inner =
      StartConnection(std::move(options), std::make_unique<conn::StreamSink>(),
                      std::move(pair.first), {});
  if (inner.state() == conn::ConnectionState::kClosed) {
    std::move(done)(inner.failure());
    return;
  }
  connections_.at(inner.name()).is_of_pair = true;
  ++pair_count_;
  const conn::Connection& outer = StartConnection(
      std::move(encrypted), std::make_unique<conn::StreamSink>(),
      std::move(pair.second), {.is_of_pair = true});
  std::move(done)(PairFacts{inner.facts(), outer.facts()});
}

// To an upstream.

void Worker::Forward(conn::Connection& connection,
                     const ForwardOptions& options) {
  const std::string name = connection.name();
  const conn::FarEnd far_end{conn::FarEnd::Kind::kUpstream,
                             options.upstream.endpoint.ToString()};
  std::string preamble =
      conn::EncodeForwardHeader(options.header, connection.facts());
  auto upstream_connect = std::make_unique<UpstreamConnect>();
  UpstreamConnect& way = *upstream_connect;
  connections_.at(name).upstream = std::move(upstream_connect);
  if (options.upstream.connection.protection == conn::Protection::kNone) {
    way.dial = net::Dial::Start(
        loop(), pool_, options.upstream.endpoint,
        DialOptionsOf(options.upstream),
        [this, name, far_end, preamble = std::move(preamble)](
            absl::StatusOr<std::unique_ptr<net::Transport>> transport) {
          OnUpstream(name, far_end, preamble, std::move(transport));
        });
    return;
  }
  DialOptions upstream = options.upstream;
  upstream.connection.preamble = std::move(preamble);
  if (options.secure_context != nullptr) {
    const std::shared_ptr<const ContextRecord> context =
        options.secure_context->record();
    upstream.connection.secure_context = context->secure_context;
    upstream.connection.secure_context_name = context->name;
    if (!upstream.session_key.empty()) upstream.session_key += context->etag;
  }
  upstream.upstream_of = name;
  way.connection = MakeConnectionName(index_);
  Connect(way.connection, std::move(upstream),
          [this, name, far_end](absl::StatusOr<conn::ConnectionFacts> facts) {
            OnUpstreamConnected(name, far_end, std::move(facts));
          });
}

void Worker::OnUpstream(
    const std::string& name, const conn::FarEnd& far_end,
    const std::string& preamble,
    absl::StatusOr<std::unique_ptr<net::Transport>> transport) {
  Owned& owned = connections_.at(name);
  owned.upstream.reset();
  if (!transport.ok()) {
    owned.connection->Abort(far_end.Failed(transport.status()));
    return;
  }
  Join(*owned.connection, *std::move(transport), far_end, /*piped_with=*/"",
       preamble);
}

void Worker::OnUpstreamConnected(
    const std::string& name, const conn::FarEnd& far_end,
    absl::StatusOr<conn::ConnectionFacts> upstream) {
  const auto found = connections_.find(name);
  // Who is forwarded may have left: then this Connect was cancelled.
  if (found == connections_.end() || found->second.upstream == nullptr) return;
  found->second.upstream.reset();
  conn::Connection* const connection = found->second.connection.get();
  if (!upstream.ok()) {
    connection->Abort(far_end.Failed(upstream.status()));
    return;
  }
  net::TransportPair pair =
      net::MakeTransportPair(loop(), pool_, loop(), pool_);
  Join(*connection, std::move(pair.first), far_end, upstream->name);
  Join(*Find(upstream->name), std::move(pair.second),
       {conn::FarEnd::Kind::kPipe, name}, name);
}

}  // namespace tlsd::worker
