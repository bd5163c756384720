/*
 * The player: a camera's stream, decoded and painted into an element of yours. It is what our
 * page uses and can be used without it:
 *
 *   import { Player } from '/camera/assets/player.js';
 *   const player = new Player({ host: document.querySelector('#camera') });
 *   player.addEventListener('state', () => console.log(player.state, player.reason));
 *   player.start();
 *
 * Options: host (element that gets the canvas) · url (of the WebSocket or the page's http URL of
 * it; default: the `stream` beside this module's folder) · decoder: 'auto', 'webcodecs',
 * 'broadway' · renderer: 'auto', '2d', 'webgl' (Broadway's pictures only).
 *
 * player.state is one of
 *   idle          not started, or stopped by stop()
 *   connecting    the first attempt
 *   waiting       connected; no picture yet
 *   live          pictures arrive
 *   offline       connected; the camera is gone, player.reason and player.since tell
 *   stopped       connected; the owner has stopped the stream
 *   reconnecting  not connected; player.reason tells why, player.retryAt when (performance.now())
 *   refused       the same, for 401 and 403
 *   full          the same, for all places being taken
 *   unsupported   connected; this browser cannot show this stream, player.reason tells
 *
 * player.stats holds counters and measurements, see statsNew(). The event 'state' is sent when
 * state or reason change, 'painted' for each picture painted.
 *
 * To embed it in another site, that site's origin must be in `allow_origin` and the CSP must have
 * script-src 'wasm-unsafe-eval' (Broadway) and worker-src for the assets.
 */

import { BroadwayDecoder } from './decoder-broadway.js';
import { WebCodecsDecoder, webCodecsSupports } from './decoder-webcodecs.js';
import { seqDistance, seqNext } from './message.js';
import { findSps } from './nal.js';
import { broadwayRefusal, parseSps } from './sps.js';
import { Stream } from './stream.js';
import { View, hasHardwareGl, loadYuvCanvas } from './view.js';

const BROADWAY_ASSETS = new URL('broadway/', import.meta.url).href;
const CHOOSING_UNITS_MAX = 120;
const FPS_WINDOW_MS = 2000;

function statsNew() {
  return {
    connections: 0,
    received: 0,
    drawn: 0,
    lastSeq: null,
    lastCaptureUs: null,
    latencyMs: null,
    decoder: null,
    codec: null,
    width: null,
    height: null,
    gaps: 0,
    lags: 0,
    decoderLosses: 0,
    lastLoss: null,
  };
}

function webSocketUrl(url) {
  return new URL(url, document.baseURI).href.replace(/^http/, 'ws');
}

