#!/usr/bin/env bash
# README.md does what it shows: its C++ is the example that runs, and its calls by grpcurl answer.
# Run as a tlsd_test, so TLSD_ADDRESS names a daemon of our own.
set -euo pipefail

readme=README.md
example=client/examples/main_job.cc
export PATH=$HOME/.cache/tlsd/bin:$PATH

fail() {
  echo "README.md: $*" >&2
  exit 1
}

# Prints the fenced blocks of a language; a block that is not the first needs its number.
block() { awk -v fence="\`\`\`$1" -v n="$2" '
  $0 == fence { on = ++count == n; next } /^```/ { on = 0 } on' "$readme"; }

block cpp 1 > shown.cc
sed -n '/^absl::Status MainJob/,/^}/p' "$example" > real.cc
diff shown.cc real.cc || fail "its C++ differs from $example"

[[ $(client/examples/main_job --control="$TLSD_ADDRESS") == "TLSv1.3: hello" ]] ||
  fail "its C++ does not print the echo"

home=$(mktemp -d /tmp/tlsd-XXXXXX)
trap 'rm -rf "$home"' EXIT
block sh 3 |
  sed "s|/tmp/tlsd.sock|${TLSD_ADDRESS#unix:}|; s|/tmp/echo.sock|$home/echo.sock|" > calls.sh
grep -q 'call EventService/ListEvents' calls.sh || fail "the third sh block is not that of grpcurl"
answers=$(bash -euo pipefail calls.sh)
for expected in '"text": "hello"' 'EVENT_TYPE_SECURE_CONNECTION' 'EVENT_TYPE_SECURE_CONNECT"'; do
  grep -qF "$expected" <<< "$answers" || fail "its calls by grpcurl do not answer $expected: $answers"
done
