// RFC 6455 on nalcastd's own socket, byte by byte.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startDaemon, waitFor } from '../lib/daemon.mjs';
import { BINARY, CLOSE, closeFrame, frame, PING, PONG, TEXT, Wire } from '../lib/wire.mjs';

const KEYFRAME = '{"type":"keyframe"}';

describe('a WebSocket', () => {
  let daemon;
  const watch = (options) => new Wire(daemon, options).opened();

  before(async () => { daemon = await startDaemon(['--fps=60', '--gop-frames=15']); });
  after(() => daemon?.stop());

  for (const [offer, selected] of [['nalcast.v1', 'nalcast.v1'], ['a, nalcast.v1', 'nalcast.v1'],
    ['nalcast.v1,b', 'nalcast.v1'], ['x\r\nSec-WebSocket-Protocol: nalcast.v1', 'nalcast.v1'],
    [null, undefined], ['other', undefined], ['nalcast.v2, NALCAST.V1', undefined]])
    test(`${JSON.stringify(offer)} offered: ${selected ?? 'none'} is selected`, async () => {
      const viewer = await watch({ protocol: offer });
      assert.equal(viewer.answer.headers['sec-websocket-protocol'], selected);
      assert.equal(viewer.answer.headers['sec-websocket-extensions'], undefined);
      await viewer.more(3);
      assert.equal(viewer.texts.length > 0, selected !== undefined);
      viewer.assertDecodable();
      await viewer.close();
    });

  test('extensions that are offered are declined', async () => {
    const viewer = await watch({
      headers: { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits' } });
    assert.equal(viewer.answer.headers['sec-websocket-extensions'], undefined);
    await viewer.close();
  });

  test('raw mode goes on for more pictures than can be in flight, and says no word', async () => {
    const viewer = await watch({ protocol: null });
    await viewer.more(150);
    viewer.assertDecodable();
    assert.ok(viewer.messages.filter((one) => one.nals.length === 3).length <= 12, 'planned IDRs');
    assert.deepEqual([viewer.texts, viewer.control], [[], []]);
    await viewer.close();
  });

  for (const [what, bytes, code] of [
    ['text that is no JSON', frame(TEXT, '{"type":'), 1007],
    ['JSON that is no object', frame(TEXT, '[1]'), 1007],
    ['a value of the wrong type', frame(TEXT, '{"type":"ack","seq":"1"}'), 1007],
    ['text that is no UTF-8', frame(TEXT, Buffer.from([0x22, 0xc0, 0x80, 0x22])), 1007],
    ['text that ends within a character', frame(TEXT, Buffer.from([0x22, 0xe2, 0x82])), 1007],
    ['an empty text', frame(TEXT, ''), 1007],
    ['a binary message', frame(BINARY, 'x'), 1003],
    ['a text over 1 KiB', frame(TEXT, `"${'x'.repeat(1100)}"`), 1009],
    ['fragments over 1 KiB together', Buffer.concat([frame(TEXT, 'x'.repeat(1000), { fin: false }),
      frame(0, 'x'.repeat(100))]), 1009],
    ['an announced length of 2^62', Buffer.from([0x81, 0xff, 64, 0, 0, 0, 0, 0, 0, 0]), 1009],
    ['an announced length of 2^63', Buffer.from([0x81, 0xff, 128, 0, 0, 0, 0, 0, 0, 0]), 1002],
    ['a length in more bytes than it needs', Buffer.from([0x81, 0xfe, 0, 5]), 1002],
    ['a frame without mask', frame(TEXT, KEYFRAME, { mask: false }), 1002],
    ['a reserved bit', frame(TEXT, KEYFRAME, { rsv: 4 }), 1002],
    ['a reserved opcode', frame(3, KEYFRAME), 1002],
    ['a reserved control opcode', frame(11, ''), 1002],
    ['a continuation of nothing', frame(0, KEYFRAME), 1002],
    ['a message within a message',
      Buffer.concat([frame(TEXT, '{', { fin: false }), frame(TEXT, KEYFRAME)]), 1002],
    ['a fragmented ping', frame(PING, 'x', { fin: false }), 1002],
    ['a ping over 125 bytes', frame(PING, 'x'.repeat(126)), 1002],
    ['a close frame of one byte', frame(CLOSE, 'x'), 1002],
    ['a close code that is none', closeFrame(1005), 1002],
    ['a close reason that is no UTF-8', closeFrame(1000, Buffer.from([0xff])), 1007],
  ])
    test(`${what} closes with ${code}`, async () => {
      const viewer = await watch();
      await viewer.more(1);
      viewer.write(bytes);
      const { code: got, reason } = await viewer.closes();
      assert.equal(got, code, reason);
      assert.ok(reason);
      assert.equal(viewer.texts.at(-1).type, 'bye');
      viewer.destroy();
    });

  test('who goes on talking after a mistake hears of the mistake all the same', async () => {
    const viewer = await watch({ acks: false });
    await viewer.more(1);
    viewer.stopReading();
    viewer.write(frame(3, ''));
    for (let i = 0; i < 30; i++) {
      viewer.ack();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    viewer.read();
    assert.equal((await viewer.closes())?.code, 1002, viewer.error);
    viewer.destroy();
  });

  test('raw mode ignores what is said, and closes for what cannot be read', async () => {
    const viewer = await watch({ protocol: null });
    for (const bytes of [frame(TEXT, 'no JSON'), frame(BINARY, 'x')]) viewer.write(bytes);
    await viewer.more(3);
    viewer.write(frame(TEXT, 'x'.repeat(1100)));
    assert.equal((await viewer.closes()).code, 1009);
    viewer.destroy();
  });

  test('fragments, with control frames in between, make one message', async () => {
    const viewer = await watch();
    const parts = ['{"type":', '"time",', '"t0":', '42}'];
    for (const [at, part] of parts.entries())
      viewer.write(Buffer.concat([
        frame(at ? 0 : TEXT, part, { fin: at === parts.length - 1 }), frame(PING, `p${at}`)]));
    const { t0 } = await viewer.text('time');
    assert.equal(t0, 42);
    await viewer.pong('p3');
    await viewer.close();
  });

  test('bytes that come one at a time make the same messages', async () => {
    // Whatever else it said would stand in the middle of a frame.
    const viewer = new Wire(daemon, { head: '', acks: false, answersPings: false });
    const bytes = Buffer.concat([Buffer.from(['GET /stream HTTP/1.1', 'Host: a',
      'Upgrade: websocket', 'Connection: keep-alive, Upgrade', 'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${viewer.key}`, 'Sec-WebSocket-Protocol: nalcast.v1', '', '']
      .join('\r\n')), frame(TEXT, '{"type":"time","t0":7}'), frame(PING, 'slow')]);
    for (const byte of bytes) {
      viewer.write(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
    await viewer.opened();
    assert.equal((await viewer.text('time')).t0, 7);
    await viewer.pong('slow');
    await viewer.close();
  });

  test('frames that come with the request head are heard', async () => {
    const viewer = new Wire(daemon);
    viewer.say({ type: 'time', t0: 1 });
    await viewer.opened();
    assert.equal((await viewer.text('time')).t0, 1);
    await viewer.close();
  });

  test('more than 60 texts in a second are ignored, more than 200 close with 1008', async () => {
    const viewer = await watch({ acks: false });
    const flood = (count, from) => viewer.write(Buffer.concat(
      Array.from({ length: count }, (_, at) => frame(TEXT, `{"type":"time","t0":${from + at}}`))));
    flood(150, 0);
    await viewer.pong((viewer.write(frame(PING, 'all read')), 'all read'));
    const answered = viewer.texts.filter((one) => one.type === 'time').map((one) => one.t0);
    assert.ok(Math.max(...answered) < 60, `${answered} were answered`);
    flood(100, 1000);
    assert.equal((await viewer.closes()).code, 1008);
    viewer.destroy();
  });

  test('a close handshake is answered with the code it came with', async () => {
    for (const [bytes, code] of [[closeFrame(1000, 'done'), 1000], [closeFrame(4321), 4321],
      [closeFrame(1001), 1001], [frame(CLOSE), 1000]]) {
      const viewer = await watch();
      await viewer.more(1);
      viewer.write(bytes);
      assert.equal((await viewer.closes()).code, code);
      assert.ok(!viewer.texts.some((one) => one.type === 'bye'), 'it knows that it goes');
      viewer.destroy();
    }
  });

  test('what is said after a close frame is not heard', async () => {
    const viewer = await watch();
    viewer.write(Buffer.concat([closeFrame(1000), frame(TEXT, 'no JSON'), frame(PING, 'late')]));
    assert.equal((await viewer.closes()).code, 1000);
    assert.ok(!viewer.control.some((one) => one.opcode === PONG));
    viewer.destroy();
  });

  test('a close of ours waits for the answer, and not for ever', async () => {
    for (const answersClose of [true, false]) {
      const viewer = await watch({ answersClose });
      viewer.write(frame(BINARY, 'x'));
      assert.equal((await viewer.closes()).code, 1003);
      viewer.destroy();
    }
  });

  test('a peer that goes without a word, or half, is forgotten', async () => {
    const viewers = await Promise.all([watch(), watch(), watch({ protocol: null })]);
    await waitFor('three', async () => (await daemon.state()).viewers.count === 3);
    viewers[0].destroy();
    viewers[1].socket.end();
    viewers[2].socket.end();
    await waitFor('all to be gone', async () => (await daemon.state()).viewers.count === 0);
    for (const viewer of viewers) viewer.destroy();
  });
});
