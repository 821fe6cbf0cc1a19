#!/usr/bin/env bash
# docs/recipes/secure_pair.md: TLS with openssl, over a socket that the daemon does not have.
source tests/recipes/recipe.sh

# serve COMMAND...: a server that says on which port it listens, as openssl does.
serve() {
  background server "$@"
  await server.out 'ACCEPT 127'
  port=$(sed -n 's/^ACCEPT 127.0.0.1:\([0-9]*\)$/\1/p' server.out)
}
# serve_page: the server of the page.
serve_page() {
  port=0
  serve bash -euo pipefail -c "$(shown sh 1)"
}
hello() { timeout 30 "${program[@]}" 127.0.0.1 "$port" 2>&1; }

certificate server ec
run 2 > set_up.out
write_program
serve_page
answer=$(hello) || fail "hello is not said: $answer"
expect '^olleh$' "$answer" "hello does not come back"
expect 'Protocol version: TLSv1.3' "$(cat server.out)" "there is no TLS"
stop_program

# One that is cut off in the middle of a word.
cat > cut_off.py << 'END'
import socket
import ssl

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("server.pem", "server-key.pem")
with socket.create_server(("127.0.0.1", 0)) as listener:
    print("ACCEPT 127.0.0.1:%d" % listener.getsockname()[1], flush=True)
    with context.wrap_socket(listener.accept()[0], server_side=True) as connection:
        while connection.recv(100):
            pass
        connection.send(b"ol")
END
serve python3 cut_off.py
if answer=$(hello); then fail "nobody sees that the end is missing: $answer"; fi
expect '^ol' "$answer" "what has come is lost"
expect TLS_TRUNCATED "$answer" "nobody says that the end is missing"

# A stranger, who is told why.
certificate server ec
serve_page
if answer=$(hello); then fail "a stranger is told: $answer"; fi
expect PEER_CERTIFICATE_UNTRUSTED "$answer" "nobody says why a stranger is refused"
await server.out 'alert unknown ca'
