#!/usr/bin/env bash
# usage: daemon_answers.sh TLSCTL. The daemon's address is in $TLSD_ADDRESS.
set -euo pipefail

[[ $TLSD_ADDRESS == unix:* ]]
"$1" status
