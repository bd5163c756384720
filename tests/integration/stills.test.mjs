// snapshot.jpg of a camera that makes the H.264 itself: its newest IDR, decoded when somebody asks.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { nobodyIsSlow, startDaemon, waitFor } from '../lib/daemon.mjs';
import { patternUnits } from '../lib/encode.mjs';
import { patchRgb } from '../lib/pattern.mjs';
import { readPhoto } from '../lib/photo.mjs';
import { sourceDir } from '../lib/stack.mjs';
import { Wire } from '../lib/wire.mjs';

const config = path.resolve(sourceDir, process.env.NALCAST_BUILD ?? 'build', 'config.h');
const skip = !/^#define WITH_AVCODEC 1/m.test(readFileSync(config, 'utf8'))
  && 'built without libavcodec';
const GOP = 10;

const dir = mkdtempSync(path.join(os.tmpdir(), 'ns-'));
chmodSync(dir, 0o755);
after(() => rmSync(dir, { recursive: true }));

function recording(name, bytes) {
  const file = path.join(dir, name);
  writeFileSync(file, bytes);
  return [`--source=file:${file}`, '--fps=25', '--idle-stop-s=0', nobodyIsSlow];
}

/** The pattern, frames 0 to 49, an IDR every GOP of them. */
const pattern = async (change = (unit) => unit.au, gop = GOP) => Buffer.concat(
  (await patternUnits({ width: 320, height: 240, frames: 50, gop })).map(change));

/** { status, headers, body, json } */
const snapshot = (daemon, query = '') => new Promise((resolve, reject) => {
  http.get({ socketPath: daemon.sockets.stream, path: `/snapshot.jpg${query}` }, (answer) => {
    const chunks = [];
    answer.on('data', (chunk) => chunks.push(chunk)).on('error', reject).on('end', () => {
      const body = Buffer.concat(chunks);
      const isJson = /json/.test(answer.headers['content-type']);
      resolve({ status: answer.statusCode, headers: answer.headers, body,
        json: isJson && JSON.parse(body) });
    });
  }).on('error', reject);
});

const stampMs = (got) => Number(got.headers['x-timestamp']) * 1000;

function assertColours({ width, height, frame, colours }) {
  for (const [patch, wanted] of patchRgb(width, height, frame).entries())
    for (let i = 0; i < 3; i += 1)
      assert.ok(Math.abs(colours[patch][i] - wanted[i]) <= 8,
        `patch ${patch} of frame ${frame}: ${colours[patch]}, not ${wanted}`);
}

