// snapshot.jpg and stream.mjpg: the newest picture, for who asks, at nobody else's cost.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { noise, startDaemon, waitFor } from '../lib/daemon.mjs';
import { patchRgb } from '../lib/pattern.mjs';
import { MotionJpeg, readPhoto } from '../lib/photo.mjs';
import { startStack } from '../lib/stack.mjs';
import { Viewer } from '../lib/viewer.mjs';
import { Wire } from '../lib/wire.mjs';

const ARGS = ['--source=test', '--size=640x480', '--fps=15', '--idle-stop-s=0',
  '--viewer-lag-max-ms=10000'];

const stampUs = (answer) => Math.round(Number(answer.headers['x-timestamp']) * 1e6);

function assertColours({ width, height, frame, colours }, gains = [1, 1]) {
  for (const [patch, wanted] of patchRgb(width, height, frame, gains).entries())
    for (let i = 0; i < 3; i += 1)
      assert.ok(Math.abs(colours[patch][i] - wanted[i]) <= 4,
        `patch ${patch} of frame ${frame}: ${colours[patch]}, not ${wanted}`);
}

describe('snapshot.jpg through nginx', () => {
  let stack;
  const snapshot = (query = '') => stack.request('GET', `/camera/snapshot.jpg${query}`);
  const isActive = () => stack.ctl('state').result.stream.active;

  before(async () => { stack = await startStack({ nalcastdArgs: ARGS }); });
  after(() => stack?.stop());

  test('opens the camera for one picture, undamaged and of its moment', async () => {
    assert.equal(isActive(), false);
    const got = await snapshot();
    assert.equal(got.status, 200, got.text);
    assert.equal(got.headers['content-type'], 'image/jpeg');
    assert.equal(got.headers['cache-control'], 'no-store');
    assert.equal(Number(got.headers['content-length']), got.body.length);
    const photo = await readPhoto(got.body);
    assert.deepEqual([photo.width, photo.height], [640, 480]);
    assertColours(photo);
    assert.equal(photo.timeMs, Math.floor(stampUs(got) / 1000) % 2 ** 32);
    await waitFor('the camera to close', () => !isActive());
  });

  test('has the colours that the camera is told to have', async () => {
    for (const gains of [[1.25, 0.75], [1, 1.25], [1, 1]]) {
      const set = await stack.request('PATCH', '/camera/api/v1/controls',
        { body: JSON.stringify({ awb_gains: gains }),
          headers: { 'content-type': 'application/json' } });
      assert.equal(set.status, 200, set.text);
      assertColours(await readPhoto((await snapshot()).body), gains);
    }
  });

  test('is newer than all that viewers had when it was asked for', async () => {
    const viewer = await new Viewer(stack).opened();
    for (let round = 0; round < 5; round += 1) {
      await viewer.more(2);
      const { captureUs } = viewer.messages.at(-1);
      assert.ok(stampUs(await snapshot()) >= captureUs);
    }
    await viewer.close();
  });

  test('may be somebody else’s, up to max_age_ms', async () => {
    const first = await snapshot();
    await waitFor('the camera to close', () => !isActive());
    const opened = stack.procs.nalcastd.log.match(/pipeline: open/g).length;
    assert.deepEqual((await snapshot('?max_age_ms=60000')).body, first.body);
    assert.equal(stack.procs.nalcastd.log.match(/pipeline: open/g).length, opened);
    assert.ok(stampUs(await snapshot('?max_age_ms=60000&quality=30')) > stampUs(first));
    assert.ok(stampUs(await snapshot('?max_age_ms=0')) > stampUs(first));
  });

  test('has the quality that is asked for, all at once too', async () => {
    const sizes = (await Promise.all([95, 60, 40, 25, 10, 1].map(async (quality) => {
      const got = await snapshot(`?quality=${quality}`);
      assert.equal(got.status, 200, got.text);
      return got.body.length;
    })));
    assert.deepEqual(sizes, [...sizes].sort((a, b) => b - a));
    for (const [query, status] of [['?quality=0', 422], ['?quality=101', 422],
      ['?quality=best', 400], ['?max_age_ms=60001', 422], ['?max_age_ms=', 400]]) {
      const got = await snapshot(query);
      assert.equal(got.status, status, query);
      assert.match(got.json.detail, /is a whole number from \d+ to \d+/);
    }
  });

  test('is not for foreign pages’ scripts, nor for other methods', async () => {
    for (const url of ['/camera/snapshot.jpg', '/camera/stream.mjpg']) {
      const foreign = await stack.request('GET', url, { headers: { Origin: 'https://evil.example' } });
      assert.equal(foreign.status, 403);
      for (const method of ['HEAD', 'POST']) {
        const got = await stack.request(method, url);
        assert.equal(got.status, 405, method);
        assert.equal(got.headers.allow, 'GET');
      }
    }
  });

  test('is 503 while the owner has stopped it, and not kept from before', async () => {
    await snapshot();
    stack.ctl('stop');
    for (const url of ['snapshot.jpg', 'snapshot.jpg?max_age_ms=60000', 'stream.mjpg']) {
      const got = await stack.request('GET', `/camera/${url}`);
      assert.equal(got.status, 503);
      assert.ok(Number(got.headers['retry-after']) > 0);
      assert.match(got.json.detail, /stopped by its owner/);
    }
    stack.ctl('start');
    assert.equal((await snapshot()).status, 200);
  });

  test('is 503 while the camera is lost, and comes again with it', async () => {
    stack.ctl('fault', { kind: 'unplug' });
    const got = await snapshot();
    assert.equal(got.status, 503);
    assert.ok(got.headers['retry-after']);
    stack.ctl('fault', { kind: 'none' });
    assert.equal((await snapshot()).status, 200, 'the first one that asks has it opened');
  });

  test('has the names of mjpg-streamer too', async () => {
    const got = await stack.request('GET', '/camera/?action=snapshot');
    assert.equal(got.headers['content-type'], 'image/jpeg');
    assertColours(await readPhoto(got.body));
  });

  for (const url of ['stream.mjpg', '?action=stream'])
    test(`ffmpeg reads ${url}`, async () => {
      const ffmpeg = spawn('ffmpeg', ['-v', 'error', '-nostdin', '-f', 'mpjpeg', '-tls_verify', '0',
        '-i', `${stack.origin}/camera/${url}`, '-frames:v', '10', '-f', 'framemd5', '-'],
      { stdio: ['ignore', 'pipe', 'pipe'] });
      const said = { stdout: '', stderr: '' };
      for (const name of ['stdout', 'stderr'])
        ffmpeg[name].setEncoding('utf8').on('data', (text) => (said[name] += text));
      const [status] = await once(ffmpeg, 'close');
      assert.equal(status, 0, said.stderr);
      const sums = said.stdout.split('\n').filter((line) => line && !line.startsWith('#'))
        .map((line) => line.split(/, */).at(-1));
      assert.equal(sums.length, 10);
      assert.equal(new Set(sums).size, 10, 'ten different pictures');
    });
});

