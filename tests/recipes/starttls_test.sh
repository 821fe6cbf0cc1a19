#!/usr/bin/env bash
# docs/recipes/starttls.md: TLS begins in the middle, with PostgreSQL as server, and with curl and
# openssl as clients of SMTP.
source tests/recipes/recipe.sh

readonly postgres=/usr/lib/postgresql/15/bin
# PostgreSQL refuses to run as root, even one who is root here only.
apart=()
if ((EUID == 0)); then
  apart=(unshare --user --map-user=65534 --map-group=65534)
  # Where nobody may have a namespace of their own, root can be somebody else.
  if ! "${apart[@]}" true 2> /dev/null; then
    apart=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    chown 65534:65534 .
  fi
fi

# database NAME [OPTION...]: a server that listens on $server.
database() {
  "${apart[@]}" "$postgres/initdb" -D "$1" -A trust -U postgres --no-sync > initdb.out 2>&1 ||
    fail "PostgreSQL cannot be set up"
  # It cannot choose a port by itself.
  while true; do
    server=127.0.0.1:$((RANDOM % 20000 + 20000))
    background database "${apart[@]}" "$postgres/postgres" -D "$1" -h 127.0.0.1 \
      -p "${server#*:}" -k "$dir" -c fsync=off "${@:2}"
    await database.out 'ready to accept connections\|could not bind\|FATAL'
    if grep -q 'ready to accept' database.out; then return; fi
    grep -q 'Address already in use' database.out || fail "PostgreSQL does not run"
  done
}

# query: what the psql of the page prints.
query() { run 2 "s/port=6432/port=$port/"; }

certificate server ec
certificate other ec
secure=(-c ssl=on -c ssl_cert_file="$dir/server.pem" -c ssl_key_file="$dir/server-key.pem")
run 1 's/:6432/:0/' > set_up.out 2>&1 || fail "it cannot be set up"
port=$(port_of db)

database data "${secure[@]}"
arguments=("$server")
start_program
expect 'TLSv1.3 \| TLS_' "$(query)" "PostgreSQL sees no TLS"
stop_program
stop_program # PostgreSQL

database plain -c ssl=off
arguments=("$server")
start_program
if answer=$(query 2>&1); then fail "a server without TLS is spoken to; it says: $answer"; fi
await program.out 'the server has no TLS'
stop_program
stop_program

secure=("${secure[@]//server/other}")
database other "${secure[@]}"
arguments=("$server")
start_program
if answer=$(query 2>&1); then fail "another server is spoken to; it says: $answer"; fi
await program.out 'DEPTH_ZERO_SELF_SIGNED_CERT\|PEER_CERTIFICATE_UNTRUSTED\|self.signed'
stop_program
stop_program

# As server.
run 3 's/:2525/:0/' > set_up.out 2>&1 || fail "it cannot be set up"
port=$(port_of mail)
number=2 name=starttls_server arguments=()
start_program
run 4 "s/:2525/:$port/" > curl.out 2>&1 || fail "curl cannot send mail"
await program.out '^Subject: greetings'
await program.out '^Hello!'
answer=$(run 5 "s/:2525/:$port/" 2>&1) || fail "openssl cannot say goodbye; it says: $answer"
expect '^221 ' "$answer" "openssl is not told goodbye"

if answer=$(run 4 "s/:2525/:$port/; s/--ssl-reqd//" 2>&1); then
  fail "mail is taken in the clear"
fi

# What comes in the clear behind the question is no command.
exec 3<> "/dev/tcp/127.0.0.1/$port"
printf 'EHLO eve\r\nSTARTTLS\r\nMAIL FROM:<eve@example.com>\r\n' >&3
answer=$(tr -d '\0' <&3 || true)
exec 3>&-
expect '^220 go ahead' "$answer" "TLS is not begun"
if grep -q '250 OK' <<< "$answer"; then fail "a command in the clear is obeyed"; fi
run 4 "s/:2525/:$port/" > curl.out 2>&1 || fail "curl cannot send mail any more"
