// The HTTP API of the real nalcast-fcgi: each answer of nalcastd, and each wrong request, has its
// status and its problem document.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test, { before, after } from 'node:test';
import { Fake, Program, makeFolder, request } from './fastcgi.mjs';

let fake, socket, program;
const cleanups = [];

before(async () => {
	const t = { after: f => cleanups.push(f) };
	const folder = makeFolder(t);
	socket = `${folder}/fcgi.sock`;
	fake = await Fake.start(t, `${folder}/control.sock`);
	program = await Program.start(t, [`--socket=${socket}`,
		`--control-socket=${folder}/control.sock`, '--allow-origin=https://portal.example']);
});

after(async () => {
	const { code, log } = await program.stop();
	for (const cleanup of cleanups.reverse())
		await cleanup();
	assert.equal(code, 0, log); // AddressSanitizer's verdict
});

const SIZE = '{"width":1280,"height":720}';
const ask = (method, target, options) => request(socket, method, target, options);

function assertCommon(answer) {
	assert.equal(answer.ended, true);
	assert.equal(answer.headers['cache-control'], 'no-store');
	assert.equal(answer.headers['x-content-type-options'], 'nosniff');
}

function assertProblem(answer, status, type) {
	assertCommon(answer);
	assert.equal(answer.status, status, answer.content);
	assert.equal(answer.headers['content-type'], 'application/problem+json');
	assert.equal(answer.headers['content-length'], String(Buffer.byteLength(answer.content)));
	assert.equal(answer.json.status, status);
	assert.equal(answer.json.type, `problems/${type}`);
	assert.equal(answer.headers.status, `${status} ${answer.json.title}`);
	assert.ok(answer.json.detail.length > 0);
	return answer.json;
}

function assertAnswer(answer, status, json) {
	assertCommon(answer);
	assert.equal(answer.status, status, answer.content);
	assert.equal(answer.headers['content-type'], 'application/json');
	assert.equal(answer.headers['content-length'], String(Buffer.byteLength(answer.content)));
	assert.deepEqual(answer.json, json);
}

test('the root names the program and links relatively', async () => {
	const { json, status } = await ask('GET', '');
	assert.equal(status, 200);
	assert.equal(json.name, 'nalcast');
	assert.match(json.version, /^\d+\.\d+\.\d+/);
	const names = ['health', 'state', 'diagnostics', 'metrics', 'start', 'stop', 'keyframe', 'resolution',
		'config', 'controls', 'sources', 'viewers', 'cameras', 'openapi.json'];
	assert.deepEqual(json.links, Object.fromEntries(names.map(name => [name, name])));
});

test('any prefix will do, and only the last root in the path counts', async () => {
	for (const path of ['/api/v1/', '/a/b/api/v1/', '/api/v1/x/api/v1/', '/x/api/v1x/api/v1/'])
		assert.equal((await ask('GET', path)).status, 200, path);
});

test('the root without its slash moves to it, relatively', async () => {
	const answer = await ask('GET', '/camera/api/v1');
	assertProblem(answer, 308, 'moved');
	assert.equal(answer.headers.location, 'v1/');
});

test('paths that are none are not found', async () => {
	for (const path of ['/camera/api/v2/state', '/', '/camera/api/v1/settings', '/camera/api/v1/state/',
		'/camera/api/v1/config/', '/camera/api/v1/config/a/b', '/camera/api/v1/cameras/Main/state',
		'/camera/api/v1/cameras/none/state', '/camera/api/v1//', '/camera/api/v1/State'])
		assertProblem(await ask('GET', path), 404, 'not-found');
	assertProblem(await ask('OPTIONS', 'nothing'), 404, 'not-found');
	assertProblem(await ask('GET', '/' + 'x'.repeat(1100) + '/api/v1/'), 414, 'uri-too-long');
});

test('a web server that passes no path is told what is missing', async () => {
	const json = assertProblem(await ask('GET', '', { env: { DOCUMENT_URI: '' } }), 500, 'internal');
	assert.match(json.detail, /fastcgi_param DOCUMENT_URI/);
});

test('what nalcastd says is the answer', async () => {
	const result = { status: 'ok', fps: 29.97, nested: [1, { ü: null }] };
	await fake.ok(result);
	for (const target of ['health', 'state', 'resolution', 'config', 'controls', 'sources', 'viewers',
		'diagnostics'])
		assertAnswer(await ask('GET', target), 200, result);
});

