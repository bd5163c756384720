// nalcastd --doctor on settings that are right and wrong, beside a nalcastd that runs and without.
// tests/unit/test_doctor.c has every finding; here the program says some, and disturbs nobody.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { describe, test } from 'node:test';
import { Daemon, startDaemon, waitFor } from '../lib/daemon.mjs';
import { Process } from '../lib/process.mjs';
import { Wire } from '../lib/wire.mjs';

// Whatever nginx is on this machine, it may reach the socket; no unit is looked at.
const options = ['--name=doctors-own', '--socket-mode=0666'];

// Where nalcast is installed, all would be judged for its user, who owns none of our folders.
const installed = (() => {
  try {
    return execFileSync('id', ['nalcast'], { stdio: 'pipe' }).length > 0;
  } catch {
    return false;
  }
})();

/** Runs it with the daemon's settings; gives { code, text }. */
async function asked(daemon, ...more) {
  const run = new Process('doctor', [...daemon.command, ...more],
    { cwd: daemon.dir, env: daemon.env });
  const { code } = await waitFor('the doctor', () => run.exit);
  assert.doesNotMatch(run.log, /Sanitizer|runtime error/);
  return { code, text: run.log };
}

/** The same in JSON; gives { code, of: id => finding }. */
async function found(daemon, ...more) {
  const { code, text } = await asked(daemon, '--doctor=json', ...more);
  const all = JSON.parse(text.slice(text.indexOf('[\n'))); // after the log, if there is any
  for (const one of all) {
    assert.deepEqual(Object.keys(one), ['id', 'status', 'detail', 'fix']);
    assert.equal(one.fix !== '', one.status !== 'pass', JSON.stringify(one));
  }
  assert.equal(code, all.some((one) => one.status === 'fail') ? 1 : 0, text);
  return { code, of: (id) => all.find((one) => one.id === id), all };
}

describe('without a nalcastd', { skip: installed }, () => {
  test('settings that are right are said to be, and nothing is touched', async () => {
    const daemon = new Daemon(options);
    const before = readdirSync(daemon.dir, { recursive: true }).sort();
    const { code, of } = await found(daemon);
    assert.equal(code, 0);
    assert.equal(of('daemon').status, 'warn');
    for (const id of ['source', 'settings', 'sockets', 'open-files', 'clock'])
      assert.equal(of(id).status, 'pass', id);
    const { text } = await asked(daemon, '--doctor');
    assert.match(text, /^nalcast .*'doctors-own'[^]*\nCameras\n[^]*\nEncoders\n[^]*\nFindings\n/);
    assert.match(text, /\n {2}pass {2}source {7}test answers\n/);
    assert.doesNotMatch(text, /\x1b/);
    assert.deepEqual(readdirSync(daemon.dir, { recursive: true }).sort(), before);
    daemon.remove();
  });

  test('each thing that is wrong is named, with status 1', async () => {
    const daemon = new Daemon(options);
    writeFileSync(`${daemon.dir}/file`, '');
    mkdirSync(`${daemon.dir}/closed`);
    chmodSync(`${daemon.dir}/closed`, 0o500);
    for (const [option, id, words] of [
      ['--source=v4l2:/dev/none', 'source', /\/dev\/none|no source/],
      ['--source=file:/none.h264', 'source', /\/none\.h264/],
      ['--source=nonsense', 'source', /no source 'nonsense'/],
      ['--encoder=nonsense', 'encoders', /nonsense/],
      [`--state-dir=${daemon.dir}/file`, 'settings', /no folder/],
      [`--state-dir=${daemon.dir}/none/deeper`, 'settings', /none\/deeper/],
      [`--state-dir=${daemon.dir}/closed`, 'settings', /closed/],
      [`--stream-socket=${daemon.dir}/file`, 'sockets', /file is no socket/],
      [`--control-socket=${daemon.dir}/closed/c`, 'sockets', /closed/],
      ['--socket-group=no-such-group', 'socket-group', /no-such-group/],
    ]) {
      const { code, of } = await found(daemon, option);
      assert.equal(of(id).status, 'fail', option);
      assert.match(of(id).detail, words);
      assert.equal(code, 1);
    }
    daemon.remove();
  });

  test('settings that cannot be read are named, as at any start', async () => {
    const daemon = new Daemon(options);
    const { code, text } = await asked(daemon, '--doctor', '--config=/none.conf');
    assert.equal(code, 1);
    assert.match(text, /\/none\.conf/);
    assert.match((await asked(daemon, '--doctor=xml')).text, /--doctor=json/);
    daemon.remove();
  });

  test('nalcast-capture is asked what it is, and not waited for in vain', async () => {
    const daemon = new Daemon(options);
    daemon.env = { NALCAST_CAPTURE: `${daemon.dir}/capture` };
    for (const [script, status, words] of [
      ['echo nalcast-capture 7 of $1', 'pass', /^nalcast-capture 7 of --version$/],
      ['echo Segmentation fault >&2; exit 3', 'fail', /status 3/],
      ['sleep 1000', 'fail', /says nothing/],
    ]) {
      // As the source that it is, it ends at once.
      writeFileSync(`${daemon.dir}/capture`,
        `#!/bin/sh\n[ "$1" = --version ] || exit 1\n${script}\n`, { mode: 0o755 });
      const { of } = await found(daemon, '--source=libcamera');
      assert.equal(of('libcamera').status, status);
      assert.match(of('libcamera').detail, words);
    }
    daemon.remove();
  });

  test('what was changed over the API counts', async () => {
    const daemon = new Daemon(options);
    const stored = `${daemon.stateDir}/settings.json`;
    writeFileSync(stored, '{"config":{"source":"v4l2:/dev/none"},"running":false}');
    const { of } = await found(daemon);
    assert.equal(of('source').status, 'fail');
    assert.equal(of('stream').status, 'warn');
    writeFileSync(stored, '{');
    assert.match((await found(daemon)).of('stored').detail, /damaged/);
    assert.deepEqual(readdirSync(daemon.stateDir), ['settings.json']);
    daemon.remove();
  });
});

