import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Backlog } from '../../www/assets/backlog.js';

/* A backlog whose decoder has given its first picture. */
function started() {
  const backlog = new Backlog();
  backlog.add(0, 'first', 0);
  backlog.take(0);
  return backlog;
}

test('units come back by id, and those before are through', () => {
  const backlog = new Backlog();
  for (const id of [1, 2, 3, 4]) backlog.add(id, `unit ${id}`, 0);
  assert.equal(backlog.take(3), 'unit 3');
  assert.equal(backlog.size, 1);
  assert.equal(backlog.take(2), undefined);
  assert.equal(backlog.take(4), 'unit 4');
  assert.equal(backlog.size, 0);
});

test('many units that came at once are not too long', () => {
  const backlog = started();
  for (let id = 1; id <= 60; id += 1) backlog.add(id, id, 1000);
  assert.equal(backlog.isTooLong(1100), false);
});

test('units that wait for long are too long', () => {
  const backlog = started();
  for (let id = 1; id <= 4; id += 1) backlog.add(id, id, id * 200);
  assert.equal(backlog.isTooLong(700), false);
  assert.equal(backlog.isTooLong(701), true);
});

test('a single unit may take its time', () => {
  const backlog = started();
  backlog.add(1, 1, 0);
  assert.equal(backlog.isTooLong(60000), false);
});

test('a decoder that loads may take its time, up to a number', () => {
  const backlog = new Backlog();
  for (let id = 0; id < 90; id += 1) backlog.add(id, id, 0);
  assert.equal(backlog.isTooLong(3000), false);
  backlog.add(90, 90, 3000);
  assert.equal(backlog.isTooLong(3000), true);
});

test('after a restart it loads again', () => {
  const backlog = started();
  backlog.restart();
  for (let id = 1; id <= 10; id += 1) backlog.add(id, id, 0);
  assert.equal(backlog.isTooLong(3000), false);
});