describe('stream.mjpg', () => {
  test('gives a fast viewer all, a slow one fewer and new ones, and costs H.264 nothing', async () => {
    const daemon = await startDaemon(ARGS);
    const h264 = await new Wire(daemon).opened();
    const [fast, slow] = [new MotionJpeg(daemon), new MotionJpeg(daemon)];
    await Promise.all([fast.more(5), slow.more(2)]);
    assert.match(fast.head, /^HTTP\/1\.1 200 [^]*multipart\/x-mixed-replace/);
    slow.stopReading();
    const [had, hadSlow] = [fast.pictures.length, slow.pictures.length];
    await fast.more(30);
    const resumed = await readPhoto(fast.pictures.at(-1).jpeg);
    slow.read();
    await slow.more(6);

    const seen = await Promise.all(fast.pictures.slice(had, had + 30)
      .map(({ jpeg }) => readPhoto(jpeg)));
    for (const photo of seen) assertColours(photo);
    const frames = seen.map(({ frame }) => frame);
    assert.deepEqual(frames, [...new Set(frames)].sort((a, b) => a - b), 'each once, in order');
    // Two busy cores lose one now and then; as many again would be a fault.
    assert.ok(frames.at(-1) - frames[0] < 40, `${frames}`);

    const late = await Promise.all(slow.pictures.slice(hadSlow).map(({ jpeg }) => readPhoto(jpeg)));
    const old = late.filter(({ frame }) => frame < resumed.frame);
    // The one on its way, and what node had read ahead; we keep no queue for it.
    const ahead = Math.ceil(65536 / Math.min(...slow.pictures.map(({ jpeg }) => jpeg.length)));
    assert.ok(old.length <= 1 + ahead, `${old.length} old pictures`);
    for (const [at, { frame }] of late.entries()) if (at > 0) assert.ok(frame > late[at - 1].frame);

    h264.assertDecodable();
    assert.equal(h264.holes, 0);
    const viewers = (await daemon.did('viewers')).viewers;
    assert.equal(viewers.length, 3);
    assert.ok(viewers[2].skipped > 10, 'the slow one');
    await daemon.did('close-viewer', { id: viewers[2].id });
    await waitFor('its end', () => slow.ended);
    fast.destroy();
    await h264.close();
    await daemon.stop();
  });

  test('counts as a viewer; a snapshot does not', async () => {
    const daemon = await startDaemon([...ARGS, '--viewers-max=1']);
    const first = new MotionJpeg(daemon);
    await first.more(1);
    assert.equal((await daemon.state()).viewers.count, 1);
    for (const [url, status] of [['stream.mjpg', 503], ['snapshot.jpg', 200]]) {
      const other = new Wire(daemon, { head: `GET /${url} HTTP/1.1\r\nHost: a\r\n\r\n` });
      assert.equal((await other.answered()).status, status);
      other.destroy();
    }
    first.destroy();
    await waitFor('the camera to close', async () => !(await daemon.state()).stream.active);
    await daemon.stop();
  });

  test('stays connected while the camera is away, and goes on', async () => {
    const daemon = await startDaemon(ARGS);
    const viewer = new MotionJpeg(daemon);
    await viewer.more(2);
    await daemon.did('fault', { kind: 'unplug' });
    await waitFor('its loss', async () => !(await daemon.state()).source.online);
    await daemon.did('fault', { kind: 'none' });
    await viewer.more(3);
    viewer.destroy();
    await daemon.stop();
  });

  test('a camera that gives only H.264 has no picture after the other: 501 and why', async () => {
    const daemon = await startDaemon();
    const args = noise(daemon.dir);
    const file = await startDaemon(args);
    const asked = new Wire(file, { head: 'GET /stream.mjpg HTTP/1.1\r\nHost: a\r\n\r\n' });
    const { status, body } = await asked.answered();
    assert.equal(status, 501);
    await waitFor('why', () => /H\.264 itself/.test(String(body)) || asked.ended);
    asked.destroy();
    await file.stop();
    await daemon.stop();
  });
});

/** How often the thread that makes JPEG was woken. */
function wakeups({ process: { pid } }) {
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const text = readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8');
    if (/^Name:\s*jpeg$/m.test(text)) return Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(text)[1]);
  }
  throw new Error('there is no such thread');
}

test('while nobody asks for JPEG nothing is done for it', async () => {
  const daemon = await startDaemon(ARGS);
  const viewer = await new Wire(daemon).opened();
  await viewer.more(5);
  const before = wakeups(daemon);
  await viewer.more(30);
  assert.equal(wakeups(daemon), before);
  const motion = new MotionJpeg(daemon);
  await motion.more(5);
  assert.ok(wakeups(daemon) >= before + 5);
  motion.destroy();
  await waitFor('its end', async () => (await daemon.state()).viewers.count === 1);
  await viewer.more(3);
  const after = wakeups(daemon);
  await viewer.more(20);
  assert.equal(wakeups(daemon), after);
  await viewer.close();
  await daemon.stop();
});
