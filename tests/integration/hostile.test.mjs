// Viewers that mean harm, or are as good as gone, each beside good ones, who lose nothing. The
// limits are settings, and short here.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Daemon, noise, startDaemon, tools, waitFor } from '../lib/daemon.mjs';
import { BINARY, frame, PING, PONG, TEXT, Wire } from '../lib/wire.mjs';

const BARE = 'GET /camera/stream.h264 HTTP/1.1\r\nHost: a\r\n\r\n';
const UPGRADE = ['GET /camera/stream HTTP/1.1', 'Host: a', 'Upgrade: websocket',
  'Connection: Upgrade', 'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Protocol: nalcast.v1', '', '']
  .join('\r\n');

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const timesIn = (log, pattern) => (log.match(pattern) ?? []).length;

/** Every access unit came to each of them, from its first on. */
function assertUnharmed(...viewers) {
  for (const viewer of viewers) {
    viewer.assertDecodable();
    assert.equal(viewer.closed, undefined);
    if (viewer.isV1) assert.equal(viewer.holes, 0);
  }
}

describe('beside a good viewer,', { concurrency: 4 }, () => {
  let daemon, good;
  const watch = (options) => new Wire(daemon, options).opened();

  before(async () => {
    // On a busy machine the good one may be late: what is short are the other limits.
    daemon = await startDaemon(['--fps=30', '--viewers-max=300', '--viewer-lag-max-ms=2000',
      '--handshake-timeout-s=1', '--ping-interval-s=1', '--pong-timeout-s=4',
      '--progress-timeout-s=4']);
    good = await watch();
    await good.more(1);
  });
  after(async () => {
    assertUnharmed(good);
    await good.close();
    await daemon.stop();
  });

  /** The viewer is thrown out while the good one goes on. */
  async function isThrownOut(viewer) {
    await waitFor('its end', () => viewer.ended);
    viewer.destroy();
    await good.more(10);
    assertUnharmed(good);
  }

  let named = 0;

  /** A viewer whose end can be seen without reading what it was sent. Which of the two deadlines
   *  comes first is chance where both are short. */
  async function watchNamed(options) {
    const name = options?.head ? 'viewer-bare' : `viewer-${++named}`;
    const viewer = new Wire(daemon, { headers: { 'X-Real-IP': name }, ...options });
    const [, id] = await waitFor('its id',
      () => daemon.log.match(new RegExp(`viewer: (\\d+): ${name} watches`)));
    viewer.gone = (why = 'took nothing|no pong') => waitFor(`${name} to go`,
      () => new RegExp(`viewer: ${id}: (${why}) for 4 s`).test(daemon.log));
    return viewer;
  }

  for (const [what, options] of [['nalcast.v1', {}], ['raw mode', { protocol: null }],
    ['stream.h264', { head: BARE.replace('a\r\n', 'a\r\nX-Real-IP: viewer-bare\r\n') }]])
    test(`who never reads is closed, in ${what}`, async () => {
      const viewer = await watchNamed({ ...options, reads: false });
      await viewer.gone();
      viewer.read();
      await isThrownOut(viewer);
    });

  for (const [what, options] of [['nalcast.v1', {}], ['raw mode', { protocol: null }]])
    test(`who answers no ping is closed, in ${what}, and who does is not`, async () => {
      const [silent, other] = await Promise.all(
        [watch({ ...options, answersPings: false }), watch(options)]);
      await waitFor('its end', () => silent.ended);
      const pings = (viewer) => viewer.control.filter((one) => one.opcode === PING);
      assert.equal(pings(silent).length, 1, 'it was asked once');
      await isThrownOut(silent);
      await waitFor('further pings', () => pings(other).length >= 4);
      assertUnharmed(other);
      await other.close();
    });

  test('stream.h264, which cannot be pinged, goes on', async () => {
    const viewer = new Wire(daemon, { head: BARE });
    await good.more(180);
    assert.ok(!viewer.ended);
    viewer.destroy();
  });

  test('a handshake of a byte at a time is closed when its time is over', async () => {
    const viewer = new Wire(daemon, { head: '' });
    for (const byte of Buffer.from(UPGRADE.repeat(2))) {
      if (viewer.ended) break;
      viewer.write(Buffer.from([byte]));
      await sleep(60);
    }
    assert.equal(viewer.answer, null);
    await isThrownOut(viewer);
  });

  test('a text of a byte at a time is waited for while pings can be answered', async () => {
    const viewer = await watch({ acks: false, answersPings: false });
    for (const byte of frame(TEXT, `{"type":"${'x'.repeat(500)}"}`)) {
      if (viewer.ended) break;
      viewer.write(Buffer.from([byte]));
      await sleep(60);
    }
    assert.equal(viewer.messages.length, 1, 'who says nothing is sent nothing after the first');
    viewer.assertDecodable();
    await isThrownOut(viewer);
  });

  test('garbage instead of a handshake, or after it, ends only its own connection', async () => {
    const viewers = Array.from({ length: 40 }, (_, at) => at % 2
      ? new Wire(daemon, { head: randomBytes(9000) }) : new Wire(daemon));
    for (const [at, viewer] of viewers.entries())
      if (at % 2 === 0) {
        await viewer.opened();
        for (let i = 0; i < 20; i++) viewer.write(randomBytes(1 + 37 * at));
        viewer.write(frame(BINARY, 'and this is certainly wrong'));
      }
    await waitFor('the end of all', () => viewers.every((viewer) => viewer.ended));
    await isThrownOut(viewers[0]);
  });

  test('who acknowledges the future and does not read is closed', async () => {
    const viewer = await watchNamed({ acks: false });
    const [first] = await viewer.more(1);
    viewer.stopReading();
    let ahead = 1;
    const saying = setInterval(() => viewer.ack(first.seq + 1000 * ahead++ >>> 0), 50);
    try {
      await viewer.gone();
    } finally {
      clearInterval(saying);
    }
    viewer.read();
    await isThrownOut(viewer);
  });

  test('who acknowledges the future and reads gets every picture', async () => {
    const viewer = await watch({ acks: false });
    const [first] = await viewer.more(1);
    for (let i = 0; i < 20; i++) {
      viewer.ack(first.seq + 0x7fffff00 + i >>> 0);
      await viewer.more(3);
    }
    assertUnharmed(viewer, good);
    await viewer.close();
  });

  test('who acknowledges nothing after it did is held, then closed', async () => {
    const viewer = await watch();
    await viewer.more(10);
    viewer.acks = false;
    await waitFor('its end', () => viewer.ended);
    viewer.assertDecodable();
    assert.equal(viewer.holes, 0, 'it was held, not given others');
    await isThrownOut(viewer);
  });

  test('who is paused is pinged, and closed when it has vanished', async () => {
    const [here, gone] = await Promise.all([watchNamed(), watchNamed()]);
    for (const viewer of [here, gone]) {
      await viewer.more(2);
      viewer.say({ type: 'pause' });
    }
    gone.stopReading();
    await gone.gone('no pong');
    gone.read();
    await isThrownOut(gone);
    const from = here.control.length;
    await waitFor('two further pings', () => here.control.length >= from + 2);
    const before = here.messages.length;
    here.say({ type: 'resume' });
    await here.more(5);
    assert.ok(here.messages[before].idr);
    here.assertDecodable();
    await here.close();
  });

  test('one that stalls among 100 costs the 99 nothing', async () => {
    const [stalled, ...others] = await Promise.all(
      [watchNamed(), ...Array.from({ length: 99 }, () => watch())]);
    await Promise.all(others.map((viewer) => viewer.more(3)));
    stalled.stopReading();
    await stalled.gone();
    stalled.read();
    await isThrownOut(stalled);
    await Promise.all(others.map((viewer) => viewer.more(10)));
    assertUnharmed(...others);
    for (const viewer of others) viewer.destroy();
  });
});