test('sockets that another program has are told, and how to get them back', async () => {
  for (const [socket, id] of [['stream', 'sockets'], ['control', 'daemon']]) {
    const daemon = new Daemon(options);
    const server = net.createServer().listen(daemon.sockets[socket]);
    await waitFor('the other program', () => server.listening);
    chmodSync(daemon.sockets[socket], 0o666);
    const { code, of } = await found(daemon);
    assert.equal(of(id).status, 'fail');
    assert.match(of(id).detail, new RegExp(daemon.sockets[socket]));
    assert.equal(code, 1);
    server.close();
    rmSync(daemon.sockets[socket], { force: true });
    daemon.remove();
  }
});

describe('beside a nalcastd', () => {
  test('its own diagnostics are said, and viewers watch on', async () => {
    const daemon = await startDaemon([...options, '--fps=30']);
    const viewer = await new Wire(daemon).opened();
    await viewer.more(2);
    const before = await daemon.state();
    const { code, of } = await found(daemon);
    assert.equal(code, 0);
    assert.match(of('daemon').detail, new RegExp(`pid ${daemon.process.pid}\\b`));
    // Only who has a stream can say these.
    for (const id of ['broadway', 'encoder', 'upgrades', 'sockets'])
      assert.notEqual(of(id).status, 'fail', id);
    await viewer.more(5);
    const after = await daemon.state();
    assert.equal(after.viewers.count, 1);
    assert.equal(after.source.restarts, before.source.restarts);
    assert.equal(after.stream.since, before.stream.since);
    await viewer.close();
    await daemon.stop();
  });

  test('no stream is started', async () => {
    const daemon = await startDaemon(options);
    assert.equal((await found(daemon)).code, 0);
    const state = await daemon.state();
    assert.equal(state.stream.active, false);
    assert.equal(state.viewers.count, 0);
    await daemon.stop();
  });

  test('one of another camera is told apart', async () => {
    const daemon = await startDaemon(options);
    const { code, of } = await found(daemon, '--name=door');
    assert.equal(code, 1);
    assert.match(of('daemon').detail, /'doctors-own', not of 'door'/);
    await daemon.stop();
  });

  test('one that hangs is waited for no longer than it takes to see that', async () => {
    const daemon = await startDaemon(options);
    process.kill(daemon.process.pid, 'SIGSTOP');
    const { code, of } = await found(daemon);
    process.kill(daemon.process.pid, 'SIGCONT');
    assert.equal(code, 1);
    assert.match(of('daemon').detail, /no answer/);
    assert.match(of('daemon').fix, new RegExp(`process ${daemon.process.pid}\\b`));
    await daemon.stop();
  });
});
