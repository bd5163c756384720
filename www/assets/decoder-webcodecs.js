/*
 * Decodes with WebCodecs: the browser's own decoder, often in hardware.
 *
 * Both decoders have this shape:
 *   push(unit)   one access unit in order, the first an IDR; unit.sps describes it
 *   queue        units given and not yet back as pictures
 *   close()
 * and tell their handlers
 *   onPicture(picture)  for view.js, which closes it
 *   onLost(reason)      pictures were lost; the next unit that helps is an IDR
 *   onLagging()         too far behind: skips to the next IDR of itself
 *   onFatal(reason)     does not work here or not for this stream; close it
 */

import { Backlog } from './backlog.js';

/* Only a label here: pictures are drawn when they are ready. Firefox wants a duration. */
const FRAME_US = 33333;

const SILENT_MAX_MS = 3000;
const FAILURES_MAX = 3;

export async function webCodecsSupports(codec) {
  if (typeof VideoDecoder !== 'function') return false;
  try {
    return (await VideoDecoder.isConfigSupported({ codec, optimizeForLatency: true })).supported;
  } catch {
    return false;
  }
}

export class WebCodecsDecoder {
  name = 'webcodecs';
  #handlers;
  #decoder = null;
  #codec = null;
  #backlog = new Backlog();
  #timestamp = 0;
  #needIdr = true;
  #failures = 0;
  #watchdog = null;

  constructor(handlers) {
    this.#handlers = handlers;
  }

  get queue() {
    return this.#backlog.size;
  }

  push(unit) {
    if (this.#needIdr && !unit.idr) return;
    if (!this.#needIdr && this.#backlog.isTooLong(performance.now())) {
      this.#needIdr = true;
      this.#handlers.onLagging();
      this.#discard();
      if (!unit.idr) return;
    }
    try {
      if (unit.idr) this.#configure(unit.sps.codec);
      this.#decode(unit);
    } catch (error) {
      this.#lost(error);
    }
  }

  close() {
    this.#calm();
    this.#backlog.restart();
    if (this.#decoder && this.#decoder.state !== 'closed') this.#decoder.close();
    this.#decoder = null;
  }

  /* No description: the access units are Annex B with their parameter sets in them. */
  #configure(codec) {
    this.#needIdr = false;
    if (this.#decoder && this.#codec === codec) return;
    if (!this.#decoder) {
      this.#decoder = new VideoDecoder({
        output: (frame) => this.#output(frame),
        error: (error) => this.#lost(error),
      });
    }
    this.#codec = codec;
    this.#decoder.configure({ codec, optimizeForLatency: true });
  }

  #decode(unit) {
    this.#timestamp += FRAME_US;
    const chunk = new EncodedVideoChunk({
      type: unit.idr ? 'key' : 'delta',
      timestamp: this.#timestamp,
      duration: FRAME_US,
      data: unit.au,
    });
    this.#decoder.decode(chunk);
    this.#backlog.add(this.#timestamp, unit, performance.now());
    this.#watchdog ??= setTimeout(() => this.#lost(new Error('no picture')), SILENT_MAX_MS);
  }

  /* What is queued is too old to be worth decoding. Only a picture calms the watchdog. */
  #discard() {
    this.#decoder.reset();
    this.#codec = null;
    this.#backlog.clear();
  }

  #calm() {
    clearTimeout(this.#watchdog);
    this.#watchdog = null;
  }

  #output(frame) {
    const unit = this.#backlog.take(frame.timestamp);
    this.#failures = 0;
    this.#calm();
    if (!unit) {
      frame.close();
      return;
    }
    const { width, height } = unit.sps;
    this.#handlers.onPicture({
      kind: 'frame', unit, width, height, frame, close: () => frame.close(),
    });
  }

  /* Any error closes the decoder for good; a new one starts at an IDR. */
  #lost(error) {
    this.close();
    this.#needIdr = true;
    this.#failures += 1;
    if (this.#failures >= FAILURES_MAX) {
      this.#handlers.onFatal(`WebCodecs failed: ${error.message}`);
    } else {
      this.#handlers.onLost(error.message);
    }
  }
}
