#!/usr/bin/env bash
# docs/recipes/remote_key.md: the daemon serves with a key that it has never seen.
source tests/recipes/recipe.sh

kinds=(ec rsa:2048)
if [[ $language == python || $language == node ]]; then kinds+=(ed25519); fi

for kind in "${kinds[@]}"; do
  certificate server "$kind"
  set_up "s/\"web\"/\"${kind%:*}\"/g; s|/web\"|/${kind%:*}\"|g"
  start_program
  for version in tls1_2 tls1_3; do
    expect '^CONNECTION ESTABLISHED$' "$(run 2 "s/s_client/s_client -$version/")" \
      "a handshake with a key of kind $kind fails in $version"
  done
  stop_program
done

# The daemon looks at what it gets.
certificate other "$kind"
mv other-key.pem server-key.pem
start_program
if answer=$(run 2); then fail "a signature by another key is taken; it says: $answer"; fi
expect 'error:' "$answer" "openssl does not say that it has failed"
await program.out 'signature'
