import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ServerClock } from '../../www/assets/clock.js';

/* A server whose clock is ahead by offsetUs, and ways there and back of given lengths. */
function exchange(world, clock, offsetUs, thereUs, backUs) {
  const query = clock.query();
  world.us += thereUs;
  const t1 = world.us + offsetUs;
  world.us += 50;
  const t2 = world.us + offsetUs;
  world.us += backUs;
  clock.answer({ type: 'time', t0: query.t0, t1, t2 });
}

function setup() {
  const world = { us: 1000000 };
  return { world, clock: new ServerClock(() => world.us) };
}

test('before an answer nothing is known', () => {
  const { clock } = setup();
  assert.equal(clock.ageMs(0), null);
  assert.equal(clock.rttMs, null);
});

test('with equal ways the offset is exact', () => {
  const { world, clock } = setup();
  exchange(world, clock, 123456789, 2000, 2000);
  assert.equal(clock.ageMs(world.us + 123456789 - 5000), 5);
  assert.equal(clock.rttMs, 4);
});

test('the answer with the shortest way wins', () => {
  const { world, clock } = setup();
  exchange(world, clock, 500, 90000, 1000);
  exchange(world, clock, 500, 1000, 1000);
  exchange(world, clock, 500, 1000, 70000);
  assert.equal(clock.rttMs, 2);
  assert.equal(clock.ageMs(world.us + 500), 0);
});

test('old answers are forgotten', () => {
  const { world, clock } = setup();
  exchange(world, clock, 500, 100, 100);
  for (let i = 0; i < 8; i += 1) exchange(world, clock, 900, 1000, 1000);
  assert.equal(clock.rttMs, 2);
});

test('answers that make no sense are ignored', () => {
  const { clock } = setup();
  clock.answer({ type: 'time' });
  clock.answer({ t0: 'x', t1: 1, t2: 2 });
  clock.answer({ t0: 9e15, t1: 1, t2: 2 });
  assert.equal(clock.rttMs, null);
});
