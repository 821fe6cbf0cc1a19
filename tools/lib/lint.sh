# shellcheck shell=bash
# Sourced by tools/dev: what is checked and formatted without being built.

our_cpp() { find bazel client proto server tests -name '*.cc' -o -name '*.h'; }

buf() { "$cache/npm/node_modules/.bin/buf" "$@"; }

check_cpp_format() {
  step "C++ format"
  our_cpp | xargs clang-format-14 --dry-run --Werror
}

check_contract() {
  step "the contract's lint"
  buf lint proto
  buf format --diff --exit-code proto --path proto/tlsd

  step "the contract's compatibility"
  local base old
  base=$(contract_base)
  if [[ -z $base ]]; then
    echo "skipped: no commit holds the contract yet"
    return
  fi
  old=$(mktemp -d)
  git archive "$base" proto | tar -x -C "$old"
  buf breaking proto --against "$old/proto"
  rm -rf "$old"
}

# The last release, or else the first commit that has the contract.
contract_base() {
  git describe --tags --abbrev=0 2> /dev/null && return
  { git log --reverse --format=%H -- proto/tlsd 2> /dev/null || true; } | sed -n 1p
}

check_scripts() {
  step "scripts"
  grep -rlx '#!/usr/bin/env bash' .ci bazel tests tools | xargs shellcheck --external-sources \
    --check-sourced
}

format_everything() {
  our_cpp | xargs clang-format-14 -i
  buf format --write proto --path proto/tlsd
}
