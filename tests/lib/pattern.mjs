/*
 * The test pattern as tests need it (protocol.md 7): the clock in its two bands, read back from
 * pixels, and drawn into I420 for the tests that have no nalcastd. The functions given to
 * pages (page.mjs) must not refer to anything outside themselves.
 */

export const CELLS = 32;

/* 75 % bars, left to right, Y'CbCr of BT.601 in limited range, in the pattern's bottom quarter. */
export const BARS = [
  ['white', 180, 128, 128],
  ['yellow', 162, 44, 142],
  ['cyan', 131, 156, 44],
  ['green', 112, 72, 58],
  ['magenta', 84, 184, 198],
  ['red', 65, 100, 212],
  ['blue', 35, 212, 114],
  ['black', 16, 128, 128],
].map(([name, y, cb, cr]) => ({ name, y, cb, cr, rgb: rgbOf(y, cb, cr) }));

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

/* One picture as I420: clock, a gradient that moves with the frame number, the bars. */
export function drawFrame(width, height, timeMs, frame) {
  const cWidth = width / 2;
  const cHeight = height / 2;
  const bytes = new Uint8Array(width * height * 1.5).fill(128);
  const luma = bytes.subarray(0, width * height);
  const cb = bytes.subarray(width * height, width * height + cWidth * cHeight);
  const cr = bytes.subarray(width * height + cWidth * cHeight);
  for (let x = 0; x < width; x += 1) luma[x] = 60 + ((x + frame * 4) % 128);
  for (let y = 1; y < height; y += 1) luma.copyWithin(y * width, 0, width);
  const top = 2 * Math.ceil(height * 0.375);
  BARS.forEach((bar, i) => {
    const left = 2 * Math.floor((i * cWidth) / BARS.length);
    const right = 2 * Math.floor(((i + 1) * cWidth) / BARS.length);
    fillRect(luma, width, [left, top, right, height], bar.y);
    fillRect(cb, cWidth, [left / 2, top / 2, right / 2, cHeight], bar.cb);
    fillRect(cr, cWidth, [left / 2, top / 2, right / 2, cHeight], bar.cr);
  });
  drawClock(luma, width, height, clockBytes(timeMs, frame));
  return bytes;
}
