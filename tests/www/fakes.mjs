/*
 * The world as Stream and Acks see it: a clock that moves when told, sockets that do what the
 * test says, answers to the probe.
 */

export class FakeEnv {
  timeMs = 0;
  isHidden = false;
  sockets = [];
  probes = [];
  probeStatus = null;
  #timers = new Map();
  #lastId = 0;

  now = () => this.timeMs;
  epochUs = () => this.timeMs * 1000;
  random = () => 1;
  hidden = () => this.isHidden;

  setTimeout = (call, ms) => {
    this.#lastId += 1;
    this.#timers.set(this.#lastId, { call, at: this.timeMs + ms });
    return this.#lastId;
  };

  clearTimeout = (id) => this.#timers.delete(id);

  open = (url) => {
    const socket = new FakeSocket(url);
    this.sockets.push(socket);
    return socket;
  };

  probe = async (url) => {
    this.probes.push(url);
    if (this.probeStatus === null) throw new TypeError('network');
    return this.probeStatus;
  };

  get socket() {
    return this.sockets.at(-1);
  }

  /* Runs what falls due, in order. */
  advance(ms) {
    const end = this.timeMs + ms;
    for (;;) {
      const due = [...this.#timers].filter(([, t]) => t.at <= end).sort((a, b) => a[1].at - b[1].at);
      if (due.length === 0) break;
      const [id, timer] = due[0];
      this.#timers.delete(id);
      this.timeMs = Math.max(this.timeMs, timer.at);
      timer.call();
    }
    this.timeMs = end;
  }

  get timerCount() {
    return this.#timers.size;
  }
}

export class FakeSocket {
  readyState = 0;
  sent = [];
  closed = false;

  constructor(url) {
    this.url = url;
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.closed = true;
    this.readyState = 3;
  }

  accept() {
    this.readyState = 1;
    this.onopen();
  }

  say(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }

  deliver(buffer) {
    this.onmessage({ data: buffer });
  }

  end(code, reason = '') {
    this.readyState = 3;
    this.onclose({ code, reason });
  }

  sentOf(type) {
    return this.sent.filter((message) => message.type === type);
  }
}

/* A binary message of nalcast.v1 with one byte of payload. */
export function binary(seq, { flags = 0, captureUs = 0, publishUs = 0 } = {}) {
  const buffer = new ArrayBuffer(25);
  const view = new DataView(buffer);
  view.setUint8(0, 1);
  view.setUint8(1, flags);
  view.setUint32(4, seq);
  view.setBigUint64(8, BigInt(captureUs));
  view.setBigUint64(16, BigInt(publishUs));
  return buffer;
}
