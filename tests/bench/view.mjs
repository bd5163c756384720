// Viewers for the benches, in a process of their own: notes when the last byte of each message
// came, until its standard input ends, then writes all of it to standard output.
//
//   node view.mjs '{"target":{…},"url":"/stream","protocol":"nalcast.v1","count":1}'
//
// "ready" is written once each viewer has a picture. hash: tell which access unit it was, for raw
// viewers, whose messages have no number.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect, parseMessage } from './socket.mjs';

const { target, url, protocol = null, acks = protocol !== null, count = 1, hash = false }
  = JSON.parse(process.argv[2]);
const messages = [];
const sockets = [];
const seen = new Set();

function digest(unit) {
  return hash ? createHash('sha1').update(unit).digest('base64').slice(0, 12) : null;
}

function note(viewer, payload, atUs) {
  const it = protocol ? parseMessage(payload) : { unit: payload, idr: (payload[4] & 31) === 7 };
  messages.push([viewer, atUs, payload.length, it.idr, it.seq ?? null, it.captureUs ?? null,
    it.publishUs ?? null, digest(it.unit)]);
  if (seen.has(viewer)) return;
  seen.add(viewer);
  if (seen.size === count) process.stdout.write('ready\n');
}

function finish() {
  const closed = sockets.map((socket) => socket.closed).filter(Boolean);
  for (const socket of sockets) socket.destroy();
  process.stdout.write(`${JSON.stringify({ messages, closed })}\n`, () => process.exit(0));
}

process.stdin.on('end', finish).resume();
if (target.caFile) target.ca = readFileSync(target.caFile);
for (let viewer = 0; viewer < count; viewer += 1) {
  const socket = await connect(target);
  sockets.push(socket);
  socket.upgrade({ url, protocol, acks, onBinary: (bytes, atUs) => note(viewer, bytes, atUs) });
}
