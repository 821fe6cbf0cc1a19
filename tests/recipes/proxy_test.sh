#!/usr/bin/env bash
# docs/recipes/proxy.md: through tinyproxy and microsocks to openssl.
source tests/recipes/recipe.sh

# start_tinyproxy [LINE...]: a proxy of HTTP on $proxy. It cannot choose a port by itself.
start_tinyproxy() {
  while true; do
    proxy=127.0.0.1:$((RANDOM % 20000 + 20000))
    printf '%s\n' "Port ${proxy#*:}" 'Listen 127.0.0.1' 'LogLevel Info' "$@" > tinyproxy.conf
    background tinyproxy /usr/bin/tinyproxy -d -c tinyproxy.conf
    await tinyproxy.out 'Accepting connections\|Could not create listening'
    if grep -q 'Accepting connections' tinyproxy.out; then return; fi
  done
}
# start_microsocks [OPTION...]: a proxy of SOCKS on $proxy.
start_microsocks() {
  background microsocks /usr/bin/microsocks -i 127.0.0.1 -p 0 "$@"
  for _ in $(seq 1000); do
    proxy=$(ss -ltnpH | sed -n "s/.* \(127.0.0.1:[0-9]*\) .*pid=${running[-1]},.*/\1/p")
    if [[ -n $proxy ]]; then return; fi
  done
  fail "microsocks does not listen"
}
# hello KIND: what the program prints.
hello() { timeout 30 "${program[@]}" "$1" "$proxy" 127.0.0.1 "$port" 2>&1; }

certificate server ec
run 2 > set_up.out
write_program
port=0
background server bash -euo pipefail -c "$(shown sh 1)"
await server.out 'ACCEPT 127'
port=$(sed -n 's/^ACCEPT 127.0.0.1:\([0-9]*\)$/\1/p' server.out)

start_tinyproxy
answer=$(hello http) || fail "tinyproxy is of no use: $answer"
expect '^olleh$' "$answer" "hello does not come back"
await tinyproxy.out "CONNECT 127.0.0.1:$port"
stop_program
start_tinyproxy 'BasicAuth anna secret'
if answer=$(hello http); then fail "tinyproxy should not help: $answer"; fi
expect 'the proxy refuses' "$answer" "nobody says that tinyproxy refuses"
stop_program

start_microsocks
answer=$(hello socks5) || fail "microsocks is of no use: $answer"
expect '^olleh$' "$answer" "hello does not come back"
await microsocks.out "connected to 127.0.0.1:$port"
stop_program
start_microsocks -u anna -P secret
if answer=$(hello socks5); then fail "microsocks should not help: $answer"; fi
expect 'the proxy refuses: who are you' "$answer" "nobody says that microsocks refuses"
stop_program

# A server that nobody trusts does not become better by a proxy.
stop_program
certificate server ec
port=0
background server bash -euo pipefail -c "$(shown sh 1)"
await server.out 'ACCEPT 127'
port=$(sed -n 's/^ACCEPT 127.0.0.1:\([0-9]*\)$/\1/p' server.out)
start_tinyproxy
if answer=$(hello http); then fail "a stranger is told: $answer"; fi
expect PEER_CERTIFICATE_UNTRUSTED "$answer" "nobody says why a stranger is refused"
