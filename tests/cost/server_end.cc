#include "tests/cost/server_end.h"

#include <utility>

#include "server/conn/echo_sink.h"
#include "server/conn/transport_sink.h"
#include "tests/cost/require.h"

namespace tlsd::cost {

ServerEnd::ServerEnd(WorkerSide& side)
    : side_(side), wire_(side.meter), far_wire_(side.meter) {}

void ServerEnd::Handshake(
    const std::shared_ptr<const tls::SecureContext>& context,
    ClientPeer& client) {
  {
    const Meter::Section section(side_.meter);
    conn::ConnectionOptions options;
    options.name = "connections/c-0123456789abcdef-0";
    options.listener = "listeners/l-0123456789abcdef";
    options.secure_context = context;
    options.secure_context_name = "secureContexts/s-0123456789abcdef";
    conn::ConnectionOwner& owner = *this;
    connection_ = std::make_unique<conn::Connection>(
        std::move(options), std::make_unique<conn::EchoSink>(), owner,
        side_.loop, side_.pool);
    connection_->Start(wire_.MakeTransport());
  }
  std::string flight = client.Receive("");
  while (!flight.empty()) {
    wire_.Arrive(flight);
    flight = client.Receive(wire_.TakeSent());
  }
  Require(connection_->state() == conn::ConnectionState::kOpen,
          "the server has completed the handshake");
  Require(client.is_open(), "the client has completed the handshake");
}

void ServerEnd::Forward() {
  connection_->SetSink(
      std::make_unique<conn::TransportSink>(
          far_wire_.MakeTransport(),
          conn::FarEnd{conn::FarEnd::Kind::kUpstream, "127.0.0.1:80"}),
      "");
}

void ServerEnd::ReceiveFromClient(ClientPeer& client,
                                  absl::string_view cleartext) {
  wire_.Arrive(client.Send(cleartext));
  Require(far_wire_.TakeSent() == cleartext,
          "what the client has sent arrives at the far end");
}

void ServerEnd::SendToClient(ClientPeer& client, absl::string_view cleartext) {
  const size_t size_before = client.received_size();
  far_wire_.Arrive(cleartext);
  client.Receive(wire_.TakeSent());
  Require(client.received_size() == size_before + cleartext.size(),
          "what the far end has sent arrives at the client");
}

void ServerEnd::End(ClientPeer& client) {
  wire_.Arrive(client.CloseNotify());
  Require(connection_->state() == conn::ConnectionState::kClosed,
          "close_notify ends the connection");
  {
    const Meter::Section section(side_.meter);
    connection_.reset();
  }
  wire_.TakeSent();
}

void ServerEnd::OnQuestion(conn::Connection& /*connection*/,
                           tls::QuestionAsked /*asked*/) {}
void ServerEnd::OnOcspResponse(conn::Connection& /*connection*/) {}
void ServerEnd::OnOpen(conn::Connection& /*connection*/) {}
void ServerEnd::OnSession(conn::Connection& /*connection*/) {}
void ServerEnd::OnRenegotiated(conn::Connection& /*connection*/) {}
void ServerEnd::OnSecret(conn::Connection& /*connection*/,
                         std::string /*line*/) {}
void ServerEnd::OnClosed(conn::Connection& /*connection*/) {}

}  // namespace tlsd::cost
