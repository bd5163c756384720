/*
 * One camera's stream: a WebSocket that speaks nalcast.v1 and comes back by itself.
 *
 * Owns the connection, its acknowledgements, the clock, pause and resume, and the waiting between
 * attempts; knows nothing of decoding. What happens is told to the handlers given:
 *
 *   onState(state)   { name, reason, retryAt, status }; name is one of the STATES below
 *   onUnit(unit)     an access unit with its header (message.js)
 *   onText(message)  hello, format, stream, source and bye, as they came
 *   report()         what an acknowledgement says besides seq: { shown, queue, latency_ms }
 *
 * env holds everything that touches the world, so that the tests can be the world.
 */

import { Acks } from './acks.js';
import { Backoff } from './backoff.js';
import { ServerClock } from './clock.js';
import { parseMessage } from './message.js';

/*
 * idle: not started · connecting: first attempt · open: connected · waiting: between attempts
 * (also while one is being made after a failure).
 */
export const STATES = ['idle', 'connecting', 'open', 'waiting'];

export const SUBPROTOCOL = 'nalcast.v1';

const CONNECT_MAX_MS = 10000;
const ANSWER_MAX_MS = 10000;
const TIME_FIRST_MS = 250;
const TIME_FIRST_COUNT = 4;
const TIME_EVERY_MS = 5000;
const KEYFRAME_EVERY_MS = 2000;
const PROBE_MAX_MS = 5000;

/* How patient to be at least, by close code (RFC 6455 7.4.1) and by the status of the probe. */
const FULL_MIN_MS = 20000;
const REFUSED_MIN_MS = 10000;

const CLOSE_REASONS = new Map([
  [1001, 'The camera service is restarting.'],
  [1002, 'The connection broke: protocol error.'],
  [1006, 'The connection was lost.'],
  [1008, 'The server closed the connection: its rules were broken.'],
  [1009, 'The connection broke: a message was too long.'],
  [1011, 'The camera service had an internal error.'],
  [1013, 'All places for viewers are taken.'],
]);

const PROBE_REASONS = new Map([
  [401, 'You need to sign in to watch this camera.'],
  [403, 'You are not allowed to watch this camera.'],
  [404, 'There is no such camera here.'],
  [426, 'The server answers, but WebSocket connections do not get through.'],
  [502, 'The camera service is not running.'],
  [503, 'The camera service is not ready.'],
  [504, 'The camera service does not answer.'],
]);

export function browserEnv() {
  return {
    open: (url) => new WebSocket(url, SUBPROTOCOL),
    probe: async (url) => {
      const signal = AbortSignal.timeout(PROBE_MAX_MS);
      return (await fetch(url, { cache: 'no-store', redirect: 'manual', signal })).status;
    },
    now: () => performance.now(),
    epochUs: () => (performance.timeOrigin + performance.now()) * 1000,
    setTimeout: (call, ms) => setTimeout(call, ms),
    clearTimeout: (id) => clearTimeout(id),
    random: Math.random,
    hidden: () => document.hidden,
  };
}

export class Stream {
  #url;
  #handlers;
  #env;
  #backoff;
  #acks;
  #socket = null;
  #state = { name: 'idle', reason: null, retryAt: null, status: null };
  #bye = null;
  #retryTimer = null;
  #connectTimer = null;
  #timeTimer = null;
  #timesSent = 0;
  #heardAt = 0;
  #askedAt = null;
  #keyframeAt = -Infinity;

  /* Successful openings so far. */
  connections = 0;

  constructor(url, handlers, env = browserEnv()) {
    this.#url = url;
    this.#handlers = handlers;
    this.#env = env;
    this.#backoff = new Backoff({ random: env.random });
    this.#acks = new Acks((seq) => this.#acknowledge(seq), env);
    this.clock = new ServerClock(env.epochUs);
  }

  get state() {
    return this.#state;
  }

