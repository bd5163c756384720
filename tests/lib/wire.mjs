// A viewer at the level of bytes, on nalcastd's stream socket: frames are written as the test
// wants them, right or wrong, and what comes is taken apart by RFC 6455 with nothing forgiven.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import net from 'node:net';
import { waitFor } from './process.mjs';
import { nalTypes, parseMessage } from './viewer.mjs';

export const TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10;

/** One frame of a client (5.2). length: the number of length bytes, 0 for the fewest. */
export function frame(opcode, payload = '', { fin = true, rsv = 0, mask = true } = {}) {
  const data = Buffer.from(payload);
  const head = [(fin ? 0x80 : 0) | rsv << 4 | opcode];
  const bit = mask ? 0x80 : 0;
  if (data.length < 126) head.push(bit | data.length);
  else if (data.length < 65536) head.push(bit | 126, data.length >> 8, data.length & 255);
  else head.push(bit | 127, 0, 0, 0, 0, ...[24, 16, 8, 0].map((by) => data.length >> by & 255));
  if (!mask) return Buffer.concat([Buffer.from(head), data]);
  const key = randomBytes(4);
  return Buffer.concat([Buffer.from(head), key, data.map((byte, at) => byte ^ key[at % 4])]);
}

export function closeFrame(code, reason = '') {
  return frame(CLOSE, Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]));
}

const text = (message) =>
  frame(TEXT, typeof message === 'string' ? message : JSON.stringify(message));

