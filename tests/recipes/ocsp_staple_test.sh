#!/usr/bin/env bash
# docs/recipes/ocsp_staple.md: clients get what the responder of a real authority says.
source tests/recipes/recipe.sh

# An authority whose responder knows one certificate. usage: authority V|R
authority() {
  certificate issuer ec -addext keyUsage=keyCertSign,digitalSignature
  local revoked=
  [[ $1 == V ]] || revoked=$(date -u -d yesterday +%y%m%d%H%M%SZ)
  printf '%s\t491231235959Z\t%s\t1001\tunknown\t/CN=server\n' "$1" "$revoked" > index.txt
  background responder openssl ocsp -index index.txt -port 0 -rsigner issuer.pem \
    -rkey issuer-key.pem -CA issuer.pem -nmin 60
  await responder.out ACCEPT
  local url
  url=http://127.0.0.1:$(sed -n 's/^ACCEPT .*:\([0-9]*\).*/\1/p' responder.out)
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=server \
    -keyout server-key.pem -out request.pem 2> /dev/null
  openssl x509 -req -in request.pem -CA issuer.pem -CAkey issuer-key.pem -set_serial 0x1001 \
    -days 2 -out server.pem 2> /dev/null \
    -extfile <(printf 'subjectAltName=DNS:localhost\nauthorityInfoAccess=OCSP;URI:%s\n' "$url")
}

# In C++ another program fetches the response.
prepare() {
  if [[ $language == cpp ]]; then run 3 > fetch.out 2>&1 || fail "the responder does not answer"; fi
}

authority V
set_up ''
prepare
start_program
expect 'Cert Status: good' "$(run 2)" "nobody staples that the certificate is good"
stop_program
stop_program # of the authority

authority R
set_up 's/"web"/"revoked"/g; s|/web"|/revoked"|g'
prepare
start_program
expect 'Cert Status: revoked' "$(run 2)" "nobody staples that the certificate is revoked"
stop_program
stop_program

# Nobody to ask.
rm -f staple.der
set_up 's/"web"/"late"/g; s|/web"|/late"|g'
start_program
expect 'OCSP response: no response sent' "$(run 2)" "something is stapled that nobody has said"