describe('a flood', { concurrency: 2 }, () => {
  let daemon, good;

  before(async () => {
    daemon = await startDaemon(['--fps=30', '--viewer-lag-max-ms=5000']);
    good = await new Wire(daemon).opened();
    await good.more(1);
  });
  after(async () => {
    assertUnharmed(good);
    await good.close();
    await daemon.stop();
  });

  const ack = frame(TEXT, '{"type":"ack","seq":1}');
  for (const [what, begin, again] of [
    ['texts', UPGRADE, ack],
    ['key frame wishes', UPGRADE, frame(TEXT, '{"type":"keyframe"}')],
    ['pings', UPGRADE, frame(PING, 'x'.repeat(125))],
    ['empty pings', UPGRADE, frame(PING)],
    ['pongs that nobody asked for', UPGRADE, frame(PONG)],
    ['fragments of nothing', Buffer.concat([Buffer.from(UPGRADE), frame(TEXT, '', { fin: false })]),
      frame(0, '', { fin: false })],
    ['words after its own close', Buffer.concat([Buffer.from(UPGRADE), frame(8)]), ack],
    ['bytes after a request for stream.h264', BARE, Buffer.alloc(1000)],
    ['bytes after a request that is refused', 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n',
      Buffer.alloc(1000)],
    ['bytes that are no request', '', Buffer.from('GET ')],
  ])
    test(`of ${what} ends, and the good viewer loses nothing`, async () => {
      const flood = spawn('perl', [path.join(tools, 'flood.pl'), daemon.sockets.stream,
        Buffer.from(begin).toString('hex'), again.toString('hex')], { stdio: 'ignore' });
      const over = once(flood, 'close');
      try {
        await good.more(15, 10000);
        await waitFor('the flood to be cut off', () => flood.exitCode !== null, 10000);
      } finally {
        flood.kill('SIGKILL');
        await over;
      }
      await good.more(5);
      assertUnharmed(good);
    });
});

