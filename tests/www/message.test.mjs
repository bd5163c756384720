import assert from 'node:assert/strict';
import { test } from 'node:test';

import { HEADER_SIZE, parseMessage, seqDistance, seqNext } from '../../www/assets/message.js';

function message({ version = 1, flags = 0, seq = 0, captureUs = 0n, publishUs = 0n, size = 1 }) {
  const buffer = new ArrayBuffer(HEADER_SIZE + size);
  const view = new DataView(buffer);
  view.setUint8(0, version);
  view.setUint8(1, flags);
  view.setUint32(4, seq);
  view.setBigUint64(8, captureUs);
  view.setBigUint64(16, publishUs);
  new Uint8Array(buffer).fill(0x5a, HEADER_SIZE);
  return buffer;
}

test('a header is read with all its fields', () => {
  const unit = parseMessage(message({
    flags: 3, seq: 0xfffffffe, captureUs: 1795349211059123n, publishUs: 1795349211061456n, size: 7,
  }));
  assert.equal(unit.idr, true);
  assert.equal(unit.discontinuity, true);
  assert.equal(unit.seq, 0xfffffffe);
  assert.equal(unit.captureUs, 1795349211059123);
  assert.equal(unit.publishUs, 1795349211061456);
  assert.deepEqual([...unit.au], Array(7).fill(0x5a));
});

test('unknown flags are passed over', () => {
  const unit = parseMessage(message({ flags: 0xfc }));
  assert.equal(unit.idr, false);
  assert.equal(unit.discontinuity, false);
});

test('another version is no message', () => {
  assert.equal(parseMessage(message({ version: 2 })), null);
  assert.equal(parseMessage(message({ version: 0 })), null);
});

test('every length up to the header alone is no message', () => {
  const whole = message({});
  for (let size = 0; size <= HEADER_SIZE; size += 1) {
    assert.equal(parseMessage(whole.slice(0, size)), null, `${size} bytes`);
  }
});

test('sequence numbers wrap at 32 bits', () => {
  assert.equal(seqNext(0xffffffff), 0);
  assert.equal(seqDistance(0xffffffff, 0), 1);
  assert.equal(seqDistance(0, 0xffffffff), -1);
  assert.equal(seqDistance(5, 9), 4);
});
