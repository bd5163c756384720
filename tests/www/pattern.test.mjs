import assert from 'node:assert/strict';
import { test } from 'node:test';

import { clockBytes, clockOf, crc8, drawFrame, gradient, patchColour, rgbOf }
  from '../lib/pattern.mjs';

test('the CRC is the one of the check string', () => {
  assert.equal(crc8(new TextEncoder().encode('123456789')), 0xf4);
});

test('a clock is read back, and a flipped bit is noticed', () => {
  const bytes = clockBytes(0x12345678, 0xabcdef);
  assert.deepEqual(clockOf(bytes), { timeMs: 0x12345678, frame: 0xabcdef });
  for (let bit = 0; bit < 64; bit += 1) {
    const bad = bytes.slice();
    bad[bit >> 3] ^= 0x80 >> (bit & 7);
    assert.equal(clockOf(bad), null);
  }
});

test('one patch changes with every frame', () => {
  const patches = (frame) => Array.from({ length: 64 }, (_, i) =>
    JSON.stringify(patchColour(i, frame)));
  for (const frame of [0, 1, 63, 64, 100000]) {
    const [before, after] = [patches(frame), patches(frame + 1)];
    assert.ok(before.filter((colour, i) => colour !== after[i]).length <= 1);
  }
});

/* What streamer/pattern.c gives: frame, digest of the 64 patches, of the gradient at width 854. */
const FROM_C = [
  [0, 0x85ebe220, 0xe51fd8c9],
  [1, 0xbdbbc220, 0xfbc8706b],
  [63, 0x528b7460, 0x52cb7e75],
  [64, 0x8d55c040, 0x611c55d7],
  [1000, 0x82e392c0, 0x42a0d763],
  [16777214, 0xf64ef5f0, 0x456693eb],
];

test('patches and gradient are those of nalcastd', () => {
  const digest = (values) => values.reduce((sum, v) => (Math.imul(sum, 31) + v) >>> 0, 0);
  for (const [frame, patches, line] of FROM_C) {
    const colours = Array.from({ length: 64 }, (_, i) => patchColour(i, frame));
    assert.equal(digest(colours.map(({ y, cb, cr }) => y + 256 * cb + 65536 * cr)), patches);
    assert.equal(digest(Array.from({ length: 854 }, (_, x) => gradient(x, 854, frame))), line);
  }
});

test('the gradient goes up and down within 32 steps', () => {
  const values = Array.from({ length: 640 }, (_, x) => gradient(x, 640, 5));
  assert.deepEqual([Math.min(...values), Math.max(...values)], [0, 31]);
});

test('black and white of BT.601 are black and white', () => {
  assert.deepEqual(rgbOf(16, 128, 128), [0, 0, 0]);
  assert.deepEqual(rgbOf(235, 128, 128), [255, 255, 255]);
});

test('a picture has all its bytes, at sizes that are no multiples of sixteen too', () => {
  for (const [width, height] of [[642, 482], [854, 480]]) {
    assert.equal(drawFrame(width, height, 0, 0).length, (width * height * 3) / 2);
  }
});
