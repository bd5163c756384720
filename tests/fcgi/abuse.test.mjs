// nalcast-fcgi under abuse, from the web server's side and from nalcastd's: always a problem
// document in bounded time, no thread lost, no write anywhere.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, readFileSync } from 'node:fs';
import { once } from 'node:events';
import net from 'node:net';
import { join } from 'node:path';
import test from 'node:test';
import { Fake, Program, begin, body, exchange, makeFolder, params, request,
	requestBytes } from './fastcgi.mjs';

const BUILD = process.env.NALCAST_BUILD ?? '.';
const SIZE = '{"width":1280,"height":720}';

async function startBoth(t, args = []) {
	const folder = makeFolder(t);
	const socket = `${folder}/fcgi.sock`, control = `${folder}/main/control.sock`;
	execFileSync('mkdir', ['-p', `${folder}/main`]);
	const fake = await Fake.start(t, control);
	const program = await Program.start(t, [`--socket=${socket}`, `--control-socket=${control}`, ...args]);
	await fake.ok({});
	return { folder, socket, control, fake, program };
}

function field(program, name) {
	const status = readFileSync(`/proc/${program.child.pid}/status`, 'utf8');
	return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)[1]);
}

async function assertStops(program) {
	const { code, took_ms, log } = await program.stop();
	assert.equal(code, 0, log);
	assert.ok(took_ms < 5000, `took ${took_ms} ms`);
}

function assertProblem(answer, ...statuses) {
	assert.ok(statuses.includes(answer.status), `${answer.status}: ${answer.content}`);
	assert.equal(answer.headers['content-type'], 'application/problem+json');
	assert.equal(answer.json.status, answer.status);
	assert.match(answer.json.type, /^problems\/[a-z-]+$/);
	assert.ok(answer.json.detail);
}

// A connection that sends bytes and waits for its end, however it comes.
async function hold(socket, bytes) {
	const conn = net.connect(socket);
	conn.on('error', () => {});
	await once(conn, 'connect');
	conn.write(bytes);
	conn.resume();
	return new Promise(resolve => conn.once('close', resolve));
}

test('forty clients that send half of their records hold nobody up, and no thread is lost', async t => {
	const { socket, program } = await startBoth(t, ['--io-timeout-ms=400']);
	const threads = field(program, 'Threads');
	const whole = requestBytes('PATCH', 'config', { content: '{"fps":5}' });
	const pieces = [Buffer.alloc(0), begin().subarray(0, 5), begin(),
		Buffer.concat([begin(), params({ A: 'b' }).subarray(0, 10)]),
		Buffer.concat([begin(), params({ CONTENT_LENGTH: '9' }), body('half').subarray(0, 9)]),
		whole.subarray(0, whole.length - 1), Buffer.alloc(3000, 1),
		Buffer.concat([begin(), Buffer.from([1, 4, 0, 1, 255, 255, 0, 0])])];
	const held = await Promise.all(Array.from({ length: 40 }, (_, i) => hold(socket, pieces[i % 8])));
	assert.equal((await request(socket, 'GET', 'state')).status, 200);
	await Promise.all(held);
	assert.equal(field(program, 'Threads'), threads);
	const after = Array.from({ length: 32 }, () => request(socket, 'GET', 'state'));
	assert.deepEqual((await Promise.all(after)).map(a => a.status), Array(32).fill(200));
	await assertStops(program);
});

