#!/usr/bin/env bash
# docs/recipes/key_log.md: the file that it writes holds the secrets that openssl has at its end.
source tests/recipes/recipe.sh

background daemon "$runfiles/server/main/tlsd" --key_log --control="$TLSD_ADDRESS"
await daemon.out serving
call() { grpcurl -plaintext -unix -d "$2" "$socket" "tlsd.v1.$1"; }
call SecureContextService/CreateSecureContext '{"secureContextId": "web",
  "secureContext": {"credentials": [{"development": {}}]}}' > calls.out
call ListenerService/CreateListener '{"listenerId": "web", "listener": {"address": "127.0.0.1:0",
  "secureContext": "secureContexts/web", "echo": {}}}' >> calls.out
port=$(sed -n 's/.*"port": \([0-9]*\).*/\1/p' calls.out)

background watch bash -euo pipefail -c "$(shown sh 1)"
visit() { openssl s_client -connect "127.0.0.1:$port" "$@" < /dev/null > visit.out 2>&1; }

# The watch begins some time.
for _ in $(seq 100); do
  visit || fail "openssl fails"
  if [[ -s keys.log ]]; then break; fi
done

for version in tls1_2 tls1_3; do
  visit -$version -keylogfile theirs.log || fail "openssl fails in $version"
done
(($(grep -vc '^#' theirs.log) >= 6)) || fail "openssl has not written its secrets"
while read -r secret; do
  await keys.log "^$secret$"
done < <(grep -v '^#' theirs.log)
! grep -qv '^[A-Z_0-9]* [0-9a-f]* [0-9a-f]*$' keys.log || fail "there is more than secrets in it"
