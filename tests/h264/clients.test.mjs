// Programs of other people on https://.../camera/stream.h264, through the nginx files we ship.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { decodeWithFfmpeg } from '../lib/ffmpeg.mjs';
import { startStack } from '../lib/stack.mjs';
import { Viewer } from '../lib/viewer.mjs';
import { encode } from './streams.mjs';
import { folderFor } from './watch.mjs';

const [WIDTH, HEIGHT] = [320, 240];
const PICTURE_BYTES = (WIDTH * HEIGHT * 3) / 2;
const GOP = 30;
const ROUND = 3 * GOP;
const PICTURES = 60; /* that each client shows before it ends */

/* What decoders say of a stream that they do not like. */
const COMPLAINTS = /error|invalid|non-existing|no frame|conceal|corrupt|missing picture|reference/i;

function succeeds(program, ...args) {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/* Why this client cannot be had here, or false. */
function missing(program, elements = []) {
  if (!succeeds('sh', '-c', `command -v ${program}`)) return `${program} is not here`;
  const absent = elements.filter((name) => !succeeds('gst-inspect-1.0', '--exists', name));
  return absent.length > 0 && `GStreamer has no ${absent.join(', ')} here`;
}

const ELEMENTS = ['souphttpsrc', 'h264parse', 'avdec_h264', 'identity', 'filesink'];

/* Each writes what it shows into a file, as I420, and ends. */
const CLIENTS = [{
  name: 'ffmpeg',
  skip: missing('ffmpeg'),
  command: (url, file) => ['ffmpeg', '-nostdin', '-hide_banner', '-v', 'warning',
    '-tls_verify', '0', '-f', 'h264', '-i', url, '-frames:v', `${PICTURES}`,
    '-fps_mode', 'passthrough', '-f', 'rawvideo', file],
}, {
  name: 'mpv',
  skip: missing('mpv'),
  command: (url, file) => ['mpv', '--no-config', '--msg-level=all=warn', '--tls-verify=no',
    '--no-audio', `--o=${file}`, '--of=rawvideo', '--ovc=rawvideo', `--frames=${PICTURES}`, url],
}, {
  name: 'GStreamer',
  skip: missing('gst-launch-1.0') || missing('gst-inspect-1.0', ELEMENTS),
  /* identity puts the end in the place of that picture. */
  command: (url, file) => ['gst-launch-1.0', '-q', 'souphttpsrc', 'ssl-strict=false',
    `location=${url}`, '!', 'h264parse', '!', 'avdec_h264', '!', 'identity',
    `eos-after=${PICTURES + 1}`, '!', 'filesink', `location=${file}`],
}];

async function run([program, ...args]) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 60000 });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => (said += text));
  const [status] = await once(child, 'close');
  return { status, said };
}

function picturesIn(file) {
  const bytes = readFileSync(file);
  return Array.from({ length: Math.floor(bytes.length / PICTURE_BYTES) }, (_, i) =>
    createHash('md5').update(bytes.subarray(i * PICTURE_BYTES, (i + 1) * PICTURE_BYTES))
      .digest('hex'));
}

describe('stream.h264', () => {
  let stack;
  let reference;
  const keeper = { after: (end) => (keeper.end = end) };

  before(async () => {
    const path = join(folderFor(keeper), 'stream.h264');
    await encode(path, { size: `${WIDTH}x${HEIGHT}`, frames: ROUND, options: `keyint=${GOP}` });
    reference = (await decodeWithFfmpeg(path)).pictures;
    stack = await startStack({ nalcastdArgs: [`--source=file:${path}`, '--fps=30'] });
  });
  after(async () => {
    await stack?.stop();
    keeper.end?.();
  });

  for (const { name, skip, command } of CLIENTS)
    test(`${name} shows it from its first picture on, all of it`, { skip }, async (t) => {
      /* The source runs before the client comes, and is somewhere between two IDRs. */
      const viewer = await new Viewer(stack, { protocols: [] }).opened();
      await viewer.more(3);
      const file = join(folderFor(t), 'shown.yuv');
      const { status, said } = await run(command(`${stack.url}stream.h264`, file));
      await viewer.close();
      assert.equal(status, 0, said);
      assert.doesNotMatch(said, COMPLAINTS);
      const shown = picturesIn(file).map((md5) => reference.indexOf(md5));
      const [first] = shown;
      assert.equal(first % GOP, 0, `picture ${first} is the first one: not an IDR`);
      assert.deepEqual(shown.slice(0, PICTURES),
        Array.from({ length: PICTURES }, (_, i) => (first + i) % ROUND));
    });
});
