// The encoder's bitrate follows what most viewers' links carry.
import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { describe, test } from 'node:test';
import { Daemon, startDaemon, waitFor } from '../lib/daemon.mjs';
import { sourceDir } from '../lib/stack.mjs';
import { Wire } from '../lib/wire.mjs';

const TICK_MS = 20;
const MINUTE_MS = 60000;

/** What lies between a viewer and nalcastd: hands on so many bits a second, and holds little. */
class Link {
  #count = 0;

  constructor(daemon, bps) {
    this.bps = bps;
    this.sockets = { stream: `${daemon.dir}/link${Link.made = (Link.made ?? 0) + 1}` };
    this.server = net.createServer((near) => {
      const far = net.connect({ path: daemon.sockets.stream, highWaterMark: 4096 });
      near.pipe(far);
      const timer = setInterval(() => this.#carry(far, near), TICK_MS);
      for (const end of [near, far]) {
        end.on('error', () => {});
        end.on('close', () => { clearInterval(timer); near.destroy(); far.destroy(); });
      }
    }).listen(this.sockets.stream).unref();
  }

  #carry(far, near) {
    this.#count = Math.min(this.#count + this.bps / 8 * TICK_MS / 1000, this.bps / 8);
    for (let bytes; this.#count >= 1 && far.readableLength > 0; this.#count -= bytes.length) {
      bytes = far.read(Math.min(far.readableLength, Math.floor(this.#count)));
      near.write(bytes);
    }
    far.read(0);
  }

  end() {
    this.server.close();
  }
}

const adaptive = async (daemon) => (await daemon.state()).encoder.adaptive;
const options = ['--size=320x240', '--bitrate-bps=800k'];

/** The last `count` messages follow one another. */
function isWhole(viewer, count) {
  const last = viewer.messages.slice(-count);
  return last.length === count && last.at(-1).seq - last[0].seq === count - 1;
}

describe('the bitrate', { concurrency: true }, () => {
  test('goes down until a slow link carries it, and up when that recovers', async () => {
    const daemon = await startDaemon(options);
    const link = new Link(daemon, 300e3);
    const viewer = await new Wire(link).opened();
    await viewer.more(10);
    assert.deepEqual(await adaptive(daemon),
      { enabled: true, bitrate_bps: 800000, limited: false });
    const low = await waitFor('less', async () => {
      const now = await adaptive(daemon);
      return now.limited && now.bitrate_bps < 320e3 && now;
    }, MINUTE_MS);
    assert.ok(low.bitrate_bps >= 100e3, `${low.bitrate_bps}`);
    const holes = viewer.holes;
    assert.ok(holes > 0, 'it fell behind its limit before');
    await waitFor('3 s without skipping', () => isWhole(viewer, 90), MINUTE_MS);
    assert.ok((await adaptive(daemon)).limited);
    assert.equal((await daemon.state()).encoder.bitrate_bps, 800000, 'the setting is the setting');
    link.bps = 100e6;
    await waitFor('all of it again', async () => !(await adaptive(daemon)).limited, 2 * MINUTE_MS);
    viewer.assertDecodable();
    await viewer.close();
    link.end();
    await daemon.stop();
  });

  test('does not change for one slow link among good ones', async () => {
    const daemon = await startDaemon(options);
    const link = new Link(daemon, 200e3);
    const good = await Promise.all([1, 2, 3].map(() => new Wire(daemon).opened()));
    const slow = await new Wire(link).opened();
    await Promise.all([slow, ...good].map((viewer) => viewer.more(30)));
    // Long enough for it to fall behind and come back three times.
    let gaps = 0;
    await waitFor('the slow one to skip three times', async () => {
      const now = await adaptive(daemon);
      assert.equal(now.bitrate_bps, 800000);
      gaps = slow.messages.filter((one, at) =>
        at > 0 && one.seq !== slow.messages[at - 1].seq + 1).length;
      return gaps >= 3;
    }, MINUTE_MS);
    slow.assertDecodable();
    for (const viewer of [slow, ...good]) await viewer.close();
    link.end();
    await daemon.stop();
  });

  test('stays where it is when people want that', async () => {
    const daemon = await startDaemon([...options, '--adaptive=no']);
    const link = new Link(daemon, 200e3);
    const viewer = await new Wire(link).opened();
    await waitFor('it to skip', () => viewer.messages.length > 30 && viewer.holes > 20, MINUTE_MS);
    assert.deepEqual(await adaptive(daemon),
      { enabled: false, bitrate_bps: 800000, limited: false });
    await viewer.close();
    link.end();
    await daemon.stop();
  });

  test('of H.264 that comes ready-made is its maker\'s', async () => {
    const daemon = new Daemon();
    copyFileSync(path.join(sourceDir, 'tests/data/slices.h264'), `${daemon.dir}/one.h264`);
    daemon.args.push(`--source=file:${daemon.dir}/one.h264`);
    await daemon.launch().ready();
    const viewer = await new Wire(daemon).opened();
    await viewer.more(5);
    assert.deepEqual(await adaptive(daemon), { enabled: false, bitrate_bps: null, limited: false });
    await viewer.close();
    await daemon.stop();
  });
});
