// Viewers whose link cannot carry the stream, through nginx with TLS: how late are their pictures,
// how long do they see none, and what do the others notice?
//
// The stream is the test pattern by x264; its true rate is measured first, and the link is given a
// part of that: two network namespaces joined by veth, tbf on nginx's end (netlink.mjs). "stock"
// is a location with nothing but proxy_pass and the upgrade headers, "ours" the shipped include.
// "ack" is nalcast.v1 as the page does it, "raw" has no subprotocol and says nothing. Three
// further viewers (nalcast.v1, good links) watch in all cases but those that say "alone", where
// the slow one is the majority that an adaptive bitrate follows.
//
// Delay: from publish to the last byte of the access unit, of pictures that came; a raw viewer's
// are found by hash among those of a viewer on a good link. Dark: share of the time that lies in
// gaps of more than three frame times between pictures, the whole gap counted. All cases take
// turns; the median of the rounds is told, and the worst p50: what is bad every other time may have
// a good median. Others: p99 delay of the three while the slow one watches, of all rounds, over
// that of all moments without a slow one (the p99 of one round is its second worst picture); lost:
// holes in the three's sequence numbers. Where nalcastd adapts its bitrate, that is off but in the
// rows that say so.
//
// A stall: a link that is good, then for 5 s next to none (tbf with 8 kbit/s), then good again.
// Recovered: from then to the first picture after which none is later than 250 ms. Round trips:
// a relay in user space delays each chunk both ways; skipped are holes in the sequence.
//
// Usage: node slow.mjs [--quick] [JSON]. Needs root; without it only the round trips are measured.
import { execFileSync } from 'node:child_process';
import { FRAME_MS, Viewers, daemonPath, median, options, percentile, printTable, run,
  sleep, startChain, watchMachine, writeJson } from './links.mjs';
import { startRelay, tryLink } from './netlink.mjs';
import { clockOffsetUs, nowUs } from './socket.mjs';

const { quick, file } = options();
const ROUNDS = quick ? 1 : 5;       // of what is judged: half the rate, acknowledging
const ALONE_ROUNDS = quick ? 1 : 3; // each with a nalcastd of its own
const BASE_MS = quick ? 1500 : 2000;   // without the slow one
const SETTLE_MS = quick ? 1500 : 2500; // until a standing queue would stand
const WINDOW_MS = quick ? 2000 : 4000;
const TENTH_MS = quick ? 2000 : 8000;
const ADAPT_MS = quick ? 2000 : 12000; // for the bitrate to follow
const STALL_MS = 5000;
const RECOVERY_MS = quick ? 3000 : 5000;
const ROUND_TRIP_WINDOW_MS = quick ? 3000 : 16000;
const GOOD_LINK_BPS = 20e6;
const STALLED_LINK_BPS = 8000;
const DARK_MS = 3 * FRAME_MS;
const LATE_MS = 250;
const URLS = { stock: '/stock/stream', ours: '/camera/stream' };

// What a HOWTO for WebSockets behind nginx has, and nothing else.
const STOCK = `location = /stock/stream {
    proxy_pass http://unix:@runstatedir@/nalcast/main/stream.sock:/stream;
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection upgrade;
}`;

const within = (messages, fromUs, toUs) =>
  messages.filter(({ atUs }) => atUs >= fromUs && atUs < toUs);

/** Holes in the sequence numbers, over all of these viewers. */
function lost(messages) {
  const newest = new Map();
  let holes = 0;
  for (const { viewer, seq } of messages) {
    if (newest.has(viewer)) holes += seq - newest.get(viewer) - 1;
    newest.set(viewer, seq);
  }
  return holes;
}

/** Share of the time from fromUs to toUs within gaps too long to be called moving pictures. */
function darkShare(messages, fromUs, toUs) {
  const times = [fromUs, ...within(messages, fromUs, toUs).map(({ atUs }) => atUs), toUs];
  let darkUs = 0;
  for (let i = 1; i < times.length; i += 1)
    if (times[i] - times[i - 1] > DARK_MS * 1000) darkUs += times[i] - times[i - 1];
  return darkUs / (toUs - fromUs);
}

/** nalcastd and nginx, with the three on good links where others is true. */
class Scene {
  static async open(link, others, args = []) {
    const scene = new Scene();
    scene.link = link;
    scene.chain = await startChain({ server: `${link ? `listen ${link.address}:@port@ ssl;` : ''}
      ${STOCK}`, watch: link ? 'allow 10.213.0.0/16;' : '' }, args);
    scene.offsetUs = await clockOffsetUs(scene.chain.sockets.stream);
    if (others) scene.others = await new Viewers({ ...scene.good, count: 3, hash: true }).ready();
    return scene;
  }

  get good() {
    return { target: this.chain.tls, url: URLS.ours, protocol: 'nalcast.v1' };
  }

