// The recipes of nalcast-api(7) and README.md, run as they stand there: a block is one session of
// sh, with the address of the stack in the place of the one in the text.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { checkAnswer } from '../lib/openapi.mjs';
import { sourceDir, startStack } from '../lib/stack.mjs';
import { Viewer } from '../lib/viewer.mjs';

const MOUNT = 'https://cam.example/camera/';
const ARGS = ['--source=test', '--size=1280x720', '--fps=30', '--idle-stop-s=0'];

/** The lines of a section of a manual page, as its readers see them. */
function sectionOf(page, name) {
  const text = execFileSync('mandoc', ['-Tutf8', path.join(sourceDir, 'man', page)], { encoding: 'utf8' })
    .replace(/.\x08/g, '');
  return text.split(`\n${name}\n`)[1].split(/\n(?=[A-Z])/)[0].split('\n');
}

/** [{ title, steps: [{ command, output }] }], a title for each block of commands. */
function recipesOf(lines) {
  const blocks = [];
  let title = '';
  let block = null;
  for (const line of lines) {
    const [, verb, rest] = line.match(/^ +([$>]) (.*)/) ?? [];
    if (/^ {3}\S/.test(line)) title = line.trim();
    if (verb === '$') {
      if (!block) blocks.push(block = { title, steps: [] });
      block.steps.push({ command: rest, output: '' });
    } else if (verb === '>') {
      block.steps.at(-1).command += `\n${rest}`;
    } else if (line.trim() === '') {
      block = null;
    } else if (block) {
      block.steps.at(-1).output += line.trim();
    }
  }
  return blocks;
}

/** What an output in the text stands for. */
function patternOf(output) {
  const parts = output.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^]*')}`);
}

/** Runs the commands in one shell; gives { status, output } of each. */
async function run(steps, { cwd, env }) {
  const mark = '--- status';
  const script = steps.map(({ command }) => `${command}\nprintf '\\n${mark} %s\\n' $?\n`).join('');
  const shell = spawn('sh', ['-c', script],
    { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  shell.stdout.setEncoding('utf8').on('data', (text) => (out += text));
  shell.stderr.setEncoding('utf8').on('data', (text) => (err += text));
  await once(shell, 'close');
  const found = [...out.matchAll(new RegExp(`([^]*?)\\n${mark} (\\d+)\\n`, 'g'))]
    .map(([, output, status]) => ({ status: Number(status), output: output.trim() }));
  assert.equal(found.length, steps.length, `${out}\n${err}`);
  return found;
}

const manual = sectionOf('nalcast-api.7', 'EXAMPLES');
const blocks = recipesOf(manual);

describe('the recipes of nalcast-api(7)', () => {
  let stack, cwd;

  before(async () => {
    cwd = mkdtempSync(path.join(os.tmpdir(), 'nr-'));
    stack = await startStack({ nalcastdArgs: ARGS, cameras: { garden: ARGS } });
  });
  after(async () => {
    await stack?.stop();
    rmSync(cwd, { recursive: true, force: true });
  });

  test('are all found', () => {
    const wanted = ['state', 'health', 'diagnostics', 'resolution', 'start', 'stop', 'config',
      'controls', 'keyframe', 'viewers', 'cameras', 'metrics', 'dry_run', 'persist', 'If-Match'];
    const commands = blocks.flatMap(({ steps }) => steps.map(({ command }) => command)).join('\n');
    for (const word of wanted) assert.ok(commands.includes(word), word);
    assert.ok(blocks.length >= 14, `${blocks.length} blocks`);
  });

  for (const [at, { title, steps }] of blocks.entries())
    test(`${at + 1}: ${title}`, async () => {
      // One of them ends it.
      const viewer = await new Viewer(stack).opened();
      await viewer.more(1);
      const env = { api: `${stack.url}api/v1`, CURL_CA_BUNDLE: `${stack.dir}/cert.pem` };
      const got = await run(steps, { cwd, env });
      for (const [i, { command, output }] of steps.entries()) {
        assert.equal(got[i].status, 0, `${command}\n${got[i].output}`);
        assert.match(got[i].output, output ? patternOf(output) : /^$/, command);
      }
      await viewer.close();
    });

  test('Home Assistant asks for what there is, and sends what is taken', async () => {
    const text = manual.join('\n');
    const { json } = await stack.request('GET', '/camera/api/v1/state');
    const templates = [...text.matchAll(/value_json\.([a-z_.]+)/g)].map(([, at]) => at);
    assert.ok(templates.length >= 3);
    for (const at of templates)
      assert.notEqual(at.split('.').reduce((value, key) => value?.[key], json), undefined, at);
    const commands = [...text.matchAll(
      /url: (\S+)\n +method: (\w+)(?:\n +content_type: (\S+)\n +payload: '(.*)')?/g)];
    assert.ok(commands.length >= 3);
    for (const [, url, method, type, payload] of commands) {
      const got = await stack.request(method.toUpperCase(), url.replace(MOUNT, '/camera/'),
        { body: payload, headers: type ? { 'Content-Type': type } : {} });
      assert.equal(got.status, 200, got.text);
    }
  });

  test('the addresses in the snippets are served', async () => {
    const urls = new Set(manual.join('\n').match(/https:\/\/cam\.example\/camera\/[a-z0-9/.]+/g));
    assert.ok(urls.size >= 4);
    for (const url of urls) {
      const at = url.replace(MOUNT, stack.url);
      if (at.endsWith('.h264')) continue; // endless; a recipe reads it
      const status = Number(execFileSync('curl', ['-s', '-o', '/dev/null', '-w', '%{http_code}', '-L',
        '--cacert', `${stack.dir}/cert.pem`, at], { encoding: 'utf8' }));
      assert.ok([200, 405].includes(status), `${url}: ${status}`);
    }
    const scrape = manual.join('\n').match(/metrics_path: (\S+)/)[1];
    assert.equal((await stack.request('GET', scrape)).status, 200);
    const mainsail = manual.join('\n').match(/stream_url: (\S+)/)[1];
    assert.equal((await stack.request('GET', mainsail)).status, 426);
  });
});

describe('the recipes of README.md', () => {
  let stack;
  const text = readFileSync(path.join(sourceDir, 'README.md'), 'utf8');
  const commands = [...text.matchAll(/```sh\n([^]*?)```/g)].flatMap(([, block]) =>
    block.replaceAll('\\\n', ' ').split('\n').filter((line) => line.startsWith('curl ')));

  before(async () => {
    stack = await startStack({ nalcastdArgs: ARGS, cameras: { garden: ARGS } });
  });
  after(() => stack?.stop());

  test('each succeeds, with an answer as documented', async () => {
    assert.ok(commands.length >= 5, commands.join('\n'));
    for (const command of commands) {
      const line = command.replaceAll('https://localhost:8443/camera/', stack.url)
        .replace(/ #.*/, '');
      const out = execFileSync('sh', ['-c', `${line.replace('curl ', 'curl -s -i --http1.1 ')}`],
        { encoding: 'utf8' });
      const [head, body] = out.split('\r\n\r\n');
      const [first, ...rest] = head.split('\r\n');
      const headers = Object.fromEntries(rest.map((field) => {
        const colon = field.indexOf(':');
        return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
      }));
      const status = Number(first.split(' ')[1]);
      assert.ok(status < 300, `${command}\n${out}`);
      const method = command.match(/-X (\w+)/)?.[1] ?? 'GET';
      checkAnswer(method, command.match(/https:\/\/\S+?(?=["'\s]|$)/)[0],
        { status, headers, text: body });
    }
  });
});
