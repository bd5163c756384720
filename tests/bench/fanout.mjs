// What a message costs to deliver, beside a bare send() loop, npm's ws and python3-ws4py.
//   node fanout.mjs JSON [--quick] [--rounds=N]
//
// Within a round, servers take turns, and the send() loop goes before each of nalcastd's ways:
// ratios are of neighbours, so that a machine that slows down slows both. Beside nalcastd with
// acknowledgements, which asks a crowd for few, stands the same loop that reads one in 50 ms of
// each viewer, and does nothing with it. The others are
// measured in every second round, against the round's first send() loop. What is told are medians
// over the rounds. Absolute times are the machine's; ratios are for people to judge, and do not
// change how this ends.
//
// CPU is of the whole server process; for nalcastd that includes reading and splitting the feed,
// which is a matter of one message whoever watches: its loop's thread alone stands beside.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { build, measure, unfit, ways } from './servers.mjs';

const ratioMax = { raw: 1.10, acks: 1.35 }; // issue 4, at 500 viewers and more
const viewerBytesMax = 4096;

const { values: options, positionals: [file] } = parseArgs({ allowPositionals: true,
  options: { quick: { type: 'boolean' }, rounds: { type: 'string' } } });

const scenes = options.quick ? [{ viewers: 20, bytes: 8000, fps: 30 }] : [
  ...[8000, 33000].flatMap((bytes) =>
    [100, 500, 1000].map((viewers) => ({ viewers, bytes, fps: 30 }))),
  ...[1000, 4000].map((viewers) => ({ viewers, bytes: 8000, fps: 10, flat: true })),
];
const rounds = Number(options.rounds ?? (options.quick ? 1 : 5));
const windowMs = options.quick ? 500 : 1800;

function median(values) {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  return sorted.length ? sorted[sorted.length >> 1] : null;
}

const missing = Object.fromEntries(Object.entries(ways)
  .map(([way, { missing }]) => [way, missing?.() ?? null]).filter(([, why]) => why));

/** The ways in the order of a round. */
function turns(scene, round) {
  const slower = round % 2 === 0 && !scene.flat ? ['ws', 'ws4py'] : [];
  return ['floor', 'raw', 'floor', 'hear', 'acks', ...slower].filter((way) => !missing[way]);
}

async function measureRound(scene, round, results) {
  let floor = null, first = null;
  for (const way of turns(scene, round)) {
    const result = await measure(way, scene, { windowMs });
    if (way === 'floor') {
      floor = result;
      first ??= result;
    }
    const beside = way in ratioMax ? floor : first;
    result.ratio = result.cpu_us_per_message / beside.cpu_us_per_message;
    result.main_ratio = result.main_us_per_message / beside.cpu_us_per_message;
    (results[way] ??= []).push(result);
  }
}

function row(way, runs) {
  const of = (pick) => median(runs.map(pick));
  const delivered = (run) => run.messages / run.expected;
  return { way, runs: runs.length, lost: Math.max(...runs.map((run) => run.lost)),
    delivered: of(delivered), cpu_us_per_message: of((run) => run.cpu_us_per_message),
    main_us_per_message: of((run) => run.main_us_per_message), ratio: of((run) => run.ratio),
    ratios: runs.map((run) => Number(run.ratio.toFixed(3))), main_ratio: of((run) => run.main_ratio),
    delay_us: { p50: of((run) => run.delay_us.p50), p99: of((run) => run.delay_us.p99) },
    viewer_bytes: of((run) => run.viewer_bytes) };
}

/** The best and the worst ratio, so that a noisy machine shows. */
function spread({ ratios }) {
  return `${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)}`;
}

function print(scene, rows) {
  console.log(`\n${scene.viewers} viewers, ${scene.bytes} bytes, ${scene.fps}/s`);
  console.log('                            us/msg   ratio  (spread)  target   loop   p50 ms   p99 ms'
    + '   B/viewer  target   share');
  for (const one of rows) {
    const judged = one.way in ratioMax;
    const target = judged && scene.viewers >= 500 ? ratioMax[one.way].toFixed(2) : '';
    console.log([ways[one.way].title.padEnd(26), one.cpu_us_per_message.toFixed(2).padStart(7),
      one.ratio.toFixed(2).padStart(7), spread(one).padStart(10), target.padStart(7),
      (judged ? one.main_ratio.toFixed(2) : '').padStart(6),
      (one.delay_us.p50 / 1000).toFixed(2).padStart(8),
      (one.delay_us.p99 / 1000).toFixed(2).padStart(8), one.viewer_bytes.toFixed(0).padStart(10),
      (judged ? `${viewerBytesMax}` : '').padStart(7),
      one.delivered.toFixed(3).padStart(7)].join(' '));
    if (one.lost > 0) console.log(`  ${one.lost} connections were closed by it`);
  }
}

/** A message to each of 4,000 should cost what one to each of 1,000 does, at the same rate: how
 *  many of them are acknowledged depends on that. */
function printFlatness(flat) {
  const cost = (viewers, way) => flat.find((scene) => scene.viewers === viewers).rows
    .find((one) => one.way === way).cpu_us_per_message;
  for (const way of ['floor', 'raw', 'acks'])
    console.log(`${ways[way].title}: at 10/s a message to each of 4000 costs ` +
      `${(cost(4000, way) / cost(1000, way)).toFixed(2)} of one to each of 1000`);
}

const why = unfit();
if (why) {
  console.error(`${build}: ${why}: its numbers would say nothing.`);
  process.exit(1);
}
console.log(`Medians of ${rounds} round(s) of ${windowMs / 1000} s; CPU per delivered message; ratio: `
  + 'to the send() loop beside it;\nloop: of nalcastd\'s loop thread alone; delay: from making to '
  + 'arrival; share: of messages delivered');
for (const [way, reason] of Object.entries(missing))
  console.log(`${ways[way].title}: left out: ${reason}`);
const all = [];
for (const scene of scenes) {
  const results = {};
  for (let round = 0; round < rounds; round++) await measureRound(scene, round, results);
  const rows = Object.entries(results).map(([way, runs]) => row(way, runs));
  print(scene, rows);
  all.push({ ...scene, rows });
}
console.log('');
if (!options.quick) printFlatness(all.filter((scene) => scene.flat));
if (file)
  writeFileSync(file, JSON.stringify({ rounds, window_ms: windowMs, missing,
    targets: { ratio: ratioMax, viewer_bytes: viewerBytesMax }, scenes: all }, null, 1) + '\n');