  /** The stream's true rate, measured on a good link over whole GOPs. */
  async measureRate() {
    const viewer = await new Viewers({ ...this.good, target: this.chain.unix }).ready();
    await sleep(quick ? 4200 : 6200);
    const { messages } = await viewer.stop();
    const idrs = messages.filter(({ idr }) => idr);
    const [first, last] = [idrs.at(0), idrs.at(-1)];
    const bytes = messages.filter(({ seq }) => seq >= first.seq && seq < last.seq)
      .reduce((sum, { size }) => sum + size, 0);
    return bytes * 8e6 / (last.publishUs - first.publishUs);
  }

  slowViewer(nginx, mode) {
    const raw = mode === 'raw';
    return new Viewers({ target: { ...this.chain.tls, host: this.link.address }, url: URLS[nginx],
      protocol: raw ? null : 'nalcast.v1', hash: raw }, { namespace: this.link.namespace });
  }

  /** Ends all; gives what the three got, publish times by hash with it. */
  async close() {
    const { messages = [] } = await this.others?.stop() ?? {};
    await this.chain.end();
    this.got = messages;
    this.published = new Map(messages.map(({ hash, publishUs }) => [hash, publishUs]));
  }

  delayMs(message) {
    const publishUs = message.publishUs ?? this.published.get(message.hash);
    return (message.atUs - publishUs - this.offsetUs) / 1000;
  }

  delays(messages) {
    return messages.map((message) => this.delayMs(message)).filter(Number.isFinite);
  }
}

/** One slow viewer for a while; its figures can be computed once the scene is closed. */
async function watchSlowly(scene, one, bps, windowMs = WINDOW_MS, settleMs = SETTLE_MS) {
  const fromUs = nowUs();
  if (scene.others) await sleep(BASE_MS);
  const without = [fromUs, nowUs()];
  scene.link.setRate(bps);
  const viewer = scene.slowViewer(one.nginx, one.mode);
  await viewer.ready(60000);
  await sleep(settleMs);
  const beginUs = nowUs();
  await sleep(windowMs);
  const endUs = nowUs();
  const { messages, closed } = await viewer.stop();
  scene.link.setRate(GOOD_LINK_BPS);
  await sleep(500); // what the slow one caused is over
  return { scene, messages, closed, without, beginUs, endUs };
}

function figures({ scene, messages, beginUs, endUs, closed }) {
  const delays = scene.delays(within(messages, beginUs, endUs));
  return { p50_ms: percentile(delays, 0.5), p99_ms: percentile(delays, 0.99),
    dark_percent: 100 * darkShare(messages, beginUs, endUs),
    pictures_s: delays.length * 1e6 / (endUs - beginUs), closed: closed.length };
}

/** Of some rounds one row. */
function told(taken) {
  const rounds = taken.map(figures);
  const medians = Object.keys(rounds[0]).map((key) => [key, median(rounds.map((one) => one[key]))]);
  return { rounds: rounds.length, ...Object.fromEntries(medians),
    p50_worst_ms: Math.max(...rounds.map((one) => one.p50_ms)),
    closed: rounds.reduce((sum, { closed }) => sum + closed, 0) };
}

/** What the three noticed of the takes of one case, among those of all. */
function noticed(scene, taken, all) {
  const p99 = (windows) => percentile(scene.delays(windows.flatMap(([from, to]) =>
    within(scene.got, from, to))), 0.99);
  const ms = p99(taken.map(({ beginUs, endUs }) => [beginUs, endUs]));
  return { others_p99_ms: ms, others_p99_ratio: ms / p99(all.map(({ without }) => without)),
    others_lost: taken.reduce((sum, { without, endUs }) =>
      sum + lost(within(scene.got, without[0], endUs)), 0) };
}

/** cases: { nginx, mode, part, rounds, windowMs }; they take turns. Gives one row of each. */
async function withOthers(link, args, rate, cases) {
  const scene = await Scene.open(link, true, args);
  rate.bps ??= await scene.measureRate();
  const taken = cases.map(() => []);
  for (let round = 0; round < ROUNDS; round += 1)
    for (const [at, one] of cases.entries())
      if (round < one.rounds)
        taken[at].push(await watchSlowly(scene, one, rate.bps * one.part, one.windowMs));
  await scene.close();
  return cases.map(({ nginx, mode, part }, at) => ({ nginx, mode, link: `1/${1 / part}`,
    watching: 'with 3', ...told(taken[at]), ...noticed(scene, taken[at], taken.flat()) }));
}

const half = (nginx, mode) =>
  ({ nginx, mode, part: 1 / 2, rounds: mode === 'ack' ? ROUNDS : 1 });
const tenth = (nginx, mode) => ({ nginx, mode, part: 1 / 10, rounds: 1, windowMs: TENTH_MS });
const FIXED = [half('stock', 'ack'), half('stock', 'raw'), half('ours', 'ack'),
  half('ours', 'raw'), tenth('ours', 'ack'), tenth('ours', 'raw')];
const ADAPTIVE = [{ ...half('ours', 'ack'), rounds: 1 }];

/** The slow one is all there is: an adaptive encoder may follow it. */
async function alone(link, args, bps, rounds, settleMs) {
  const taken = [];
  for (let round = 0; round < rounds; round += 1) {
    const scene = await Scene.open(link, false, args);
    taken.push(await watchSlowly(scene, half('ours', 'ack'), bps / 2, WINDOW_MS, settleMs));
    await scene.close();
  }
  return { nginx: 'ours', mode: 'ack', link: '1/2', watching: 'alone', ...told(taken) };
}

