// JPEG as nalcastd sends it: pictures read back to the test pattern's clock and colours, and a
// reader of multipart/x-mixed-replace that can be told to stop reading.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { CELLS, clockOf, patchRects } from './pattern.mjs';
import { waitFor } from './process.mjs';

/** [width, height] of a JPEG, from its SOF0 (ITU-T T.81 B.2.2). */
function sizeOf(jpeg) {
  for (let at = 2; at < jpeg.length; at += 2 + jpeg.readUInt16BE(at + 2))
    if (jpeg[at + 1] === 0xc0) return [jpeg.readUInt16BE(at + 7), jpeg.readUInt16BE(at + 5)];
  throw new Error('no SOF0');
}

function meanOf(rgb, width, [x0, y0, w, h]) {
  const sum = [0, 0, 0];
  for (let y = y0; y < y0 + h; y += 1)
    for (let x = x0; x < x0 + w; x += 1)
      for (let i = 0; i < 3; i += 1) sum[i] += rgb[(y * width + x) * 3 + i];
  return sum.map((value) => value / (w * h));
}

function readClock(rgb, width, height) {
  const bytes = new Uint8Array(8);
  for (let bit = 0; bit < 2 * CELLS; bit += 1) {
    const [band, cell] = [Math.floor(bit / CELLS), bit % CELLS];
    const [left, top] = [cell * width / CELLS, band * height / 24];
    const rect = [left + width / CELLS / 3, top + height / 72, width / CELLS / 3, height / 72];
    if (meanOf(rgb, width, rect.map(Math.floor))[1] > 128) bytes[bit >> 3] |= 128 >> (bit & 7);
  }
  return clockOf(bytes);
}

/** { width, height, timeMs, frame, colours }: what a JPEG of the test pattern shows. */
export async function readPhoto(jpeg) {
  const [width, height] = sizeOf(jpeg);
  const ffmpeg = spawn('ffmpeg', ['-v', 'error', '-f', 'mjpeg', '-i', '-', '-sws_flags',
    'accurate_rnd+full_chroma_int', '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'],
  { stdio: ['pipe', 'pipe', 'inherit'] });
  const chunks = [];
  ffmpeg.stdout.on('data', (chunk) => chunks.push(chunk));
  ffmpeg.stdin.end(jpeg);
  await once(ffmpeg, 'close');
  const rgb = Buffer.concat(chunks);
  if (rgb.length !== width * height * 3) throw new Error(`${rgb.length} bytes of picture`);
  const colours = patchRects(width, height).map((rect) => meanOf(rgb, width, rect));
  return { width, height, ...readClock(rgb, width, height), colours };
}

/** Watches stream.mjpg on nalcastd's own socket. */
export class MotionJpeg {
  constructor(daemon, url = '/stream.mjpg') {
    this.rest = Buffer.alloc(0);
    this.pictures = []; // { jpeg, atMs }
    this.head = null;
    this.ended = false;
    this.socket = net.connect(daemon.sockets.stream);
    this.socket.unref();
    this.socket.on('error', () => { this.ended = true; });
    this.socket.on('close', () => { this.ended = true; });
    this.socket.on('data', (bytes) => this.#take(bytes));
    this.socket.write(`GET ${url} HTTP/1.1\r\nHost: a\r\n\r\n`);
  }

  #take(bytes) {
    this.rest = Buffer.concat([this.rest, bytes]);
    if (!this.head) {
      const end = this.rest.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.head = this.rest.toString('latin1', 0, end);
      this.mark = `--${/boundary=(\S+)/.exec(this.head)?.[1]}\r\nContent-Type: image/jpeg\r\n\r\n`;
      this.rest = this.rest.subarray(end + 4);
    }
    for (let at; (at = this.rest.indexOf(this.mark)) >= 0;) {
      const before = this.rest.subarray(0, at);
      if (before.length > 0)
        this.pictures.push({ jpeg: before.subarray(0, -2), atMs: performance.now() });
      this.rest = this.rest.subarray(at + this.mark.length);
    }
  }

  stopReading() {
    this.socket.pause();
  }

  read() {
    this.socket.resume();
  }

  /** Waits until there are so many more. */
  more(count = 1) {
    const from = this.pictures.length;
    return waitFor(`${count} pictures`, () => {
      if (this.ended) throw Object.assign(new Error('the connection ended'), { final: true });
      return this.pictures.length >= from + count;
    });
  }

  destroy() {
    this.socket.destroy();
  }
}