test('each path asks its operation with its arguments', async () => {
	const cases = [
		['GET', 'health', undefined, 'health', { ready: false }],
		['GET', 'health?ready=1', undefined, 'health', { ready: true }],
		['GET', 'state?', undefined, 'state', {}],
		['HEAD', 'state', undefined, 'state', {}],
		['POST', 'start', undefined, 'start', { timeout_ms: 5000 }],
		['POST', 'start', '{}', 'start', { timeout_ms: 5000 }],
		['POST', 'stop?timeout_ms=20000', '', 'stop', { timeout_ms: 20000 }],
		['POST', 'stop?timeout%5Fms=%30', undefined, 'stop', { timeout_ms: 0 }],
		['GET', 'resolution', undefined, 'resolution', {}],
		['PUT', 'resolution', SIZE, 'set-resolution',
			{ dry_run: false, persist: true, width: 1280, height: 720, timeout_ms: 5000 }],
		['PUT', 'resolution?dry_run=1&persist=0&timeout_ms=1', '{"height":2,"width":4,"fps":29.97}',
			'set-resolution',
			{ dry_run: true, persist: false, width: 4, height: 2, fps: 29.97, timeout_ms: 1 }],
		['GET', 'config', undefined, 'config', {}],
		['PATCH', 'config?persist=0', '{"fps":25,"encoder":null}', 'set-config',
			{ patch: { fps: 25, encoder: null }, dry_run: false, persist: false, timeout_ms: 5000 }],
		['DELETE', 'config/bitrate_bps', undefined, 'reset-config',
			{ key: 'bitrate_bps', dry_run: false, persist: true, timeout_ms: 5000 }],
		['GET', 'controls', undefined, 'controls', {}],
		['PATCH', 'controls?timeout_ms=7', '{"awb_gains":[1.5,2]}', 'set-controls',
			{ patch: { awb_gains: [1.5, 2] }, dry_run: false, persist: true, timeout_ms: 7 }],
		['DELETE', 'controls/ev?dry_run=1', '', 'reset-control',
			{ name: 'ev', dry_run: true, persist: true, timeout_ms: 5000 }],
		['GET', 'sources', undefined, 'sources', {}],
		['POST', 'keyframe', undefined, 'keyframe', {}, 202],
		['GET', 'viewers?offset=3&limit=2', undefined, 'viewers', { offset: 3, limit: 2 }],
		['DELETE', 'viewers/7', undefined, 'close-viewer', { id: 7 }, 204],
		['GET', 'cameras/main/state', undefined, 'state', {}],
		['GET', 'diagnostics', undefined, 'diagnostics',
			{ request: { host: 'cam.example', path: '/camera/api/v1/diagnostics', scheme: 'https' } }],
	];
	await fake.ok({});
	for (const [method, target, content, op, args, wanted = 200] of cases) {
		const { status } = await ask(method, target, { content });
		assert.equal(status, wanted, `${method} ${target}`);
		const asked = await fake.next();
		assert.equal(asked.v, 1);
		assert.equal(asked.op, op);
		assert.deepEqual(asked.args, args);
	}
});

test('an answer that is pending is accepted only', async () => {
	await fake.ok({ running: true, active: false, changed: true }, { pending: true });
	assertAnswer(await ask('POST', 'start'), 202, { running: true, active: false, changed: true });
});

test('HEAD is GET without the body', async () => {
	await fake.ok({ a: 1 });
	const answer = await ask('HEAD', 'state');
	assert.equal(answer.content, '');
	assert.equal(answer.status, 200);
	assert.equal(answer.headers['content-length'], (await ask('GET', 'state')).headers['content-length']);
	const missing = await ask('HEAD', 'nothing');
	assert.equal(missing.status, 404);
	assert.equal(missing.content, '');
});

