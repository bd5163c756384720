// Streams of which something is missing: nalcastd goes on, and what viewers are given is whole.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeWithFfmpeg } from '../lib/ffmpeg.mjs';
import { waitFor } from '../lib/stack.mjs';
import { nalTypes } from '../lib/viewer.mjs';
import { frameNumsOf } from './rewrite.mjs';
import { BROKEN, DAMAGED, GARBAGE, sample } from './streams.mjs';
import { folderFor, playing, readable, watchedFromTheBeginning } from './watch.mjs';

const isIdr = (unit) => nalTypes(unit).includes(5);

/* Where the file begins anew: at its first picture, an IDR. */
const rounds = (units) => units.flatMap((unit, i) => (unit.equals(units[0]) ? [i] : []));

/* Every picture follows the one that it says it follows (H.264 7.4.3, frame_num). */
function assertNothingIsMissing(units) {
  let before;
  for (const [i, picture] of frameNumsOf(units).entries()) {
    const { frameNum, idr, max } = picture;
    const next = idr ? 0 : (before.frameNum + (before.isRef ? 1 : 0)) % max;
    assert.equal(frameNum, next, `access unit ${i} follows what viewers were not given`);
    before = picture;
  }
}

const STREAMS = [
  ...BROKEN.map(({ name, make }) => ({ name, skip: false, find: (t) => make(folderFor(t)) })),
  ...DAMAGED.map(sample).map(({ name, path, skip }) =>
    ({ name, skip, find: (t) => readable(t, path) })),
];

for (const { name, skip, find } of STREAMS)
  test(`${name} neither ends nor stalls nalcastd`, { skip }, async (t) => {
    const stack = await playing(t, `file:${await find(t)}`, '--fps=240');
    const { raw, modern, reader } = await watchedFromTheBeginning(t, stack);
    await waitFor('three rounds', () => rounds(raw.units).length > 3, 60000);
    const [, , , end] = rounds(raw.units);
    await waitFor('the other viewer', () => modern.units.length >= end);
    const bytes = Buffer.concat(raw.units.slice(0, end));
    await waitFor('stream.h264', () => reader.size >= bytes.length);
    assert.ok(reader.bytes.subarray(0, bytes.length).equals(bytes));
    for (const [i, message] of modern.messages.slice(0, end).entries()) {
      assert.ok(message.unit.equals(raw.units[i]));
      assert.equal(message.idr, isIdr(message.unit));
      if (i === 0 || message.discontinuity) assert.ok(message.idr, `${i} follows what was lost`);
    }
    // What was made up may look like the picture that was due.
    if (name !== GARBAGE) {
      assertNothingIsMissing(raw.units.slice(0, end));
      assert.equal((await decodeWithFfmpeg(bytes)).pictures.length, end);
    }
    const { stream, source } = stack.ctl('state').result;
    assert.deepEqual([stream.active, source.online], [true, true]);
    for (const viewer of [raw, modern]) assert.equal(viewer.closed, null);
  });