test('bodies of every wrong kind are refused everywhere, and nalcastd sees none', async t => {
	const { socket, fake, program } = await startBoth(t);
	const bodies = ['', ' ', '{', '}', '{}}', '[]', '7', '"x"', 'null', 'true', 'NaN', '{"fps":NaN}',
		'{"fps":Infinity}', '{"fps":-Infinity}', '{"fps":1e999}', '{"fps":-1e999}', '{"fps":01}',
		`{"fps":${'9'.repeat(40)}}`, `{"fps":${'9'.repeat(60000)}}`, '{"fps":1,"fps":1}',
		'{"a":{"b":1,"b":2}}', '{"a":"\0"}', '\0', '{}\0', '{"\\u0000":1}', '{"a":"\\ud800"}',
		'{"a":"\\x41"}', "{'a':1}", '{"a":1,}', '{/**/}', '\ufeff{}', 'a=b&c=d',
		'['.repeat(65000), '{"a":'.repeat(10000), `{"a":${'['.repeat(16)}${']'.repeat(16)}}`,
		Buffer.from('{"a":"\xff"}', 'latin1'), Buffer.from([0x7b, 0x22, 0xc0, 0x80, 0x22, 0x3a, 0x31, 0x7d]),
		Buffer.from([0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x3a, 0x31, 0x7d]), ' '.repeat(65536),
		Buffer.alloc(65536, 0xfe), 'x'.repeat(200000)];
	const targets = [['PUT', 'resolution'], ['PATCH', 'config'], ['PATCH', 'controls'],
		['PATCH', 'cameras/main/config']];
	for (const [method, target] of targets)
		for (const content of bodies)
			assertProblem(await request(socket, method, target, { content }), 400, 413, 422);
	const emptyOnly = [['POST', 'start'], ['POST', 'stop'], ['POST', 'keyframe'],
		['DELETE', 'config/fps'], ['DELETE', 'controls/ev'], ['DELETE', 'viewers/1']];
	for (const [method, target] of emptyOnly)
		for (const content of bodies.slice(1))
			assertProblem(await request(socket, method, target, { content }), 400, 413, 422);
	assert.equal((await request(socket, 'GET', 'state')).status, 200);
	assert.equal((await fake.next()).op, 'state', 'the first that it saw');
	await assertStops(program);
});

test('a body that only just fits is a problem or a question, never a broken one', async t => {
	const { socket, fake, program } = await startBoth(t);
	for (const size of [65380, 65400, 65420, 65440, 65460, 65480, 65500, 65520, 65536]) {
		const answer = await request(socket, 'PATCH', 'config', { content: `{"a":"${'x'.repeat(size - 8)}"}` });
		if (answer.status === 200)
			assert.equal((await fake.next()).op, 'set-config');
		else
			assertProblem(answer, 413);
	}
	await assertStops(program);
});

test('foreign pages and forms change nothing, whatever they use', async t => {
	const { socket, fake, program } = await startBoth(t);
	const changes = [['POST', 'start'], ['POST', 'stop'], ['POST', 'keyframe'],
		['PUT', 'resolution', SIZE], ['PATCH', 'config', '{}'], ['DELETE', 'config/fps'],
		['PATCH', 'controls', '{}'], ['DELETE', 'controls/ev'], ['DELETE', 'viewers/1'],
		['DELETE', 'cameras/main/viewers/1']];
	for (const [method, target, content] of changes) {
		for (const headers of [{ origin: 'https://evil.example' }, { origin: 'null' },
			{ 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }])
			assertProblem(await request(socket, method, target, { content, headers }), 403);
		for (const CONTENT_TYPE of ['application/x-www-form-urlencoded', 'text/plain',
			'multipart/form-data; boundary=x'])
			assertProblem(await request(socket, method, target,
				{ content: content ?? '{}', env: { CONTENT_TYPE } }), 415);
	}
	assert.equal((await request(socket, 'GET', 'state')).status, 200);
	assert.equal((await fake.next()).op, 'state', 'the first that it saw');
	await assertStops(program);
});

const QUESTIONS = [['GET', 'state'], ['GET', 'config'], ['GET', 'viewers'], ['GET', 'metrics'],
	['PATCH', 'config?timeout_ms=0', '{}'], ['PUT', 'resolution?timeout_ms=0', SIZE],
	['DELETE', 'controls/ev?timeout_ms=0'], ['POST', 'keyframe'], ['DELETE', 'viewers/1'],
	['GET', 'health'], ['GET', 'cameras/main/sources'], ['GET', 'diagnostics']];

const askAll = socket => Promise.all(QUESTIONS.map(([method, target, content]) =>
	request(socket, method, target, { content })));

test('a nalcastd that is stopped costs time that is bounded, and goes on where it was', async t => {
	const { socket, fake, program } = await startBoth(t);
	const threads = field(program, 'Threads');
	fake.child.kill('SIGSTOP');
	for (const answer of [...await askAll(socket), ...await askAll(socket)])
		assertProblem(answer, 503, 504);
	const list = await request(socket, 'GET', 'cameras');
	assert.deepEqual(list.json, [{ name: 'main', status: 'timeout', links: { api: 'cameras/main/' } }]);
	fake.child.kill('SIGCONT');
	await fake.ok('text');
	assert.equal((await request(socket, 'GET', 'state')).status, 200);
	for (const answer of await askAll(socket))
		assert.ok(answer.status < 300, answer.content);
	assert.equal(field(program, 'Threads'), threads);
	await assertStops(program);
});

