// How long a new viewer waits for its first picture: from the upgrade request to the last byte of
// the first IDR access unit, at random moments of a 2 s GOP (test pattern, x264, 720p30).
//
// Joins are single: an IDR that is forced for one begins a new GOP, and the next join comes at a
// random moment of that one (0 to 2 s after its IDR), so nalcastd's budget of two forced IDRs a
// second is never what a join waits for. A quarter of them falls into the 500 ms in which the ring
// serves at once; the others ask for an IDR and wait for the camera's next picture (up to a frame
// time, whoever encodes) and its encoding. To be done in time, several nalcastd are joined side by
// side, each with a viewer that stays and sees when IDRs come. The connection, and TLS, stand
// before the request; nginx's own connection to nalcastd is made within the measured time.
//
// The other design, in the same run: at the moment of each join another viewer joins a relay that
// gives only what follows the next IDR of a stream that nobody joins, whose GOPs are natural.
//
// Target: the 99th percentile below one frame time plus the encode time (of the IDRs that were
// joined at, from capture to publish; the median). "waited" is a join's time without that of its own IDR's
// encoding. Frames are frame times.
//
// Usage: node join.mjs [--quick] [--seed=N] [JSON]
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { startDaemon } from '../lib/daemon.mjs';
import { BINARY, frame } from '../lib/wire.mjs';
import { FRAME_MS, GOP_FRAMES, STREAM_ARGS, options, percentile, printTable, randomFrom, run,
  startChain, waitFor, watchMachine, writeJson } from './links.mjs';
import { connect, clockOffsetUs, nowUs, parseMessage } from './socket.mjs';

const { quick, seed, file } = options();
const JOINS = quick ? { unix: 24, tls: 8 } : { unix: 500, tls: 100 };
const DAEMONS = quick ? 2 : 4;
const GOP_US = GOP_FRAMES * FRAME_MS * 1000;
const LATE_MS = 30000;
const MARGIN_US = 5000; // a moment this near cannot be met any more

