/* The page of each of two cameras, and the way from one to the other. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { assertPattern, waitInPage, waitState } from '../lib/page.mjs';
import { sized, useBrowser, withStack } from './whole.mjs';

useBrowser();

const cameraOf = (page) => page.evaluate(() => window.nalcast.hello.camera);

async function shows(page, name, width, height) {
  await waitState(page, 'live');
  await waitInPage(page, (want) => document.getElementById('camera').textContent === want, name);
  assert.equal(await cameraOf(page), name);
  await assertPattern(page, width, height, { count: 5, tolerance: 24 });
}

test('each camera has its page, with its own picture, and links to the other', async () => {
  const { nalcastdArgs } = sized(640, 480, 24);
  const cameras = { second: sized(320, 240, 24).nalcastdArgs };
  await withStack(async ({ stack, open }) => {
    for (const prefix of stack.prefixes) {
      const page = await open('second/', prefix);
      await shows(page, 'second', 320, 240);
      const links = page.getByRole('navigation', { name: 'Cameras' }).getByRole('link');
      assert.deepEqual((await links.allTextContents()).sort(), ['main', 'second']);
      await links.filter({ hasText: 'main' }).click();
      await page.waitForURL(`${stack.origin}${prefix}`);
      await shows(page, 'main', 640, 480);
      await links.filter({ hasText: 'second' }).click();
      await page.waitForURL(`${stack.origin}${prefix}second/`);
      await shows(page, 'second', 320, 240);
      await page.getByRole('button', { name: 'Stop' }).click();
      await waitState(page, 'stopped');
      const state = await stack.request('GET', `${prefix}api/v1/state`);
      assert.equal(state.json.stream.running, true, 'the other camera runs on');
      await page.getByRole('button', { name: 'Start' }).click();
      await shows(page, 'second', 320, 240);
      assert.deepEqual(page.problems, []);
      await page.context().close();
    }
  }, { nalcastdArgs, cameras });
});

test('a camera that is gone says so, and leads to the one that is there', async () => {
  const { nalcastdArgs } = sized(640, 480, 24);
  await withStack(async ({ stack, open }) => {
    await stack.procs['nalcastd-second'].kill('SIGKILL');
    const page = await open('second/');
    const links = page.getByRole('navigation', { name: 'Cameras' }).getByRole('link');
    await links.filter({ hasText: 'main' }).click();
    await shows(page, 'main', 640, 480);
    assert.deepEqual(page.problems, []);
  }, { nalcastdArgs, cameras: { second: nalcastdArgs } });
});
