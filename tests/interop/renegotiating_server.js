// A TLS 1.2 server of Node on a free port of loopback, which asks for
// renegotiation when the client has said anything, and when it has closed; then
// it goes on to speak. All such servers resume each other's sessions. Standard
// output tells the port, then what became of the renegotiation.
//
// usage: node renegotiating_server.js CERTIFICATE_PATH KEY_PATH
'use strict';

const fs = require('fs');
const tls = require('tls');

const [cert, key] = process.argv.slice(2);
const tell = (line) => process.stdout.write(`${line}\n`);

const server = tls.createServer({
  maxVersion: 'TLSv1.2',
  allowHalfOpen: true,
  cert: fs.readFileSync(cert),
  key: fs.readFileSync(key),
  ticketKeys: Buffer.alloc(48, 't'),
  sessionIdContext: 'renegotiating',
});
server.on('secureConnection', (socket) => {
  const renegotiate = () => socket.renegotiate(
      {rejectUnauthorized: false},
      (error) => tell(error ? 'failed' : 'renegotiated'));
  socket.once('data', renegotiate);
  socket.on('end', () => {
    renegotiate();
    socket.write('still here');
  });
  socket.on('error', (error) => tell(`error ${error.code}`));
});
server.listen(0, '127.0.0.1', () => tell(`port ${server.address().port}`));
