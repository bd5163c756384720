import assert from 'node:assert/strict';
import { test } from 'node:test';

import { choicesOf } from '../../www/assets/modes.js';

const sizes = (resolution) => choicesOf(resolution).map((c) => `${c.width}x${c.height}`);

test('modes are listed smallest first, each size once', () => {
  assert.deepEqual(sizes({
    width: 640, height: 480,
    modes: [
      { width: 1280, height: 720, fps_max: 30 }, { width: 640, height: 480, fps_max: 30 },
      { width: 640, height: 480, fps_max: 60 },
    ],
  }), ['640x480', '1280x720']);
});

test('the label says the highest rate of a size', () => {
  const [choice] = choicesOf({
    width: 640, height: 480,
    modes: [
      { width: 640, height: 480, fps_max: 30 }, { width: 640, height: 480, fps_max: 59.94 },
    ],
  });
  assert.equal(choice.label, '640 × 480 · up to 59.94 fps');
});

test('a current size that is no mode is listed all the same', () => {
  assert.deepEqual(sizes({ width: 642, height: 482, modes: [{ width: 640, height: 480 }] }),
    ['640x480', '642x482']);
});

test('of a range the usual sizes within it are offered', () => {
  const range = {
    width: { min: 320, max: 1280, step: 2 }, height: { min: 240, max: 720, step: 2 }, fps_max: 30,
  };
  assert.deepEqual(sizes({ width: 1280, height: 720, modes: [range] }),
    ['320x240', '640x360', '640x480', '854x480', '1280x720']);
});

test('without modes there is the current size alone', () => {
  assert.deepEqual(sizes({ width: 640, height: 480 }), ['640x480']);
  assert.deepEqual(sizes({ width: null, height: null, modes: [] }), []);
});
