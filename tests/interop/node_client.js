// A TLS client of Node: standard input goes to the peer, its bytes to standard
// output, and facts and errors, one JSON object a line, to standard error.
//
// usage: node node_client.js '{"port": 1, "ca": "PATH", ...}'
'use strict';

const fs = require('fs');
const tls = require('tls');

const options = JSON.parse(process.argv[2]);
const tell = (facts) => process.stderr.write(JSON.stringify(facts) + '\n');
const read = (path) => (path ? fs.readFileSync(path) : undefined);

const socket = tls.connect({
  host: '127.0.0.1',
  port: options.port,
  servername: options.name || 'localhost',
  minVersion: options.version,
  maxVersion: options.version,
  ALPNProtocols: ['http/1.1'],
  ca: read(options.ca),
  cert: read(options.cert),
  key: read(options.key),
  session: options.session ? read(options.session) : undefined,
});

socket.on('secureConnect', () => {
  tell({
    authorized: socket.authorized,
    protocol: socket.getProtocol(),
    alpn: socket.alpnProtocol,
    reused: socket.isSessionReused(),
  });
  process.stdin.pipe(socket);
});
socket.on('session', (session) => {
  if (options.keepSession) fs.writeFileSync(options.keepSession, session);
});
socket.on('end', () => tell({ended: true}));
socket.on('error', (error) => {
  tell({error: error.code});
  process.exitCode = 1;
});
socket.pipe(process.stdout);
