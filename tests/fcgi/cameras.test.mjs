// Several cameras, each with a nalcastd of its own that the test breaks: the others never notice.
import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import test from 'node:test';
import { Fake, Program, makeFolder, request } from './fastcgi.mjs';

async function startThree(t, args = []) {
	const folder = makeFolder(t);
	const fakes = {};
	for (const name of ['main', 'door', 'yard']) {
		mkdirSync(`${folder}/${name}`);
		fakes[name] = await Fake.start(t, `${folder}/${name}/control.sock`);
		await fakes[name].ok({ camera: name });
	}
	const socket = `${folder}/fcgi.sock`;
	const program = await Program.start(t, [`--socket=${socket}`,
		`--control-socket=${folder}/main/control.sock`, ...args]);
	const ask = (method, target, options) => request(socket, method, target, options);
	return { folder, fakes, program, ask };
}

async function assertStops(program) {
	const { code, log } = await program.stop();
	assert.equal(code, 0, log);
}

const listed = (name, status) => ({ name, status, links: { api: `cameras/${name}/` } });

test('each camera answers under its name, by the path or by the web server', async t => {
	const { program, ask } = await startThree(t);
	assert.equal((await ask('GET', 'state')).json.camera, 'main');
	for (const name of ['main', 'door', 'yard']) {
		assert.equal((await ask('GET', `cameras/${name}/state`)).json.camera, name);
		const env = { NALCAST_CAMERA: name };
		assert.equal((await ask('GET', 'state', { env })).json.camera, name);
		assert.equal((await ask('GET', 'cameras/door/state', { env })).json.camera, 'door');
		assert.equal((await ask('POST', `cameras/${name}/start`)).status, 200);
	}
	await assertStops(program);
});

test('a camera has a root, and its slash is missed', async t => {
	const { program, ask } = await startThree(t);
	const moved = await ask('GET', '/camera/api/v1/cameras/door');
	assert.equal(moved.status, 308);
	assert.equal(moved.headers.location, 'door/');
	const root = await ask('GET', 'cameras/door/');
	assert.equal(root.json.links.state, 'state');
	assert.equal(root.json.links.cameras, undefined);
	await assertStops(program);
});

test('the list names every camera and how it is; new ones need no restart', async t => {
	const { folder, fakes, program, ask } = await startThree(t);
	await fakes.door.stop();
	fakes.yard.child.kill('SIGSTOP');
	mkdirSync(`${folder}/attic`);
	assert.deepEqual((await ask('GET', 'cameras')).json, [listed('main', 'ok'),
		listed('attic', 'unreachable'), listed('door', 'unreachable'), listed('yard', 'timeout')]);
	fakes.yard.child.kill('SIGCONT');
	const attic = await Fake.start(t, `${folder}/attic/control.sock`);
	await attic.ok({ camera: 'attic' });
	assert.deepEqual((await ask('GET', 'cameras')).json, [listed('main', 'ok'),
		listed('attic', 'ok'), listed('door', 'unreachable'), listed('yard', 'ok')]);
	assert.equal((await ask('GET', 'cameras/attic/state')).json.camera, 'attic');
	await attic.stop();
	rmSync(`${folder}/attic`, { recursive: true });
	assert.equal((await ask('GET', 'cameras/attic/state')).status, 404);
	await assertStops(program);
});

test('names that are none reach nothing', async t => {
	const { program, ask } = await startThree(t);
	for (const name of ['none', 'Door', '..', '.', 'api', 'stream', 'x'.repeat(33), 'do%6fr', 'd\u00fcr'])
		assert.equal((await ask('GET', `cameras/${name}/state`)).status, 404, name);
	assert.equal((await ask('GET', 'state', { env: { NALCAST_CAMERA: '../main' } })).status, 404);
	assert.equal((await ask('POST', 'cameras')).status, 405);
	await assertStops(program);
});

test('a dead camera is a bad gateway, and the others answer', async t => {
	const { fakes, program, ask } = await startThree(t);
	await fakes.door.stop();
	for (let i = 0; i < 20; i++) {
		assert.equal((await ask('GET', 'cameras/door/state')).status, 502);
		assert.equal((await ask('GET', 'cameras/yard/state')).status, 200);
	}
	assert.equal(program.log.match(/camera door: state/g).length, 1, 'one line for all');
	await assertStops(program);
});

// 60 questions wait for the camera that hangs, four times as many as there are threads. That the
// others answer before the first of them gives up shows that they found threads.
test('a camera that hangs, asked by many, never slows the others', async t => {
	const { fakes, program, ask } = await startThree(t);
	fakes.door.child.kill('SIGSTOP');
	let given_up = 0;
	const hanging = Array.from({ length: 60 }, (_, i) =>
		ask(i % 2 ? 'GET' : 'POST', `cameras/door/${i % 2 ? 'state' : 'start?timeout_ms=4000'}`)
			.then(answer => { given_up += answer.status === 504; return answer; }));
	const slow = Promise.any(hanging.filter((_, i) => i % 2 === 0)
		.map(p => p.then(a => a.status === 504 ? a : Promise.reject())));
	let slow_over = false;
	slow.then(() => { slow_over = true; });
	for (let i = 0; i < 50; i++)
		for (const name of ['main', 'yard'])
			assert.equal((await ask('GET', `cameras/${name}/state`)).status, 200);
	assert.equal((await ask('POST', 'cameras/yard/stop')).status, 200);
	assert.equal(slow_over, false, 'all were answered while the changes of the other still waited');
	for (const answer of await Promise.all(hanging))
		assert.ok([503, 504].includes(answer.status));
	assert.ok(given_up > 0);
	fakes.door.child.kill('SIGCONT');
	assert.equal((await ask('GET', 'cameras/door/state')).status, 200);
	await assertStops(program);
});