test('OPTIONS and a wrong method name the right ones', async () => {
	const allowed = {
		'': 'GET, HEAD, OPTIONS',
		state: 'GET, HEAD, OPTIONS',
		start: 'POST, OPTIONS',
		resolution: 'GET, HEAD, PUT, OPTIONS',
		config: 'GET, HEAD, PATCH, OPTIONS',
		'controls/gain': 'DELETE, OPTIONS',
		'cameras/main/viewers': 'GET, HEAD, OPTIONS',
	};
	for (const [path, allow] of Object.entries(allowed)) {
		const answer = await ask('OPTIONS', path);
		assertCommon(answer);
		assert.equal(answer.status, 204);
		assert.equal(answer.headers.allow, allow);
		assert.equal(answer.headers['content-length'], undefined);
		for (const method of ['CONNECT', 'get', 'TRACE', '', 'X'.repeat(500)]) {
			const refused = await ask(method, path);
			assertProblem(refused, 405, 'method-not-allowed');
			assert.equal(refused.headers.allow, allow);
		}
	}
	assertProblem(await ask('GET', 'start'), 405, 'method-not-allowed');
	assertProblem(await ask('POST', 'resolution', { content: SIZE }), 405, 'method-not-allowed');
});

test('each word of nalcastd is a status', async () => {
	const cases = [['unsupported', 422], ['not-found', 404], ['busy', 409], ['conflict', 409],
		['precondition', 412],
		['unavailable', 503], ['internal', 500]];
	for (const [code, status] of cases) {
		await fake.error({ code });
		const answer = await ask('GET', 'state');
		assertProblem(answer, status, code);
		assert.equal(answer.json.detail, 'words');
		assert.equal(answer.headers['retry-after'], status === 503 ? '2' : undefined);
	}
	await fake.error({ code: 'a-word-of-tomorrow' });
	assertProblem(await ask('GET', 'state'), 500, 'internal');
	await fake.error({ code: 'ok' });
	assertProblem(await ask('GET', 'state'), 500, 'internal');
});

test('an invalid value is the visitor\'s, an invalid request is ours', async () => {
	await fake.error({ code: 'invalid', pointer: '/width' });
	assertProblem(await ask('PUT', 'resolution', { content: SIZE }), 422, 'invalid');
	await fake.error({ code: 'invalid' });
	assertProblem(await ask('PUT', 'resolution', { content: SIZE }), 500, 'internal');
});

test('what nalcastd knows about an error reaches the visitor', async () => {
	await fake.error({ code: 'unsupported', pointer: '/width', nearest: [{ width: 1280, height: 720 }],
		title: 'mine', status: 200 });
	const json = assertProblem(await ask('PUT', 'resolution', { content: SIZE }), 422, 'unsupported');
	assert.deepEqual(json.errors, [{ pointer: '/width', code: 'unsupported', detail: 'words' }]);
	assert.deepEqual(json.nearest, [{ width: 1280, height: 720 }]);
	assert.equal(json.title, 'Unprocessable Content');
	await fake.error({ code: 'invalid', pointer: '/a', allowed: [1], errors: [
		{ code: 'invalid', pointer: '/a', message: 'one', allowed: [1], more: 1 }, 7,
		{ code: 'unsupported', pointer: '/b/1', message: 'two', nearest: 2 },
		{ code: 'odd', pointer: '/c', message: 'three' }, { pointer: '/d' }] });
	const several = assertProblem(await ask('PUT', 'resolution', { content: SIZE }), 422, 'invalid');
	assert.deepEqual(several.errors, [
		{ pointer: '/a', code: 'invalid', detail: 'one', allowed: [1] },
		{ pointer: '/b/1', code: 'unsupported', detail: 'two', nearest: 2 },
		{ pointer: '/c', code: 'invalid', detail: 'three' }]);
	await fake.error({ code: 'busy', holder: 'pid 7' });
	assert.equal((await ask('GET', 'state')).json.holder, 'pid 7');
});

test('nalcastd says when to come back', async () => {
	for (const [given, sent] of [[7, '7'], [0, '2'], [-1, '2'], ['9', '2'], [1e6, '2']]) {
		await fake.error({ code: 'unavailable', retry_after_s: given });
		assert.equal((await ask('GET', 'state')).headers['retry-after'], sent);
	}
});

test('an answer that is none is a bad gateway', async () => {
	const scripts = [{ raw: 'nonsense' }, { raw: '{"v":1' }, { raw: '[]' }, { raw: '{"v":1,"id":1}' },
		{ close: true }, { size: 70000 }, { size: 65536 },
		{ reply: { id: 999999, ok: true, result: {} } }, { reply: { id: '1', ok: true, result: {} } },
		{ reply: { v: 2, ok: true, result: {} } }, { reply: { ok: true } },
		{ reply: { ok: false, error: { code: 'busy' } } }, { reply: { ok: 1, result: {} } }];
	for (const script of scripts) {
		await fake.script(script);
		assertProblem(await ask('GET', 'state'), 502, 'unreachable');
		const health = await ask('GET', 'health');
		assertProblem(health, 503, 'unreachable');
		assert.equal(health.headers['retry-after'], '2');
	}
	await fake.ok({});
	assert.equal((await ask('GET', 'state')).status, 200);
});

