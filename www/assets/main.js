/*
 * The page: puts player, controls and status line together. ?decoder=broadway or =webcodecs
 * chooses the decoder, ?renderer=2d or =webgl how Broadway's pictures are painted.
 *
 * For tests and the curious: window.nalcast is the player, and <html> carries data-state,
 * data-decoder, data-renderer and data-size.
 */

import { Api } from './api.js';
import { Cameras } from './cameras.js';
import { Controls } from './controls.js';
import { Player } from './player.js';

const TICK_MS = 500;
const STILL_MS = 3000;

const DECODER_NAMES = { webcodecs: 'WebCodecs', broadway: 'Broadway' };

const BADGES = {
  idle: 'Off', connecting: 'Connecting', waiting: 'Waiting', live: 'Live', still: 'Waiting',
  offline: 'Camera offline', stopped: 'Stopped', reconnecting: 'Reconnecting', full: 'Full',
  refused: 'No access', unsupported: 'Not supported',
};

const NOTICES = {
  idle: 'The player is off.',
  connecting: 'Connecting…',
  waiting: 'Waiting for the first picture…',
  live: '',
  still: 'No new pictures at the moment.',
  offline: 'The camera is offline.',
  stopped: 'The stream is stopped.',
  reconnecting: 'The connection was lost.',
  full: 'All places for viewers are taken.',
  refused: 'You are not allowed to watch this camera.',
  unsupported: 'This browser cannot show the stream.',
};

const byId = (id) => document.getElementById(id);
const root = document.documentElement;
const query = new URLSearchParams(location.search);

function option(name, values) {
  const value = query.get(name);
  return values.includes(value) ? value : 'auto';
}

const player = new Player({
  host: byId('picture'),
  url: new URL('stream', document.baseURI),
  decoder: option('decoder', ['webcodecs', 'broadway']),
  renderer: option('renderer', ['2d', 'webgl']),
});
window.nalcast = player;

const api = new Api(new URL('api/v1/', document.baseURI).href);
const cameras = new Cameras(api, byId('cameras'));
const controls = new Controls(api, {
  toggle: byId('toggle'),
  resolution: byId('resolution'),
  viewers: byId('viewers'),
  message: byId('message'),
});

/* What the page shows: the player's state, or that a live picture has stood still. */
function shownState() {
  const { state } = player;
  const still = state === 'live' && performance.now() - player.paintedAt > STILL_MS;
  return still ? 'still' : state;
}

/* The server's `since` is a time of day in RFC 3339 or microseconds since 1970. */
function sinceMs(since) {
  const ms = typeof since === 'number' ? since / 1000 : Date.parse(since);
  return Number.isFinite(ms) ? ms : null;
}

function duration(seconds) {
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/* The line that changes with time; apart from the notice, so that it is not read out each time. */
function timeWords(state) {
  if (state === 'offline') {
    const ms = sinceMs(player.since);
    return ms === null ? '' : `for ${duration(Math.max(0, Math.round((Date.now() - ms) / 1000)))}`;
  }
  if (player.retryAt !== null) {
    const seconds = Math.ceil((player.retryAt - performance.now()) / 1000);
    return seconds > 0 ? `Next attempt in ${duration(seconds)}` : 'Trying again…';
  }
  return '';
}

function noticeWords(state) {
  const reason = state === 'still' ? null : player.reason;
  if (!reason) return NOTICES[state];
  return state === 'offline' ? `${NOTICES.offline} ${reason}` : reason;
}

/* Only what changed is written: an aria-live text set anew is read out anew. */
function setText(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
}

function showState() {
  const state = shownState();
  root.dataset.state = state;
  setText('badge', BADGES[state]);
  setText('notice', noticeWords(state));
  setText('time', timeWords(state));
  byId('overlay').hidden = state === 'live';
  byId('retry').hidden = player.retryAt === null;
  if (!player.hello?.camera) return;
  setText('camera', player.hello.camera);
  cameras.watching(player.hello.camera);
}

function showStats() {
  const { stats } = player;
  const live = shownState() === 'live';
  root.dataset.decoder = stats.decoder ?? '';
  root.dataset.renderer = player.renderer ?? '';
  root.dataset.size = stats.width ? `${stats.width}x${stats.height}` : '';
  const { latencyMs } = stats;
  setText('latency', live && latencyMs !== null ? `${Math.max(0, Math.round(latencyMs))} ms` : '–');
  setText('fps', live ? player.fps.toFixed(0) : '–');
  setText('size', stats.width ? `${stats.width} × ${stats.height}` : '–');
  setText('decoder', DECODER_NAMES[stats.decoder] ?? '–');
}

function show() {
  showState();
  showStats();
}

player.addEventListener('state', () => {
  show();
  if (player.state === 'stopped') controls.streamRunning(false);
  if (player.state === 'live') controls.streamRunning(true);
});

function toggleFullscreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else byId('stage').requestFullscreen();
}

byId('fullscreen').hidden = !document.fullscreenEnabled;
byId('fullscreen').addEventListener('click', toggleFullscreen);
byId('picture').addEventListener('dblclick', toggleFullscreen);
byId('retry').addEventListener('click', () => player.retry());
document.addEventListener('fullscreenchange', () => {
  byId('fullscreen').setAttribute('aria-pressed', String(Boolean(document.fullscreenElement)));
});

setInterval(show, TICK_MS);
show();
player.start();
controls.poll();
cameras.load();
