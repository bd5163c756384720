/*
 * The test pattern as tests need it (protocol.md 7, streamer/pattern.c): what its clock says and
 * which colours follow from the number of a frame; and the picture itself as I420, for the tests
 * that have no nalcastd.
 */

export const CELLS = 32;

const GRID = 8;
const PATCHES = GRID * GRID;

function clamp(value) {
  return Math.max(0, Math.min(255, Math.round(value)));
}

/* BT.601, limited range, to full-range R'G'B'. */
export function rgbOf(y, cb, cr) {
  const luma = (y - 16) * (255 / 219);
  const blue = (cb - 128) * (255 / 224);
  const red = (cr - 128) * (255 / 224);
  return [
    clamp(luma + 1.402 * red),
    clamp(luma - 0.344136 * blue - 0.714136 * red),
    clamp(luma + 1.772 * blue),
  ];
}

/* CRC-8, polynomial 0x07, initial value 0. */
export function crc8(bytes) {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let i = 0; i < 8; i += 1) crc = crc & 0x80 ? ((crc << 1) ^ 7) & 0xff : crc << 1;
  }
  return crc;
}

export function clockBytes(timeMs, frame) {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, timeMs >>> 0);
  view.setUint32(4, (frame & 0xffffff) * 256);
  bytes[7] = crc8(bytes.subarray(0, 7));
  return bytes;
}

/* { timeMs, frame }, or null when the CRC says that this is no clock. */
export function clockOf(bytes) {
  if (crc8(bytes.subarray(0, 7)) !== bytes[7]) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  return { timeMs: view.getUint32(0), frame: view.getUint32(4) >>> 8 };
}

function fillRect(plane, stride, [x0, y0, x1, y1], value) {
  for (let y = y0; y < y1; y += 1) plane.fill(value, y * stride + x0, y * stride + x1);
}

function drawClock(luma, width, height, bytes) {
  for (let bit = 0; bit < 2 * CELLS; bit += 1) {
    const band = Math.floor(bit / CELLS);
    const cell = bit % CELLS;
    const on = (bytes[bit >> 3] >> (7 - (bit & 7))) & 1;
    fillRect(luma, width, [
      Math.floor((cell * width) / CELLS), Math.floor((band * height) / 24),
      Math.floor(((cell + 1) * width) / CELLS), Math.floor(((band + 1) * height) / 24),
    ], on ? 235 : 16);
  }
}

function hash(value) {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/* Of 64 patches, row by row: { y, cb, cr } without the gradient. */
export function patchColour(patch, frame) {
  const turn = Math.floor(((frame & 0xffffff) + ((patch * 37) % PATCHES)) / PATCHES);
  const h = hash(turn * PATCHES + patch);
  return { y: 56 + 16 * (h & 7), cb: 104 + 16 * ((h >> 3) & 3), cr: 104 + 16 * ((h >> 5) & 3) };
}

/* What is added to the luma of the patches at column x. */
export function gradient(x, width, frame) {
  const step = (Math.floor((x * 512) / width) + frame * 4) % 512;
  return Math.floor((step < 256 ? step : 511 - step) / 8);
}

/* [left, top, right, bottom] of a patch. */
function patchSpan(patch, width, height) {
  const top = Math.floor(height / 12);
  const size = height - top;
  const [row, column] = [Math.floor(patch / GRID), patch % GRID];
  return [
    Math.floor((column * width) / GRID), top + Math.floor((row * size) / GRID),
    Math.floor(((column + 1) * width) / GRID), top + Math.floor(((row + 1) * size) / GRID),
  ];
}

/* The central third of each patch as [x, y, width, height]. */
export function patchRects(width, height) {
  return Array.from({ length: PATCHES }, (_, patch) => {
    const [left, top, right, bottom] = patchSpan(patch, width, height);
    const [x, y] = [Math.floor((right - left) / 3), Math.floor((bottom - top) / 3)];
    return [left + x, top + y, x, y];
  });
}

/* [r, g, b] that the mean of each of patchRects() ought to be, with awb_gains of red and blue. */
export function patchRgb(width, height, frame, [red, blue] = [1, 1]) {
  const tinted = (chroma, gain) => Math.max(16, Math.min(240, chroma + 112 * (gain - 1)));
  return patchRects(width, height).map(([x, , size], patch) => {
    const { y, cb, cr } = patchColour(patch, frame);
    let sum = 0;
    for (let i = x; i < x + size; i += 1) sum += gradient(i, width, frame);
    return rgbOf(y + sum / size, tinted(cb, blue), tinted(cr, red));
  });
}

/* A chroma sample belongs to the upper left one of its four pixels. */
function fillChroma(planes, width, rect, { cb, cr }) {
  const half = rect.map((at) => Math.ceil(at / 2));
  fillRect(planes.cb, width / 2, half, cb);
  fillRect(planes.cr, width / 2, half, cr);
}

function drawPatches(planes, width, height, frame) {
  for (let patch = 0; patch < PATCHES; patch += 1) {
    const rect = patchSpan(patch, width, height);
    const [left, top, right, bottom] = rect;
    const colour = patchColour(patch, frame);
    for (let x = left; x < right; x += 1) {
      fillRect(planes.luma, width, [x, top, x + 1, bottom], colour.y + gradient(x, width, frame));
    }
    fillChroma(planes, width, rect, colour);
  }
}

/* One picture as I420. */
export function drawFrame(width, height, timeMs, frame) {
  const [size, chromaSize] = [width * height, (width * height) / 4];
  const bytes = new Uint8Array(size + 2 * chromaSize).fill(128);
  const planes = {
    luma: bytes.subarray(0, size),
    cb: bytes.subarray(size, size + chromaSize),
    cr: bytes.subarray(size + chromaSize),
  };
  drawPatches(planes, width, height, frame);
  drawClock(planes.luma, width, height, clockBytes(timeMs, frame));
  return bytes;
}
