// nalcastd as a process: options, sockets, readiness, limits of the system, its end.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { describe, test } from 'node:test';
import { Daemon, Packets, nobodyIsSlow, noise, startDaemon, tools, waitFor } from '../lib/daemon.mjs';
import { Wire } from '../lib/wire.mjs';

describe('options', { concurrency: 4 }, () => {
  for (const [option, words] of [
    ['--nonsense=1', /--nonsense/], ['stray', /'stray'/], ['--size', /--size needs a value/],
    ['--size=12x12', /size: '12x12'.*160x120/], ['--size=161x120', /size/],
    ['--fps=0', /fps: '0'/], ['--fps=1e3', /fps/], ['--bitrate-bps=2G', /bitrate-bps/],
    ['--viewers-max=-1', /viewers-max/], ['--socket-mode=0999', /socket-mode/],
    ['--on-demand=maybe', /on-demand: 'maybe'.*yes\|no|on-demand: 'maybe'/],
    ['--allow-origin=cam.example', /allow-origin/], ['--name=API', /name/],
    ['--name=stream', /name/], ['--log-level=loud', /log-level/], ['--source=', /source/],
    ['--socket-group=no-such-group', /no group 'no-such-group'/],
    ['--test-fault=fire', /test-fault: 'fire'.*unplug/],
    [`--stream-socket=/tmp/${'x'.repeat(120)}`, /stream-socket/],
    ['--stream-socket=/proc/nowhere/s', /\/proc\/nowhere/],
    ['--config=/nowhere.conf', /\/nowhere\.conf/],
  ])
    test(`${option.slice(0, 40)} is refused by name`, async () => {
      const { code, log } = await new Daemon([option]).refuses();
      assert.equal(code, 1);
      assert.match(log, words);
      assert.doesNotMatch(log, /Sanitizer/);
    });

  test('a wrong line of the file is named', async () => {
    for (const [text, line] of [['fps = 30\n# fine\n\nsize = huge\n', 4],
      ['fps = 30\nnonsense\n', 2], ['colour = red\n', 1], ['[main]\nfps = 30\n', 2],
      ['name = x\n', 1]]) {
      const daemon = new Daemon();
      const file = path.join(daemon.dir, 'main.conf');
      writeFileSync(file, text, { mode: 0o644 });
      daemon.args.push(`--config=${file}`);
      const { code, log } = await daemon.refuses();
      assert.equal(code, 1);
      assert.ok(log.includes(`${file}:${line}: `), log);
    }
  });

  test('the command line wins over the file', async () => {
    const daemon = new Daemon(['--fps=15']);
    const file = path.join(daemon.dir, 'main.conf');
    writeFileSync(file, '# slow\nfps = 10\nviewers_max=3\n', { mode: 0o644 });
    daemon.args.push(`--config=${file}`);
    await daemon.launch().ready();
    const state = await daemon.state();
    assert.deepEqual([state.source.fps, state.viewers.max], [15, 3]);
    await daemon.stop();
  });

  test('--help and --version answer on stdout and start nothing', async () => {
    for (const [option, words] of [['--help', /Usage: nalcastd.*--viewers-max/s],
      ['--version', /^nalcast \d+\.\d+\.\d+\n$/]]) {
      const { code, log } = await new Daemon([option]).refuses();
      assert.equal(code, 0);
      assert.match(log, words);
    }
  });
});

