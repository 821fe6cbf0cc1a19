# shellcheck shell=bash
# Sourced by tools/dev: makes sure that what a subcommand needs is there. Everything comes from
# Debian, except what Debian lacks, which is pinned and kept in $cache.

readonly grpcurl_version=1.8.7 # the newest that Debian 12's Go can build
readonly buf_version=1.75.0
readonly grpc_js_version=1.14.4
readonly proto_loader_version=0.8.0

# Servers that tests and benchmarks start themselves, and Debian otherwise, at once and at boot.
readonly services=(haproxy hitch nginx)
# Debian asks this program whether a service may start.
readonly services_policy=/usr/sbin/policy-rc.d

declare -A needed_package=()  # package -> why; libraries, looked up in dpkg
declare -A missing_package=() # package -> why
needed_tools=()               # functions that install what Debian lacks

need_package() { needed_package[$1]=$2; }

# need_command COMMAND PACKAGE WHY: whoever provides the command will do.
need_command() {
  command -v "$1" > /dev/null || missing_package[$2]=$3
}

need_build() {
  need_package bazel-bootstrap "Bazel, the build tool"
  need_package bazel-rules-java "Bazel asks for it"
  need_package bazel-rules-proto "Bazel asks for it"
  need_package g++ "the compiler"
  need_package libgrpc++-dev "gRPC, the control plane"
  need_package protobuf-compiler-grpc "gRPC's code generator"
  need_package libprotobuf-dev "Protocol Buffers"
  need_package protobuf-compiler "its code generator"
  need_package libabsl-dev "Abseil, the base library"
  need_package xz-utils "unpacks BoringSSL's source"
  need_package libcli11-dev "CLI11, the command line of tlsctl"
}

# What the commands that `tools/dev run` prints call.
need_demo() {
  need_command openssl openssl "a TLS client to try"
  need_grpcurl
}

need_test() {
  need_package libgtest-dev "GoogleTest"
  need_package libgmock-dev "GoogleMock"
  need_package libbenchmark-dev "Google Benchmark"
  need_command openssl openssl "a TLS peer of the tests"
  need_command gnutls-cli gnutls-bin "a TLS peer of the tests"
  need_command curl curl "a TLS peer of the tests"
  need_command node nodejs "a TLS peer of the tests"
  # A Java without its compiler cannot run a source file.
  need_command javac openjdk-17-jdk-headless "a TLS peer of the tests"
  need_command go golang-go "a TLS peer of the tests"
  need_command python3 python3 "counts the tests"
  need_command tshark tshark "decrypts captures in the tests"
  # For Debian's own Python, whichever comes first in PATH.
  need_package python3 "runs the recipes in Python"
  need_package python3-grpcio "gRPC for the recipes in Python"
  need_package python3-cryptography "keys for the recipes in Python"
  need_package haproxy "a proxy of the recipes"
  need_package iproute2 "tells the ports of the recipes' proxies"
  need_package microsocks "a proxy of the recipes"
  need_package postgresql-15 "a server of the recipes"
  need_package tinyproxy-bin "a proxy of the recipes"
  need_package strace "counts system calls"
  need_package valgrind "counts instructions"
  need_grpcurl
  need_grpc_js
}

# The servers that tlsd is measured beside.
need_bench() {
  need_package python3 "runs the rounds"
  need_package haproxy "a peer of the benchmark"
  need_package hitch "a peer of the benchmark"
  need_package libnginx-mod-stream "nginx and its proxy, a peer of the benchmark"
  need_package stunnel4 "a peer of the benchmark"
  need_command node nodejs "a peer of the benchmark"
  need_command openssl openssl "certificates of the benchmark"
  need_package strace "counts system calls"
}

need_grpcurl() {
  if [[ ! -x $cache/grpcurl-$grpcurl_version/grpcurl ]]; then
    need_command go golang-go "builds grpcurl"
    need_package ca-certificates "verifies its download"
    needed_tools+=(install_grpcurl)
  fi
}

