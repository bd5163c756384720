// What nginx and TLS cost: from publish to a viewer's last byte of an access unit, through nginx
// with TLS beside the Unix socket itself, for one viewer and for one among a hundred.
//
// The viewer that is timed has a process of its own; the other 99 (half of them were there before
// it, half came after it) share another, so that what they cost to receive and decrypt is not in
// the timed one's delay, but for the CPU that they take. All of them are nalcast.v1 and
// acknowledge. nalcastd's times and ours are the same clock (see clockOffsetUs()). The four cases
// are measured in turns, the median of the rounds is told.
//
// Usage: node hop.mjs [--quick] [JSON]
import { FRAME_MS, Viewers, median, options, percentile, printTable, run, sleep, startChain,
  watchMachine, writeJson } from './links.mjs';
import { clockOffsetUs, nowUs } from './socket.mjs';

const { quick, file } = options();
const ROUNDS = quick ? 1 : 5;
const WINDOW_MS = quick ? 1000 : 2500;
const CASES = [['unix', 1], ['tls', 1], ['unix', 100], ['tls', 100]];

async function measure(chain, offsetUs, way, count) {
  const config = { target: chain[way], url: way === 'unix' ? '/stream' : '/camera/stream',
    protocol: 'nalcast.v1' };
  const half = count > 1 ? Math.floor(count / 2) : 0;
  const crowds = [];
  const more = async (n) => n && crowds.push(await new Viewers({ ...config, count: n }).ready());
  await more(half);
  const timed = await new Viewers(config).ready();
  await more(count > 1 ? count - half - 1 : 0);
  await sleep(300); // the connecting is over
  const beginUs = nowUs();
  await sleep(WINDOW_MS);
  const { messages } = await timed.stop();
  for (const crowd of crowds) await crowd.stop();
  const delays = messages.filter((message) => message.atUs >= beginUs)
    .map((message) => (message.atUs - message.publishUs - offsetUs) / 1000);
  return { p50: percentile(delays, 0.5), p99: percentile(delays, 0.99), samples: delays.length };
}

await run(async () => {
  const machine = watchMachine();
  const chain = await startChain();
  const offsetUs = await clockOffsetUs(chain.sockets.stream);
  // Keeps the camera running between two rounds.
  const keeper = await new Viewers({ target: chain.unix, protocol: 'nalcast.v1' }).ready();
  const results = CASES.map(() => []);
  for (let round = 0; round < ROUNDS; round += 1)
    for (const [at, [way, count]] of CASES.entries())
      results[at].push(await measure(chain, offsetUs, way, count));
  await keeper.stop();
  await chain.end();
  const rows = CASES.map(([way, viewers], at) => {
    const of = (key) => median(results[at].map((result) => result[key]));
    return { way, viewers, p50_ms: of('p50'), p99_ms: of('p99'),
      samples: results[at].reduce((sum, result) => sum + result.samples, 0) };
  });
  for (const [at, row] of rows.entries()) {
    const direct = rows[at - at % 2];
    row.p50_ratio = row.p50_ms / direct.p50_ms;
    row.p50_of_frame = row.p50_ms / FRAME_MS;
  }
  console.log(`hop: publish to one viewer's last byte, medians of ${ROUNDS} rounds`);
  printTable({ way: 'way', viewers: 'viewers', p50_ms: 'p50 ms', p99_ms: 'p99 ms',
    p50_ratio: 'p50 x unix', p50_of_frame: 'p50 in frames', samples: 'pictures' }, rows);
  console.log(machine.told());
  writeJson(file, { machine_stalls: machine.stalls.length, rows });
});
