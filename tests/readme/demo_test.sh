#!/usr/bin/env bash
# What `tools/dev run` shows: the transcript tells what was negotiated, each command that it prints
# works when pasted, and Ctrl-C ends it and leaves nothing behind.
set -euo pipefail

export TLSD_BIN=$PWD GRPCURL=$HOME/.cache/tlsd/bin/grpcurl NO_COLOR=1
dir=$(mktemp -d /tmp/tlsd-XXXXXX)
demo=

# Bash starts what is in the background with SIGINT ignored; a terminal does not.
python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' tools/demo > "$dir/out" 2>&1 &
demo=$!
trap 'kill "$demo" 2> /dev/null || true; wait "$demo" || true; rm -rf "$dir"' EXIT

fail() {
  echo "tools/demo: $*" >&2
  cat "$dir/out" >&2
  exit 1
}

until grep -q 'until Ctrl-C' "$dir/out"; do
  kill -0 "$demo" 2> /dev/null || fail "it ended before it had shown all"
  sleep 0.05
done

for expected in 'TLSv1.3' 'TLS_AES_128_GCM_SHA256' 'X25519' 'CN=localhost' 'authorized   yes' \
  'this came back through TLS' '33 B sent, 33 B received'; do
  grep -qF "$expected" "$dir/out" || fail "its transcript has no '$expected'"
done

pasted() { grep -E "^  .*$1" "$dir/out"; }

[[ $(echo pasted | bash -c "$(pasted 'tlsctl -s')" 2> /dev/null) == pasted ]] ||
  fail "its tlsctl command does not work"
bash -c "$(pasted grpcurl)" | grep -q '"version"' || fail "its grpcurl command does not work"
echo Q | bash -c "$(pasted s_client)" 2>&1 | grep -q 'Verify return code: 0 (ok)' ||
  fail "its openssl command does not work"

home=$(sed -n 's|.*unix:\(/tmp/tlsd-[A-Za-z0-9]*\)/tlsd.sock.*|\1|p' "$dir/out" | head -n 1)
[[ -d $home ]] || fail "its folder is not where it says"
kill -INT "$demo"
wait "$demo" || fail "Ctrl-C made it fail"
[[ ! -e $home ]] || fail "it left $home behind"
