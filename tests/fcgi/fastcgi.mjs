// fastcgi: a FastCGI client (one request a connection) and the two programs that tests of
// nalcast-fcgi need, each with what a test asks of it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const BUILD = process.env.NALCAST_BUILD ?? '.';
const BEGIN = 1, END = 3, PARAMS = 4, STDIN = 5, STDOUT = 6;

export function record(type, content, id = 1) {
	const body = Buffer.from(content);
	const head = Buffer.from([1, type, id >> 8, id & 255, body.length >> 8, body.length & 255, 0, 0]);
	return Buffer.concat([head, body]);
}

export function begin({ role = 1, flags = 0 } = {}) {
	return record(BEGIN, [0, role, flags, 0, 0, 0, 0, 0]);
}

function lengthOf(bytes) {
	if (bytes.length < 128)
		return Buffer.from([bytes.length]);
	const out = Buffer.alloc(4);
	out.writeUInt32BE((bytes.length | 0x80000000) >>> 0);
	return out;
}

// A stream of this type: records of at most 64 KiB - 1, and the empty one that ends it.
function stream(type, bytes) {
	const out = [];
	for (let at = 0; at < bytes.length; at += 65535)
		out.push(record(type, bytes.subarray(at, at + 65535)));
	return Buffer.concat([...out, record(type, '')]);
}

export function params(values) {
	const pairs = Object.entries(values).flatMap(([name, value]) => {
		const n = Buffer.from(name), v = Buffer.from(value);
		return [lengthOf(n), lengthOf(v), n, v];
	});
	return stream(PARAMS, Buffer.concat(pairs));
}

export const body = bytes => stream(STDIN, Buffer.from(bytes));

function readAnswer(bytes) {
	const out = [];
	let ended = false;
	for (let at = 0; at + 8 <= bytes.length;) {
		const length = bytes.readUInt16BE(at + 4);
		if (bytes[at + 1] === STDOUT)
			out.push(bytes.subarray(at + 8, at + 8 + length));
		ended ||= bytes[at + 1] === END;
		at += 8 + length + bytes[at + 6];
	}
	const text = Buffer.concat(out).toString();
	const split = text.indexOf('\r\n\r\n');
	const headers = Object.fromEntries(text.slice(0, split).split('\r\n').map(line => {
		const colon = line.indexOf(':');
		return [line.slice(0, colon).toLowerCase(), line.slice(colon + 2)];
	}));
	const content = text.slice(split + 4);
	const json = content !== '' && /json/.test(headers['content-type']) ? JSON.parse(content) : null;
	return { ended, status: parseInt(headers.status, 10), headers, content, json };
}

// Sends bytes (or an array of them, each in a write of its own) and resolves with the answer when
// the program closes the connection.
export function exchange(socket, bytes) {
	return new Promise((resolve, reject) => {
		const got = [];
		const conn = net.connect(socket, async () => {
			for (const piece of [bytes].flat())
				await new Promise(written => conn.write(piece, written));
		});
		conn.on('data', data => got.push(data));
		conn.on('error', reject);
		conn.on('end', () => {
			conn.end();
			resolve(readAnswer(Buffer.concat(got)));
		});
	});
}

// What nginx makes of "METHOD path?query" with these headers and this body.
export function requestBytes(method, target, { headers = {}, content, env = {}, flags } = {}) {
	const [path, query = ''] = target.split('?');
	const values = {
		REQUEST_METHOD: method,
		DOCUMENT_URI: path.startsWith('/') ? path : `/camera/api/v1/${path}`,
		QUERY_STRING: query,
		CONTENT_TYPE: content !== undefined ? 'application/json' : '',
		CONTENT_LENGTH: content !== undefined ? String(Buffer.byteLength(content)) : '',
		REQUEST_SCHEME: 'https',
		HTTP_HOST: 'cam.example',
		...env,
	};
	for (const [name, value] of Object.entries(headers))
		values['HTTP_' + name.toUpperCase().replaceAll('-', '_')] = value;
	return Buffer.concat([begin({ flags }), params(values), body(content ?? '')]);
}

export const request = (socket, ...what) => exchange(socket, requestBytes(...what));

export function makeFolder(t) {
	const folder = mkdtempSync('/tmp/nalcast-');
	t.after(() => rmSync(folder, { recursive: true }));
	return folder;
}

// Resolves with the exit of a child, however long ago it was.
function exitOf(child) {
	return new Promise(resolve => child.once('exit', (code, signal) => resolve({ code, signal })));
}

export class Fake {
	static async start(t, path, backlog = 64) {
		const fake = new Fake();
		fake.child = spawn(join(BUILD, 'tests/tools/fake_nalcastd'), [path, String(backlog)],
			{ stdio: ['pipe', 'pipe', 'inherit'] });
		fake.exited = exitOf(fake.child);
		fake.lines = createInterface({ input: fake.child.stdout })[Symbol.asyncIterator]();
		t.after(() => fake.stop());
		await fake.lines.next();
		return fake;
	}

	async script(how) {
		this.child.stdin.write(JSON.stringify(how) + '\n');
		while (!(await this.next()).script)
			continue;
	}

	ok(result, more) {
		return this.script({ reply: { ok: true, result, ...more } });
	}

	error(error) {
		return this.script({ reply: { ok: false, error: { message: 'words', ...error } } });
	}

	// The next request that came.
	async next() {
		return JSON.parse((await this.lines.next()).value);
	}

	stop() {
		this.child.kill('SIGCONT');
		this.child.stdin.end();
		return this.exited;
	}
}

export class Program {
	// args: options; stdio: as for spawn(); wrap: a command to run it by.
	static async start(t, args, { stdio = ['ignore'], env = {}, wrap = [] } = {}) {
		const program = new Program();
		const words = [...wrap, join(BUILD, 'fcgi/nalcast-fcgi'), ...args];
		// ASan's quarantine would look like a leak to a test that reads the RSS.
		const asan = `${process.env.ASAN_OPTIONS ?? ''}:quarantine_size_mb=1`;
		program.child = spawn(words[0], words.slice(1), {
			stdio: [stdio[0], 'pipe', 'pipe', ...stdio.slice(1)],
			env: { ...process.env, ASAN_OPTIONS: asan, ...env },
		});
		program.exited = exitOf(program.child);
		program.log = '';
		program.child.stderr.on('data', data => program.log += data);
		t.after(() => program.child.kill('SIGKILL'));
		await program.waitForLog('serving');
		return program;
	}

	async waitForLog(words) {
		while (!this.log.includes(words)) {
			if (this.child.exitCode !== null)
				throw new Error(`nalcast-fcgi ended: ${this.log}`);
			await Promise.race([once(this.child.stderr, 'data'), this.exited]);
		}
	}

	// Resolves with how it ended and how long that took.
	async stop(signal = 'SIGTERM') {
		const since = performance.now();
		this.child.kill(signal);
		return { ...await this.exited, took_ms: performance.now() - since, log: this.log };
	}
}