need_grpc_js() {
  local home="$cache/grpc-js/node_modules/@grpc"
  if ! grep -qs "\"version\": \"$grpc_js_version\"" "$home/grpc-js/package.json" ||
    ! grep -qs "\"version\": \"$proto_loader_version\"" "$home/proto-loader/package.json"
  then
    need_command npm npm "installs gRPC for Node"
    need_package ca-certificates "verifies its download"
    needed_tools+=(install_grpc_js)
  fi
}

need_lint() {
  need_command clang-format-14 clang-format-14 "formats the C++"
  need_command shellcheck shellcheck "checks the scripts"
  if ! grep -qs "\"version\": \"$buf_version\"" "$cache/npm/node_modules/@bufbuild/buf/package.json"
  then
    need_command node nodejs "runs npm"
    need_command npm npm "installs buf"
    need_package ca-certificates "verifies its download"
    needed_tools+=(install_buf)
  fi
}

# Installs what the need_ functions have found missing. Asks nothing.
install_missing() {
  find_missing_packages
  if ((${#missing_package[@]} > 0)); then
    echo "Missing on this machine:"
    local package packages
    mapfile -t packages < <(printf '%s\n' "${!missing_package[@]}" | sort)
    for package in "${packages[@]}"; do
      printf '  %-24s %s\n' "$package" "${missing_package[$package]}"
    done
    install_packages "${packages[@]}"
  fi
  local tool
  for tool in "${needed_tools[@]}"; do "$tool"; done
}

find_missing_packages() {
  if ! command -v dpkg-query > /dev/null; then
    echo "tools/dev: tlsd is developed on Debian 12, and this system has no dpkg" >&2
    exit 1
  fi
  local installed package
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${!needed_package[@]}" \
    2> /dev/null || true)
  for package in "${!needed_package[@]}"; do
    grep -qxF "installed $package" <<< "$installed" ||
      missing_package[$package]=${needed_package[$package]}
  done
}

install_packages() {
  local root=()
  if ((EUID != 0)); then
    if ! sudo -n true 2> /dev/null; then
      echo "To install them, run as root: apt-get install --no-install-recommends $*" >&2
      exit 1
    fi
    root=(sudo)
  fi
  if [[ " $* " == *" postgresql-15 "* && ! -e /etc/postgresql-common/createcluster.conf ]]; then
    # Else Debian sets up a database that runs from then on.
    "${root[@]}" install -d /etc/postgresql-common
    echo "create_main_cluster = false" |
      "${root[@]}" tee /etc/postgresql-common/createcluster.conf > /dev/null
  fi
  "${root[@]}" apt-get update
  local service idle_services=()
  for service in "${services[@]}"; do
    [[ -e /etc/init.d/$service ]] || idle_services+=("$service")
  done
  (
    if [[ ! -e $services_policy ]]; then
      trap '"${root[@]}" rm "$services_policy"' EXIT
      printf '#!/bin/sh\nexit 101\n' | "${root[@]}" install -m 755 /dev/stdin "$services_policy"
    fi
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install --yes --no-install-recommends "$@"
  )
  for service in "${idle_services[@]}"; do
    if [[ -e /etc/init.d/$service ]]; then
      "${root[@]}" update-rc.d "$service" disable
    fi
  done
}

install_grpcurl() {
  local home="$cache/grpcurl-$grpcurl_version"
  echo "Building grpcurl $grpcurl_version, which calls tlsd in the tests (a minute or two)"
  GOBIN="$home" GOFLAGS=-mod=mod GOTOOLCHAIN=local \
    go install -v "github.com/fullstorydev/grpcurl/cmd/grpcurl@v$grpcurl_version"
  mkdir -p "$cache/bin"
  ln -sfn "$home/grpcurl" "$cache/bin/grpcurl"
}

install_grpc_js() {
  echo "Installing gRPC $grpc_js_version for Node, which runs the recipes"
  npm install --prefix "$cache/grpc-js" --no-audit --no-fund \
    "@grpc/grpc-js@$grpc_js_version" "@grpc/proto-loader@$proto_loader_version"
}

install_buf() {
  echo "Installing buf $buf_version, which checks the contract"
  npm install --prefix "$cache/npm" --no-audit --no-fund "@bufbuild/buf@$buf_version"
}