test('what stalled viewers pin is bounded: the longest stalled goes first', async () => {
  const daemon = new Daemon();
  daemon.args.push(...noise(daemon.dir), '--viewer-lag-max-ms=3000', '--ring-bytes-max=2M',
    '--pinned-bytes-max=400K', '--progress-timeout-s=60');
  await daemon.launch().ready();
  const good = await new Wire(daemon).opened();
  const stalled = [];
  for (let i = 0; i < 4; i++) {
    const viewer = await new Wire(daemon, { protocol: i % 2 ? null : 'nalcast.v1' }).opened();
    await viewer.more(2);
    viewer.stopReading();
    stalled.push(viewer);
    await good.more(5); // so that each is in the middle of another picture
  }
  const goes = () => timesIn(daemon.log, /closing the longest stalled/g);
  await waitFor('two to go', () => goes() >= 2);
  await good.more(15); // more than the ring keeps
  assert.equal(goes(), 2, 'two pictures of some 160 kB fit into 400 KiB');
  for (const viewer of stalled) viewer.read();
  await waitFor('the end of the first two', () => stalled[0].ended && stalled[1].ended);
  await Promise.all(stalled.slice(2).map((viewer) => viewer.more(5)));
  for (const viewer of stalled) viewer.assertDecodable();
  assertUnharmed(good);
  for (const viewer of [good, ...stalled]) viewer.destroy();
  await daemon.stop();
});

test('out of descriptors, who leaves makes room for the next, and no more is said', async () => {
  const daemon = await startDaemon(['--fps=30', '--viewer-lag-max-ms=5000'],
    { wrapper: ['sh', '-c', 'ulimit -n 40; exec "$@"', 'sh'] });
  const warnings = () => timesIn(daemon.log, /accepting nobody for now/g);
  const viewers = [await new Wire(daemon).opened()];
  await viewers[0].more(1);
  for (let i = 0; i < 40; i++) viewers.push(new Wire(daemon));
  await waitFor('the warning', () => warnings() === 1);
  const served = () => viewers.filter((viewer) => viewer.messages.length > 0).length;
  await waitFor('all who can be served', () => served() > 10);
  for (let i = 0; i < 3; i++) {
    const at = viewers.findLastIndex((viewer) => viewer.messages.length > 0);
    const before = served();
    viewers.splice(at, 1)[0].destroy();
    await waitFor('the next to be served', () => served() >= before);
  }
  assert.equal(warnings(), 1, daemon.log);
  assertUnharmed(viewers[0]);
  for (const viewer of viewers) viewer.destroy();
  await daemon.stop();
});

