import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Backoff } from '../../www/assets/backoff.js';

test('waits double up to the maximum', () => {
  const backoff = new Backoff({ firstMs: 500, maxMs: 15000, random: () => 1 });
  const waits = Array.from({ length: 8 }, () => backoff.nextMs());
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 15000, 15000, 15000]);
});

test('jitter takes away up to one half', () => {
  const least = new Backoff({ firstMs: 500, random: () => 0 });
  assert.equal(least.nextMs(), 250);
  for (let i = 0; i < 100; i += 1) {
    const wait = new Backoff({ firstMs: 500 }).nextMs();
    assert.ok(wait >= 250 && wait <= 500, `${wait}`);
  }
});

test('a floor raises a wait and not the later ones', () => {
  const backoff = new Backoff({ firstMs: 500, random: () => 1 });
  assert.equal(backoff.nextMs(20000), 20000);
  assert.equal(backoff.nextMs(), 1000);
});

test('success begins anew', () => {
  const backoff = new Backoff({ firstMs: 500, random: () => 1 });
  backoff.nextMs();
  backoff.nextMs();
  backoff.reset();
  assert.equal(backoff.nextMs(), 500);
});

test('a thousand failures are still a number', () => {
  const backoff = new Backoff({ random: () => 1 });
  for (let i = 0; i < 1000; i += 1) backoff.nextMs();
  assert.equal(backoff.nextMs(), 15000);
});
