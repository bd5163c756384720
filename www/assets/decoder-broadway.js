/*
 * Decodes with Broadway: H.264 Baseline in WebAssembly, in a worker of its own. For pages that
 * are no secure context and browsers without H.264. Same shape as decoder-webcodecs.js.
 *
 * The worker is Broadway's own Decoder.js. What it needs and does not say itself:
 * - Exactly one access unit per message. After a damaged one it would take the next buffer's
 *   first NAL unit for the rest of the old one, and go on losing every second picture through
 *   all IDRs; an access unit delimiter (H.264 7.3.2.4) behind each access unit stops that.
 * - It keeps sizes of its first picture: a new size needs a new worker.
 * - A stream too large for its heap aborts it, other profiles than Baseline are silently nothing:
 *   sps.js asks before.
 */

import { Backlog } from './backlog.js';
import { broadwayRefusal } from './sps.js';

const AUD = [0, 0, 0, 1, 9, 0xf0];

/* The size of the stream buffer compiled into Broadway. */
const STREAM_BUFFER_SIZE = 1048576;

/* So few may still be in the worker when it is given the IDR that it skipped to. */
const RESUME_MAX = 2;

const START_MAX_MS = 5000;
const SILENT_MAX_MS = 3000;
const FAILURES_MAX = 3;

/* matrix_coefficients 1 (H.264 table E-5). */
const MATRIX_BT709 = 1;

function withAud(au) {
  const bytes = new Uint8Array(au.length + AUD.length);
  bytes.set(au);
  bytes.set(AUD, au.length);
  return bytes;
}

/* Broadway's pictures are whole macroblocks; the crop of the SPS is the reader's business. */
function describe(bytes, coded, unit, planar) {
  const { sps } = unit;
  return {
    kind: planar ? 'i420' : 'rgba',
    unit,
    width: Math.min(sps.width, coded.width),
    height: Math.min(sps.height, coded.height),
    left: sps.crop.left,
    top: sps.crop.top,
    stride: coded.width,
    rows: coded.height,
    conversion: sps.matrix === MATRIX_BT709 ? 'rec709' : 'rec601',
    bytes,
  };
}

export class BroadwayDecoder {
  name = 'broadway';
  #handlers;
  #workerUrl;
  #planar;
  #worker = null;
  #sps = null;
  #backlog = new Backlog();
  #lastId = 0;
  #needIdr = true;
  #failures = 0;
  #watchdog = null;
  #started = false;

  /* planar: pictures as I420 for WebGL, otherwise converted to RGBA in the worker. */
  constructor(handlers, { assets, planar }) {
    this.#handlers = handlers;
    this.#workerUrl = new URL('Decoder.js', assets).href;
    this.#planar = planar;
    this.#open();
  }

  get queue() {
    return this.#backlog.size;
  }

  push(unit) {
    if (unit.idr && !this.#prepare(unit.sps)) return;
    if (unit.au.length > STREAM_BUFFER_SIZE - AUD.length) {
      this.#needIdr = true;
      return;
    }
    if (!this.#needIdr && this.#backlog.isTooLong(performance.now())) {
      this.#needIdr = true;
      this.#handlers.onLagging();
    }
    if (this.#needIdr && (!unit.idr || this.queue > RESUME_MAX)) return;
    this.#needIdr = false;
    this.#decode(unit);
  }

  close() {
    this.#calm();
    this.#backlog.restart();
    this.#worker?.terminate();
    this.#worker = null;
  }

  /* A worker that fits this SPS; false when there can be none. */
  #prepare(sps) {
    const refusal = broadwayRefusal(sps);
    if (refusal) {
      this.#handlers.onFatal(refusal);
      return false;
    }
    const old = this.#sps;
    const fits = !old || (old.codedWidth === sps.codedWidth
      && old.codedHeight === sps.codedHeight && old.refs === sps.refs);
    this.#sps = sps;
    if (!this.#worker || !fits) this.#open();
    return true;
  }

  #open() {
    this.close();
    this.#started = false;
    const worker = new Worker(this.#workerUrl);
    worker.onmessage = (event) => this.#received(worker, event.data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#lost(event.message || 'its worker could not be loaded');
    };
    worker.postMessage({
      type: 'Broadway.js - Worker init',
      options: { rgb: !this.#planar, reuseMemory: true },
    });
    this.#worker = worker;
  }

  #decode(unit) {
    const bytes = withAud(unit.au);
    this.#lastId += 1;
    this.#backlog.add(this.#lastId, unit, performance.now());
    this.#worker.postMessage(
      { buf: bytes.buffer, offset: 0, length: bytes.length, info: { id: this.#lastId } },
      [bytes.buffer],
    );
    const waitMs = this.#started ? SILENT_MAX_MS : START_MAX_MS;
    this.#watchdog ??= setTimeout(() => this.#lost('no picture came out'), waitMs);
  }

  #received(worker, data) {
    if (!data.buf || worker !== this.#worker) return;
    /* Infos are those of all units given since the picture before: the last is this one's. */
    const unit = this.#backlog.take(data.infos?.at(-1)?.id);
    this.#started = true;
    this.#failures = 0;
    this.#calm();
    const bytes = new Uint8Array(data.buf, 0, data.length);
    const recycle = () => worker.postMessage({ reuse: data.buf }, [data.buf]);
    if (!unit) {
      recycle();
      return;
    }
    this.#handlers.onPicture({ ...describe(bytes, data, unit, this.#planar), close: recycle });
  }

  #calm() {
    clearTimeout(this.#watchdog);
    this.#watchdog = null;
  }

  #lost(reason) {
    this.close();
    this.#needIdr = true;
    this.#failures += 1;
    if (this.#failures >= FAILURES_MAX) this.#handlers.onFatal(`Broadway failed: ${reason}.`);
    else this.#handlers.onLost(reason);
  }
}
