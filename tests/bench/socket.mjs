// A WebSocket client that costs little and tells when a message's last byte came, for the benches.
//
//   const socket = await connect({ path: '/run/…/stream.sock' });      // or { host, port, ca }
//   socket.upgrade({ url: '/stream', protocol: 'nalcast.v1', onBinary: (bytes, atUs) => … });
//
// Times are microseconds of CLOCK_MONOTONIC, the same in all processes of this machine.
import net from 'node:net';
import tls from 'node:tls';
import { parseMessage } from '../lib/viewer.mjs';
import { BINARY, CLOSE, PING, PONG, TEXT, frame } from '../lib/wire.mjs';

const ACK_INTERVAL_US = 50000; // as the page does (protocol: not more than one in 50 ms)
const KEY = 'bmFsY2FzdCBpcyBhIGJlbg=='; // nobody here is to be kept from guessing it

export function nowUs() {
  return Number(process.hrtime.bigint() / 1000n);
}

/** { headSize, size } of the frame that bytes begin with, null where its head is incomplete. */
function frameHead(bytes) {
  if (bytes.length < 2) return null;
  const size = bytes[1] & 127;
  if (size < 126) return { headSize: 2, size };
  if (size === 126) return bytes.length < 4 ? null : { headSize: 4, size: bytes.readUInt16BE(2) };
  return bytes.length < 10 ? null : { headSize: 10, size: Number(bytes.readBigUInt64BE(2)) };
}

export class Socket {
  #chunks = [];
  #size = 0;
  #wanted = 1; // bytes without which nothing can be taken
  #upgraded = false;
  #ackedUs = 0;
  #newest = null;
  #ackTimer = null;

  constructor(stream) {
    this.stream = stream;
    this.closed = null;
    stream.on('data', (chunk) => this.#take(chunk));
    stream.on('error', (error) => (this.closed ??= error.code ?? 'error'));
    stream.on('close', () => (this.closed ??= 'ended'));
  }

  /** acks: acknowledge what comes. onBinary gets a message whole, with the time of its end. */
  upgrade({ url = '/stream', protocol = null, acks = protocol !== null, onBinary,
    onText = () => {} }) {
    Object.assign(this, { acks, onBinary, onText });
    this.stream.write([`GET ${url} HTTP/1.1`, 'Host: localhost', 'Upgrade: websocket',
      'Connection: Upgrade', 'Sec-WebSocket-Version: 13', `Sec-WebSocket-Key: ${KEY}`,
      ...(protocol ? [`Sec-WebSocket-Protocol: ${protocol}`] : []), '', ''].join('\r\n'));
  }

  #take(chunk) {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size < this.#wanted) return;
    const atUs = nowUs();
    let rest = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    this.#wanted = 1;
    for (let used; (used = this.#upgraded ? this.#frame(rest, atUs) : this.#head(rest)) > 0;)
      rest = rest.subarray(used);
    this.#chunks = rest.length ? [rest] : [];
    this.#size = rest.length;
  }

  #head(rest) {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) return 0;
    const line = rest.toString('latin1', 0, rest.indexOf('\r\n'));
    this.#upgraded = line.startsWith('HTTP/1.1 101');
    if (!this.#upgraded) {
      this.closed = line;
      this.stream.destroy();
      return 0;
    }
    return end + 4;
  }

  #frame(rest, atUs) {
    const head = frameHead(rest);
    if (!head) return 0;
    const end = head.headSize + head.size;
    if (rest.length < end) {
      this.#wanted = end;
      return 0;
    }
    const payload = rest.subarray(head.headSize, end);
    const opcode = rest[0] & 15;
    if (opcode === BINARY) this.#message(payload, atUs);
    else if (opcode === TEXT) this.onText(JSON.parse(payload), atUs);
    else if (opcode === PING) this.stream.write(frame(PONG, payload));
    else if (opcode === CLOSE) this.#close(payload);
    return end;
  }

  #message(payload, atUs) {
    if (this.acks) this.#acknowledge(payload.readUInt32BE(4), atUs);
    this.onBinary(payload, atUs);
  }

  #close(payload) {
    this.closed = payload.length ? `closed with ${payload.readUInt16BE(0)}` : 'closed';
    this.stream.end(frame(CLOSE, payload));
  }

  #acknowledge(seq, atUs) {
    this.#newest = seq;
    if (this.#ackTimer) return;
    const waitUs = this.#ackedUs + ACK_INTERVAL_US - atUs;
    if (waitUs <= 0) {
      this.#sayAck(atUs);
      return;
    }
    this.#ackTimer = setTimeout(() => {
      this.#ackTimer = null;
      this.#sayAck(nowUs());
    }, waitUs / 1000);
  }

  #sayAck(atUs) {
    this.#ackedUs = atUs;
    this.say({ type: 'ack', seq: this.#newest, shown: this.#newest, queue: 0, latency_ms: 1 });
  }

  say(message) {
    if (!this.closed) this.stream.write(frame(TEXT, JSON.stringify(message)));
  }

  destroy() {
    clearTimeout(this.#ackTimer);
    this.stream.destroy();
  }
}

/** target: { path } of a Unix socket, or { host, port, ca }: TLS. Resolves once it stands. */
export function connect(target) {
  return new Promise((resolve, reject) => {
    const stream = target.path ? net.connect(target.path)
      : tls.connect({ ...target, servername: 'localhost' });
    stream.once('error', reject);
    stream.once(target.path ? 'connect' : 'secureConnect', () => {
      (stream.setNoDelay ?? (() => {})).call(stream, true);
      stream.off('error', reject);
      resolve(new Socket(stream));
    });
  });
}

/** What to add to nalcastd's times to have ours: both run on CLOCK_MONOTONIC. */
export async function clockOffsetUs(path) {
  const socket = await connect({ path });
  const best = { roundTripUs: Infinity, offsetUs: 0 };
  for (let i = 0; i < 20; i += 1) {
    const answer = new Promise((resolve) => {
      socket.onText = (text, atUs) => text.type === 'time' && resolve({ text, atUs });
    });
    if (i === 0) socket.upgrade({ protocol: 'nalcast.v1', onBinary() {}, onText: socket.onText });
    const t0 = nowUs();
    socket.say({ type: 'time', t0 });
    const { text, atUs } = await answer;
    const roundTripUs = atUs - text.t0;
    if (roundTripUs < best.roundTripUs)
      Object.assign(best, { roundTripUs, offsetUs: (text.t0 + atUs - text.t1 - text.t2) / 2 });
  }
  socket.destroy();
  return best.offsetUs;
}

export { parseMessage };
