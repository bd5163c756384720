// What stands behind nginx in its own tests: a stream socket and a FastCGI program that say
// what they were asked.
import { chmodSync } from 'node:fs';
import { createHash } from 'node:crypto';
import http from 'node:http';
import net from 'node:net';

const BEGIN_REQUEST = 1;
const END_REQUEST = 3;
const PARAMS = 4;
const STDIN = 5;
const STDOUT = 6;

function listen(server, socket) {
  const open = new Set();
  server.on('connection', (connection) => {
    open.add(connection);
    connection.on('close', () => open.delete(connection));
  });
  return new Promise((resolve) => server.listen(socket, () => {
    chmodSync(socket, 0o666);
    resolve({
      close: () => new Promise((done) => {
        server.close(done);
        for (const connection of open) connection.destroy();
      }),
    });
  }));
}

/** nalcastd's place: an upgrade is answered with one binary message, GET with what was asked. */
export function standInStream(socket, camera = 'main') {
  const server = http.createServer((request, response) => {
    const { method, url, headers } = request;
    response.writeHead(url === '/stream' ? 426 : 200, { 'Content-Type': 'application/json',
      'X-Content-Type-Options': 'nosniff' });
    response.end(JSON.stringify({ camera, method, url, headers }));
  });
  server.on('upgrade', (request, connection) => {
    const key = request.headers['sec-websocket-key'];
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64');
    const { url, headers } = request;
    const payload = Buffer.from(JSON.stringify({ camera, url, headers }));
    connection.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n'
      + `Connection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
    // RFC 6455 5.2: final binary frame, not masked, 16-bit length.
    connection.write(Buffer.concat([Buffer.from([0x82, 126, payload.length >> 8,
      payload.length & 255]), payload]));
  });
  return listen(server, socket);
}

function record(type, content) {
  const head = Buffer.from([1, type, 0, 1, content.length >> 8, content.length & 255, 0, 0]);
  return Buffer.concat([head, content]);
}

/** FastCGI 3.4: each length is one byte, or four with the highest bit set. */
function parseParams(bytes) {
  const params = {};
  let at = 0;
  const length = () => {
    if (bytes[at] < 128) return bytes[at++];
    at += 4;
    return bytes.readUInt32BE(at - 4) & 0x7fffffff;
  };
  while (at < bytes.length) {
    const nameLength = length();
    const valueLength = length();
    const name = bytes.toString('utf8', at, at + nameLength);
    at += nameLength;
    if (name in params) throw new Error(`two parameters called ${name}`);
    params[name] = bytes.toString('utf8', at, at + valueLength);
    at += valueLength;
  }
  return params;
}

/** nalcast-fcgi's place: answers { params, size }; to ?silent it does not answer at all. */
export function standInFcgi(socket) {
  const server = net.createServer((connection) => {
    let pending = Buffer.alloc(0);
    let params = Buffer.alloc(0);
    let size = 0;
    const respond = () => {
      const asked = parseParams(params);
      if (asked.QUERY_STRING === 'silent') return;
      const body = JSON.stringify({ params: asked, size });
      const status = asked.QUERY_STRING === 'conflict' ? 'Status: 409 Conflict\r\n' : '';
      const head = `${status}Content-Type: application/json\r\nCache-Control: no-store\r\n`
        + 'X-Content-Type-Options: nosniff\r\n\r\n';
      connection.write(record(STDOUT, Buffer.from(head + body)));
      connection.write(record(STDOUT, Buffer.alloc(0)));
      connection.end(record(END_REQUEST, Buffer.alloc(8)));
    };
    connection.on('error', () => connection.destroy());
    connection.on('data', (chunk) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 8) {
        const length = pending.readUInt16BE(4);
        const total = 8 + length + pending[6];
        if (pending.length < total) return;
        const type = pending[1];
        const content = pending.subarray(8, 8 + length);
        pending = pending.subarray(total);
        if (type === PARAMS) params = Buffer.concat([params, content]);
        else if (type === STDIN && length > 0) size += length;
        else if (type === STDIN) respond();
        else if (type !== BEGIN_REQUEST) connection.destroy();
      }
    });
  });
  return listen(server, socket);
}
