// RFC 6455 against nalcastd's own WebSocket code as an echo server (tests/tools/ws_echo), by bytes
// of our own and by the npm package ws. Any other conformance suite can be pointed at it, too.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { sourceDir } from '../lib/stack.mjs';

const WebSocket = createRequire(path.join(sourceDir, 'tests/package.json'))('ws');
const build = path.resolve(sourceDir, process.env.NALCAST_BUILD ?? 'build');

let dir, echo, socketPath;

before(async () => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'nc-'));
  socketPath = `${dir}/echo.sock`;
  echo = spawn(path.join(build, 'tests/tools/ws_echo'), [socketPath], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(echo.stdout, 'data');
});

after(() => {
  echo.kill();
  rmSync(dir, { recursive: true });
});

const FIN = 0x80;
const [CONT, TEXT, BINARY, CLOSE, PING, PONG] = [0, 1, 2, 8, 9, 10];

/** A client's frame: masked, with the shortest length, unless told otherwise (5.2). */
function frame(first, payload = '', { mask = true, lengthBytes } = {}) {
  const data = Buffer.from(payload);
  const form = lengthBytes ?? (data.length < 126 ? 0 : data.length < 65536 ? 2 : 8);
  const head = Buffer.alloc(2 + form);
  head[0] = first;
  head[1] = (mask ? 0x80 : 0) | (form === 0 ? data.length : form === 2 ? 126 : 127);
  if (form === 2) head.writeUInt16BE(data.length, 2);
  if (form === 8) head.writeBigUInt64BE(BigInt(data.length), 2);
  if (!mask) return Buffer.concat([head, data]);
  const key = randomBytes(4);
  return Buffer.concat([head, key, data.map((byte, i) => byte ^ key[i & 3])]);
}

const closeBody = (code, reason = '') => {
  const body = Buffer.alloc(2 + Buffer.byteLength(reason));
  body.writeUInt16BE(code);
  body.write(reason, 2);
  return body;
};

/** The server's frames in bytes: [{ first, payload }]. */
function framesOf(bytes) {
  const frames = [];
  for (let at = 0; at + 2 <= bytes.length;) {
    let length = bytes[at + 1] & 127;
    let head = 2;
    if (length === 126) { length = bytes.readUInt16BE(at + 2); head = 4; }
    else if (length === 127) { length = Number(bytes.readBigUInt64BE(at + 2)); head = 10; }
    assert.equal(bytes[at + 1] & 0x80, 0, 'a server does not mask (5.1)');
    if (at + head + length > bytes.length) break;
    frames.push({ first: bytes[at], payload: bytes.subarray(at + head, at + head + length) });
    at += head + length;
  }
  return frames;
}

/** Sends pieces one after the other, gives all frames that come until the server ends. */
async function converse(pieces) {
  const socket = net.connect(socketPath);
  const chunks = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('error', () => {});
  socket.setNoDelay(true);
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
    + `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`);
  for (const piece of pieces) await new Promise((resolve) => { socket.write(piece, resolve); });
  if (!socket.closed) await once(socket, 'close');
  const all = Buffer.concat(chunks);
  const end = all.indexOf('\r\n\r\n');
  assert.match(all.subarray(0, end).toString(), /^HTTP\/1\.1 101 /);
  return framesOf(all.subarray(end + 4));
}

const goodbye = frame(FIN | CLOSE, closeBody(1000));

/** What comes back before the close frame, as [opcode, text]; and the close code. */
async function outcome(pieces) {
  const frames = await converse([...pieces, goodbye]);
  const last = frames.at(-1);
  assert.equal(last.first, FIN | CLOSE, 'a close frame comes last');
  return {
    echoed: frames.slice(0, -1).map(({ first, payload }) => [first & 15, payload.toString('latin1')]),
    code: last.payload.length ? last.payload.readUInt16BE(0) : null,
  };
}

test('messages of every length come back', async () => {
  for (const length of [0, 1, 125, 126, 127, 65535, 65536, 200000]) {
    const text = 'x'.repeat(length);
    const { echoed, code } = await outcome([frame(FIN | TEXT, text), frame(FIN | BINARY, text)]);
    assert.deepEqual(echoed, [[TEXT, text], [BINARY, text]]);
    assert.equal(code, 1000);
  }
});

test('fragments are joined, with control frames in between', async () => {
  const { echoed } = await outcome([
    frame(TEXT, 'Hel'), frame(FIN | PING, 'a'), frame(CONT, 'lo, '), frame(FIN | PONG, 'unasked'),
    frame(CONT), frame(FIN | PING, 'b'), frame(FIN | CONT, 'world'),
  ]);
  assert.deepEqual(echoed, [[PONG, 'a'], [PONG, 'b'], [TEXT, 'Hello, world']]);
});