test('what has not changed is not sent again', async () => {
	for (const target of ['config', 'controls', 'resolution']) {
		await fake.ok({ fps: 29.97, nested: { b: 1, a: [null, 'ü'] } });
		const { headers: { etag } } = await ask('GET', target);
		assert.match(etag, /^"[0-9a-f]{32}"$/);
		for (const given of [etag, `W/${etag}`, `"x", W/${etag}`, '*']) {
			const answer = await ask('GET', target, { headers: { 'if-none-match': given } });
			assertCommon(answer);
			assert.equal(answer.status, 304);
			assert.equal(answer.content, '');
			assert.equal(answer.headers.etag, etag);
			assert.equal(answer.headers['content-type'], undefined);
		}
		await fake.ok({ nested: { a: [null, 'ü'], b: 1 }, fps: 29.97 });
		assert.equal((await ask('HEAD', target)).headers.etag, etag);
		await fake.ok({ fps: 30 });
		const changed = await ask('GET', target, { headers: { 'if-none-match': etag } });
		assert.equal(changed.status, 200);
		assert.notEqual(changed.headers.etag, etag);
		await fake.error({ code: 'unavailable' });
		const refused = await ask('GET', target, { headers: { 'if-none-match': '*' } });
		assertProblem(refused, 503, 'unavailable');
		assert.equal(refused.headers.etag, undefined);
	}
	await fake.ok({});
	assert.equal((await ask('GET', 'state')).headers.etag, undefined);
});

test('nalcastd judges If-Match', async () => {
	const changes = [['PUT', 'resolution', SIZE], ['PATCH', 'config', '{}'], ['DELETE', 'config/fps'],
		['PATCH', 'controls', '{}'], ['DELETE', 'controls/ev']];
	await fake.error({ code: 'precondition' });
	for (const [method, target, content] of changes) {
		const answer = await ask(method, target, { content, headers: { 'if-match': '"a", W/"b"' } });
		assertProblem(answer, 412, 'precondition');
		assert.equal((await fake.next()).args.if_match, '"a", W/"b"');
	}
	await fake.ok({});
	assertProblem(await ask('PATCH', 'config', { content: '{}', env: { HTTP_IF_MATCH:
		Buffer.from([0xff]) } }), 400, 'malformed-request');
});