export class Wire {
  /**
   * protocol: of the handshake, null for raw mode. head: a whole request head instead of a right
   * one. acks: acknowledge what comes. answersClose, answersPings: answer such a frame. reads:
   * false to leave everything in the socket.
   */
  constructor(daemon, { url = '/camera/stream', protocol = 'nalcast.v1', headers = {}, head,
    acks = true, reads = true, answersClose = true, answersPings = true } = {}) {
    this.acks = acks;
    this.answersClose = answersClose;
    this.answersPings = answersPings;
    this.answer = null; // { status, headers, body } once its head has come
    this.control = []; // { opcode, payload, messagesBefore }
    this.texts = [];
    this.messages = []; // binary ones; of nalcast.v1 taken apart
    this.ended = false;
    this.rest = Buffer.alloc(0);
    this.key = randomBytes(16).toString('base64');
    this.socket = net.connect({ path: daemon.sockets.stream, allowHalfOpen: true });
    this.socket.unref(); // every wait has a deadline of its own
    this.socket.on('error', (error) => { this.error = error; this.ended = true; });
    this.socket.on('end', () => { this.ended = true; });
    if (reads) this.read();
    this.write(head ?? [`GET ${url} HTTP/1.1`, 'Host: cam.example', 'Upgrade: websocket',
      'Connection: Upgrade', 'Sec-WebSocket-Version: 13', `Sec-WebSocket-Key: ${this.key}`,
      ...(protocol ? [`Sec-WebSocket-Protocol: ${protocol}`] : []),
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n'));
  }

  write(bytes) {
    this.socket.write(bytes);
  }

  say(message) {
    this.write(text(message));
  }

  ack(seq = this.messages.at(-1).seq) {
    this.say({ type: 'ack', seq, shown: seq, queue: 0, latency_ms: 1 });
  }

  read() {
    if (this.socket.listenerCount('data') === 0)
      this.socket.on('data', (bytes) => this.#take(bytes));
    this.socket.resume();
  }

  stopReading() {
    this.socket.pause();
  }

  #take(bytes) {
    this.rest = this.rest.length ? Buffer.concat([this.rest, bytes]) : bytes;
    if (!this.answer && !this.#takeHead()) return;
    if (this.answer.status !== 101) {
      this.answer.chunks.push(this.rest);
      this.rest = Buffer.alloc(0);
      return;
    }
    const seen = this.messages.length;
    while (this.#takeFrame());
    if (this.isV1 && this.acks && this.messages.length > seen && !this.closed) this.ack();
  }

  #takeHead() {
    const end = this.rest.indexOf('\r\n\r\n');
    if (end < 0) return false;
    const [line, ...fields] = this.rest.toString('latin1', 0, end).split('\r\n');
    const headers = Object.fromEntries(fields.map((field) => {
      const colon = field.indexOf(': ');
      return [field.slice(0, colon).toLowerCase(), field.slice(colon + 2)];
    }));
    const chunks = [];
    this.answer = { status: Number(line.match(/^HTTP\/1\.1 (\d{3}) /)[1]), headers, chunks,
      get body() { return Buffer.concat(chunks); } };
    this.isV1 = headers['sec-websocket-protocol'] === 'nalcast.v1';
    this.rest = this.rest.subarray(end + 4);
    return true;
  }

  #takeFrame() {
    const { rest } = this;
    if (rest.length < 2) return false;
    let size = rest[1] & 127, at = 2;
    if (size === 126 && rest.length >= 4) [size, at] = [rest.readUInt16BE(2), 4];
    else if (size === 127 && rest.length >= 10) [size, at] = [Number(rest.readBigUInt64BE(2)), 10];
    else if (size > 125) return false;
    const opcode = rest[0] & 15;
    assert.equal(rest[0] & 0xf0, 0x80, 'whole messages, no reserved bits');
    assert.ok([TEXT, BINARY, CLOSE, PING, PONG].includes(opcode), `opcode ${opcode}`);
    assert.equal(rest[1] & 0x80, 0, 'servers do not mask');
    if (rest.length < at + size) return false;
    this.rest = rest.subarray(at + size);
    this.#takePayload(opcode, rest.subarray(at, at + size));
    return true;
  }

  #takePayload(opcode, payload) {
    assert.equal(this.closed, undefined, 'nothing comes after a close frame');
    const messagesBefore = this.messages.length;
    if (opcode === BINARY) {
      const message = this.isV1 ? parseMessage(payload) : { unit: payload };
      message.atMs = performance.now();
      message.nals = nalTypes(message.unit);
      this.messages.push(message);
    } else if (opcode === TEXT) {
      this.texts.push({ ...JSON.parse(payload), messagesBefore });
    } else {
      this.control.push({ opcode, payload: Buffer.from(payload), messagesBefore });
    }
    if (opcode === PING && this.answersPings && !this.closed) this.write(frame(PONG, payload));
    if (opcode !== CLOSE) return;
    this.closed = { code: payload.length ? payload.readUInt16BE(0) : null,
      reason: payload.toString('utf8', 2) };
    if (this.answersClose && !this.socket.destroyed) this.write(frame(CLOSE, payload));
  }

  async answered() {
    await waitFor('an answer', () => this.answer || this.ended);
    return this.answer;
  }

  async opened() {
    const { status, headers, chunks } = await this.answered();
    assert.equal(status, 101, String(chunks));
    assert.equal(headers['sec-websocket-accept'], createHash('sha1')
      .update(`${this.key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64'));
    return this;
  }

  /** Waits for further messages; gives them. */
  async more(count = 1, timeoutMs) {
    const from = this.messages.length;
    await waitFor(`${count} messages`, () => {
      if (this.ended) throw Object.assign(new Error('the connection ended'), { final: true });
      return this.messages.length >= from + count;
    }, timeoutMs);
    return this.messages.slice(from);
  }

  /** Waits for a text that `accept` likes, from `from` on. */
  text(type, accept = () => true, from = 0) {
    return waitFor(`a ${type} message`,
      () => this.texts.slice(from).find((one) => one.type === type && accept(one)));
  }

  /** Waits for a pong with that payload. */
  pong(payload) {
    return waitFor('a pong', () => this.control.find((one) =>
      one.opcode === PONG && one.payload.equals(Buffer.from(payload))));
  }

  /** Waits for the peer's close frame, then for the end; gives { code, reason }. */
  async closes(timeoutMs) {
    await waitFor('the close frame', () => this.closed || this.ended, timeoutMs);
    await waitFor('the end of the connection', () => this.ended, timeoutMs);
    return this.closed;
  }

  /** Closes as a browser does. */
  async close() {
    if (!this.ended && !this.closed) {
      this.read();
      this.write(closeFrame(1000));
      await this.closes();
    }
    this.destroy();
  }

  destroy() {
    this.socket.destroy();
  }

  /** Every P picture follows its predecessor, every IDR brings its parameter sets. */
  assertDecodable() {
    for (const [at, message] of this.messages.entries()) {
      const idr = message.nals.includes(5);
      assert.deepEqual(message.nals, idr ? [7, 8, 5] : [1], `message ${at}`);
      if (!this.isV1) continue;
      assert.equal(message.idr, idr, `flag of message ${at}`);
      const follows = at > 0 && message.seq === (this.messages[at - 1].seq + 1) >>> 0;
      assert.ok(idr || follows, `message ${at}, a P picture, comes after a hole`);
    }
  }

  /** How many pictures it was not given, from its first to its last. */
  get holes() {
    const seqs = this.messages.map((message) => message.seq);
    return (seqs.at(-1) - seqs[0] >>> 0) + 1 - seqs.length;
  }
}
