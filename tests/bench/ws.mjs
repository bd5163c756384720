// npm's `ws`, used as everybody uses it: each message is given to send() of each client.
//   node ws.mjs SOCKET BYTES FPS
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

const [socket, bytes, fps] = process.argv.slice(2);
const message = Buffer.alloc(Number(bytes));
const server = createServer();
const clients = new WebSocketServer({ server }).clients;
const begin = performance.now();
let count = 0;

const hex = (value, digits) => value.toString(16).padStart(digits, '0');

function broadcast() {
  const nowUs = process.hrtime.bigint() / 1000n; // see stamp.h
  message.write(`nalcast bench 01${hex(nowUs, 16)}${hex(count, 8)}`);
  // What is queued is not copied, so each message is a buffer of its own, as from an encoder.
  const own = Buffer.from(message);
  for (const client of clients) client.send(own);
  count++;
  setTimeout(broadcast, begin + count * 1000 / Number(fps) - performance.now());
}

server.listen(socket, broadcast);
