#!/usr/bin/env bash
# The two examples of Node's tls documentation, mutual TLS both ways: with each other, and each with
# openssl in the other's place. Run as a tlsd_test, so TLSD_ADDRESS names a daemon of our own.
set -euo pipefail

dir=$(mktemp -d /tmp/tlsd-XXXXXX)
running=()
end() {
  exec 7>&- 8>&- 9>&- || true
  for pid in "${running[@]}"; do
    kill "$pid" 2> /dev/null || true
    wait "$pid" 2> /dev/null || true
  done
  rm -rf "$dir"
}
trap end EXIT

fail() {
  echo "client/examples: $*" >&2
  head -n 20 "$dir"/*.out >&2
  exit 1
}

for name in server client stranger; do
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
    -subj "/CN=$name" -addext subjectAltName=DNS:localhost \
    -keyout "$dir/$name-key.pem" -out "$dir/$name.pem" 2> /dev/null
done

# await FILE PATTERN: until the program that writes the file says it.
await() {
  for _ in $(seq 400); do
    grep -q "$2" "$1" && return
    sleep 0.05
  done
  fail "nobody says '$2'"
}

mkfifo "$dir/in"
client/examples/mutual_tls_server --control="$TLSD_ADDRESS" --listen=127.0.0.1:0 \
  --cert="$dir/server.pem" --key="$dir/server-key.pem" --ca="$dir/client.pem" \
  < "$dir/in" > "$dir/server.out" 2>&1 &
running+=($!)
exec 9> "$dir/in"
await "$dir/server.out" 'server bound'
port=$(sed -n 's/server bound .*:\([0-9]*\)$/\1/p' "$dir/server.out")

# our_client PORT KEYS: says hello to a server.
our_client() {
  echo hello | client/examples/mutual_tls_client --control="$TLSD_ADDRESS" \
    --connect="localhost:$1" --cert="$dir/$2.pem" --key="$dir/$2-key.pem" \
    --ca="$dir/server.pem" 2>&1
}
their_client() {
  # It keeps the input open until the answer is there.
  # shellcheck disable=SC2094
  { echo hello; await "$dir/their.out" hello; } | openssl s_client -connect "localhost:$port" \
    -cert "$dir/$1.pem" -key "$dir/$1-key.pem" -CAfile "$dir/server.pem" \
    -verify_return_error -quiet -no_ign_eof "-$2" > "$dir/their.out" 2>&1
}

our_client "$port" client > "$dir/ours.out" || fail "our client fails"
for expected in 'client connected authorized' 'welcome!' hello; do
  grep -qx "$expected" "$dir/ours.out" || fail "our client does not print '$expected'"
done
grep -qx 'server connected authorized' "$dir/server.out" || fail "a good client is not authorized"

for version in tls1_2 tls1_3; do
  : > "$dir/their.out"
  their_client client "$version" || fail "openssl's client fails in $version"
  grep -qx 'welcome!' "$dir/their.out" || fail "openssl's client is not welcome in $version"
done
(($(grep -c 'server connected authorized' "$dir/server.out") == 3)) ||
  fail "openssl's client is not authorized"

our_client "$port" stranger > "$dir/ours.out" || fail "a stranger is not served"
grep -qx 'server connected unauthorized' "$dir/server.out" || fail "a stranger is authorized"

# openssl's server on port 0 says which it took.
mkfifo "$dir/in2"
openssl s_server -accept 127.0.0.1:0 -cert "$dir/server.pem" -key "$dir/server-key.pem" \
  -CAfile "$dir/client.pem" -Verify 1 -rev < "$dir/in2" > "$dir/s_server.out" 2>&1 &
running+=($!)
exec 8> "$dir/in2"
await "$dir/s_server.out" 'ACCEPT 127'
their_port=$(sed -n 's/ACCEPT 127.0.0.1:\([0-9]*\)$/\1/p' "$dir/s_server.out")
{ echo hello; echo CLOSE; } | client/examples/mutual_tls_client --control="$TLSD_ADDRESS" \
  --connect="localhost:$their_port" --cert="$dir/client.pem" --key="$dir/client-key.pem" \
  --ca="$dir/server.pem" > "$dir/ours.out" 2>&1 || fail "our client fails with openssl's server"
grep -qx olleh "$dir/ours.out" || fail "openssl's server does not answer our client"

# The same with PKCS#12, as the module's documentation has it.
for name in server client; do
  openssl pkcs12 -export -in "$dir/$name.pem" -inkey "$dir/$name-key.pem" -out "$dir/$name.pfx" \
    -passout pass:secret
done
echo secret > "$dir/secret"
printf 'secret\r\n' > "$dir/secret-crlf"
echo wrong > "$dir/wrong"
mkfifo "$dir/in3"
client/examples/mutual_tls_server --control="$TLSD_ADDRESS" --listen=127.0.0.1:0 \
  --pfx="$dir/server.pfx" --passphrase_file="$dir/secret" --ca="$dir/client.pem" \
  < "$dir/in3" > "$dir/pfx.out" 2>&1 &
running+=($!)
exec 7> "$dir/in3"
await "$dir/pfx.out" 'server bound'
pfx_port=$(sed -n 's/server bound .*:\([0-9]*\)$/\1/p' "$dir/pfx.out")
echo hello | client/examples/mutual_tls_client --control="$TLSD_ADDRESS" \
  --connect="localhost:$pfx_port" --pfx="$dir/client.pfx" --passphrase_file="$dir/secret-crlf" \
  --ca="$dir/server.pem" > "$dir/ours.out" 2>&1 || fail "our client fails with PKCS#12"
grep -qx 'client connected authorized' "$dir/ours.out" || fail "the server's PKCS#12 is no good"
grep -qx 'server connected authorized' "$dir/pfx.out" || fail "the client's PKCS#12 is no good"
if echo | client/examples/mutual_tls_client --control="$TLSD_ADDRESS" \
  --connect="localhost:$pfx_port" --pfx="$dir/client.pfx" --passphrase_file="$dir/wrong" \
  --ca="$dir/server.pem" > "$dir/ours.out" 2>&1; then
  fail "our client opens PKCS#12 with a wrong passphrase"
fi
grep -q PASSPHRASE_WRONG "$dir/ours.out" || fail "nobody says that the passphrase is wrong"

# A server that nobody vouches for.
if echo | client/examples/mutual_tls_client --control="$TLSD_ADDRESS" \
  --connect="localhost:$port" --cert="$dir/client.pem" --key="$dir/client-key.pem" \
  --ca="$dir/stranger.pem" > "$dir/ours.out" 2>&1; then
  fail "our client accepts a server that it does not trust"
fi
