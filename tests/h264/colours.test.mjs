// Colours from a camera's pixels to a viewer's: converted, encoded, and shown by somebody who
// believes what the SPS says.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const CLOSE = 3; // of 255, in every channel
const PATCH = 64;
const HEIGHT = 64;
const patches = join(process.env.NALCAST_BUILD, 'tests/tools/patches');
const skip = !existsSync(patches) && 'built without V4L2 or x264';

function run(command, args, input) {
  const { status, stdout, stderr } = spawnSync(command, args, { input, maxBuffer: 1 << 26 });
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

function show(stream) {
  return run('ffmpeg', ['-hide_banner', '-v', 'error', '-f', 'h264', '-i', '-',
    '-sws_flags', 'accurate_rnd+full_chroma_int', '-pix_fmt', 'rgb24', '-f', 'rawvideo', '-'], stream);
}

const wanted = skip ? [] : run(patches, ['list']).toString().trim().split('\n')
  .map((line) => line.split(' ').map(Number));

for (const [format, matrix, range] of [
  ...['YUYV', 'NV12', 'YU12'].flatMap((name) => ['601', '709'].flatMap((kind) =>
    ['limited', 'full'].map((wide) => [name, kind, wide]))),
  ['RGB3', '601', 'limited'], ['XR24', '601', 'limited'], ['MJPG', '601', 'full'],
])
  test(`${format}, BT.${matrix}, ${range} range`, { skip }, () => {
    const rgb = show(run(patches, [format, matrix, range]));
    const width = PATCH * wanted.length;
    assert.equal(rgb.length, 3 * width * HEIGHT);
    wanted.forEach((colour, i) => {
      const at = 3 * (HEIGHT / 2 * width + i * PATCH + PATCH / 2);
      const seen = [...rgb.subarray(at, at + 3)];
      assert.ok(seen.every((value, channel) => Math.abs(value - colour[channel]) <= CLOSE),
        `patch ${i} is ${seen}, not ${colour}`);
    });
  });
