# shellcheck shell=bash
# Sourced by the tests of recipes, whose arguments are a page of docs/recipes and a language: runs
# what the page shows, as it stands there. Only addresses differ: TLSD_ADDRESS names a daemon of our
# own, or where one may be started, and ports are free ones.
set -euo pipefail

readonly page=$1 language=$2
readonly runfiles=$PWD
# Debian's Python, for which its packages are.
export PATH=$runfiles/client/cli:$HOME/.cache/tlsd/bin:/usr/bin:/bin:$PATH

# Where a user of the page would be.
dir=$(mktemp -d /tmp/tlsd-XXXXXX)
export TLSD_ADDRESS=${TLSD_ADDRESS:-unix:$dir/control}
readonly socket=${TLSD_ADDRESS#unix:}
ln -s "$runfiles/proto" "$dir/proto"
cd "$dir"

running=()
end() {
  local pid
  for pid in "${running[@]}"; do
    # A job is a process group: a program may have others at work.
    kill -- "-$pid" 2> /dev/null || true
    wait "$pid" 2> /dev/null || true
  done
  rm -rf "$dir"
}
trap end EXIT

fail() {
  echo "docs/recipes/$page.md, $language: $*" >&2
  head -n 30 "$dir"/*.out >&2 || true
  exit 1
}

# block FILE FENCE NUMBER: the fenced block of a page.
block() {
  local text
  text=$(awk -v fence="\`\`\`$2" -v n="$3" '
    $0 == fence { on = ++count == n; next } /^```/ { on = 0 } on' "$runfiles/$1")
  [[ -n $text ]] || fail "$1 has no $2 block $3"
  echo "$text"
}

# shown FENCE NUMBER: a block of the page, with our addresses.
port=0
shown() {
  block "docs/recipes/$page.md" "$1" "$2" |
    sed "s|/tmp/tlsd.sock|$socket|; s|127.0.0.1:8443|127.0.0.1:$port|"
}
# run NUMBER [SED]: runs an sh block; the sed script may change it.
run() { bash -euo pipefail -c "$(shown sh "$1" | sed "${2:-}")"; }

# background NAME COMMAND...: a job that ends with the test; its output is in NAME.out.
background() {
  # Here, and not in the job: else who waits for a line may find one of the job before.
  : > "$1.out"
  set -m
  "${@:2}" >> "$1.out" 2>&1 < /dev/null &
  set +m
  running+=($!)
}

# await FILE PATTERN: until what writes the file says it.
await() {
  for _ in $(seq 600); do
    if grep -q "$2" "$1" 2> /dev/null; then return; fi
    sleep 0.05
  done
  fail "nobody says '$2'"
}

# expect PATTERN TEXT WHY
expect() { grep -qE "$1" <<< "$2" || fail "$3; it says: $2"; }

# set_up SED: the first block, which makes listeners/web; the sed script may change it.
set_up() {
  port=0
  run 1 "$1" > set_up.out 2>&1 || fail "it cannot be set up"
  port=$(sed -n 's/.*"port": \([0-9]*\).*/\1/p' set_up.out | tail -n 1)
  [[ -n $port ]] || fail "its listener has no port"
}

# Which program of the page is meant, what it is called, and what it takes besides the daemon.
number=1
name=$page
arguments=()

# write_program: puts it into its file, and the command that runs it into $program.
write_program() {
  case $language in
    python)
      block docs/recipes.md sh 1 | bash -euo pipefail
      block "docs/recipes/$page.md" python "$number" > "$name.py"
      program=(python3 "$name.py")
      ;;
    node)
      ln -sfn "$HOME/.cache/tlsd/grpc-js/node_modules" node_modules
      block "docs/recipes/$page.md" js "$number" > "$name.js"
      program=(node "$name.js")
      ;;
    cpp)
      program=("$runfiles/client/examples/recipes/$name")
      diff <(block "docs/recipes/$page.md" cpp "$number") "${program[0]}.cc" ||
        fail "its C++ differs from client/examples/recipes/$name.cc"
      ;;
    grpcurl | tlsctl)
      block "docs/recipes/$page.md" bash "$number" > "$name.sh"
      program=(bash -euo pipefail "$name.sh")
      ;;
    *) fail "there is no such language" ;;
  esac
  program+=("$TLSD_ADDRESS" "${arguments[@]}")
}

# start_program: writes it, and runs it until it answers.
start_program() {
  write_program
  background program "${program[@]}"
  await program.out answering
}

stop_program() {
  local pid=${running[-1]}
  kill -- "-$pid" || fail "the program has ended by itself"
  wait "$pid" 2> /dev/null || true
  unset 'running[-1]'
}

# port_of LISTENER: the port that it has.
port_of() {
  grpcurl -plaintext -unix -d "{\"name\": \"listeners/$1\"}" "$socket" \
    tlsd.v1.ListenerService/GetListener | sed -n 's/.*"port": \([0-9]*\).*/\1/p'
}

# certificate NAME KIND [OPENSSL OPTION...]: NAME.pem and NAME-key.pem for localhost, self-signed.
certificate() {
  local key=(-newkey "$2")
  if [[ $2 == ec ]]; then key+=(-pkeyopt ec_paramgen_curve:prime256v1); fi
  openssl req -x509 "${key[@]}" -nodes -days 2 -subj "/CN=$1" \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$1-key.pem" -out "$1.pem" \
    "${@:3}" 2> certificate.out || fail "openssl makes no certificate"
}
