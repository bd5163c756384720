/*
 * Are a page's pictures those of the stream? Luma at a grid of points, from the canvas and from
 * ffmpeg's decoding of the same file. A canvas holds R'G'B', so the way there and back costs a
 * step or two; a wrong or damaged picture costs far more.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { stats, within } from './page.mjs';

const STEP = 8;

/* The matrix that Chromium takes where the encoder says nothing; Broadway's is BT.601. */
const MATRICES = { webcodecs: 'bt709', broadway: 'bt601' };

/* Mean of the absolute difference: equal pictures measure 0.1 to 0.8, damaged ones far more. */
export const MEAN_MAX = 1;

/* Each picture of the file as luma at the grid's points. */
export async function referenceLuma(path, width, height) {
  const ffmpeg = spawn('ffmpeg', [
    '-hide_banner', '-loglevel', 'error', '-i', path, '-f', 'rawvideo', '-pix_fmt', 'yuv420p',
    '-fps_mode', 'passthrough', '-',
  ], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(ffmpeg, 'close');
  const pictureSize = (width * height * 3) / 2;
  const pictures = [];
  let chunks = [];
  let size = 0;
  for await (const chunk of ffmpeg.stdout) {
    chunks.push(chunk);
    size += chunk.length;
    if (size < pictureSize) continue;
    let rest = Buffer.concat(chunks);
    for (; rest.length >= pictureSize; rest = rest.subarray(pictureSize))
      pictures.push(gridOf(rest, width, height));
    chunks = [rest];
    size = rest.length;
  }
  const [status] = await ended;
  if (status !== 0) throw new Error(`ffmpeg ended with status ${status}`);
  return pictures;
}

function gridOf(luma, width, height) {
  const points = [];
  for (let y = 0; y < height; y += STEP) {
    for (let x = 0; x < width; x += STEP) points.push(luma[y * width + x]);
  }
  return Uint8Array.from(points);
}

/*
 * The next `count` pictures of our page as [{ seq, luma, width, height }]. matrix: which of the
 * two is used for this stream by this decoder, 'bt601' or 'bt709'.
 */
export async function collectLuma(page, count, matrix = 'bt601') {
  const [kr, kb] = matrix === 'bt709' ? [0.2126, 0.0722] : [0.299, 0.114];
  const collected = page.evaluate(([wanted, step, red, blue]) => new Promise((resolve) => {
    const pictures = [];
    const read = () => {
      const { canvas, stats } = window.nalcast;
      const { width, height } = canvas;
      const data = window.nalcastTest.pixels(canvas, [0, 0, width, height]);
      const luma = [];
      for (let y = 0; y < height; y += step) {
        for (let x = 0; x < width; x += step) {
          const i = (y * width + x) * 4;
          const full = red * data[i] + (1 - red - blue) * data[i + 1] + blue * data[i + 2];
          luma.push(Math.round(16 + (full * 219) / 255));
        }
      }
      pictures.push({ seq: stats.lastSeq, width, height, luma });
      if (pictures.length < wanted) return;
      window.nalcast.removeEventListener('painted', read);
      resolve(pictures);
    };
    window.nalcast.addEventListener('painted', read);
  }), [count, STEP, kr, kb]);
  const found = await within(`${count} pictures`, collected);
  return found.map((picture) => ({ ...picture, luma: Uint8Array.from(picture.luma) }));
}

export function meanDifference(a, b) {
  if (a.length !== b.length) return Infinity;
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += Math.abs(a[i] - b[i]);
  return sum / a.length;
}

/* { index, mean } of the picture that is nearest. */
export function nearest(luma, pictures) {
  return pictures.map((picture, index) => ({ index, mean: meanDifference(luma, picture) }))
    .reduce((a, b) => (b.mean < a.mean ? b : a));
}

/*
 * Says of the next `count` pictures of our page that they are those of the recording, whole and in
 * its order, and that the decoder never lost the thread. reference: referenceLuma().
 */
export async function assertShows(page, reference, { decoder, width, height, count = 10 }) {
  const pictures = await collectLuma(page, count, MATRICES[decoder]);
  const found = pictures.map(({ luma, seq, ...size }) => {
    assert.deepEqual([size.width, size.height], [width, height]);
    return { seq, ...nearest(luma, reference) };
  });
  for (const { index, mean } of found)
    assert.ok(mean <= MEAN_MAX, `nearest is ${index}, with ${mean}`);
  found.reduce((a, b) => {
    const steps = (b.seq - a.seq) % reference.length;
    assert.equal(b.index, (a.index + steps) % reference.length, 'pictures in order');
    return b;
  });
  assert.equal((await stats(page)).decoderLosses, 0);
}
