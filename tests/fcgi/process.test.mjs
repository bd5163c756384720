// nalcast-fcgi as a process: its sockets, its limits, its end.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import net from 'node:net';
import test from 'node:test';
import { Fake, Program, begin, body, exchange, makeFolder, params, request, requestBytes } from './fastcgi.mjs';

const BUILD = process.env.NALCAST_BUILD ?? '.';

async function startBoth(t, args = [], backlog) {
	const folder = makeFolder(t);
	const socket = `${folder}/fcgi.sock`, control = `${folder}/control.sock`;
	const fake = await Fake.start(t, control, backlog);
	const program = await Program.start(t, [`--socket=${socket}`, `--control-socket=${control}`, ...args]);
	await fake.ok({});
	return { folder, socket, control, fake, program };
}

async function assertStops(program, signal) {
	const { code, took_ms, log } = await program.stop(signal);
	assert.equal(code, 0, log);
	assert.ok(took_ms < 2000, `took ${took_ms} ms`);
}

// A connection that sends bytes and waits for its end, however it comes.
async function hold(socket, bytes) {
	const conn = net.connect(socket);
	conn.on('error', () => {});
	await once(conn, 'connect');
	conn.write(bytes);
	conn.resume();
	return { conn, ended: new Promise(resolve => conn.once('close', resolve)) };
}

const HALF_RECORD = begin().subarray(0, 11);
const HALF_PARAMS = Buffer.concat([begin(), params({ A: 'b' }).subarray(0, 10)]);

test('every signal ends it calmly, and its socket is gone', async t => {
	for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1']) {
		const { socket, program } = await startBoth(t);
		assert.equal((await request(socket, 'GET', 'state')).status, 200);
		await assertStops(program, signal);
		assert.equal(existsSync(socket), false);
	}
});

test('the socket has its mode, and another program\'s is not taken', async t => {
	const { socket, program } = await startBoth(t, ['--socket-mode=0600']);
	assert.equal(statSync(socket).mode & 0o777, 0o600);
	await assert.rejects(Program.start(t, [`--socket=${socket}`]), /another program listens here/);
	assert.equal((await request(socket, 'GET', '')).status, 200);
	await assertStops(program);
});

// Gives the program a socket as systemd would: made by somebody who does not accept on it himself.
function inherits(path, fd) {
	return ['perl', '-MSocket', '-MPOSIX=dup2', '-e', `
		my ($path, $fd) = splice(@ARGV, 0, 2);
		$^F = 9;
		socket(my $sock, PF_UNIX, SOCK_STREAM, 0) or die $!;
		bind($sock, pack_sockaddr_un($path)) && listen($sock, 8) or die $!;
		if (fileno($sock) != $fd) { dup2(fileno($sock), $fd) or die $!; close($sock); }
		@ENV{'LISTEN_PID', 'LISTEN_FDS'} = ($$, 1) if $fd == 3;
		exec @ARGV;`, path, fd];
}

for (const [whose, fd] of [['on descriptor 0', 0], ['from systemd', 3]]) {
	test(`a socket ${whose} is served and left alone`, async t => {
		const path = `${makeFolder(t)}/given.sock`;
		const program = await Program.start(t, ['--socket=/nowhere'], { wrap: inherits(path, fd) });
		assert.equal((await request(path, 'GET', '')).status, 200);
		await assertStops(program);
		assert.equal(existsSync(path), true);
	});
}

test('a TCP socket on descriptor 0 is refused', async t => {
	const server = net.createServer().listen(0, '127.0.0.1');
	await once(server, 'listening');
	await assert.rejects(Program.start(t, [], { stdio: [server._handle.fd] }), /not on a Unix stream/);
	server.close();
});

test('wrong options name themselves, the value and the fix', () => {
	const cases = [['--threads=0', '--threads=0: a number from 1 to 64'], ['--threads', 'needs a value'],
		['--socket-mode=0999', '--socket-mode=0999: permission bits in octal'], ['--sockt=/x', "no option '--sockt=/x'"],
		['--log-level=loud', 'error, warn, info or debug'], ['--help=1', '--help takes no value'],
		['serve', "'serve' is not understood"], ['--allow-origin=cam', "'cam' is no origin"],
		['--socket=', '--socket= is empty'], ['--io-timeout-ms=5', 'from 100 to 60000']];
	for (const [option, words] of cases)
		assert.throws(() => execFileSync(`${BUILD}/fcgi/nalcast-fcgi`, [option], { stdio: 'pipe' }),
			error => error.status === 2 && String(error.stderr).includes(words), option);
	const help = String(execFileSync(`${BUILD}/fcgi/nalcast-fcgi`, ['--help']));
	assert.match(help, /--control-socket=PATH/);
	assert.match(String(execFileSync(`${BUILD}/fcgi/nalcast-fcgi`, ['--version'])), /^nalcast \d/);
});

test('without nalcastd the API says so, and it recovers by itself', async t => {
	const { socket, control, fake, program } = await startBoth(t);
	await fake.stop();
	assert.equal((await request(socket, 'GET', 'state')).status, 502);
	assert.equal((await request(socket, 'GET', 'state')).status, 502);
	const health = await request(socket, 'GET', 'health');
	assert.equal(health.status, 503);
	assert.equal(health.headers['retry-after'], '2');
	assert.equal((await request(socket, 'GET', '')).status, 200);
	const again = await Fake.start(t, control);
	await again.ok({ status: 'ok' });
	assert.equal((await request(socket, 'GET', 'health')).status, 200);
	assert.match(program.log, /camera main answers again after 3 failed calls/);
	assert.equal(program.log.match(/control: camera main: state: /g).length, 1);
	await assertStops(program);
});