describe('sockets', { concurrency: 4 }, () => {
  test('a second nalcastd on them is refused and disturbs nobody', async () => {
    const daemon = await startDaemon(['--socket-mode=0640']);
    const viewer = await new Wire(daemon).opened();
    await viewer.more(1);
    const second = new Daemon([], { dir: daemon.dir }).launch();
    assert.equal((await second.exits()).code, 1);
    assert.match(second.log, /another program listens here/);
    second.args.push(`--stream-socket=${daemon.dir}/s2`);
    second.launch();
    assert.equal((await second.exits()).code, 1, 'the control socket alone is enough');
    assert.ok(!existsSync(`${daemon.dir}/s2`));
    await viewer.more(2);
    for (const socket of Object.values(daemon.sockets))
      assert.equal(statSync(socket).mode & 0o777, 0o640);
    assert.ok((await daemon.state()).stream.running);
    await viewer.close();
    await daemon.stop();
  });

  test('stale ones are replaced, something else is left alone', async () => {
    const daemon = await startDaemon();
    await daemon.process.kill('SIGKILL');
    assert.ok(existsSync(daemon.sockets.stream) && existsSync(daemon.sockets.control));
    await daemon.launch().ready();
    await daemon.state();
    await daemon.process.stop();
    for (const socket of Object.values(daemon.sockets)) assert.ok(!existsSync(socket));
    writeFileSync(daemon.sockets.stream, 'precious');
    daemon.launch();
    assert.equal((await daemon.exits()).code, 1);
    assert.match(daemon.log, /is no socket/);
    assert.equal(readFileSync(daemon.sockets.stream, 'utf8'), 'precious');
    daemon.remove();
  });

  test('handed over by systemd are used, and are not removed', async () => {
    const daemon = new Daemon(['--stream-socket=/nowhere/s', '--control-socket=/nowhere/c']);
    daemon.wrapper = ['perl', path.join(tools, 'activate.pl'),
      ...Object.values(daemon.sockets)];
    await daemon.launch().ready();
    const viewer = await new Wire(daemon).opened();
    await viewer.more(2);
    assert.equal((await daemon.state()).viewers.count, 1);
    viewer.destroy();
    await daemon.process.stop();
    for (const socket of Object.values(daemon.sockets)) assert.ok(existsSync(socket));
    daemon.remove();
  });
});

describe('under systemd', () => {
  test('readiness, the watchdog and stopping are told', async () => {
    const daemon = new Daemon([], { env: { WATCHDOG_USEC: '400000' } });
    daemon.wrapper = ['perl', path.join(tools, 'notified.pl'), path.join(daemon.dir, 'n')];
    await daemon.launch().ready();
    await waitFor('readiness', () => /notified: READY=1/.test(daemon.log));
    await waitFor('two signs of life',
      () => daemon.log.match(/notified: WATCHDOG=1/g)?.length >= 2);
    await daemon.process.stop();
    assert.match(daemon.log, /notified: STOPPING=1/);
    daemon.remove();
  });
});