/** One join at a moment. */
async function join(target, url, atUs) {
  const socket = await connect(target);
  while (nowUs() < atUs) await delay(Math.max(0, (atUs - nowUs()) / 1000 - 0.5));
  const { beginUs, endUs, message } = await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no picture: ${socket.closed}`)), LATE_MS);
    const beginUs = nowUs();
    socket.upgrade({ url, protocol: 'nalcast.v1', onBinary(bytes, endUs) {
      clearTimeout(late);
      resolve({ beginUs, endUs, message: parseMessage(bytes) });
    } });
  });
  socket.destroy();
  if (!message.idr) throw new Error('the first access unit is no IDR');
  return { beginUs, endUs, publishUs: message.publishUs,
    took_ms: (endUs - beginUs) / 1000,
    encode_ms: (message.publishUs - message.captureUs) / 1000 };
}

/** Sees when IDRs come, and keeps the camera running. */
async function watchIdrs(path, onIdr = () => {}) {
  const socket = await connect({ path });
  const watcher = { idrUs: 0, socket };
  socket.upgrade({ protocol: 'nalcast.v1', onBinary(bytes, atUs) {
    const isIdr = (bytes[1] & 1) !== 0;
    if (isIdr) watcher.idrUs = atUs;
    onIdr(bytes, isIdr);
  } });
  await waitFor('an IDR', () => watcher.idrUs > 0);
  return watcher;
}

/** The other design: whoever joins waits for the next IDR. Gives its target. */
async function startWaitingRelay(daemon, chain) {
  const path = `${daemon.dir}/relay`;
  const waiting = new Set();
  await watchIdrs(daemon.sockets.stream, (bytes, isIdr) => {
    if (!isIdr || waiting.size === 0) return;
    const message = frame(BINARY, bytes, { mask: false });
    for (const viewer of waiting) viewer.write(message);
    waiting.clear();
  });
  const server = net.createServer((viewer) => {
    viewer.on('error', () => {});
    viewer.on('close', () => waiting.delete(viewer));
    viewer.once('data', () => {
      viewer.write('HTTP/1.1 101 Switching Protocols\r\n\r\n');
      waiting.add(viewer);
    });
  });
  await new Promise((resolve) => { server.listen(path, resolve); });
  return { path };
}

/** Joins one nalcastd, one after the other, until nextWay() has no more for it. */
async function joinInTurns(place, nextWay, random, relay, results) {
  const watcher = await watchIdrs(place.unix.path);
  for (let way; (way = nextWay(place)) !== null;) {
    const phaseUs = random() * GOP_US;
    let atUs = watcher.idrUs + phaseUs;
    while (atUs < nowUs() + MARGIN_US) atUs += GOP_US;
    const url = way === 'tls' ? '/camera/stream' : '/stream';
    results.waiting.push(join(relay, '/stream', atUs));
    const one = await join(place[way], url, atUs);
    one.fromRing = one.publishUs + place.offsetUs < one.beginUs;
    results[way].push(one);
  }
  watcher.socket.destroy();
}

/** Which way the next join goes: TLS ones, of the one chain, are spread among the others. */
function wayGiver(random) {
  const left = { ...JOINS };
  return (place) => {
    const tls = place.tls !== undefined && left.tls > 0 && (left.unix === 0 || random() < 0.7);
    const way = tls ? 'tls' : 'unix';
    if (left[way] === 0) return null;
    left[way] -= 1;
    return way;
  };
}

function row(design, list, encodeMs) {
  const took = list.map((one) => one.took_ms);
  const waited = list.map((one) => one.took_ms - (one.fromRing ? 0 : one.encode_ms));
  const isOurs = list.some((one) => one.fromRing !== undefined);
  return { design, joins: list.length,
    ring: isOurs ? list.filter((one) => one.fromRing).length : null,
    p50_ms: percentile(took, 0.5), p99_ms: percentile(took, 0.99), max_ms: Math.max(...took),
    p50_frames: percentile(took, 0.5) / FRAME_MS, p99_frames: percentile(took, 0.99) / FRAME_MS,
    max_frames: Math.max(...took) / FRAME_MS,
    waited_p99_frames: isOurs ? percentile(waited, 0.99) / FRAME_MS : NaN,
    p99_of_target: percentile(took, 0.99) / (FRAME_MS + encodeMs) };
}

await run(async () => {
  const random = randomFrom(seed);
  const machine = watchMachine();
  const chain = await startChain();
  chain.tls.ca = readFileSync(chain.tls.caFile);
  const places = [chain];
  for (let i = 1; i < DAEMONS; i += 1) {
    const daemon = await startDaemon(STREAM_ARGS);
    places.push({ unix: { path: daemon.sockets.stream } });
  }
  const relay = await startWaitingRelay(await startDaemon(STREAM_ARGS));
  for (const place of places) place.offsetUs = await clockOffsetUs(place.unix.path);

  const results = { unix: [], tls: [], waiting: [] };
  const nextWay = wayGiver(random);
  await Promise.all(places.map((place) => joinInTurns(place, nextWay, random, relay, results)));

  results.waiting = await Promise.all(results.waiting);
  await chain.end();
  let leftOut = 0;
  for (const way of Object.keys(results)) {
    const kept = results[way].filter((one) => !machine.stoodStill(one.beginUs, one.endUs));
    leftOut += results[way].length - kept.length;
    results[way] = kept;
  }
  const encode = [...results.unix, ...results.tls].map((one) => one.encode_ms);
  const [encode50, encode99] = [percentile(encode, 0.5), percentile(encode, 0.99)];
  const rows = [row('at once, Unix socket', results.unix, encode50),
    row('at once, nginx and TLS', results.tls, encode50),
    row('wait for the next IDR', results.waiting, encode50)];
  console.log(`join: upgrade request to the first picture's last byte; one frame time is `
    + `${FRAME_MS.toFixed(1)} ms, encoding an IDR p50 ${encode50.toFixed(1)} ms, `
    + `p99 ${encode99.toFixed(1)} ms`);
  printTable({ design: 'design', joins: 'joins', ring: 'from ring', p50_ms: 'p50 ms',
    p99_ms: 'p99 ms', max_ms: 'max ms', p50_frames: 'p50 frames', p99_frames: 'p99 frames',
    max_frames: 'max frames', waited_p99_frames: 'waited p99', p99_of_target: 'p99 / target' },
  rows);
  console.log(machine.told(), leftOut ? `${leftOut} joins of then are left out.` : '');
  writeJson(file, { machine_stalls: machine.stalls.length, joins_left_out: leftOut, frame_ms: FRAME_MS, encode_p50_ms: encode50, encode_p99_ms: encode99, rows });
});