test('a nalcastd that is stopped holds no thread for ever', async t => {
	const { socket, fake, program } = await startBoth(t, ['--threads=4'], 0);
	fake.child.kill('SIGSTOP');
	const answers = await Promise.all(Array.from({ length: 8 }, () => request(socket, 'GET', 'state')));
	assert.deepEqual(answers.map(a => a.status), Array(8).fill(504));
	fake.child.kill('SIGCONT');
	assert.equal((await request(socket, 'GET', 'state')).status, 200);
	await assertStops(program);
});

test('SIGTERM ends it while nalcastd keeps it waiting', async t => {
	const { socket, fake, program } = await startBoth(t);
	await fake.script({ silent: true });
	const waiting = request(socket, 'POST', 'start?timeout_ms=20000');
	await fake.next();
	await assertStops(program);
	const answer = await waiting;
	assert.equal(answer.status, 503);
	assert.equal(answer.headers['retry-after'], '2');
});

test('SIGTERM ends it while every thread reads half a request', async t => {
	const { socket, program } = await startBoth(t, ['--threads=4']);
	const held = [];
	for (const bytes of [HALF_RECORD, HALF_PARAMS, Buffer.alloc(0), begin()])
		held.push(await hold(socket, bytes));
	await assertStops(program);
	for (const { ended } of held)
		await ended;
});

test('half a request holds no thread for ever', async t => {
	const { socket, program } = await startBoth(t, ['--threads=2', '--io-timeout-ms=300']);
	const cut = Buffer.concat([begin(), params({ CONTENT_LENGTH: '9' }), body('half').subarray(0, 10)]);
	const held = [];
	for (const bytes of [HALF_RECORD, HALF_PARAMS, Buffer.alloc(0), cut])
		held.push(await hold(socket, bytes));
	assert.equal((await request(socket, 'GET', 'state')).status, 200);
	for (const { ended } of held)
		await ended;
	await assertStops(program);
});

test('a request that drips holds no thread for ever', async t => {
	const { socket, program } = await startBoth(t, ['--threads=1', '--io-timeout-ms=300']);
	const { conn, ended } = await hold(socket, begin());
	const drip = setInterval(() => conn.write('\x01'), 50);
	assert.equal((await request(socket, 'GET', 'state')).status, 200);
	clearInterval(drip);
	conn.destroy();
	await ended;
	await assertStops(program);
});

test('connections that are no FastCGI hurt nobody', async t => {
	const { socket, program } = await startBoth(t, ['--io-timeout-ms=300']);
	const garbage = [Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.alloc(4000, 0xff), begin({ role: 9 }),
		Buffer.concat([begin(), Buffer.from([1, 4, 0, 1, 0, 4, 0, 0, 200, 1, 1, 1])]),
		Buffer.concat([begin(), Buffer.from([9, 9, 9, 9, 9, 9, 9, 9])])];
	for (const bytes of garbage) {
		const { conn, ended } = await hold(socket, bytes);
		conn.end();
		await ended;
	}
	assert.equal((await request(socket, 'GET', 'state')).status, 200);
	await assertStops(program);
});

test('a connection that is to be kept is closed all the same', async t => {
	const { socket, program } = await startBoth(t, ['--threads=1']);
	for (let i = 0; i < 3; i++)
		assert.equal((await request(socket, 'GET', 'state', { flags: 1 })).status, 200);
	await assertStops(program);
});

test('the first of two equal parameters counts', async t => {
	const { socket, program } = await startBoth(t);
	const first = params({ REQUEST_METHOD: 'GET', DOCUMENT_URI: '/api/v1/' });
	const second = params({ DOCUMENT_URI: '/nothing' });
	const answer = await exchange(socket, Buffer.concat([begin(), first.subarray(0, -8), second, body('')]));
	assert.equal(answer.status, 200);
	await assertStops(program);
});

test('a request may come in any pieces', async t => {
	const { socket, program } = await startBoth(t);
	const content = '{"width":1280,"height":720}';
	const bytes = requestBytes('PUT', 'resolution', { content });
	for (let at = 0; at < bytes.length; at += 7)
		assert.equal((await exchange(socket, [bytes.subarray(0, at), bytes.subarray(at)])).status, 200);
	const single = Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
	assert.equal((await exchange(socket, single)).status, 200);
	await assertStops(program);
});

function rssKib(pid) {
	return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`))[1]);
}

test('a thousand requests leave it as large as it was', async t => {
	const { socket, fake, program } = await startBoth(t);
	const put = { content: '{"width":1280,"height":720}' };
	const some = async count => {
		for (let i = 0; i < count; i += 4) {
			await Promise.all([request(socket, 'GET', 'state'), request(socket, 'GET', 'none'),
				request(socket, 'PUT', 'resolution', put),
				request(socket, 'PUT', 'resolution', { content: '{"width":"x"' })]);
			fake.lines.next();
		}
	};
	// ASan's allocator takes its time to fill (Debian 13's 4,000 requests); a leak never ends.
	const grown = [];
	for (let before = 0; grown.length < 12 && !(grown.at(-1) < 2048);) {
		await some(1000);
		const now = rssKib(program.child.pid);
		if (before)
			grown.push(now - before);
		before = now;
	}
	assert.ok(grown.at(-1) < 2048, `grew by ${grown} KiB`);
	await assertStops(program);
});
