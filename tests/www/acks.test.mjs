import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Acks } from '../../www/assets/acks.js';
import { FakeEnv } from './fakes.mjs';

function setup() {
  const env = new FakeEnv();
  const sent = [];
  const acks = new Acks((seq) => sent.push([env.timeMs, seq]), env);
  return { env, sent, acks };
}

test('the first is acknowledged at once', () => {
  const { sent, acks } = setup();
  acks.received(7);
  assert.deepEqual(sent, [[0, 7]]);
});

test('messages 50 ms apart are each acknowledged at once', () => {
  const { env, sent, acks } = setup();
  for (let seq = 0; seq < 4; seq += 1) {
    acks.received(seq);
    env.advance(50);
  }
  assert.deepEqual(sent, [[0, 0], [50, 1], [100, 2], [150, 3]]);
});

test('of a burst the first and the last are acknowledged', () => {
  const { env, sent, acks } = setup();
  for (let seq = 0; seq < 10; seq += 1) acks.received(seq);
  assert.deepEqual(sent, [[0, 0]]);
  env.advance(1000);
  assert.deepEqual(sent, [[0, 0], [50, 9]]);
});

test('at 200 messages a second there are 20 acknowledgements, never more', () => {
  const { env, sent, acks } = setup();
  for (let seq = 0; seq < 200; seq += 1) {
    acks.received(seq);
    env.advance(5);
  }
  assert.ok(sent.length >= 19 && sent.length <= 21, `${sent.length}`);
  for (let i = 1; i < sent.length; i += 1) assert.ok(sent[i][0] - sent[i - 1][0] >= 50);
});

test('nothing is sent after cancel, and the next is sent at once', () => {
  const { env, sent, acks } = setup();
  acks.received(1);
  acks.received(2);
  acks.cancel();
  env.advance(1000);
  assert.equal(sent.length, 1);
  acks.received(3);
  assert.deepEqual(sent.at(-1), [1000, 3]);
});
