// The control socket, packet by packet.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { Packets, startDaemon, waitFor } from '../lib/daemon.mjs';
import { Wire } from '../lib/wire.mjs';

describe('the control socket', () => {
  let daemon, packets;

  before(async () => { daemon = await startDaemon(['--fps=30', '--idle-stop-s=0']); });
  after(() => daemon?.stop());
  beforeEach(() => { packets = new Packets(daemon); });
  afterEach(() => packets.end());

  /** Sends raw text on a new connection; gives the reply. */
  async function say(number, verb, rest) {
    packets.tell(number, 'open');
    packets.tell(number, verb, rest);
    return packets.reply(number);
  }

  test('answers one request after the other on a connection, each with its id', async () => {
    packets.tell(1, 'open');
    for (const id of [7, 0, -3, 2 ** 53 - 1]) {
      packets.request(1, 'health', {}, { v: 1, id });
      assert.deepEqual(await packets.reply(1), { v: 1, id, ok: true, result: { status: 'ok' } });
    }
  });

  test('holds 16 connections; a 17th waits and is served when one closes', async () => {
    for (let n = 1; n <= 16; n++) {
      packets.tell(n, 'open');
      packets.request(n, 'health');
      assert.ok((await packets.reply(n)).ok);
    }
    packets.tell(17, 'open');
    packets.request(17, 'health');
    packets.request(1, 'state');
    await packets.reply(1);
    assert.ok(!packets.lines.some((line) => line.startsWith('17 ')), 'it waits');
    packets.tell(5, 'close');
    assert.equal((await packets.reply(17)).id, 17);
    packets.request(16, 'health');
    assert.ok((await packets.reply(16)).ok, 'the others stay');
  });

  test('closes a connection that asks again before it is answered, and only that', async () => {
    const viewer = await new Wire(daemon).opened();
    await viewer.more(1);
    await daemon.did('fault', { kind: 'stall' });
    packets.tell(9, 'open');
    for (const [at, [verb, rest]] of [['send', '{"v":1,"id":9,"op":"health"}'], ['send', 'junk'],
      ['fill', '70000']].entries()) {
      packets.tell(at, 'open');
      packets.request(at, 'set-resolution', { width: 320, height: 240, fps: 20 + at });
      packets.tell(at, verb, rest);
      await packets.closed(at);
      assert.ok(!packets.lines.some((line) => line.startsWith(`${at} packet`)));
      packets.request(9, 'health');
      assert.ok((await packets.reply(9)).ok);
    }
    await daemon.did('fault', { kind: 'none' });
    await viewer.close();
  });

  test('answers what is no request with words', async () => {
    const deep = `{"v":1,"id":4,"op":"state","args":${'['.repeat(40)}${']'.repeat(40)}}`;
    for (const [at, [verb, rest]] of [['send', 'garbage'], ['send', '[]'], ['send', '"v"'],
      ['send', '{"v":1,"id":4}'], ['send', '{"v":1,"id":4,"op":5}'], ['fill', '5'],
      ['send', '{"v":1,"id":4,"op":"state","args":[]}'], ['send', deep], ['fill', '65536'],
      ['send', `{"v":1,"id":4,"op":"${'x'.repeat(99)}"}`], ['send', '['.repeat(60000)],
      ['fill', '65537'], ['fill', '150000']].entries()) {
      const { v, ok, error } = await say(at, verb, rest);
      assert.deepEqual([v, ok, error.code], [1, false, 'invalid'], `${verb} ${rest.slice(0, 60)}`);
      assert.ok(error.message);
      packets.request(at, 'health');
      assert.ok((await packets.reply(at)).ok, 'the connection goes on');
      packets.tell(at, 'close');
    }
  });

  test('answers another version with the one it speaks', async () => {
    const reply = await say(1, 'send', '{"v":2,"id":5,"op":"state","args":{}}');
    assert.deepEqual([reply.v, reply.id, reply.ok], [1, 5, false]);
    assert.match(reply.error.message, /version/);
  });

  test('knows its operations and says which argument is wrong', async () => {
    for (const [op, args, code, pointer] of [
      ['explode', {}, 'not-found', '/op'],
      ['fault', { kind: 'fire' }, 'invalid', '/kind'],
      ['start', { timeout_ms: 20001 }, 'invalid', '/timeout_ms'],
      ['set-resolution', {}, 'invalid', '/width'],
      ['set-resolution', { width: 320 }, 'invalid', '/height'],
      ['set-resolution', { width: 320.5, height: 240 }, 'invalid', '/width'],
      ['set-resolution', { width: 321, height: 240 }, 'invalid', '/width'],
      ['set-resolution', { width: 320, height: 2306 }, 'invalid', '/height'],
      ['set-resolution', { width: 320, height: 240, fps: 0 }, 'invalid', '/fps'],
      ['set-resolution', { width: 4096, height: 2304 }, 'unsupported', '/width'],
      ['set-resolution', { width: 320, height: 240, fps: 240 }, 'unsupported', '/width'],
    ]) {
      const { ok, error } = await daemon.ctl(op, args);
      assert.equal(ok, false, op);
      assert.deepEqual([error.code, error.pointer], [code, pointer], JSON.stringify(args));
      if (op === 'set-resolution') assert.ok(error.nearest.length > 0);
    }
  });

  test('gives a peer that shut its side the answer it waits for', async () => {
    packets.tell(1, 'open');
    packets.request(1, 'health');
    packets.tell(1, 'shut');
    assert.ok((await packets.reply(1)).ok);
    await packets.closed(1);
  });

  test('closes a connection that says nothing for 5 s', async () => {
    const begun = performance.now();
    packets.tell(1, 'open');
    packets.tell(2, 'open');
    packets.request(2, 'health');
    await packets.reply(2);
    await packets.closed(1);
    await packets.closed(2);
    assert.ok(performance.now() - begun > 4500);
  });
});

