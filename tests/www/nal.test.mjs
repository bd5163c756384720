import assert from 'node:assert/strict';
import { test } from 'node:test';

import { findSps, nalUnits } from '../../www/assets/nal.js';

const list = (bytes) => [...nalUnits(Uint8Array.from(bytes))].map((nal) => [...nal]);

test('start codes of three and four bytes are both found', () => {
  assert.deepEqual(list([0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2, 0, 0, 1, 0x65, 3]),
    [[0x67, 1], [0x68, 2], [0x65, 3]]);
});

test('trailing zeros belong to no NAL unit', () => {
  assert.deepEqual(list([0, 0, 0, 1, 0x67, 1, 0, 0, 0, 0, 1, 0x65, 3, 0, 0]),
    [[0x67, 1], [0x65, 3]]);
});

test('bytes before the first start code and empty NAL units are passed over', () => {
  assert.deepEqual(list([9, 9, 0, 0, 1, 0, 0, 1, 0x65, 3]), [[0x65, 3]]);
  assert.deepEqual(list([9, 9, 9]), []);
  assert.deepEqual(list([]), []);
  assert.deepEqual(list([0, 0, 1]), []);
});

test('a start code right behind a byte above one is not missed', () => {
  for (let before = 0; before < 6; before += 1) {
    const padding = Array(before).fill(7);
    assert.deepEqual(list([0, 0, 1, 0x61, ...padding, 0, 0, 1, 0x41, 5]),
      [[0x61, ...padding], [0x41, 5]]);
  }
});

test('the SPS is found before the slices and not searched for behind them', () => {
  const sps = [0, 0, 0, 1, 0x67, 0x42, 1];
  const aud = [0, 0, 0, 1, 9, 0xf0];
  const slice = [0, 0, 1, 0x65, 0x88];
  assert.deepEqual([...findSps(Uint8Array.from([...aud, ...sps, ...slice]))], [0x67, 0x42, 1]);
  assert.equal(findSps(Uint8Array.from([...slice, ...sps])), null);
  assert.equal(findSps(Uint8Array.from([])), null);
});