function sameBytes(a, b) {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

export class Player extends EventTarget {
  #options;
  #stream;
  #view;
  #decoder = null;
  #choosing = null;
  #webCodecsFailed = false;
  #unsupported = null;
  #sps = null;
  #spsBytes = new Uint8Array(0);
  #needIdr = true;
  #nextSeq = null;
  #liveSeq = null;
  #running = true;
  #source = { online: true, reason: null, since: null };
  #painting = false;
  #paintTimes = [];
  #told = '';
  #visibility = () => this.#stream.visibilityChanged();
  #network = () => this.#stream.retryNow();

  stats = statsNew();
  reason = null;

  /* The last hello: server, camera, fps. */
  hello = null;

  constructor({ host, url = new URL('../stream', import.meta.url), decoder = 'auto',
    renderer = 'auto' }) {
    super();
    this.#options = { decoder, renderer };
    this.#view = new View(host, (unit) => this.#painted(unit));
    this.#stream = new Stream(webSocketUrl(url), {
      onState: (state) => this.#streamState(state),
      onUnit: (unit) => this.#unit(unit),
      onText: (message) => this.#text(message),
      report: () => this.#report(),
    });
  }

  start() {
    document.addEventListener('visibilitychange', this.#visibility);
    window.addEventListener('online', this.#network);
    const never = typeof VideoDecoder !== 'function';
    if (this.#options.decoder === 'broadway' || (this.#options.decoder === 'auto' && never)) {
      this.#useBroadway();
    }
    this.#stream.start();
  }

  stop() {
    document.removeEventListener('visibilitychange', this.#visibility);
    window.removeEventListener('online', this.#network);
    this.#stream.stop();
    this.#useDecoder(null);
  }

  /* Stops and takes the canvas away; the player cannot be started again. */
  remove() {
    this.stop();
    this.#view.remove();
  }

  /* Does not wait for the next attempt. */
  retry() {
    this.#stream.retryNow();
  }

  get canvas() {
    return this.#view.canvas;
  }

  get state() {
    const { name, status } = this.#stream.state;
    if (name === 'idle' || name === 'connecting') return name;
    if (name === 'waiting') {
      if (status === 1013) return 'full';
      return status === 401 || status === 403 ? 'refused' : 'reconnecting';
    }
    if (this.#unsupported) return 'unsupported';
    if (!this.#running) return 'stopped';
    if (!this.#source.online) return 'offline';
    return this.#painting ? 'live' : 'waiting';
  }

  get since() {
    return this.#source.since;
  }

  get retryAt() {
    return this.#stream.state.retryAt;
  }

  get renderer() {
    return this.#view.renderer;
  }

  /* performance.now() of the last picture painted, or null. */
  get paintedAt() {
    return this.#paintTimes.at(-1) ?? null;
  }

  get rttMs() {
    return this.#stream.clock.rttMs;
  }

  get queue() {
    return this.#decoder?.queue ?? 0;
  }

  get overtaken() {
    return this.#view.overtaken;
  }

  /* Pictures painted per second, over the last two seconds or since the first. */
  get fps() {
    const now = performance.now();
    const recent = this.#paintTimes.filter((time) => now - time <= FPS_WINDOW_MS);
    if (recent.length < 2) return 0;
    const spanMs = Math.min(FPS_WINDOW_MS, now - this.#paintTimes[0]);
    return (recent.length * 1000) / spanMs;
  }

  #tell() {
    const { state } = this;
    this.reason = this.#reasonFor(state);
    const now = `${state} ${this.reason} ${this.since}`;
    if (now === this.#told) return;
    this.#told = now;
    this.dispatchEvent(new Event('state'));
  }

  #reasonFor(state) {
    if (state === 'unsupported') return this.#unsupported;
    if (state === 'offline') return this.#source.reason;
    return this.#stream.state.reason;
  }

  #streamState(state) {
    this.stats.connections = this.#stream.connections;
    if (state.name !== 'open') {
      this.#painting = false;
      this.#restartAtIdr();
    }
    this.#tell();
  }

  /* A new connection counts anew and begins with an IDR, and may get what did not work before. */
  #restartAtIdr() {
    this.#nextSeq = null;
    this.#liveSeq = null;
    this.#needIdr = true;
    this.#spsBytes = new Uint8Array(0);
    this.#unsupported = null;
  }

  #text(message) {
    if (message.type === 'hello') {
      this.hello = message;
      this.#running = message.running !== false;
      this.#liveSeq = Number.isInteger(message.live_seq) ? message.live_seq : null;
      this.#source = { online: true, reason: null, since: null };
    } else if (message.type === 'stream') {
      this.#running = message.running !== false;
    } else if (message.type === 'source') {
      const { online, reason = null, since = null } = message;
      this.#source = { online: online !== false, reason, since };
    }
    if (!this.#flowing) this.#painting = false;
    this.#tell();
  }

  /* Pictures can be expected. */
  get #flowing() {
    return this.#stream.state.name === 'open' && this.#running && this.#source.online;
  }

  /* What has a hole before it would be decoded into rubbish: only an IDR goes on. */
  #unit(unit) {
    this.stats.received += 1;
    const gap = this.#nextSeq !== null && unit.seq !== this.#nextSeq;
    this.#nextSeq = seqNext(unit.seq);
    if (gap) this.stats.gaps += 1;
    if (unit.idr) {
      this.#needIdr = !this.#readSps(unit.au);
    } else if ((gap || unit.discontinuity) && !this.#needIdr) {
      this.#needIdr = true;
      this.#stream.askKeyframe();
    }
    if (this.#needIdr || this.#unsupported) return;
    unit.sps = this.#sps;
    unit.show = this.#liveSeq === null || seqDistance(this.#liveSeq, unit.seq) >= 0;
    if (this.#choosing) this.#hold(unit);
    else this.#decoder?.push(unit);
  }

  /* False when there is nothing to go by. A changed SPS may want another decoder. */
  #readSps(au) {
    const nal = findSps(au);
    if (!nal) return false;
    if (this.#sps && sameBytes(nal, this.#spsBytes)) return true;
    let sps;
    try {
      sps = parseSps(nal);
    } catch (error) {
      this.#unsupported = `The stream is damaged: ${error.message}.`;
      this.#tell();
      return false;
    }
    const codec = this.#sps?.codec;
    this.#sps = sps;
    this.#spsBytes = nal.slice();
    this.#unsupported = null;
    this.stats.codec = sps.codec;
    if (!this.#decoder || codec !== sps.codec) this.#choose();
    return true;
  }

  /* Units that arrive meanwhile wait; a new IDR makes the older ones pointless. */
  #hold(unit) {
    if (unit.idr) this.#choosing.length = 0;
    else if (this.#choosing.length === 0) return;
    this.#choosing.push(unit);
    if (this.#choosing.length > CHOOSING_UNITS_MAX) this.#choosing.length = 0;
  }

  async #choose() {
    const { decoder } = this.#options;
    const held = [];
    this.#choosing = held;
    const tryWebCodecs = decoder !== 'broadway' && !this.#webCodecsFailed;
    const webCodecs = tryWebCodecs && (await webCodecsSupports(this.#sps.codec));
    if (this.#choosing !== held) return;
    if (webCodecs) this.#useWebCodecs();
    else if (decoder === 'webcodecs') this.#giveUp('This browser has no WebCodecs for the stream.');
    else await this.#useBroadwayFor(this.#sps);
    if (this.#choosing !== held) return;
    this.#choosing = null;
    for (const unit of held) this.#decoder?.push(unit);
  }

  #useWebCodecs() {
    if (this.#decoder?.name === 'webcodecs') return;
    this.#useDecoder(new WebCodecsDecoder(this.#decoderHandlers()));
  }

  async #useBroadwayFor(sps) {
    const refusal = broadwayRefusal(sps);
    if (refusal) {
      this.#giveUp(refusal);
      return;
    }
    if (this.#decoder?.name !== 'broadway') this.#useBroadway();
    if (!this.#planar()) return;
    try {
      await loadYuvCanvas(BROADWAY_ASSETS);
    } catch {
      this.#options.renderer = '2d';
      this.#useBroadway();
    }
  }

  #useBroadway() {
    this.#useDecoder(new BroadwayDecoder(this.#decoderHandlers(), {
      assets: BROADWAY_ASSETS,
      planar: this.#planar(),
    }));
  }

  #planar() {
    const { renderer } = this.#options;
    if (renderer === 'auto') this.#options.renderer = hasHardwareGl() ? 'webgl' : '2d';
    return this.#options.renderer === 'webgl';
  }

  #useDecoder(decoder) {
    this.#decoder?.close();
    this.#decoder = decoder;
    this.stats.decoder = decoder?.name ?? null;
  }

  #giveUp(reason) {
    this.#useDecoder(null);
    this.#unsupported = reason;
    this.#painting = false;
    this.#tell();
  }

  #decoderHandlers() {
    return {
      onPicture: (picture) => this.#picture(picture),
      onLost: (reason) => this.#decoderLost(reason),
      onLagging: () => {
        this.stats.lags += 1;
      },
      onFatal: (reason) => this.#decoderFatal(reason),
    };
  }

  #decoderLost(reason) {
    this.stats.decoderLosses += 1;
    this.stats.lastLoss = reason;
    this.#needIdr = true;
    this.#stream.askKeyframe();
  }

  /* WebCodecs that keeps failing is replaced by Broadway, where that is allowed. */
  #decoderFatal(reason) {
    this.#decoderLost(reason);
    if (this.#decoder?.name !== 'webcodecs' || this.#options.decoder !== 'auto') {
      this.#giveUp(reason);
      return;
    }
    this.#webCodecsFailed = true;
    this.#useDecoder(null);
    this.#choose();
  }

  #picture(picture) {
    if (!picture.unit.show) picture.close();
    else this.#view.offer(picture);
  }

  #painted(unit) {
    const { stats } = this;
    const now = performance.now();
    stats.drawn += 1;
    stats.lastSeq = unit.seq;
    stats.lastCaptureUs = unit.captureUs;
    stats.latencyMs = this.#stream.clock.ageMs(unit.captureUs);
    stats.width = unit.sps.width;
    stats.height = unit.sps.height;
    this.#paintTimes.push(now);
    while (now - this.#paintTimes[0] > FPS_WINDOW_MS) this.#paintTimes.shift();
    if (!this.#painting && this.#flowing) {
      this.#painting = true;
      this.#tell();
    }
    this.dispatchEvent(new Event('painted'));
  }

  /* What is not known yet is left out. */
  #report() {
    const { lastSeq, latencyMs } = this.stats;
    const report = { queue: this.queue };
    if (this.#decoder) report.decoder = this.#decoder.name;
    if (lastSeq !== null) report.shown = lastSeq;
    if (latencyMs !== null) report.latency_ms = Math.max(0, Math.round(latencyMs * 10) / 10);
    return report;
  }
}
