#!/usr/bin/env bash
# docs/recipes/forward.md: TLS in front of Python's web server and of HAProxy, and behind HAProxy.
source tests/recipes/recipe.sh

# proxy NUMBER [SED]: HAProxy with a configuration of the page; the sed script may change it.
proxy() {
  block "docs/recipes/$page.md" haproxy "$1" | sed "s|/tmp/|$dir/|; ${2:-}" > haproxy.cfg
  background haproxy /usr/sbin/haproxy -W -db -f haproxy.cfg
}
# listen NUMBER ID: makes the listener of a block.
listen() {
  port=0
  run "$1" "s|/tmp/|$dir/|; s/:8080/:$web/" > set_up.out || fail "listeners/$2 cannot be set up"
  port=$(port_of "$2")
}
# get NUMBER [SED]: what the curl of a block gets, or says.
get() { run "$1" "s/localhost:8443/localhost:$port/; ${2:-}" 2>&1; }

certificate server ec
mkdir site
echo hello > site/greeting.txt

# A web server without TLS.
background site bash -c "$(shown sh 1 | sed 's/8080/0/')"
await site.out 'port [0-9]'
web=$(sed -n 's/.* port \([0-9]*\).*/\1/p' site.out)
listen 2 web
answer=$(get 3) || fail "the web server is not reached: $answer"
expect '^hello$' "$answer" "the web server is not heard"
if answer=$(get 3 's/ --cacert server.pem//'); then fail "curl trusts anybody"; fi
expect 'SSL certificate' "$answer" "curl does not speak TLS"

# A server that is not there.
tlsctl listen 127.0.0.1:0 --context web --id nowhere --forward "unix:$dir/nowhere.sock" \
  --forward-plain > set_up.out
port=$(port_of nowhere)
for _ in $(seq 100); do
  if answer=$(get 3); then fail "nobody answers: $answer"; fi
  tlsctl events --about listeners/nowhere > events.out
  if grep -q UPSTREAM_FAILED events.out; then break; fi
done
grep -q UPSTREAM_FAILED events.out || fail "nobody says that the server is not there"

# HAProxy is told who comes.
proxy 1
listen 4 app
await haproxy.out 'Loading success'
answer=$(get 5) || fail "HAProxy is not reached: $answer"
expect '^127.0.0.2 asks for localhost$' "$answer" "HAProxy is not told who comes"
tlsctl close listeners/app > set_up.out
tlsctl listen 127.0.0.1:0 --context app --id silent --forward "unix:$dir/app.sock" \
  --forward-plain > set_up.out
port=$(port_of silent)
if answer=$(get 5); then fail "HAProxy answers who says nothing: $answer"; fi
stop_program

# HAProxy tells who comes. It cannot choose a port by itself.
run 6 "s|/tmp/|$dir/|" > set_up.out || fail "listeners/shop cannot be set up"
while true; do
  port=$((RANDOM % 20000 + 20000))
  proxy 2 "s/:8443/:$port/"
  await haproxy.out 'Loading success\|ALERT'
  if grep -q 'Loading success' haproxy.out; then break; fi
  grep -q 'Address already in use' haproxy.out || fail "HAProxy does not run"
done
# The event may come after the client has gone.
for _ in $(seq 100); do
  run 7 > client.out 2>&1 || fail "HAProxy does not pass it on"
  if grep -q '127\.0\.0\.3:' client.out; then break; fi
done
grep -q '127\.0\.0\.3:' client.out || fail "nobody knows who comes"
expect 'Verification: OK' "$(cat client.out)" "it is not tlsd behind HAProxy"
stop_program
# Without HAProxy there is no header.
for _ in $(seq 100); do
  if tlsctl connect "unix:$dir/shop.sock" --server-name localhost --insecure < /dev/null \
    > client.out 2>&1; then
    fail "a client without a header is let in"
  fi
  tlsctl events --type client-error --about listeners/shop > events.out
  if grep -q PROXY_HEADER_INVALID events.out; then break; fi
done
grep -q PROXY_HEADER_INVALID events.out || fail "nobody says why it is turned away"

listen 8 direct
answer=$(get 9) || fail "the web server is not reached: $answer"
expect '^hello$' "$answer" "the web server is not heard"
if answer=$(get 9 's/ --haproxy-protocol//'); then fail "curl is let in without a header"; fi
