// A viewer for tests: a WebSocket through nginx that keeps what came and waits for more.
import { createRequire } from 'node:module';
import path from 'node:path';
import { sourceDir, waitFor } from './stack.mjs';

const require = createRequire(path.join(sourceDir, 'tests/package.json'));

const ACK_INTERVAL_MS = 50;

/** The types of the NAL units in Annex B with 4-byte start codes (H.264 B.1, 7.3.1). */
export function nalTypes(unit) {
  const types = [];
  for (let at = unit.indexOf('00000001', 0, 'hex'); at >= 0;
    at = unit.indexOf('00000001', at + 4, 'hex')) types.push(unit[at + 4] & 31);
  return types;
}

/** The SPS at the beginning of an access unit, as hexadecimal digits; '' where there is none. */
export function spsOf(unit) {
  if (nalTypes(unit)[0] !== 7) return '';
  return unit.toString('hex', 4, unit.indexOf('00000001', 4, 'hex'));
}

/** One binary message of nalcast.v1: its header's fields and the access unit. */
export function parseMessage(bytes) {
  return {
    version: bytes[0],
    idr: (bytes[1] & 1) !== 0,
    discontinuity: (bytes[1] & 2) !== 0,
    seq: bytes.readUInt32BE(4),
    captureUs: Number(bytes.readBigUInt64BE(8)),
    publishUs: Number(bytes.readBigUInt64BE(16)),
    unit: bytes.subarray(24),
  };
}

export class Viewer {
  #newest = null;
  #acked = null;
  #ackTimer = null;

  /**
   * protocols: [] is raw mode. Acknowledges what comes unless acks is false. direct: on nalcastd's
   * own socket, without nginx and as no browser.
   */
  constructor(stack, { prefix = stack.prefixes[0], protocols = ['nalcast.v1'], headers = {},
    origin = stack.origin, acks = true, direct = false } = {}) {
    const WebSocket = require('ws');
    this.messages = [];
    this.units = [];
    this.texts = [];
    this.closed = null;
    this.refused = null;
    const [url, options] = direct
      ? [`ws+unix://${stack.sockets.stream}:/stream`, { headers }]
      : [`wss://localhost:${stack.port}${prefix}stream`, { ca: stack.ca, headers, origin }];
    this.socket = new WebSocket(url, protocols, { ...options, perMessageDeflate: false });
    this.socket.on('unexpected-response', (request, response) => {
      this.refused = response.statusCode;
      request.destroy();
    });
    this.socket.on('error', (error) => (this.error = error));
    this.socket.on('close', (code, reason) => (this.closed = { code, reason: String(reason) }));
    this.socket.on('message', (data, isBinary) => this.#take(data, isBinary, acks));
  }

  #take(data, isBinary, acks) {
    if (!isBinary) {
      // How many access units came before it is kept where deepEqual does not look.
      const unitsBefore = { value: this.units.length };
      this.texts.push(Object.defineProperty(JSON.parse(data), 'unitsBefore', unitsBefore));
      return;
    }
    if (this.socket.protocol !== 'nalcast.v1') {
      this.units.push(data);
      return;
    }
    const message = parseMessage(data);
    this.messages.push(message);
    this.units.push(message.unit);
    if (acks) this.#acknowledge(message.seq);
  }

  /* Not more than one in 50 ms (protocol.md 2): what is too early is said then, for the newest. */
  #acknowledge(seq) {
    this.#newest = seq;
    if (this.#ackTimer) return;
    this.#sayAck();
    this.#ackTimer = setTimeout(() => {
      this.#ackTimer = null;
      if (this.#acked !== this.#newest) this.#acknowledge(this.#newest);
    }, ACK_INTERVAL_MS).unref();
  }

  #sayAck() {
    const seq = this.#newest;
    this.#acked = seq;
    if (this.socket.readyState === 1)
      this.say({ type: 'ack', seq, shown: seq, queue: 0, latency_ms: 1 });
  }

  say(message) {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** Waits until the connection stands; throws when it was refused. */
  async opened() {
    await waitFor('the WebSocket', () => {
      if (this.refused || this.error)
        throw Object.assign(this.error ?? new Error(`refused: ${this.refused}`), { final: true });
      return this.socket.readyState === 1;
    });
    return this;
  }

  /** Waits for `count` further access units; gives them. */
  async more(count = 1, timeoutMs) {
    const from = this.units.length;
    await waitFor(`${count} access units`, () => this.units.length >= from + count, timeoutMs);
    return this.units.slice(from);
  }

  /** Waits until it has got `count` access units in all. */
  upTo(count, timeoutMs) {
    return waitFor(`access unit ${count}`, () => this.units.length >= count, timeoutMs);
  }

  /** Waits for a text message of this type that `accept` likes, from `from` on. */
  text(type, accept = () => true, from = 0) {
    return waitFor(`a ${type} message`,
      () => this.texts.slice(from).find((text) => text.type === type && accept(text)));
  }

  async close() {
    this.socket.close();
    await waitFor('the close frame', () => this.closed || this.error);
    return this.closed;
  }
}
