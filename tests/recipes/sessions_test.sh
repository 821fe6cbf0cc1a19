#!/usr/bin/env bash
# docs/recipes/sessions.md: clients resume sessions that only the program has kept.
source tests/recipes/recipe.sh

set_up ''
start_program

# visit BLOCK VERSION: what openssl says of a connection on which a line came back.
visit() {
  : > visit.out
  # It keeps the input open until the answer is there.
  # shellcheck disable=SC2094
  {
    echo there-and-back
    # shellcheck disable=SC2094
    await visit.out there-and-back
    echo Q
  } | run "$1" "s/s_client/s_client -$2/" > visit.out 2>&1 || fail "openssl fails in $2"
  cat visit.out
}

for version in tls1_2 tls1_3; do
  rm -f session.pem
  expect '^New, TLSv1' "$(visit 2 $version)" "a first visit in $version is no full handshake"
  [[ -s session.pem ]] || fail "there is no session to resume in $version"
  expect '^Reused, TLSv1' "$(visit 3 $version)" "a session of $version is not resumed"
done

# Sessions of TLS 1.3 are for one use; what is gone from the store is no error.
expect '^New, TLSv1.3' "$(visit 3 tls1_3)" "a session is resumed that was given out already"
