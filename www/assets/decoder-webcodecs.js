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

/* Only a label here: pictures are drawn when they are ready. Firefox wants a duration. */
const FRAME_US = 33333;

const QUEUE_MAX = 10;
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
  #pending = new Map();
  #timestamp = 0;
  #needIdr = true;
  #failures = 0;
  #watchdog = null;

  constructor(handlers) {
    this.#handlers = handlers;
  }

  get queue() {
    return this.#pending.size;
  }

  push(unit) {
    if (this.#needIdr && !unit.idr) return;
    if (this.queue > QUEUE_MAX) {
      if (!unit.idr) {
        this.#needIdr = true;
        this.#handlers.onLagging();
        return;
      }
      this.#discard();
    }
    try {
      if (unit.idr) this.#configure(unit.sps.codec);
      this.#decode(unit);
    } catch (error) {
      this.#lost(error);
    }
  }

  close() {
    clearTimeout(this.#watchdog);
    this.#watchdog = null;
    this.#pending.clear();
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
    this.#pending.set(this.#timestamp, unit);
    this.#watchdog ??= setTimeout(() => this.#lost(new Error('no picture')), SILENT_MAX_MS);
  }

  /* What is queued is too old to be worth decoding. */
  #discard() {
    this.#decoder.reset();
    this.#codec = null;
    this.#pending.clear();
  }

  #output(frame) {
    const unit = this.#pending.get(frame.timestamp);
    for (const timestamp of this.#pending.keys()) {
      if (timestamp > frame.timestamp) break;
      this.#pending.delete(timestamp);
    }
    this.#failures = 0;
    clearTimeout(this.#watchdog);
    this.#watchdog = null;
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