test('on a stopped stream who is there is kept, and who has vanished is noticed', async () => {
  const daemon = await startDaemon(
    ['--fps=30', '--viewer-lag-max-ms=2000', '--ping-interval-s=1', '--pong-timeout-s=3']);
  const viewers = await Promise.all([{}, {}, { protocol: null }, { protocol: null }]
    .map((options) => new Wire(daemon, options).opened()));
  await Promise.all(viewers.map((viewer) => viewer.more(3)));
  await daemon.did('stop');
  const paused = await new Wire(daemon).opened();
  paused.say({ type: 'pause' });
  viewers[0].stopReading();
  viewers[2].answersPings = false;
  await waitFor('two to be noticed', async () => (await daemon.state()).viewers.count === 3);
  assert.equal(timesIn(daemon.log, /no pong for 3 s/g), 2, daemon.log);
  const here = [viewers[1], viewers[3], paused];
  const pings = here.map((viewer) => viewer.control.length);
  await waitFor('further pings',
    () => here.every((viewer, at) => viewer.control.length >= pings[at] + 2));
  await daemon.did('start');
  paused.say({ type: 'resume' });
  await Promise.all(here.map((viewer) => viewer.more(5)));
  assertUnharmed(viewers[1], paused);
  for (const viewer of [...viewers, paused]) viewer.destroy();
  await daemon.stop();
});

describe('IDRs that are asked for', { concurrency: 2 }, () => {
  const span = (messages) => (messages.at(-1).captureUs - messages[0].captureUs) / 1e6;
  const idrs = (messages) => messages.filter((one) => one.idr);

  test('by 100 who join within one GOP are at most two a second', async () => {
    const daemon = await startDaemon(['--fps=30', '--gop-frames=10000', '--viewers-max=101',
      '--viewer-lag-max-ms=5000', '--join-age-max-ms=0']);
    const first = await new Wire(daemon).opened();
    await first.more(20);
    const late = [];
    for (let i = 0; i < 100; i++) {
      late.push(new Wire(daemon, { protocol: i % 3 ? 'nalcast.v1' : null }));
      if (i % 3 === 0) await first.more(1);
    }
    await Promise.all(late.map((viewer) => waitFor('a picture', () => viewer.messages.length)));
    await first.more(1);
    const found = idrs(first.messages).length - 1, seconds = span(first.messages);
    assert.ok(found >= 1 && found <= 2 * seconds + 1.1, `${found} IDRs in ${seconds} s`);
    for (const viewer of late) viewer.assertDecodable();
    assertUnharmed(first);
    for (const viewer of [first, ...late]) viewer.destroy();
    await daemon.stop();
  });

  for (const [ms, least] of [[2000, 2], [500, 6]])
    test(`by one who lags again and again are at most one in ${ms} ms`, async () => {
      const daemon = await startDaemon(['--fps=30', '--gop-frames=10000',
        '--viewer-lag-max-ms=50', '--join-age-max-ms=0', `--idr-recover-interval-ms=${ms}`]);
      // Raw: nothing that it owes can be late.
      const good = await new Wire(daemon, { protocol: null }).opened();
      const laggard = await new Wire(daemon).opened();
      await Promise.all([good, laggard].map((viewer) => viewer.more(3)));
      laggard.acks = false;
      const end = performance.now() + 6500;
      const from = laggard.messages.length;
      let late = laggard.messages.length;
      while (performance.now() < end || idrs(laggard.messages.slice(from)).length < least) {
        await good.more(10); // far longer than its limit
        laggard.ack();
        if (laggard.messages.length === late) continue;
        late = laggard.messages.length;
      }
      const found = idrs(laggard.messages.slice(from));
      for (let at = 1; at < found.length; at++)
        assert.ok(found[at].captureUs - found[at - 1].captureUs > ms * 900,
          `${found[at].captureUs - found[at - 1].captureUs} us`);
      laggard.assertDecodable();
      assert.ok(laggard.holes > 0);
      assertUnharmed(good);
      for (const viewer of [good, laggard]) viewer.destroy();
      await daemon.stop();
    });
});