test('metrics are text, the description is served as it was written', async () => {
	await fake.ok('# TYPE nalcast_ü gauge\nnalcast_ü 1\n');
	const metrics = await ask('GET', 'metrics');
	assertCommon(metrics);
	assert.equal(metrics.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
	assert.equal(metrics.content, '# TYPE nalcast_ü gauge\nnalcast_ü 1\n');
	assert.equal(metrics.headers['content-length'], String(Buffer.byteLength(metrics.content)));
	assert.equal((await ask('HEAD', 'metrics')).content, '');
	const description = await ask('GET', 'openapi.json');
	assertCommon(description);
	assert.equal(description.headers['content-type'], 'application/json');
	const file = new URL('../../fcgi/openapi.json', import.meta.url);
	assert.equal(description.content, readFileSync(file, 'utf8'));
});

test('what has no content says so', async () => {
	await fake.ok({});
	const answer = await ask('DELETE', 'viewers/1');
	assertCommon(answer);
	assert.equal(answer.status, 204);
	assert.equal(answer.content, '');
	assert.equal(answer.headers['content-length'], undefined);
	await fake.error({ code: 'not-found' });
	assertProblem(await ask('DELETE', 'viewers/1'), 404, 'not-found');
	assertProblem(await ask('DELETE', 'viewers/one'), 404, 'not-found');
});

test('a patch is a merge patch, of either type', async () => {
	const patch = type => ask('PATCH', 'config', { content: '{}', env: { CONTENT_TYPE: type } });
	await fake.ok({});
	for (const type of ['application/json', 'application/merge-patch+json; charset=utf-8'])
		assert.equal((await patch(type)).status, 200);
	for (const type of ['', 'application/json-patch+json', 'application/x-www-form-urlencoded'])
		assert.match(assertProblem(await patch(type), 415, 'unsupported-media-type').detail,
			/merge-patch\+json.*curl.*--json/);
	assertProblem(await ask('PATCH', 'config', { content: '[]' }), 422, 'invalid');
});

test('no answer before the deadline is a timeout', async () => {
	await fake.script({ silent: true });
	const [state, health, start] = await Promise.all([
		ask('GET', 'state'), ask('GET', 'health'), ask('POST', 'start?timeout_ms=1')]);
	assertProblem(state, 504, 'timeout');
	assertProblem(health, 503, 'timeout');
	assertProblem(start, 504, 'timeout');
	await fake.ok({});
});

test('malformed JSON is refused with its place', async () => {
	const cases = [['{"width":1280,\n "height": x}', 2, 12], ['{', 1, 1], ['{"a":1}x', 1, 8],
		['{"width":NaN}', 1, 12], ['{"width":1e999}', 1, 14], ['{"width":99999999999999999999}', 1, 29],
		['{"width":1,"width":2}', 1, 18], ['{"a":"\0"}', 1, 6], ['{"a":"\\u0000"}', 1, 13],
		[Buffer.from('{"a":"\xff"}', 'latin1'), 1, 6], ["{'a':1}", 1, 2], ['\ufeff{}', 1, 1]];
	for (const [content, line, column] of cases) {
		const json = assertProblem(await ask('PUT', 'resolution', { content }), 400, 'malformed-json');
		assert.deepEqual([json.line, json.column], [line, column], `${content}: ${json.detail}`);
		assert.match(json.detail, new RegExp(`^Line ${line}, column ${column}: .+\\.$`));
	}
	const deep = '['.repeat(30000) + ']'.repeat(30000);
	const fits = `{"a":${'['.repeat(15)}${']'.repeat(15)}}`;
	assert.equal((await ask('PATCH', 'config', { content: fits })).status, 200);
	assert.match(assertProblem(await ask('PUT', 'resolution', { content: deep }), 400,
		'malformed-json').detail, /nested deeper than 16/);
	assertProblem(await ask('PUT', 'resolution', { content: '' , env: { CONTENT_LENGTH: '0' } }),
		400, 'malformed-json');
});

test('wrong values are refused by pointer, all at once', async () => {
	const content = '{"width":"1280","fps":0,"a/b~":1,"zoom":[]}';
	const json = assertProblem(await ask('PUT', 'resolution', { content }), 422, 'invalid');
	const found = Object.fromEntries(json.errors.map(e => [e.pointer, e.code]));
	assert.deepEqual(found, { '/height': 'missing', '/width': 'wrong-type', '/fps': 'out-of-range',
		'/a~1b~0': 'unknown', '/zoom': 'unknown' });
	for (const wrong of ['1280.5', '1280.0', 'null', 'true', '{}', '[]', '0', '-2', '65536'])
		assertProblem(await ask('PUT', 'resolution', { content: `{"width":${wrong},"height":2}` }),
			422, 'invalid');
	for (const content of ['[]', '7', 'null', '"x"']) {
		const json = assertProblem(await ask('PUT', 'resolution', { content }), 422, 'invalid');
		assert.equal(json.errors[0].pointer, '');
	}
	assertProblem(await ask('POST', 'start', { content: '{"timeout_ms":1}' }), 422, 'invalid');
});

test('queries are read strictly', async () => {
	for (const query of ['ready=1&ready=1', 'ready=%', 'ready=%4', 'ready=%zz', '=1', 'ready=%00',
		'x'.repeat(40), Array.from({ length: 9 }, (_, i) => `p${i}`).join('&')])
		assertProblem(await ask('GET', `health?${query}`), 400, 'malformed-query');
	assertProblem(await ask('GET', 'health?' + 'x=1&'.repeat(300)), 414, 'uri-too-long');
	const cases = [['GET', 'health?ready=2', 'ready'], ['GET', 'health?ready', 'ready'],
		['GET', 'health?redy=1', 'redy'], ['GET', 'state?ready=1', 'ready'], ['GET', '?x', 'x'],
		['POST', 'start?timeout_ms=20001', 'timeout_ms'], ['POST', 'stop?timeout_ms=-1', 'timeout_ms'],
		['POST', 'stop?timeout_ms=1s', 'timeout_ms'], ['GET', 'resolution?dry_run=1', 'dry_run'],
		['PUT', 'resolution?persist=yes', 'persist']];
	for (const [method, target, parameter] of cases) {
		const content = method === 'PUT' ? SIZE : undefined;
		const json = assertProblem(await ask(method, target, { content }), 422, 'invalid');
		assert.equal(json.errors[0].parameter, parameter);
	}
});

test('bodies are held to type, length and size', async () => {
	const put = (env, content = SIZE) => ask('PUT', 'resolution', { content, env });
	assertProblem(await put({ CONTENT_LENGTH: '' }), 411, 'length-required');
	assertProblem(await put({ CONTENT_LENGTH: 'ten' }), 400, 'malformed-request');
	assertProblem(await put({ CONTENT_LENGTH: '-1' }), 400, 'malformed-request');
	assertProblem(await put({ CONTENT_LENGTH: '28' }), 400, 'malformed-request');
	assertProblem(await put({ CONTENT_LENGTH: '65537' }), 413, 'too-large');
	assertProblem(await put({ CONTENT_LENGTH: '9'.repeat(40) }), 413, 'too-large');
	assertProblem(await put({}, ' '.repeat(200000)), 413, 'too-large');
	assertProblem(await put({}, ' '.repeat(65536)), 400, 'malformed-json');
	for (const type of ['', 'text/plain', 'application/x-www-form-urlencoded', 'application/jsonx',
		'multipart/form-data; boundary=application/json'])
		assert.match(assertProblem(await put({ CONTENT_TYPE: type }), 415,
			'unsupported-media-type').detail, /--json/);
	assertProblem(await ask('POST', 'start', { content: 'a=b', env: { CONTENT_TYPE: 'text/plain' } }),
		415, 'unsupported-media-type');
	await fake.ok({});
	for (const type of ['application/json; charset=utf-8', 'Application/JSON', 'application/json;x'])
		assert.equal((await put({ CONTENT_TYPE: type })).status, 200, type);
	assert.equal((await ask('POST', 'start', { env: { CONTENT_TYPE: 'text/plain' } })).status, 200);
	assert.equal((await ask('POST', 'start', { content: '', env: { CONTENT_TYPE: 'a/b' } })).status, 200);
	assert.equal((await ask('GET', 'state', { content: 'whatever' })).status, 200);
});

test('pages of other sites change nothing', async () => {
	await fake.ok({});
	const refused = [{ origin: 'https://evil.example' }, { origin: 'null' }, { origin: 'http://cam.example' },
		{ origin: 'https://cam.example:8443' }, { origin: 'https://cam.example', 'sec-fetch-site': 'cross-site' },
		{ 'sec-fetch-site': 'same-site' }, { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'x' },
		{ origin: 'https://cam.example', 'x-forwarded-proto': 'http' }, { origin: 'ü' }];
	for (const headers of refused) {
		assertProblem(await ask('POST', 'stop', { headers }), 403, 'foreign-origin');
		assertProblem(await ask('PUT', 'resolution', { headers, content: SIZE }), 403, 'foreign-origin');
		assert.equal((await ask('GET', 'state', { headers })).status, 200);
	}
	const allowed = [{}, { origin: 'https://cam.example' }, { origin: 'https://CAM.example:443' },
		{ origin: 'https://cam.example', 'sec-fetch-site': 'same-origin' }, { 'sec-fetch-site': 'none' },
		{ origin: 'https://portal.example' }, { origin: '' }];
	for (const headers of allowed)
		assert.equal((await ask('POST', 'stop', { headers })).status, 200, JSON.stringify(headers));
	const port = { headers: { origin: 'https://cam.example:8443' }, env: { HTTP_HOST: 'cam.example:8443' } };
	assert.equal((await ask('POST', 'stop', port)).status, 200);
});

test('half of the threads stay free while the others wait for changes', async () => {
	await fake.script({ silent: true });
	const changes = Array.from({ length: 6 }, () => ask('POST', 'start?timeout_ms=0'));
	const statuses = (await Promise.all(changes)).map(a => a.status).sort();
	assert.deepEqual(statuses, [503, 503, 504, 504, 504, 504]);
	await fake.ok({});
	assert.equal((await ask('POST', 'start')).status, 200);
});