function recoveryMs(scene, messages, fromUs) {
  const after = messages.filter(({ atUs }) => atUs >= fromUs);
  const late = after.findLastIndex((message) => !(scene.delayMs(message) < LATE_MS));
  const first = after[late + 1];
  return first ? (first.atUs - fromUs) / 1000 : NaN;
}

async function stall(link, args) {
  const scene = await Scene.open(link, true, args);
  const taken = {};
  for (const mode of ['ack', 'raw']) {
    link.setRate(GOOD_LINK_BPS);
    const viewer = await scene.slowViewer('ours', mode).ready();
    await sleep(2000);
    const beginUs = nowUs();
    link.setRate(STALLED_LINK_BPS);
    await sleep(STALL_MS);
    link.setRate(GOOD_LINK_BPS);
    const endUs = nowUs();
    await sleep(RECOVERY_MS);
    taken[mode] = { ...await viewer.stop(), beginUs, endUs, untilUs: nowUs() };
  }
  await scene.close();
  return Object.entries(taken).map(([mode, { messages, closed, beginUs, endUs, untilUs }]) => {
    const after = scene.delays(within(messages, endUs, untilUs));
    return { mode, recovered_ms: recoveryMs(scene, messages, endUs),
      latest_after_ms: Math.max(...after), closed: closed.length,
      others_lost: lost(within(scene.got, beginUs, untilUs)) };
  });
}

async function roundTrips(args) {
  const scene = await Scene.open(null, false, args);
  const groups = [];
  for (const roundTripMs of [50, 200]) {
    const port = await startRelay({ host: '127.0.0.1', port: scene.chain.port }, roundTripMs);
    const viewers = new Viewers({ ...scene.good, target: { ...scene.chain.tls, port }, count: 4 });
    groups.push({ roundTripMs, viewers: await viewers.ready() });
  }
  await sleep(ROUND_TRIP_WINDOW_MS);
  const rows = [];
  for (const { roundTripMs, viewers } of groups) {
    const { messages, closed } = await viewers.stop();
    const delays = scene.delays(messages);
    rows.push({ round_trip_ms: roundTripMs, viewers: 4, pictures: messages.length,
      skipped: lost(messages), closed: closed.length, p50_ms: percentile(delays, 0.5),
      p99_ms: percentile(delays, 0.99) });
  }
  await scene.close();
  return rows;
}

function tell(result) {
  const { slow, stalls, round_trips: trips } = result;
  if (slow.length) {
    console.log(`slow: a stream of ${(result.stream_bps / 1e3).toFixed(0)} kbit/s over a part of `
      + 'that, medians of the rounds');
    printTable({ nginx: 'nginx', mode: 'viewer', link: 'link', watching: 'watching',
      adaptive: 'adaptive', rounds: 'rounds', p50_ms: 'p50 ms', p50_worst_ms: 'worst p50',
      p99_ms: 'p99 ms', dark_percent: 'dark %', pictures_s: 'pictures/s',
      others_p99_ms: 'others p99 ms', others_p99_ratio: 'x without', others_lost: 'others lost',
      closed: 'closed' }, slow);
    console.log('\nslow: a stall of 5 s on a good link');
    printTable({ mode: 'viewer', recovered_ms: 'recovered ms',
      latest_after_ms: 'latest after ms', others_lost: 'others lost', closed: 'closed' }, stalls);
  }
  console.log('\nslow: long round trips on good links');
  printTable({ round_trip_ms: 'round trip ms', viewers: 'viewers',
    pictures: 'pictures', skipped: 'skipped', closed: 'closed', p50_ms: 'p50 ms',
    p99_ms: 'p99 ms' }, trips);
}

await run(async () => {
  const machine = watchMachine();
  const { link = null, reason = null } = tryLink();
  if (reason) console.log(`slow: the slow links and the stall are left out: ${reason}`);
  const help = execFileSync(daemonPath, ['--help'], { encoding: 'utf8' });
  const adapts = help.includes('--adaptive');
  const no = adapts ? ['--adaptive=no'] : [];
  const result = { left_out: reason, slow: [], stalls: [], round_trips: [] };
  const rate = {};
  const add = (adaptive, rows) => result.slow.push(...rows.map((row) => ({ ...row, adaptive })));
  if (link) {
    add('no', await withOthers(link, no, rate, FIXED));
    add('no', [await alone(link, no, rate.bps, ALONE_ROUNDS, SETTLE_MS)]);
    if (adapts) {
      add('yes', await withOthers(link, [], rate, ADAPTIVE));
      add('yes', [await alone(link, [], rate.bps, 1, ADAPT_MS)]);
    }
    result.stalls = await stall(link, []);
    result.stream_bps = rate.bps;
  }
  result.round_trips = await roundTrips([]);
  result.machine_stalls = machine.stalls.length;
  tell(result);
  console.log(machine.told());
  writeJson(file, result);
});