describe('snapshot.jpg of H.264 alone', { skip }, () => {
  test('opens the source for one picture, an IDR of it, with its clock and colours', async () => {
    const daemon = await startDaemon(recording('pattern.h264', await pattern()));
    for (let round = 0; round < 3; round += 1) {
      const got = await snapshot(daemon);
      assert.equal(got.status, 200, String(got.body));
      assert.equal(got.headers['content-type'], 'image/jpeg');
      const photo = await readPhoto(got.body);
      assert.deepEqual([photo.width, photo.height], [320, 240]);
      assert.equal(photo.frame % GOP, 0, 'an IDR');
      assert.equal(photo.timeMs, photo.frame * 40);
      assertColours(photo);
      await waitFor('the source to close', async () => !(await daemon.state()).stream.active);
    }
    await daemon.stop();
  });

  test('costs those who watch nothing, and tells the time of its capture', async () => {
    const daemon = await startDaemon(recording('pattern.h264', await pattern()));
    const viewer = await new Wire(daemon).opened();
    await viewer.more(3);
    for (let round = 0; round < 3; round += 1) {
      const got = await snapshot(daemon);
      const photo = await readPhoto(got.body);
      assert.equal(photo.frame % GOP, 0);
      const shown = viewer.messages.filter(({ idr, flags }) => idr ?? (flags & 1))
        .map(({ captureUs }) => Math.floor(Number(captureUs) / 1000));
      assert.ok(shown.some((ms) => Math.abs(ms - stampMs(got)) <= 1), `${shown}: ${stampMs(got)}`);
    }
    assert.equal(viewer.holes, 0);
    await viewer.close();
    await daemon.stop();
  });

  test('in every quality, all at once too, and as fresh as is asked for', async () => {
    const daemon = await startDaemon(recording('pattern.h264', await pattern()));
    const viewer = await new Wire(daemon).opened();
    const sizes = await Promise.all([95, 60, 40, 25, 10, 1].map(async (quality) => {
      const got = await snapshot(daemon, `?quality=${quality}`);
      assert.equal(got.status, 200, String(got.body));
      return got.body.length;
    }));
    assert.deepEqual(sizes, [...sizes].sort((a, b) => b - a));
    const old = await snapshot(daemon, '?max_age_ms=60000&quality=33');
    const fresh = await snapshot(daemon, '?max_age_ms=0&quality=33');
    assert.ok(stampMs(fresh) > stampMs(old));
    assert.deepEqual((await snapshot(daemon, '?max_age_ms=60000&quality=33')).body, fresh.body);
    await viewer.close();
    await daemon.stop();
  });

  test('where IDR pictures are rare an older one serves, unless a newer one is asked for', async () => {
    const units = [...await patternUnits({ width: 320, height: 240, frames: 50, gop: 50 })];
    const args = recording('rare.h264', Buffer.concat(units.map(({ au }) => au)));
    const daemon = await startDaemon(args.map((arg) => arg.replace('--fps=25', '--fps=5')));
    const viewer = await new Wire(daemon).opened();
    await viewer.more(3);
    const late = snapshot(daemon, '?max_age_ms=0');
    for (const query of ['', '?max_age_ms=60000']) {
      const got = await snapshot(daemon, query);
      assert.equal(got.status, 200, String(got.body));
      const photo = await readPhoto(got.body);
      assert.equal(photo.frame, 0);
      assertColours(photo);
    }
    const { status, headers, json } = await late; // the next comes after 10 s
    assert.equal(status, 503);
    assert.ok(headers['retry-after']);
    assert.match(json.detail, /no IDR.*max_age_ms/);
    await viewer.close();
    await daemon.stop();
  });

  for (const [matrix, range] of [['smpte170m', 'tv'], ['smpte170m', 'pc'], ['bt709', 'tv'],
    ['bt709', 'pc']])
    test(`has the colours of ${matrix} in ${range} range`, async () => {
      const file = path.join(dir, `${matrix}-${range}.h264`);
      const name = { smpte170m: 'bt601', bt709: 'bt709' }[matrix];
      execFileSync('ffmpeg', ['-v', 'error', '-y', '-f', 'h264', '-i', '-', '-vf',
        `scale=in_color_matrix=bt601:in_range=tv:out_color_matrix=${name}:out_range=${range}`
        + ':sws_flags=accurate_rnd+full_chroma_int,format=yuv420p', '-c:v', 'libx264', '-qp', '10',
        '-profile:v', 'baseline', '-preset', 'superfast', '-g', '10', '-color_range', range,
        '-colorspace', matrix, '-color_primaries', matrix, '-color_trc', matrix,
        '-frames:v', '20', file], { input: await pattern(), stdio: ['pipe', 'inherit', 'inherit'] });
      const daemon = await startDaemon(recording(path.basename(file), readFileSync(file)));
      const got = await snapshot(daemon, '?quality=95');
      assert.equal(got.status, 200, String(got.body));
      assertColours(await readPhoto(got.body));
      await daemon.stop();
    });

  test('a damaged IDR is 502 and why, and no harm to what follows', async () => {
    const damaged = await pattern(({ au, idr }) => {
      const bytes = Buffer.from(au);
      if (idr) bytes.fill(0x55, bytes.length >> 1, bytes.length - 8);
      return bytes;
    });
    const daemon = await startDaemon(recording('damaged.h264', damaged));
    const viewer = await new Wire(daemon).opened();
    for (let round = 0; round < 3; round += 1) {
      const { status, headers, json } = await snapshot(daemon);
      assert.equal(status, 502);
      assert.equal(headers['content-type'], 'application/problem+json');
      assert.match(json.detail, /IDR picture is damaged/);
    }
    await viewer.more(20);
    await viewer.close();
    await daemon.stop();
  });
});

test('without libavcodec it is 501 and why', { skip: !skip && 'built with libavcodec' }, async () => {
  const daemon = await startDaemon(recording('pattern.h264', await pattern()));
  const { status, json } = await snapshot(daemon);
  assert.equal(status, 501);
  assert.match(json.detail, /H\.264 itself/);
  await daemon.stop();
});
