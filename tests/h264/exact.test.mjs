// Every stream of Baseline profile as everybody receives it: to the last picture what the file has,
// and nothing held back.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { broadwayDir, decodeWithBroadway } from '../lib/broadway.mjs';
import { decodeWithFfmpeg } from '../lib/ffmpeg.mjs';
import { stagedPage, waitFor } from '../lib/stack.mjs';
import { nalTypes } from '../lib/viewer.mjs';
import { BASELINE, GENERATED, sample } from './streams.mjs';
import { folderFor, playing, readable, watchedFromTheBeginning } from './watch.mjs';

const broadway = broadwayDir(stagedPage());

function assertSame(got, wanted, who) {
  assert.equal(got.length, wanted.length, `${who}: ${got.length} pictures`);
  const wrong = wanted.flatMap((md5, i) => (md5 === got[i] ? [] : [i]));
  assert.deepEqual(wrong, [], `${who}: these pictures are others`);
}

/* What viewers are promised of each access unit: protocol.md 2, "Raw mode". */
function assertShape(unit, at) {
  const types = nalTypes(unit);
  assert.ok(unit.subarray(0, 4).equals(Buffer.of(0, 0, 0, 1)), `${at} begins with a start code`);
  assert.ok(!types.includes(9), `${at} has a delimiter`);
  if (types.includes(5)) assert.deepEqual([types[0], types[1]], [7, 8], `${at} is an IDR`);
  assert.notEqual(unit.at(-1), 0, `${at} ends with a zero`);
}

/* One round of the file, as all three received it. */
async function oneRound(t, path, count) {
  const stack = await playing(t, `file:${path}`, '--fps=240');
  const { raw, modern, reader } = await watchedFromTheBeginning(t, stack);
  // And the first of the next round, which says that the round is complete.
  await Promise.all([raw, modern].map((viewer) => viewer.upTo(count + 1, 60000)));
  const units = raw.units.slice(0, count);
  const bytes = Buffer.concat(units);
  await waitFor('stream.h264', () => reader.size >= bytes.length);
  assert.deepEqual(modern.messages[0].idr, true);
  for (let i = 0; i < count; i += 1) {
    assertShape(units[i], i);
    assert.ok(modern.units[i].equals(units[i]), `access unit ${i} of nalcast.v1 is another`);
  }
  assert.ok(reader.bytes.subarray(0, bytes.length).equals(bytes), 'stream.h264 is another');
  assert.ok(raw.units[count].equals(units[0]), 'the next round begins like the first');
  const { decoder_delay_frames: delay } = stack.ctl('state').result.encoder;
  return { units, bytes, delay };
}

async function assertBroadwayShows(units, bytes) {
  const { pictures } = await decodeWithFfmpeg(bytes, { uncropped: true });
  const shown = [];
  let late = 0;
  await decodeWithBroadway(broadway, units, (i420, width, height, fed) => {
    shown.push(createHash('md5').update(i420).digest('hex'));
    late = Math.max(late, fed - shown.length);
  });
  assert.equal(late, 0, 'pictures that Broadway held back');
  assertSame(shown, pictures, 'Broadway');
}

async function assertExact(t, path, original = path) {
  const reference = await decodeWithFfmpeg(original);
  const { units, bytes, delay } = await oneRound(t, path, reference.pictures.length);
  const received = await decodeWithFfmpeg(bytes);
  assertSame(received.pictures, reference.pictures, 'ffmpeg');
  assert.equal(received.complaints, '');
  assert.equal(delay, 0);
  if (broadway) await assertBroadwayShows(units, bytes);
  else t.diagnostic('not in Broadway: this build has no page');
}

for (const { name, path, skip } of BASELINE.map(sample))
  test(`${name} arrives as it is`, { skip }, (t) => assertExact(t, readable(t, path)));

for (const { name, make } of GENERATED)
  test(`x264's stream with ${name} arrives as it is`, async (t) => {
    const { path, original } = await make(folderFor(t));
    await assertExact(t, path, original);
  });
