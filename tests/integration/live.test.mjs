// Changes while people watch: who watches stays, and no picture is lost or damaged.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nobodyIsSlow, startDaemon } from '../lib/daemon.mjs';
import { decodeWithFfmpeg } from '../lib/ffmpeg.mjs';
import { Wire } from '../lib/wire.mjs';

test('another frame rate costs the viewers nothing', async () => {
  const daemon = await startDaemon(['--size=320x240', '--fps=30', '--gop-frames=10000',
    nobodyIsSlow]);
  const viewer = await new Wire(daemon).opened();
  await viewer.more(10);
  for (const fps of [60, 15, 29.97]) {
    const from = viewer.messages.length;
    const answer = await daemon.did('set-resolution', { width: 320, height: 240, fps });
    assert.deepEqual(answer, { requested: { width: 320, height: 240, fps },
      effective: { width: 320, height: 240, fps }, changed: true, applied: 'now',
      interruption_ms: 0 });
    await viewer.more(20);
    const idrs = viewer.messages.slice(from).filter((one) => one.idr);
    assert.equal(idrs.length, 1, 'the one that brings the new SPS');
  }
  const { restarts } = (await daemon.state()).source;
  assert.equal(restarts, 0);
  assert.equal(viewer.holes, 0);
  assert.equal(viewer.messages.filter((one) => one.discontinuity).length, 0);
  viewer.assertDecodable();
  await viewer.close();
  const units = viewer.messages.map((one) => one.unit);
  const decoded = await decodeWithFfmpeg(Buffer.concat(units));
  assert.equal(decoded.complaints, '');
  assert.equal(decoded.pictures.length, units.length);
  await daemon.stop();
});
