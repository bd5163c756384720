import assert from 'node:assert/strict';
import { test } from 'node:test';

import { broadwayBytes, broadwayRefusal, dpbFramesMax, parseSps }
  from '../../www/assets/sps.js';
import { restriction, sps } from './sps-writer.mjs';

test('size, codec string and crop are read', () => {
  const read = parseSps(sps({ width: 1920, height: 1088, level: 40, crop: [0, 0, 0, 4] }));
  assert.equal(read.codec, 'avc1.42C028');
  assert.deepEqual([read.width, read.height], [1920, 1080]);
  assert.deepEqual([read.codedWidth, read.codedHeight], [1920, 1088]);
});

test('sizes that are no multiples of sixteen are cropped on all sides', () => {
  const read = parseSps(sps({ width: 656, height: 496, crop: [1, 6, 2, 5] }));
  assert.deepEqual([read.width, read.height], [642, 482]);
  assert.deepEqual(read.crop, { left: 2, right: 12, top: 4, bottom: 10 });
});

test('a High profile SPS with scaling lists is read', () => {
  const nal = sps({ profile: 100, constraints: 0, chroma: 1, crop: [0, 0, 0, 0] });
  const w = parseSps(nal);
  assert.deepEqual([w.width, w.height, w.codec], [640, 480, 'avc1.64001E']);
});

test('picture order type 1 is read through', () => {
  const read = parseSps(sps({ pocType: 1, refs: 3 }));
  assert.deepEqual([read.pocType, read.refs, read.width], [1, 3, 640]);
});

test('interlaced fields double the height', () => {
  const read = parseSps(sps({ progressive: 0, profile: 77, constraints: 0 }));
  assert.deepEqual([read.progressive, read.height], [false, 480]);
});

test('VUI gives colours and reordering, through timing and HRD', () => {
  const read = parseSps(sps({
    pocType: 0,
    vui: (w) => {
      w.u(1, 1).u(8, 255).u(16, 1).u(16, 1);
      w.u(1, 1).u(1, 0);
      w.u(1, 1).u(3, 5).u(1, 1).u(1, 1).u(8, 6).u(8, 6).u(8, 6);
      w.u(1, 1).ue(0).ue(0);
      w.u(1, 1).u(32, 1).u(32, 60).u(1, 1);
      w.u(1, 1).ue(1).u(8, 0).ue(9).ue(9).u(1, 0).ue(9).ue(9).u(1, 0).u(20, 0);
      w.u(1, 0).u(1, 0).u(1, 0);
      restriction(w, 0, 4);
    },
  }));
  assert.deepEqual([read.fullRange, read.matrix, read.reorderFrames], [true, 6, 0]);
});

test('the number of pictures to reorder is null where it is not said', () => {
  assert.equal(parseSps(sps()).reorderFrames, null);
  assert.equal(parseSps(sps({ vui: (w) => w.u(8, 0).u(1, 0) })).reorderFrames, null);
  assert.equal(parseSps(sps({ vui: (w) => restriction(w.u(8, 0), 2, 4) })).reorderFrames, 2);
});

test('every truncation of an SPS is refused with words', () => {
  const nal = sps({ width: 1920, height: 1088, crop: [0, 0, 0, 4] });
  for (let size = 0; size < nal.length - 1; size += 1) {
    assert.throws(() => parseSps(nal.subarray(0, size)), RangeError, `${size} bytes`);
  }
});

test('random bytes end in a value or in a RangeError', () => {
  let state = 1;
  for (let i = 0; i < 20000; i += 1) {
    const nal = Uint8Array.from({ length: 4 + (i % 40) }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state >>> 24;
    });
    nal[0] = 0x67;
    try {
      parseSps(nal);
    } catch (error) {
      assert.ok(error instanceof RangeError, error.stack);
    }
  }
});

test('a crop larger than the picture is refused', () => {
  assert.throws(() => parseSps(sps({ crop: [200, 200, 0, 0] })), /crops everything/);
});

test('the level bounds the pictures a decoder keeps', () => {
  const at = (level, width, height) => dpbFramesMax({ level, constraints: 0, codedWidth: width,
    codedHeight: height });
  assert.equal(at(40, 1920, 1088), 4);
  assert.equal(at(30, 640, 480), 6);
  assert.equal(at(51, 1920, 1088), 16);
  assert.equal(at(11, 176, 144), 9);
  assert.equal(dpbFramesMax({ level: 11, constraints: 0x10, codedWidth: 176, codedHeight: 144 }),
    4);
});

test('Broadway takes Baseline, also under the name of Main', () => {
  assert.equal(broadwayRefusal(parseSps(sps())), null);
  assert.equal(broadwayRefusal(parseSps(sps({ constraints: 0 }))), null);
  assert.equal(broadwayRefusal(parseSps(sps({ profile: 77, constraints: 0x80 }))), null);
});

test('Broadway is not given Main, High or interlaced pictures', () => {
  const main = parseSps(sps({ profile: 77, constraints: 0x40 }));
  assert.match(broadwayRefusal(main), /profile Main: this needs WebCodecs/);
  const high = parseSps(sps({ profile: 100, constraints: 0, chroma: 1 }));
  assert.match(broadwayRefusal(high), /profile High: this needs WebCodecs/);
  const odd = parseSps(sps({ profile: 66, progressive: 0 }));
  assert.match(broadwayRefusal(odd), /interlaced/);
});

test('Broadway is not given more than fits its heap', () => {
  const fullHd = (over) => parseSps(sps({ width: 1920, height: 1088, level: 40, ...over }));
  assert.equal(broadwayRefusal(fullHd()), null);
  assert.match(broadwayRefusal(fullHd({ refs: 16 })), /too large for Broadway/);
  assert.match(broadwayRefusal(parseSps(sps({ width: 4096, height: 2304, level: 51, refs: 4 }))),
    /too large/);
});

test('with reordering possible the level counts, not the reference pictures', () => {
  const sized = (over) => parseSps(sps({ width: 1920, height: 1088, pocType: 0, ...over }));
  assert.equal(broadwayRefusal(sized({ level: 40 })), null);
  assert.equal(broadwayBytes(sized({ level: 51 })), 18 * 1920 * 1088 * 1.5);
  assert.match(broadwayRefusal(sized({ level: 51 })), /too large/);
  const inOrder = sized({ level: 51, vui: (w) => restriction(w.u(8, 0), 0, 1) });
  assert.equal(broadwayBytes(inOrder), 3 * 1920 * 1088 * 1.5);
  assert.equal(broadwayRefusal(inOrder), null);
});