  start() {
    if (this.#state.name !== 'idle') return;
    this.#setState({ name: 'connecting' });
    this.#connect();
  }

  stop() {
    this.#drop();
    this.#env.clearTimeout(this.#retryTimer);
    this.#setState({ name: 'idle' });
  }

  /* The reason for waiting may be gone (network back, page shown again): try at once. */
  retryNow() {
    if (this.#state.name !== 'waiting' || this.#socket) return;
    this.#env.clearTimeout(this.#retryTimer);
    this.#connect();
  }

  /* A decoder was lost. Said at most once in two seconds: the server grants no more. */
  askKeyframe() {
    if (this.#env.now() - this.#keyframeAt < KEYFRAME_EVERY_MS) return;
    if (this.#say({ type: 'keyframe' })) this.#keyframeAt = this.#env.now();
  }

  visibilityChanged() {
    if (this.#env.hidden()) this.#say({ type: 'pause' });
    else if (!this.#say({ type: 'resume' })) this.retryNow();
  }

  #setState({ name, reason = null, retryAt = null, status = null }) {
    this.#state = { name, reason, retryAt, status };
    this.#handlers.onState(this.#state);
  }

  #connect() {
    this.#bye = null;
    const socket = this.#env.open(this.#url);
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => this.#opened();
    socket.onmessage = (event) => this.#received(event.data);
    socket.onclose = (event) => this.#lost(event.code, event.reason);
    this.#connectTimer = this.#env.setTimeout(() => this.#lost(1006, ''), CONNECT_MAX_MS);
  }

  #opened() {
    this.#env.clearTimeout(this.#connectTimer);
    this.connections += 1;
    this.#heardAt = this.#env.now();
    this.#keyframeAt = -Infinity;
    this.#setState({ name: 'open' });
    this.clock.reset();
    this.#timesSent = 0;
    this.#askTime();
    if (this.#env.hidden()) this.#say({ type: 'pause' });
  }

  /* Also the heartbeat: pings of the WebSocket are invisible to a page. */
  #askTime() {
    const now = this.#env.now();
    const unanswered = this.#askedAt !== null && this.#heardAt < this.#askedAt;
    if (unanswered && now - this.#askedAt > ANSWER_MAX_MS) {
      this.#lost(1006, 'The server has gone silent.');
      return;
    }
    if (!unanswered) this.#askedAt = now;
    this.#say(this.clock.query());
    this.#timesSent += 1;
    const waitMs = this.#timesSent < TIME_FIRST_COUNT ? TIME_FIRST_MS : TIME_EVERY_MS;
    this.#timeTimer = this.#env.setTimeout(() => this.#askTime(), waitMs);
  }

  #received(data) {
    this.#heardAt = this.#env.now();
    if (typeof data === 'string') {
      this.#receivedText(data);
      return;
    }
    const unit = parseMessage(data);
    if (!unit) {
      this.#lost(1002, 'The server speaks another version of nalcast.');
      return;
    }
    this.#backoff.reset();
    this.#acks.received(unit.seq, unit.publishUs);
    this.#handlers.onUnit(unit);
  }

  #receivedText(text) {
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    if (message === null || typeof message !== 'object') return;
    if (message.type === 'time') {
      this.clock.answer(message);
      return;
    }
    if (message.type === 'hello') this.#acks.setInterval(message.ack_ms);
    if (message.type === 'bye') this.#bye = String(message.reason ?? '') || null;
    this.#handlers.onText(message);
  }

  #acknowledge(seq) {
    this.#say({ type: 'ack', seq, ...this.#handlers.report() });
  }

  /* False when there is no connection to say it on. */
  #say(message) {
    if (this.#socket?.readyState !== 1) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /* Lets go of the socket; a half-dead one may take minutes to close, and nobody listens. */
  #drop() {
    this.#env.clearTimeout(this.#connectTimer);
    this.#env.clearTimeout(this.#timeTimer);
    this.#askedAt = null;
    this.#acks.cancel();
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = null;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }

  #lost(code, words) {
    const wasOpen = this.#state.name === 'open';
    const reason = this.#bye ?? (words || CLOSE_REASONS.get(code) || 'The connection ended.');
    this.#drop();
    this.#retryIn(this.#backoff.nextMs(code === 1013 ? FULL_MIN_MS : 0), reason, code);
    if (!wasOpen) this.#probe();
  }

  #retryIn(waitMs, reason, status) {
    this.#env.clearTimeout(this.#retryTimer);
    this.#retryTimer = this.#env.setTimeout(() => this.#connect(), waitMs);
    this.#setState({ name: 'waiting', reason, retryAt: this.#env.now() + waitMs, status });
  }

  /* A page cannot see why an upgrade was refused. A plain GET of the same URL can. */
  async #probe() {
    const waiting = this.#state;
    let status;
    try {
      status = await this.#env.probe(this.#url.replace(/^ws/, 'http'));
    } catch {
      return;
    }
    const reason = PROBE_REASONS.get(status);
    if (!reason || this.#state !== waiting || this.#socket) return;
    if (status === 401 || status === 403) {
      this.#retryIn(this.#backoff.nextMs(REFUSED_MIN_MS), reason, status);
    } else {
      this.#setState({ ...waiting, reason, status });
    }
  }
}