/** Hundredths of a second of processor time. */
function ticks(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

test('out of descriptors for viewers, it says so once, obeys, waits without work, and recovers',
async () => {
  const daemon = await startDaemon(['--fps=5', nobodyIsSlow],
    { wrapper: ['sh', '-c', 'ulimit -n 40; exec "$@"', 'sh'] });
  const first = await new Wire(daemon).opened();
  await first.more(1);
  const many = Array.from({ length: 60 }, () => new Wire(daemon, { protocol: null }));
  const warnings = () => daemon.log.match(/server: accepting nobody for now: [^\n]*/g) ?? [];
  await waitFor('the warning', () => warnings().length > 0);
  const packets = new Packets(daemon);
  packets.tell(1, 'open');
  packets.request(1, 'health');
  const before = ticks(daemon.process.pid);
  await first.more(10); // two seconds, in which accepting is tried again
  assert.ok(ticks(daemon.process.pid) - before < 60, 'it does not spin');
  assert.equal(warnings().length, 1, daemon.log);
  assert.match(daemon.log, /viewers-max is 64, but descriptors are for 20/);
  assert.ok((await packets.reply(1)).ok, 'the owner is heard all the same');
  for (const viewer of many) viewer.destroy();
  const late = await new Wire(daemon).opened();
  await late.more(1);
  assert.equal(first.holes, 0);
  packets.end();
  for (const viewer of [first, late]) await viewer.close();
  await daemon.stop();
});

describe('state', { concurrency: 4 }, () => {
  test('that is damaged is set aside, and the settings serve', async () => {
    const daemon = new Daemon();
    writeFileSync(`${daemon.stateDir}/settings.json`, '{"running":fal', { mode: 0o666 });
    await daemon.launch().ready();
    assert.ok((await daemon.state()).stream.running);
    assert.match(daemon.log, /settings\.json: damaged \(line 1/);
    assert.ok(existsSync(`${daemon.stateDir}/settings.json.damaged`));
    await daemon.stop();
  });

  test('of a camera that lost the kept size does not keep it from starting', async () => {
    const daemon = new Daemon();
    writeFileSync(`${daemon.stateDir}/settings.json`,
      '{"resolution":{"width":4000,"height":2000},"running":"yes"}',
      { mode: 0o666 });
    await daemon.launch().ready();
    const viewer = await new Wire(daemon).opened();
    await viewer.more(1);
    const { source, settings } = await daemon.state();
    assert.deepEqual([source.width, source.height], [160, 120], 'the settings file\'s');
    assert.match(settings.refused, /4000x2000/);
    await viewer.close();
    await daemon.stop();
  });

  test('that cannot be written is said once, and changes work until the restart', async () => {
    const daemon = new Daemon();
    daemon.stateDir = '/proc/nowhere';
    await daemon.launch().ready();
    for (const [width, height] of [[320, 240], [640, 480]])
      await daemon.did('set-resolution', { width, height });
    await daemon.did('stop');
    await waitFor('the words', () => /settings cannot be kept/.test(daemon.log));
    assert.equal((await daemon.did('resolution')).width, 640);
    await daemon.stop();
    assert.equal(daemon.log.match(/settings cannot be kept/g).length, 1);
  });
});

describe('the end', () => {
  /** How long it takes to end with three viewers, in ms. */
  async function endingWith(answersClose) {
    const daemon = await startDaemon(['--fps=30']);
    const viewers = await Promise.all([1, 2, 3].map(() => new Wire(daemon).opened()));
    viewers[1].answersClose = answersClose;
    await Promise.all(viewers.map((viewer) => viewer.more(2)));
    const begun = performance.now();
    await daemon.stop();
    const passed = performance.now() - begun;
    await waitFor('all to be told', () => viewers.every((viewer) => viewer.closed?.code === 1001));
    for (const viewer of viewers) viewer.destroy();
    return passed;
  }

  test('comes when the viewers are gone, and a second later when one does not go', async () => {
    const [polite, rude] = [await endingWith(true), await endingWith(false)];
    assert.ok(rude - polite > 500, `${polite} ms, ${rude} ms`);
  });

  test('comes within 2 s with 50 viewers of whom 10 do not read', async () => {
    const daemon = new Daemon();
    daemon.args.push(...noise(daemon.dir));
    await daemon.launch().ready();
    const viewers = Array.from({ length: 50 }, (_, at) => new Wire(daemon,
      { reads: at % 5 !== 0, answersClose: at % 5 !== 1, protocol: at % 2 ? null : 'nalcast.v1' }));
    const reading = viewers.filter((_, at) => at % 5 !== 0);
    await Promise.all(reading.map((viewer) => viewer.more(3)));
    const silent = net.connect(daemon.sockets.stream);
    const packets = new Packets(daemon);
    packets.tell(1, 'open');
    packets.request(1, 'state');
    await packets.reply(1);
    const begun = performance.now();
    await daemon.process.stop();
    const passed = performance.now() - begun;
    assert.ok(passed < 2000, `${passed} ms`);
    for (const viewer of reading) {
      await waitFor('its end', () => viewer.ended);
      assert.equal(viewer.closed?.code, 1001);
      viewer.assertDecodable();
    }
    for (const socket of Object.values(daemon.sockets)) assert.ok(!existsSync(socket));
    for (const viewer of viewers) viewer.destroy();
    silent.destroy();
    packets.end();
    daemon.remove();
  });

  test('comes at once when it is asked for twice, and without viewers', async () => {
    for (const signal of ['SIGTERM', 'SIGINT']) {
      const daemon = await startDaemon();
      const { code } = await daemon.process.kill(signal);
      assert.equal(code, 0);
      daemon.remove();
    }
    const daemon = await startDaemon();
    const viewer = await new Wire(daemon, { answersClose: false }).opened();
    daemon.process.child.kill('SIGTERM');
    await waitFor('the close frame', () => viewer.closed);
    await daemon.stop();
    viewer.destroy();
  });
});