describe('set-resolution', () => {
  let daemon;
  const size = async () => {
    const { width, height } = await daemon.did('resolution');
    return [width, height];
  };

  before(async () => { daemon = await startDaemon(['--fps=30', '--idle-stop-s=0']); });
  after(() => daemon?.stop());

  test('is answered as pending when its deadline passes, and takes effect later', async () => {
    const viewer = await new Wire(daemon).opened();
    await viewer.more(1);
    await daemon.did('fault', { kind: 'stall' });
    const begun = performance.now();
    const reply = await daemon.ctl('set-resolution', { width: 320, height: 240, timeout_ms: 300 });
    assert.deepEqual([reply.ok, reply.pending], [true, true]);
    assert.equal(reply.result.changed, true);
    assert.ok(performance.now() - begun > 290);
    await daemon.did('fault', { kind: 'none' });
    await viewer.text('format', (one) => one.width === 320);
    viewer.assertDecodable();
    await viewer.close();
  });

  test('tried with dry_run changes nothing', async () => {
    const before = await size();
    const tried = await daemon.did('set-resolution', { width: 640, height: 480, dry_run: true });
    assert.deepEqual([tried.effective.width, tried.changed], [640, true]);
    assert.deepEqual(await size(), before);
    const { error } = await daemon.ctl('set-resolution',
      { width: 666, height: 480, dry_run: true });
    assert.equal(error.code, 'unsupported');
  });

  test('with persist is kept over a restart, without it is not', async () => {
    await daemon.did('set-resolution', { width: 640, height: 480 });
    await waitFor('the file', () => existsSync(`${daemon.stateDir}/settings.json`));
    const passing = await daemon.did('set-resolution',
      { width: 800, height: 600, persist: false });
    assert.equal(passing.applied, 'next-start');
    assert.deepEqual(await size(), [800, 600]);
    await daemon.restart();
    assert.deepEqual(await size(), [640, 480]);
  });

  test('of many at once leaves the last', async () => {
    const viewer = await new Wire(daemon).opened();
    await viewer.more(1);
    const packets = new Packets(daemon);
    const sizes = [[160, 120], [320, 240], [640, 360], [642, 482], [320, 240]];
    for (const [at, [width, height]] of sizes.entries()) {
      packets.tell(at, 'open');
      packets.request(at, 'set-resolution', { width, height });
    }
    for (const at of sizes.keys()) assert.ok((await packets.reply(at)).ok);
    const now = await size();
    assert.ok(sizes.some(([width, height]) => width === now[0] && height === now[1]));
    await viewer.more(3);
    viewer.assertDecodable();
    assert.equal(viewer.ended, false);
    packets.end();
    await viewer.close();
  });
});
