#!/usr/bin/env bash
# Runs one test against a tlsd of its own; what the macro in tlsd_test.bzl executes.
# usage: tlsd_test_runner.sh DAEMON TEST [ARG...]
set -euo pipefail

daemon=$1
shift
# Not $TEST_TMPDIR: its path is too long for a unix socket.
dir=$(mktemp -d /tmp/tlsd-test.XXXXXX)
daemon_pid=

end_daemon() {
  local status=0
  if [[ -n $daemon_pid ]]; then
    kill -TERM "$daemon_pid" 2> /dev/null || true
    wait "$daemon_pid" || status=$?
    daemon_pid=
  fi
  return "$status"
}

wait_until_ready() {
  until [[ -e $dir/ready ]]; do
    if ! kill -0 "$daemon_pid" 2> /dev/null; then
      echo "tlsd_test: the daemon ended before it was ready" >&2
      exit 1
    fi
    sleep 0.01
  done
}

trap 'end_daemon || true; rm -rf "$dir"' EXIT
trap 'exit 143' TERM INT

export TLSD_ADDRESS="unix:$dir/control"
"$daemon" --control="$TLSD_ADDRESS" --ready_file="$dir/ready" < /dev/null &
daemon_pid=$!
wait_until_ready

status=0
"$@" || status=$?
if ! end_daemon && ((status == 0)); then
  echo "tlsd_test: the test passed, but the daemon did not end cleanly" >&2
  status=1
fi
exit "$status"
