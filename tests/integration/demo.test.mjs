// scripts/demo, as a person would use it: started, watched, ended.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { demo, endDemos, ready } from '../lib/demo.mjs';
import { accepts, freePort, sourceDir } from '../lib/stack.mjs';

function get(url) {
  return new Promise((resolve, reject) => {
    https.get(url, { rejectUnauthorized: false, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode, text }));
    }).on('error', reject);
  });
}

/** The processes whose command line names this folder. */
function processesOf(dir) {
  return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid)).map(Number).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
        .split('\0').slice(0, -1).some((word) => word.includes(dir));
    } catch {
      return false;
    }
  });
}

describe('scripts/demo', () => {
  after(endDemos);

  for (const signal of ['SIGINT', 'SIGTERM'])
    test(`shows the page and ends everything on ${signal}`, async () => {
      const port = await freePort();
      const started = demo('--source=test', '--size=640x480', `--port=${port}`);
      const { url, dir } = await ready(started);
      assert.equal(url, `https://localhost:${port}/camera/`);
      assert.match(started.out, /\[ +\d+\.\d s\] ready/);
      assert.equal((await get(url)).status, 200);
      const state = JSON.parse((await get(`${url}api/v1/state`)).text);
      assert.equal(state.source.backend, 'test');
      assert.equal(state.source.width, 640);
      assert.ok(processesOf(dir).length >= 3);
      started.child.kill(signal);
      assert.equal(await started.exited, signal === 'SIGINT' ? 130 : 143);
      assert.deepEqual(processesOf(dir), []);
      assert.ok(!existsSync(dir));
      assert.ok(!(await accepts({ host: '127.0.0.1', port })));
    });

  test('runs no process as root', { skip: process.getuid() !== 0 && 'not root' }, async () => {
    const started = demo('--source=test', `--port=${await freePort()}`);
    const { dir } = await ready(started);
    const users = processesOf(dir).map((pid) => statSync(`/proc/${pid}`).uid);
    assert.ok(users.length >= 3);
    assert.ok(!users.includes(0));
    started.child.kill('SIGTERM');
    await started.exited;
  });

  test('says which process ended by itself, and ends the others', async () => {
    const started = demo('--source=test', `--port=${await freePort()}`);
    const { dir } = await ready(started);
    const fcgi = processesOf(dir).find((pid) =>
      readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('nalcast-fcgi'));
    process.kill(fcgi, 'SIGKILL');
    assert.equal(await started.exited, 1);
    assert.match(started.out, /demo: nalcast-fcgi ended by itself/);
    assert.deepEqual(processesOf(dir), []);
  });

  test('says that a port is in use', async () => {
    const server = net.createServer().listen(await freePort(), '127.0.0.1');
    await once(server, 'listening');
    const started = demo('--source=test', `--port=${server.address().port}`);
    assert.equal(await started.exited, 1);
    assert.match(started.out, /port \d+ is in use/);
    server.close();
  });

  test('passes a bad option on and shows what nalcastd says', async () => {
    const started = demo('--source=test', '--fps=nonsense', `--port=${await freePort()}`);
    assert.equal(await started.exited, 1);
    assert.match(started.out, /nalcastd did not start/);
    assert.match(started.out, /nonsense/);
  });

  test('names a recording that is not there or not readable', async (t) => {
    const gone = demo('--source=file:/nowhere.h264');
    assert.equal(await gone.exited, 1);
    assert.match(gone.out, /there is no file \/nowhere\.h264/);
    if (process.getuid() !== 0) return;
    const dir = mkdtempSync(path.join(os.tmpdir(), 'nc-'));
    t.after(() => rmSync(dir, { recursive: true }));
    writeFileSync(path.join(dir, 'closed.h264'), 'x', { mode: 0o600 });
    const closed = demo(`--source=file:${dir}/closed.h264`, `--port=${await freePort()}`);
    assert.equal(await closed.exited, 1);
    assert.match(closed.out, /may not read .*closed\.h264/);
  });

  test('refuses a port that is none', async () => {
    for (const port of ['80', 'x', '70000', '']) {
      const started = demo(`--port=${port}`);
      assert.equal(await started.exited, 1);
      assert.match(started.out, /is not a port/);
    }
  });

  test('tells its options', async () => {
    const out = execFileSync(path.join(sourceDir, 'scripts/demo'), ['--help'], { encoding: 'utf8' });
    for (const word of ['--port', '--build-dir', '--no-install', '--source'])
      assert.ok(out.includes(word));
  });
});
