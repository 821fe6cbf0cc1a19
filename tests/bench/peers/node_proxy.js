// A TLS proxy as one would write it with Node's tls module, measured beside tlsd.
//
// usage: node node_proxy.js CIPHERS GROUP (PORT BACKEND_PORT CERTIFICATE KEY)...
'use strict';

const fs = require('fs');
const net = require('net');
const tls = require('tls');

const [ciphers, group, ...services] = process.argv.slice(2);
while (services.length > 0) {
  const [port, backendPort, certificate, key] = services.splice(0, 4);
  const server = tls.createServer({
    cert: fs.readFileSync(certificate),
    key: fs.readFileSync(key),
    ciphers,
    ecdhCurve: group,
    minVersion: 'TLSv1.2',
    noDelay: true,
  }, (client) => {
    const backend = net.connect({ port: Number(backendPort), host: '127.0.0.1', noDelay: true });
    client.pipe(backend).pipe(client);
    client.on('error', () => backend.destroy());
    backend.on('error', () => client.destroy());
  });
  server.on('tlsClientError', () => {});
  server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });
}