test('what the standard forbids fails the connection with its code', async () => {
  const cases = {
    'no mask': [[frame(FIN | TEXT, 'x', { mask: false })], 1002],
    'reserved bit 1': [[frame(FIN | 0x40 | TEXT, 'x')], 1002],
    'reserved bit 2': [[frame(FIN | 0x20 | TEXT, 'x')], 1002],
    'reserved bit 3': [[frame(FIN | 0x10 | PING, 'x')], 1002],
    'reserved opcode 3': [[frame(FIN | 3, 'x')], 1002],
    'reserved opcode 11': [[frame(FIN | 11, '')], 1002],
    'length not the shortest, 16 bits': [[frame(FIN | TEXT, 'x', { lengthBytes: 2 })], 1002],
    'length not the shortest, 64 bits': [[frame(FIN | TEXT, 'x'.repeat(200), { lengthBytes: 8 })], 1002],
    'length with the top bit': [[Buffer.from('81ff8000000000000000', 'hex')], 1002],
    'fragmented ping': [[frame(PING, 'x')], 1002],
    'ping of 126 bytes': [[frame(FIN | PING, 'x'.repeat(126))], 1002],
    'continuation of nothing': [[frame(FIN | CONT, 'x')], 1002],
    'a message inside a message': [[frame(TEXT, 'x'), frame(FIN | TEXT, 'y')], 1002],
    'close of one byte': [[frame(FIN | CLOSE, 'x')], 1002],
    'close code 999': [[frame(FIN | CLOSE, closeBody(999))], 1002],
    'close code 1004': [[frame(FIN | CLOSE, closeBody(1004))], 1002],
    'close code 1005': [[frame(FIN | CLOSE, closeBody(1005))], 1002],
    'close code 1006': [[frame(FIN | CLOSE, closeBody(1006))], 1002],
    'close code 2999': [[frame(FIN | CLOSE, closeBody(2999))], 1002],
    'close code 5000': [[frame(FIN | CLOSE, closeBody(5000))], 1002],
    'broken UTF-8': [[frame(FIN | TEXT, Buffer.from('ceba80ff', 'hex'))], 1007],
    'UTF-8 cut off': [[frame(FIN | TEXT, Buffer.from('ce', 'hex'))], 1007],
    'a surrogate': [[frame(FIN | TEXT, Buffer.from('eda080', 'hex'))], 1007],
    'over U+10FFFF': [[frame(FIN | TEXT, Buffer.from('f4908080', 'hex'))], 1007],
    'overlong UTF-8': [[frame(FIN | TEXT, Buffer.from('c0af', 'hex'))], 1007],
    'broken UTF-8 in a fragment': [[frame(TEXT, Buffer.from('ce', 'hex')), frame(CONT, 'x')], 1007],
    'broken UTF-8 in a close reason': [[frame(FIN | CLOSE,
      Buffer.concat([closeBody(1000), Buffer.from('ff', 'hex')]))], 1007],
  };
  for (const [name, [pieces, code]] of Object.entries(cases))
    assert.deepEqual(await outcome(pieces), { echoed: [], code }, name);
});

test('UTF-8 may be cut anywhere', async () => {
  const text = Buffer.from('κόσμε 🎥 ok');
  for (let at = 0; at <= text.length; at += 1) {
    const { echoed } = await outcome([frame(TEXT, text.subarray(0, at)),
      frame(FIN | CONT, text.subarray(at))]);
    assert.deepEqual(echoed, [[TEXT, text.toString('latin1')]]);
  }
});

test('close codes that are allowed come back', async () => {
  for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999]) {
    const frames = await converse([frame(FIN | CLOSE, closeBody(code, 'why not'))]);
    assert.equal(frames.at(-1).payload.readUInt16BE(0), code);
  }
  const [last] = (await converse([frame(FIN | CLOSE)])).slice(-1);
  assert.equal(last.payload.length, 0);
});

test('a script cut at every byte gives the same answers', async () => {
  const script = Buffer.concat([frame(TEXT, 'ab'), frame(FIN | PING, 'p'), frame(FIN | CONT, 'cd'),
    frame(FIN | BINARY, 'x'.repeat(130))]);
  const whole = await outcome([script]);
  assert.equal(whole.echoed.length, 3);
  for (let at = 1; at < script.length; at += 1)
    assert.deepEqual(await outcome([script.subarray(0, at), script.subarray(at)]), whole, `cut at ${at}`);
  assert.deepEqual(await outcome([...script].map((byte) => Buffer.of(byte))), whole);
});

test('nothing is answered after a close frame', async () => {
  const frames = await converse([Buffer.concat([goodbye, frame(FIN | TEXT, 'late'), frame(FIN | PING, 'x')])]);
  assert.equal(frames.length, 1);
});

test('the npm package ws is understood, 8 MiB at a time', async () => {
  const client = new WebSocket(`ws+unix://${socketPath}:/`, { perMessageDeflate: true });
  await once(client, 'open');
  assert.equal(client.extensions, '', 'extensions are declined');
  const sent = randomBytes(8 << 20);
  client.send(sent);
  const [received, isBinary] = await once(client, 'message');
  assert.ok(isBinary && sent.equals(received));
  client.close(1000, 'done');
  const [code] = await once(client, 'close');
  assert.equal(code, 1000);
});
