// A live feed from any program, by a FIFO or on standard input, in whatever pieces it comes.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'node:test';
import { decodeWithFfmpeg } from '../lib/ffmpeg.mjs';
import { startStack, waitFor } from '../lib/stack.mjs';
import { nalTypes, Viewer } from '../lib/viewer.mjs';
import { encode, random } from './streams.mjs';
import { folderFor, playing } from './watch.mjs';

const SEED = 20240607;

/* One rate for all: while the feed is silent for a frame's time, it may as well be between two
 * pictures, and two busy cores hold a writer up. */
const PATIENT = '--fps=1';

/* Opens the FIFO, writes the stream in pieces of 1 to `most` bytes, and closes it. */
async function feedIn(fifo, bytes, most) {
  const writer = await open(fifo, 'w');
  try {
    const sizes = random(SEED);
    for (let at = 0; at < bytes.length;) {
      const size = 1 + (sizes.next().value % most);
      await writer.write(bytes, at, Math.min(size, bytes.length - at));
      at += size;
      if (most > 1) await delay(1);
    }
  } finally {
    await writer.close();
  }
}

async function fedBy(t, settings) {
  const dir = folderFor(t);
  const path = await encode(join(dir, 'stream.h264'), settings);
  const fifo = join(dir, 'fifo');
  execFileSync('mkfifo', ['-m', '0644', fifo]);
  const stack = await playing(t, `file:${fifo}`, PATIENT);
  const raw = await new Viewer(stack, { protocols: [], direct: true }).opened();
  const modern = await new Viewer(stack, { direct: true }).opened();
  t.after(() => [raw, modern].forEach((viewer) => viewer.socket.terminate()));
  const { pictures } = await decodeWithFfmpeg(path);
  return { stack, fifo, raw, modern, bytes: await readFile(path), pictures };
}

const offline = (text) => text.online === false;
const online = (text) => text.online === true;

for (const [pieces, most, settings] of [
  ['byte by byte', 1, { size: '96x64', frames: 20, options: 'keyint=10:slices=2' }],
  ['in pieces of up to 2000 bytes', 2000, { options: 'keyint=25:slices=4:aud=1' }],
])
  test(`a FIFO fed ${pieces} shows every picture, ends, and begins again`, async (t) => {
    const { stack, fifo, raw, modern, bytes, pictures } = await fedBy(t, settings);
    for (let round = 1; round <= 2; round += 1) {
      const from = raw.units.length;
      const texts = modern.texts.length;
      await feedIn(fifo, bytes, most);
      await waitFor(`round ${round}`, () => raw.units.length >= from + pictures.length);
      const { reason } = await modern.text('source', offline, texts);
      assert.match(reason, /the feed ended/);
      const units = raw.units.slice(from);
      assert.equal(units.length, pictures.length);
      assert.ok(nalTypes(units[0]).includes(5));
      assert.deepEqual(modern.units.slice(from), units);
      assert.deepEqual((await decodeWithFfmpeg(Buffer.concat(units))).pictures, pictures);
      assert.equal(modern.messages[from].discontinuity, round > 1);
      if (round > 1) await modern.text('source', online, texts);
    }
    for (const viewer of [raw, modern]) assert.equal(viewer.closed, null);
    assert.equal(stack.ctl('state').result.source.online, false);
  });

test('ffmpeg | nalcastd --source=file:- is watched live, and its end is told', async (t) => {
  const stack = await startStack({
    fcgi: false, nginx: false, www: null, nalcastdArgs: ['--source=file:-', '--fps=30'],
    feed: 'ffmpeg -nostdin -v error -re -f lavfi -i testsrc2=size=320x240:rate=30 -t 5 '
      + '-pix_fmt yuv420p -c:v libx264 -profile:v baseline -tune zerolatency -g 15 -f h264 -',
  });
  t.after(() => stack.stop());
  const raw = await new Viewer(stack, { protocols: [], direct: true }).opened();
  const modern = await new Viewer(stack, { direct: true }).opened();
  await modern.text('source', offline);
  await modern.close();
  await raw.close();
  assert.ok(raw.units.length > 30);
  assert.ok(nalTypes(raw.units[0]).includes(5));
  const { pictures, complaints } = await decodeWithFfmpeg(Buffer.concat(raw.units));
  assert.equal(pictures.length, raw.units.length);
  assert.equal(complaints, '');
  assert.match(stack.ctl('state').result.source.last_error, /standard input: the feed ended/);
});
