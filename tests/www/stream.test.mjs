import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Stream } from '../../www/assets/stream.js';
import { FakeEnv, binary } from './fakes.mjs';

const IDR = { flags: 1 };

function setup() {
  const env = new FakeEnv();
  const seen = { states: [], units: [], texts: [] };
  const stream = new Stream('ws://here/stream', {
    onState: (state) => seen.states.push(state.name),
    onUnit: (unit) => seen.units.push(unit),
    onText: (message) => seen.texts.push(message),
    report: () => ({ shown: 1, queue: 2, latency_ms: 3 }),
  }, env);
  return { env, stream, seen };
}

function opened() {
  const all = setup();
  all.stream.start();
  all.env.socket.accept();
  return all;
}

/* Lets the promise of the probe settle. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('start opens one connection, also when called twice', () => {
  const { env, stream, seen } = setup();
  stream.start();
  stream.start();
  assert.equal(env.sockets.length, 1);
  assert.equal(env.socket.binaryType, 'arraybuffer');
  env.socket.accept();
  assert.deepEqual(seen.states, ['connecting', 'open']);
  assert.equal(stream.connections, 1);
});

test('units and texts are handed on, time is not', () => {
  const { env, seen } = opened();
  env.socket.say({ type: 'hello', running: true });
  env.socket.say({ type: 'time', t0: 0, t1: 5, t2: 5 });
  env.socket.deliver(binary(9, IDR));
  assert.deepEqual(seen.texts.map((message) => message.type), ['hello']);
  assert.deepEqual(seen.units.map((unit) => [unit.seq, unit.idr]), [[9, true]]);
});

test('texts that are no JSON objects are ignored', () => {
  const { env, stream, seen } = opened();
  for (const data of ['', '{', 'null', '3', '"x"']) env.socket.onmessage({ data });
  assert.equal(stream.state.name, 'open');
  assert.ok(seen.texts.every((message) => typeof message === 'object'));
});

test('acknowledgements are as rare as hello says', () => {
  for (const [hello, acks] of [[{}, 4], [{ ack_ms: 200 }, 2]]) {
    const { env } = opened();
    env.socket.say({ type: 'hello', ...hello });
    for (let seq = 0; seq < 4; seq += 1) {
      env.socket.deliver(binary(seq, { ...IDR, publishUs: env.timeMs * 1000 }));
      env.advance(50);
    }
    assert.equal(env.socket.sentOf('ack').length, acks);
  }
});

test('units are acknowledged with what the player reports', () => {
  const { env } = opened();
  env.socket.deliver(binary(9, IDR));
  assert.deepEqual(env.socket.sentOf('ack'),
    [{ type: 'ack', seq: 9, shown: 1, queue: 2, latency_ms: 3 }]);
});

test('a lost connection is tried again with growing waits', () => {
  const { env, stream } = opened();
  const waits = [];
  for (let i = 0; i < 4; i += 1) {
    env.socket.end(1006);
    assert.equal(stream.state.name, 'waiting');
    waits.push(stream.state.retryAt - env.timeMs);
    const count = env.sockets.length;
    env.advance(waits.at(-1) - 1);
    assert.equal(env.sockets.length, count);
    env.advance(1);
    assert.equal(env.sockets.length, count + 1);
  }
  assert.deepEqual(waits, [500, 1000, 2000, 4000]);
});

test('the first picture makes the waits short again', () => {
  const { env, stream } = opened();
  env.socket.end(1006);
  env.advance(500);
  env.socket.accept();
  env.socket.end(1006);
  assert.equal(stream.state.retryAt - env.timeMs, 1000);
  env.advance(1000);
  env.socket.accept();
  env.socket.deliver(binary(0, IDR));
  env.socket.end(1006);
  assert.equal(stream.state.retryAt - env.timeMs, 500);
});

test('full backs off for longer and gives the reason of bye', () => {
  const { env, stream } = opened();
  env.socket.say({ type: 'bye', reason: 'All 64 places are taken.' });
  env.socket.end(1013);
  assert.equal(stream.state.reason, 'All 64 places are taken.');
  assert.equal(stream.state.status, 1013);
  assert.equal(stream.state.retryAt - env.timeMs, 20000);
});

test('a reason of an earlier connection is not given again', () => {
  const { env, stream } = opened();
  env.socket.say({ type: 'bye', reason: 'restarting' });
  env.socket.end(1001);
  assert.equal(stream.state.reason, 'restarting');
  env.advance(500);
  env.socket.end(1006);
  assert.equal(stream.state.reason, 'The connection was lost.');
});

test('a connection that never opens is given up', () => {
  const { env, stream } = setup();
  stream.start();
  const [socket] = env.sockets;
  env.advance(10000);
  assert.equal(socket.closed, true);
  assert.equal(stream.state.name, 'waiting');
});

test('a refused connection is explained by a plain request', async () => {
  for (const [status, words] of [[426, /WebSocket/], [401, /sign in/], [403, /not allowed/],
    [502, /not running/]]) {
    const { env, stream } = setup();
    env.probeStatus = status;
    stream.start();
    env.socket.end(1006);
    await settled();
    assert.deepEqual(env.probes, ['http://here/stream']);
    assert.match(stream.state.reason, words);
    assert.equal(stream.state.status, status);
    assert.equal(stream.state.name, 'waiting');
  }
});

test('refused viewers ask less often', async () => {
  const { env, stream } = setup();
  env.probeStatus = 403;
  stream.start();
  env.socket.end(1006);
  await settled();
  assert.equal(stream.state.retryAt - env.timeMs, 10000);
  env.advance(9999);
  assert.equal(env.sockets.length, 1);
  env.advance(1);
  assert.equal(env.sockets.length, 2);
});

test('an answer of the probe that comes too late changes nothing', async () => {
  const { env, stream } = setup();
  env.probeStatus = 403;
  stream.start();
  env.socket.end(1006);
  env.advance(500);
  env.socket.accept();
  await settled();
  assert.equal(stream.state.name, 'open');
});

test('a connection that had been open is not probed', async () => {
  const { env } = opened();
  env.socket.end(1006);
  await settled();
  assert.deepEqual(env.probes, []);
});

test('a silent server is left', () => {
  const { env, stream } = opened();
  const { socket } = env;
  env.advance(11000);
  assert.equal(socket.closed, true);
  assert.equal(stream.state.name, 'waiting');
  assert.equal(stream.state.reason, 'The server has gone silent.');
});

test('a server that answers the time is kept without pictures', () => {
  const { env, stream } = opened();
  for (let i = 0; i < 100; i += 1) {
    env.advance(1000);
    const { t0 } = env.socket.sentOf('time').at(-1);
    env.socket.say({ type: 'time', t0, t1: t0, t2: t0 });
  }
  assert.equal(stream.state.name, 'open');
  assert.equal(env.sockets.length, 1);
});

test('timers that are late by a minute do not end a good connection', () => {
  const { env, stream } = opened();
  const { socket } = env;
  socket.say({ type: 'time', t0: 0, t1: 0, t2: 0 });
  env.timeMs += 1;
  socket.say({ type: 'hello' });
  env.timeMs += 60000;
  env.advance(0);
  assert.equal(stream.state.name, 'open');
});

test('the time is asked a few times quickly, then rarely', () => {
  const { env } = opened();
  const answer = () => env.socket.say({ type: 'hello' });
  env.advance(1);
  answer();
  for (let i = 0; i < 10; i += 1) {
    env.advance(100);
    answer();
  }
  assert.equal(env.socket.sentOf('time').length, 4);
  env.advance(5000);
  assert.equal(env.socket.sentOf('time').length, 5);
});

test('a hidden page pauses and a shown one resumes', () => {
  const { env, stream } = opened();
  env.isHidden = true;
  stream.visibilityChanged();
  env.isHidden = false;
  stream.visibilityChanged();
  const types = env.socket.sent.map((message) => message.type).filter((type) => type !== 'time');
  assert.deepEqual(types, ['pause', 'resume']);
});

test('a page that connects hidden pauses at once', () => {
  const { env, stream } = setup();
  env.isHidden = true;
  stream.start();
  env.socket.accept();
  assert.equal(env.socket.sentOf('pause').length, 1);
});

test('a page shown again does not wait for its next attempt', () => {
  const { env, stream } = opened();
  env.socket.end(1006);
  stream.visibilityChanged();
  assert.equal(env.sockets.length, 2);
  env.advance(500);
  assert.equal(env.sockets.length, 2);
});

test('keyframes are asked for at most every two seconds', () => {
  const { env, stream } = opened();
  for (let i = 0; i < 50; i += 1) {
    stream.askKeyframe();
    env.advance(100);
  }
  assert.equal(env.socket.sentOf('keyframe').length, 3);
});

test('another version of the protocol ends the connection', () => {
  const { env, stream } = opened();
  const buffer = binary(1);
  new DataView(buffer).setUint8(0, 2);
  env.socket.deliver(buffer);
  assert.match(stream.state.reason, /another version/);
});

test('stop leaves nothing behind, and start begins again', () => {
  const { env, stream } = opened();
  const { socket } = env;
  socket.deliver(binary(1, IDR));
  socket.deliver(binary(2));
  stream.stop();
  assert.equal(socket.closed, true);
  assert.equal(env.timerCount, 0);
  assert.equal(stream.state.name, 'idle');
  stream.start();
  env.socket.accept();
  assert.equal(stream.connections, 2);
});

test('stop while waiting ends the attempts', () => {
  const { env, stream } = opened();
  env.socket.end(1006);
  stream.stop();
  env.advance(60000);
  assert.equal(env.sockets.length, 1);
});
