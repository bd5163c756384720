// GET state through nginx, beside a FastCGI program that answers a constant with the same library
// and as many threads: two nginx with the same settings, of which one works at a time.
//   node api.mjs JSON [--quick]
//
// Both are measured in turns; what is told are medians over the rounds. Absolute numbers are the
// machine's; the ratio is for people to judge and does not change how this ends.
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { Process, accepts, freePort, startStack, waitFor } from '../lib/stack.mjs';

const ratioMin = 0.7; // issue 5
const requestsMin = 100000; // over which memory is to stay flat
const connections = 16;
const threads = 16;

const { values: options, positionals: [file] } = parseArgs({ allowPositionals: true,
  options: { quick: { type: 'boolean' } } });
const rounds = options.quick ? 1 : 5;
const windowMs = options.quick ? 300 : 2000;
const bench = path.resolve(process.env.NALCAST_BUILD ?? 'build', 'tests/bench');

/** One nginx, with a listener that has no TLS: that is not ours to measure. */
async function start(with_nalcast) {
  const port = await freePort();
  const http = `server {
    listen 127.0.0.1:${port};
    keepalive_requests 1000000000;
    include @pkgdatadir@/nginx/nalcast-server.conf;
    location ^~ /camera/ {
        alias @wwwdir@/;
        include @pkgdatadir@/nginx/nalcast-location.conf;
    }
}`;
  const stack = await startStack({ nalcastd: with_nalcast, fcgi: with_nalcast, http,
    nalcastdArgs: ['--source=test', '--size=320x240', '--fps=15'], fcgiArgs: [`--threads=${threads}`] });
  return { stack, port, rounds: [] };
}

async function startConstant(stack) {
  const command = [`${stack.dir}/bin/constant_fcgi`, stack.sockets.fcgi, String(threads)];
  await promisify(execFile)('install', ['-m', '755', path.join(bench, 'constant_fcgi'), command[0]]);
  const constant = new Process('constant_fcgi', command, { cwd: stack.dir });
  await waitFor('constant_fcgi to accept', () => accepts(stack.sockets.fcgi));
  return constant;
}

async function load(side, ms) {
  const args = [side.port, '/camera/api/v1/state', connections, ms].map(String);
  const { stdout } = await promisify(execFile)(path.join(bench, 'http_load'), args);
  const got = JSON.parse(stdout);
  if (got.answers === 0 || got.others > 0 || got.lost > 0)
    throw new Error(`not all was answered: ${stdout}`);
  side.answers = (side.answers ?? 0) + got.answers;
  return { per_second: got.answers / got.seconds, p50_us: got.p50_us, p99_us: got.p99_us };
}

/** Of /proc/PID/status, as a number. */
function status(pid, field) {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(text.match(new RegExp(`^${field}:\\s*(\\d+)`, 'm'))[1]);
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

function summary(side) {
  return Object.fromEntries(Object.keys(side.rounds[0])
    .map((key) => [key, Math.round(median(side.rounds.map((round) => round[key])))]));
}

const nalcast = await start(true);
const other = await start(false);
const constant = await startConstant(other.stack);
const { pid } = nalcast.stack.procs.fcgi.child;
const memory = {};
try {
  for (const side of [nalcast, other]) await load(side, options.quick ? 200 : 1000);
  Object.assign(memory, { before_kib: status(pid, 'VmRSS'), threads_before: status(pid, 'Threads') });
  nalcast.answers = 0;
  for (let round = 0; round < rounds; round++)
    for (const side of [other, nalcast]) side.rounds.push(await load(side, windowMs));
  while (!options.quick && nalcast.answers < requestsMin) await load(nalcast, windowMs);
  Object.assign(memory, { requests: nalcast.answers, after_kib: status(pid, 'VmRSS'),
    threads_after: status(pid, 'Threads') });
} finally {
  await constant.kill('SIGKILL');
  await other.stack.stop();
  await nalcast.stack.stop();
}

const ratio = median(nalcast.rounds.map((round, i) =>
  round.per_second / other.rounds[i].per_second));
const result = { connections, threads, rounds, nalcast: summary(nalcast), constant: summary(other),
  ratio: Math.round(ratio * 1000) / 1000, ratio_min: ratioMin, memory };
for (const name of ['constant', 'nalcast']) {
  const { per_second, p50_us, p99_us } = result[name];
  console.log(`api  ${name.padEnd(8)} ${per_second} requests/s, p50 ${p50_us} us, p99 ${p99_us} us`);
}
console.log(`api  ratio ${result.ratio} (wanted: at least ${ratioMin})`);
console.log(`api  memory ${memory.before_kib} KiB, after ${memory.requests} requests `
  + `${memory.after_kib} KiB; threads ${memory.threads_before}, ${memory.threads_after}`);
if (file) writeFileSync(file, JSON.stringify(result) + '\n');