test('a nalcastd that is killed in mid-request is a bad gateway at once; its successor answers', async t => {
	const { socket, control, fake, program } = await startBoth(t);
	const threads = field(program, 'Threads');
	for (let round = 0, now = fake; round < 3; round++) {
		await now.script({ silent: true });
		const waiting = askAll(socket);
		await now.next();
		now.child.kill('SIGKILL');
		for (const answer of await waiting)
			assertProblem(answer, 502, 503);
		now = await Fake.start(t, control);
		await now.ok('text');
		for (const answer of await askAll(socket))
			assert.ok(answer.status < 300, answer.content);
	}
	assert.equal(field(program, 'Threads'), threads);
	await assertStops(program);
});

test('connections to nalcastd are kept, but not those that it has closed', async t => {
	const { socket, fake, program } = await startBoth(t);
	const sockets = () => execFileSync('ls', ['-l', `/proc/${program.child.pid}/fd`]).toString()
		.match(/socket:/g).length;
	await request(socket, 'GET', 'state');
	const kept = sockets();
	for (let i = 0; i < 20; i++)
		assert.equal((await request(socket, 'GET', 'state')).status, 200);
	assert.ok(sockets() <= kept);
	await fake.script({ close: true });
	assert.equal((await request(socket, 'GET', 'state')).status, 502);
	await fake.ok({});
	assert.equal((await request(socket, 'GET', 'state')).status, 200);
	await assertStops(program);
});

test('a web server that goes away before the answer costs nothing', async t => {
	const { socket, program } = await startBoth(t);
	for (let i = 0; i < 200; i++) {
		const conn = net.connect(socket);
		conn.on('error', () => {});
		await once(conn, 'connect');
		conn.write(requestBytes('GET', 'state'));
		conn.destroy();
	}
	assert.equal((await request(socket, 'GET', 'state')).status, 200);
	await assertStops(program);
});

// Root gives away a view of the files where nothing can be written; others cannot.
function canUnshare() {
	try {
		execFileSync('unshare', ['-m', 'true'], { stdio: 'pipe' });
		return process.getuid() === 0;
	} catch {
		return false;
	}
}

test('it works as nobody, in /, where nothing can be written', { skip: !canUnshare() }, async t => {
	const folder = makeFolder(t);
	const fake = await Fake.start(t, `${folder}/control.sock`);
	await fake.ok({ a: 1 });
	chmodSync(folder, 0o755);
	chmodSync(`${folder}/control.sock`, 0o666);
	cpSync(join(BUILD, 'fcgi/nalcast-fcgi'), `${folder}/nalcast-fcgi`);
	const wrap = ['perl', '-MSocket', '-MPOSIX=dup2', '-e', `
		socket(my $sock, PF_UNIX, SOCK_STREAM, 0) or die $!;
		bind($sock, pack_sockaddr_un($ARGV[0])) && listen($sock, 8) or die $!;
		dup2(fileno($sock), 0) or die $!;
		exec 'unshare', '-m', 'sh', '-ec', '
			folder=$1; program=$2; shift 3
			mount -o remount,bind,ro /
			mountpoint -q /tmp && mount -o remount,bind,ro /tmp
			! touch "$folder/x" 2> /dev/null
			cd /
			exec setpriv --reuid=nobody --regid=nogroup --clear-groups -- "$program" "$@"',
			'sh', $ARGV[1], "$ARGV[1]/nalcast-fcgi", @ARGV[2 .. $#ARGV];`,
	`${folder}/fcgi.sock`, folder];
	const program = await Program.start(t, [`--control-socket=${folder}/control.sock`], { wrap });
	assert.deepEqual((await request(`${folder}/fcgi.sock`, 'GET', 'state')).json, { a: 1 });
	assert.equal((await request(`${folder}/fcgi.sock`, 'GET', 'openapi.json')).status, 200);
	assert.equal((await request(`${folder}/fcgi.sock`, 'PATCH', 'config', { content: '{}' })).status, 200);
	assert.equal((await request(`${folder}/fcgi.sock`, 'GET', 'cameras')).json.length, 1);
	await assertStops(program);
});
