// Protocols and sessions.
#include "tests/unit/tls/context_inputs.h"

#include <string>
#include <vector>

#include "tests/unit/tls/ech_configs.h"

namespace tlsd::tls {
namespace {

ContextInput::Change SetAlpn(const std::vector<std::string>& names) {
  return [names](Options& options) { options.alpn_protocols = names; };
}

ContextInput::Change SetAlpnWire(const std::string& wire) {
  return [wire](Options& options) { options.alpn_protocols_wire = wire; };
}

ContextInput::Change SetNpn(const std::vector<std::string>& names) {
  return [names](Options& options) { options.npn_protocols = names; };
}

ContextInput::Change SetNpnWire(const std::string& wire) {
  return [wire](Options& options) { options.npn_protocols_wire = wire; };
}

constexpr char kAlpnWire[] = "alpn_protocols_wire";
constexpr char kNpnWire[] = "npn_protocols_wire";

INSTANTIATE_CONTEXT_INPUTS(
    Alpn, Good("Unset", SetAlpn({}), AlpnIs({})),
    Good("List", SetAlpn({"h2", "http/1.1"}), AlpnIs({"h2", "http/1.1"})),
    Good("Wire", SetAlpnWire("\x02h2\x08http/1.1"), AlpnIs({"h2", "http/1.1"})),
    Good("Longest", SetAlpn({std::string(255, 'x')}),
         AlpnIs({std::string(255, 'x')})),
    Bad("Empty", Reason::kAlpnInvalid, "alpn_protocols[1]",
        SetAlpn({"h2", ""})),
    Bad("TooLong", Reason::kAlpnInvalid, "alpn_protocols[0]",
        SetAlpn({std::string(256, 'x')})),
    Bad("Twice", Reason::kAlpnInvalid, "alpn_protocols[2]",
        SetAlpn({"h2", "http/1.1", "h2"})),
    Bad("WireCutOff", Reason::kAlpnInvalid, kAlpnWire, SetAlpnWire("\x03h2")),
    Bad("WireIsNoWire", Reason::kAlpnInvalid, kAlpnWire, SetAlpnWire("h2")),
    Bad("WireWithEmpty", Reason::kAlpnInvalid, kAlpnWire,
        SetAlpnWire(std::string("\x02h2\x00", 4))),
    Bad("WireTwice", Reason::kAlpnInvalid, kAlpnWire,
        SetAlpnWire("\x02h2\x02h2")),
    Bad("Both", Reason::kFieldsConflict, kAlpnWire, [](Options& o) {
      o.alpn_protocols = {"h2"};
      o.alpn_protocols_wire = "\x02h2";
    }));

INSTANTIATE_CONTEXT_INPUTS(
    Npn,
    Good("List", SetNpn({"spdy/3", "http/1.1"}), NpnIs({"spdy/3", "http/1.1"})),
    Good("Wire", SetNpnWire("\x06spdy/3"), NpnIs({"spdy/3"})),
    Good(
        "BesideAlpn",
        [](Options& o) {
          o.alpn_protocols = {"h2"};
          o.npn_protocols = {"spdy/3"};
        },
        NpnIs({"spdy/3"})),
    Good(
        "WithoutTls12",
        [](Options& o) {
          o.npn_protocols = {"spdy/3"};
          o.min_version = TlsVersion::kTls13;
        },
        Warns("npn_protocols")),
    Bad("Empty", Reason::kAlpnInvalid, "npn_protocols[0]", SetNpn({""})),
    Bad("Twice", Reason::kAlpnInvalid, "npn_protocols[1]",
        SetNpn({"spdy/3", "spdy/3"})),
    Bad("WireCutOff", Reason::kAlpnInvalid, kNpnWire, SetNpnWire("\x09spdy")),
    Bad("Both", Reason::kFieldsConflict, kNpnWire, [](Options& o) {
      o.npn_protocols = {"spdy/3"};
      o.npn_protocols_wire = "\x06spdy/3";
    }));

ContextInput::Change SetTimeout(absl::Duration timeout) {
  return [timeout](Options& options) { options.session_timeout = timeout; };
}

ContextInput::Change SetSessionIdContext(size_t size) {
  return [size](Options& o) { o.session_id_context = std::string(size, '\0'); };
}

constexpr char kTimeout[] = "session_timeout";

INSTANTIATE_CONTEXT_INPUTS(
    Sessions, Good("Shortest", SetTimeout(absl::Seconds(1)), Silent()),
    Good("Longest", SetTimeout(absl::Hours(7 * 24)), Silent()),
    Bad("NoTime", Reason::kFieldInvalid, kTimeout,
        SetTimeout(absl::ZeroDuration())),
    Bad("TooShort", Reason::kFieldInvalid, kTimeout,
        SetTimeout(absl::Milliseconds(999))),
    Bad("Negative", Reason::kFieldInvalid, kTimeout,
        SetTimeout(-absl::Seconds(1))),
    Bad("TooLong", Reason::kFieldInvalid, kTimeout,
        SetTimeout(absl::Hours(7 * 24) + absl::Seconds(1))),
    Bad("Infinite", Reason::kFieldInvalid, kTimeout,
        SetTimeout(absl::InfiniteDuration())),
    // Longer than what TLS libraries take.
    Good("IdContextOf33Bytes", SetSessionIdContext(33), Silent()),
    Good("IdContextOf1024Bytes", SetSessionIdContext(1024), Silent()),
    Bad("IdContextOf1025Bytes", Reason::kFieldInvalid, "session_id_context",
        SetSessionIdContext(1025)));

// Keys of this many bytes each, with names of their own.
ContextInput::Change SetTicketKeys(const std::vector<size_t>& sizes) {
  return [sizes](Options& options) {
    for (const size_t size : sizes) {
      const char fill = static_cast<char>('a' + options.ticket_keys.size());
      options.ticket_keys.push_back(std::string(size, fill));
    }
  };
}

INSTANTIATE_CONTEXT_INPUTS(
    TicketKeys, Good("One", SetTicketKeys({48}), Silent()),
    Good("Sixteen", SetTicketKeys(std::vector<size_t>(16, 48)), Silent()),
    Good(
        "Disabled", [](Options& o) { o.disable_session_tickets = true; },
        Silent()),
    Bad("Of47Bytes", Reason::kTicketKeysInvalid, "ticket_keys[0]",
        SetTicketKeys({47})),
    Bad("Of49Bytes", Reason::kTicketKeysInvalid, "ticket_keys[1]",
        SetTicketKeys({48, 49})),
    Bad("Of80Bytes", Reason::kTicketKeysInvalid, "ticket_keys[0]",
        SetTicketKeys({80})),
    Bad("Empty", Reason::kTicketKeysInvalid, "ticket_keys[0]",
        SetTicketKeys({0})),
    Bad("Seventeen", Reason::kTicketKeysInvalid, "ticket_keys",
        SetTicketKeys(std::vector<size_t>(17, 48))),
    Bad("Twice", Reason::kTicketKeysInvalid, "ticket_keys[1]",
        [](Options& o) { o.ticket_keys.resize(2, std::string(48, 'k')); }),
    Bad("NameTwice", Reason::kTicketKeysInvalid, "ticket_keys[1]",
        [](Options& o) {
          o.ticket_keys = {std::string(48, 'k'),
                           std::string(16, 'k') + std::string(32, 'x')};
        }),
    Bad("GivenAndDisabled", Reason::kFieldsConflict, "ticket_keys",
        [](Options& o) {
          o.ticket_keys = {std::string(48, 'k')};
          o.disable_session_tickets = true;
        }));

void SetTls12(Options& options) { options.max_version = TlsVersion::kTls12; }

INSTANTIATE_CONTEXT_INPUTS(
    EarlyData,
    Good(
        "On", [](Options& o) { o.early_data = true; }, Silent()),
    Good(
        "WithoutTls13",
        [](Options& o) {
          o.early_data = true;
          SetTls12(o);
        },
        Warns("early_data: is without effect, because TLS 1.3 is not "
              "allowed")));

ContextInput::Change SetEchKeys(size_t count) {
  return [count](Options& options) {
    options.ech_keys.assign(count, MakeEchKey("cover.test"));
  };
}

// The rest is in ech_keys_test.cc.
INSTANTIATE_CONTEXT_INPUTS(
    EchKeys, Good("One", SetEchKeys(1), Silent()),
    Good("Eight", SetEchKeys(8), Silent()),
    Bad("Nine", Reason::kEchKeyInvalid, "ech_keys", SetEchKeys(9)),
    Bad("WithoutAKey", Reason::kEchKeyInvalid, "ech_keys[0].private_key",
        [](Options& o) {
          o.ech_keys = {MakeEchKey("cover.test")};
          o.ech_keys[0].private_key.clear();
        }),
    Bad("WithAnotherKey", Reason::kEchKeyInvalid, "ech_keys[1].private_key",
        [](Options& o) {
          o.ech_keys.assign(2, MakeEchKey("cover.test"));
          o.ech_keys[1].private_key = std::string(32, 'k');
        }),
    Bad("WithoutAConfig", Reason::kEchKeyInvalid, "ech_keys[0].config",
        [](Options& o) {
          o.ech_keys = {MakeEchKey("cover.test")};
          o.ech_keys[0].config.clear();
        }),
    Bad("NoneForRetry", Reason::kEchKeyInvalid, "ech_keys",
        [](Options& o) {
          o.ech_keys = {MakeEchKey("cover.test")};
          o.ech_keys[0].not_for_retry = true;
        }),
    Good(
        "WithoutTls13",
        [](Options& o) {
          SetEchKeys(1)(o);
          SetTls12(o);
        },
        Warns("ech_keys: is without effect, because TLS 1.3 is not allowed")));

}  // namespace
}  // namespace tlsd::tls
