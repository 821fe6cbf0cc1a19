// A TLS echo server of Node on a free port of loopback. Standard output tells
// the port, then facts and errors, one JSON object a line.
//
// usage: node node_server.js '{"cert": "PATH", "key": "PATH", ...}'
'use strict';

const fs = require('fs');
const tls = require('tls');

const options = JSON.parse(process.argv[2]);
const tell = (facts) => process.stdout.write(JSON.stringify(facts) + '\n');
const read = (path) => (path ? fs.readFileSync(path) : undefined);

const server = tls.createServer({
  minVersion: options.version,
  maxVersion: options.version,
  ALPNProtocols: ['h2', 'http/1.1'],
  cert: read(options.cert),
  key: read(options.key),
  ca: read(options.ca),
  requestCert: Boolean(options.ca),
  rejectUnauthorized: Boolean(options.ca),
});

server.on('secureConnection', (socket) => {
  tell({
    authorized: socket.authorized,
    servername: socket.servername,
    alpn: socket.alpnProtocol,
    protocol: socket.getProtocol(),
    peer: (socket.getPeerCertificate().subject || {}).CN,
  });
  socket.on('end', () => tell({ended: true}));
  socket.on('error', (error) => tell({error: error.code}));
  socket.pipe(socket);
});
server.on('tlsClientError', (error) => tell({error: error.code}));
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`port ${server.address().port}\n`);
});
