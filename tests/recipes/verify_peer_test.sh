#!/usr/bin/env bash
# docs/recipes/verify_peer.md: a server is accepted for its fingerprint, and only for that.
source tests/recipes/recipe.sh

certificate server ec
certificate stranger ec

# serve NAME: a server that shows NAME.pem.
serve() {
  background server sh -c "sleep infinity | openssl s_server -accept 127.0.0.1:0 \
    -cert $1.pem -key $1-key.pem"
  await server.out 'ACCEPT 127'
  port=$(sed -n 's/^ACCEPT 127.0.0.1:\([0-9]*\)$/\1/p' server.out)
}

start_program
serve server
answer=$(run 1 2>&1) || fail "a server that is known is refused: $answer"
expect '"authorized": true' "$answer" "a server that is known is not authorized"
await program.out '^known .* DEPTH_ZERO_SELF_SIGNED_CERT'

serve stranger
if answer=$(run 1 2>&1); then fail "a stranger is accepted"; fi
expect 'DECISION_REFUSED' "$answer" "nobody says why a stranger is refused"
await server.out 'certificate unknown'
await program.out '^unknown .* DEPTH_ZERO_SELF_SIGNED_CERT'
