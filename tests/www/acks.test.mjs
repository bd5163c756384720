import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Acks } from '../../www/assets/acks.js';
import { FakeEnv } from './fakes.mjs';

function setup() {
  const env = new FakeEnv();
  const sent = [];
  const acks = new Acks((seq) => sent.push([env.timeMs, seq]), env);
  // It left at some server's clock, and took so many milliseconds.
  const receive = (seq, tookMs = 20) => acks.received(seq, (env.timeMs - tookMs + 1e12) * 1000);
  return { env, sent, acks, receive };
}

test('the first is acknowledged at once', () => {
  const { sent, receive } = setup();
  receive(7);
  assert.deepEqual(sent, [[0, 7]]);
});

test('messages 50 ms apart are each acknowledged at once', () => {
  const { env, sent, receive } = setup();
  for (let seq = 0; seq < 4; seq += 1) {
    receive(seq);
    env.advance(50);
  }
  assert.deepEqual(sent, [[0, 0], [50, 1], [100, 2], [150, 3]]);
});

test('of a burst the first and the last are acknowledged', () => {
  const { env, sent, receive } = setup();
  for (let seq = 0; seq < 10; seq += 1) receive(seq);
  assert.deepEqual(sent, [[0, 0]]);
  env.advance(1000);
  assert.deepEqual(sent, [[0, 0], [50, 9]]);
});

test('at 200 messages a second there are 20 acknowledgements, never more', () => {
  const { env, sent, receive } = setup();
  for (let seq = 0; seq < 200; seq += 1) {
    receive(seq);
    env.advance(5);
  }
  assert.ok(sent.length >= 19 && sent.length <= 21, `${sent.length}`);
  for (let i = 1; i < sent.length; i += 1) assert.ok(sent[i][0] - sent[i - 1][0] >= 50);
});

test('the server says how often, where it says a number that makes sense', () => {
  const { env, sent, acks, receive } = setup();
  acks.setInterval(200);
  for (let i = 0; i < 50; i += 1) {
    receive(i);
    env.advance(10);
  }
  assert.deepEqual(sent.map(([atMs]) => atMs), [0, 200, 400]);
  for (const nonsense of [undefined, null, '100', 0, -1, 1e9, 2.5]) {
    acks.cancel();
    acks.setInterval(nonsense);
    sent.length = 0;
    receive(1);
    receive(2);
    env.advance(50);
    assert.equal(sent.length, 2, `${nonsense}`);
  }
});

test('what comes late is acknowledged every 50 ms, whatever the server says', () => {
  const { env, sent, acks, receive } = setup();
  acks.setInterval(200);
  receive(0);
  env.advance(60);
  receive(1); // calm: to be acknowledged at 200
  env.advance(10);
  receive(2, 51);
  env.advance(20);
  receive(3, 60);
  env.advance(200);
  assert.deepEqual(sent, [[0, 0], [70, 2], [120, 3]]);
});

test('late is what takes longer than the quickest of the last seconds', () => {
  const { env, sent, acks, receive } = setup();
  acks.setInterval(200);
  for (let i = 0; i < 1000; i += 1) { // from now on everything takes longer
    receive(i, i < 10 ? 20 : 80);
    env.advance(40);
  }
  const acked = (fromMs, toMs) => sent.filter(([atMs]) => atMs >= fromMs && atMs < toMs).length;
  assert.ok(acked(1000, 6000) > 60, 'late at first');
  assert.ok(acked(30000, 35000) < 30, 'usual after a while');
});

test('nothing is sent after cancel, and the next is sent at once', () => {
  const { env, sent, acks, receive } = setup();
  receive(1);
  receive(2);
  acks.cancel();
  env.advance(1000);
  assert.equal(sent.length, 1);
  receive(3);
  assert.deepEqual(sent.at(-1), [1000, 3]);
});
