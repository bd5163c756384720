// Viewers that do not keep up: nobody waits for them, and nobody shows rubbish.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Daemon, noise, startDaemon, waitFor } from '../lib/daemon.mjs';
import { closeFrame, frame, PING, PONG, TEXT, Wire } from '../lib/wire.mjs';

describe('of pictures that no socket holds,', { concurrency: 4 }, () => {
  let daemon;
  const watch = (options) => new Wire(daemon, options).opened();

  before(async () => {
    daemon = new Daemon();
    // On a busy machine, those who read at once may still be late: only a stall is slow here.
    daemon.args.push(...noise(daemon.dir), '--viewer-lag-max-ms=2000');
    await daemon.launch().ready();
  });
  after(() => daemon?.stop());

  /** `viewer` stops reading until `other` has got `count` further pictures. */
  async function stall(viewer, other, count) {
    viewer.stopReading();
    await other.more(count);
  }

  test('a reader in the middle of one gets pongs and close after it, never inside', async () => {
    const [viewer, other] = await Promise.all([watch({ acks: false }), watch()]);
    await viewer.more(3);
    await stall(viewer, other, 5);
    const blocked = viewer.messages.length;
    for (let i = 0; i < 20; i++) {
      viewer.write(frame(PING, `ping ${i}`));
      await new Promise(setImmediate);
    }
    viewer.read();
    const pong = await viewer.pong('ping 19');
    assert.ok(pong.messagesBefore > blocked, 'the message in progress is finished first');
    await viewer.more(3);
    await stall(viewer, other, 5);
    viewer.write(closeFrame(1000));
    await other.more(5);
    assert.equal(viewer.closed, undefined);
    viewer.read();
    assert.equal((await viewer.closes()).code, 1000);
    viewer.assertDecodable();
    viewer.destroy();
    await other.close();
  });

  for (const [what, options] of [['nalcast.v1', {}], ['raw mode', { protocol: null }]])
    test(`one that stalls for 3 s in ${what} costs the others nothing, and resumes at an IDR`,
      async () => {
        const [slow, ...fast] = await Promise.all(
          [watch(options), watch(), watch(), watch({ protocol: null })]);
        await Promise.all([slow, ...fast].map((viewer) => viewer.more(5)));
        await stall(slow, fast[0], 45);
        const before = slow.messages.length;
        slow.read();
        await slow.more(20);
        slow.assertDecodable();
        // What was in the socket, and the half-sent one, are whole; then comes an IDR.
        const jump = slow.messages.findIndex((one, at) => at >= before && one.nals.includes(5));
        assert.ok(jump >= before && jump - before <= 3, `IDR ${jump - before} messages later`);
        if (slow.isV1) assert.ok(slow.holes >= 15, `${slow.holes}`);
        for (const viewer of fast) {
          viewer.assertDecodable();
          if (viewer.isV1) assert.equal(viewer.holes, 0);
          assert.ok(viewer.messages.length >= 45);
        }
        for (const viewer of [slow, ...fast]) await viewer.close();
      });
});

describe('a viewer that acknowledges late', () => {
  let daemon;
  const watch = (options) => new Wire(daemon, options).opened();

  before(async () => { daemon = await startDaemon(['--fps=60', '--gop-frames=10000']); });
  after(() => daemon?.stop());

  test('is held past its limit, and goes on at an IDR when it acknowledges again', async () => {
    const [viewer, other] = await Promise.all([watch(), watch()]);
    await viewer.more(30);
    viewer.acks = false;
    const from = viewer.messages.length;
    await other.more(90);
    const held = viewer.messages.length;
    assert.ok(held - from >= 10, `${held - from} more within the limit of 250 ms`);
    assert.ok(held - from <= 45, `${held - from} more, 1.5 s after the last acknowledgement`);
    await other.more(20);
    assert.equal(viewer.messages.length, held, 'nothing more is sent');
    viewer.acks = true;
    viewer.ack();
    const [first] = await viewer.more(10);
    assert.ok(first.idr);
    assert.ok(viewer.holes > 50, `${viewer.holes}`);
    viewer.assertDecodable();
    assert.equal(other.holes, 0);
    await viewer.close();
    await other.close();
  });

  test('and pongs late is asked whether it is far or slow by one ping that nothing follows',
    async () => {
      const [viewer, other] = await Promise.all([watch({ acks: false, answersPings: false }),
        watch()]);
      const pings = () => viewer.control.filter((one) => one.opcode === PING);
      await other.more(20);
      assert.equal(viewer.messages.length, 1);
      assert.equal(pings().length, 1);
      const ack = JSON.stringify({ type: 'ack', seq: viewer.messages[0].seq });
      viewer.write(Buffer.concat([frame(PONG, pings()[0].payload), frame(TEXT, ack)]));
      await other.more(20);
      assert.equal(pings().length, 2);
      assert.equal(viewer.messages.length, 1);
      viewer.write(frame(PONG, pings()[1].payload));
      await viewer.more(3);
      assert.equal(pings().length, 2);
      viewer.assertDecodable();
      viewer.destroy();
      await other.close();
    });

  test('an acknowledgement of what was never sent, or long ago, does no harm', async () => {
    const viewer = await watch();
    await viewer.more(10);
    for (const seq of [0, viewer.messages[0].seq, viewer.messages.at(-1).seq + 1000 >>> 0,
      0xffffffff]) viewer.ack(seq);
    await viewer.more(60);
    assert.equal(viewer.holes, 0);
    await viewer.close();
  });
});

test('200 viewers at once each get every picture', async () => {
  const daemon = await startDaemon(
    ['--fps=5', '--viewers-max=200', '--viewer-lag-max-ms=5000']);
  const viewers = Array.from({ length: 200 }, (_, at) =>
    new Wire(daemon, { protocol: at % 4 ? 'nalcast.v1' : null }));
  await Promise.all(viewers.map((viewer) => viewer.opened()));
  await Promise.all(viewers.map((viewer) => viewer.more(10)));
  assert.equal((await daemon.state()).viewers.count, 200);
  for (const viewer of viewers) {
    viewer.assertDecodable();
    if (viewer.isV1) assert.equal(viewer.holes, 0);
  }
  const late = await new Wire(daemon).opened();
  assert.equal((await late.closes()).code, 1013);
  for (const viewer of [late, ...viewers]) viewer.destroy();
  await waitFor('all to be gone', async () => (await daemon.state()).viewers.count === 0);
  await daemon.stop();
});
