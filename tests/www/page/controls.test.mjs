/* Controls, status line, accessibility. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { patternUnits } from '../../lib/encode.mjs';
import { waitInPage, waitState } from '../../lib/page.mjs';
import { plays, useBrowser, withServer } from './fixture.mjs';

useBrowser();

const waitText = (page, id, text) => waitInPage(page,
  ([i, t]) => document.getElementById(i).textContent === t, [id, text]);

const changes = (server) => server.requests.filter((request) => request.method !== 'GET');

async function openLive(server, open, query) {
  server.onViewer = plays(await patternUnits({}));
  const page = await open(query);
  await waitState(page, 'live');
  await waitInPage(page, () => !document.getElementById('resolution').disabled);
  return page;
}

test('stop and start are posted, and the button says what it will do', async () => {
  await withServer(async ({ server, open }) => {
    const page = await openLive(server, open);
    await page.getByRole('button', { name: 'Stop' }).click();
    await waitText(page, 'message', 'The stream is stopped.');
    await page.getByRole('button', { name: 'Start' }).click();
    await waitText(page, 'message', 'The stream is on.');
    assert.deepEqual(changes(server), [
      { method: 'POST', path: 'stop', body: null }, { method: 'POST', path: 'start', body: null },
    ]);
  });
});

test('the resolutions of the camera can be chosen', async () => {
  await withServer(async ({ server, open }) => {
    const page = await openLive(server, open);
    const select = page.getByRole('combobox', { name: 'Resolution' });
    assert.deepEqual(await select.locator('option').allTextContents(),
      ['640 × 480 · up to 60 fps', '1280 × 720 · up to 30 fps']);
    assert.equal(await select.inputValue(), '640x480');
    await select.selectOption('1280x720');
    await waitText(page, 'message', 'The picture is 1280 × 720.');
    assert.deepEqual(changes(server),
      [{ method: 'PUT', path: 'resolution', body: { width: 1280, height: 720 } }]);
    assert.equal(await select.inputValue(), '1280x720');
  });
});

test('what the API refuses is said in its words, and the choice goes back', async () => {
  await withServer(async ({ server, open }) => {
    const page = await openLive(server, open);
    server.apiProblem = {
      status: 403,
      problem: { title: 'Forbidden', status: 403, detail: 'Control is open to loopback only.' },
    };
    await page.getByRole('combobox', { name: 'Resolution' }).selectOption('1280x720');
    await waitText(page, 'message', 'Control is open to loopback only.');
    await waitInPage(page, () => document.getElementById('resolution').value === '640x480');
    assert.equal(await page.locator('#message').getAttribute('class'), 'message error');
  });
});

test('a change made elsewhere reaches the button', async () => {
  await withServer(async ({ server, open }) => {
    const page = await openLive(server, open);
    server.viewers[0].rest();
    server.viewers[0].say({ type: 'stream', running: false });
    await page.getByRole('button', { name: 'Start' }).waitFor();
  });
});

test('the status line tells latency, rate, size, decoder and viewers', async () => {
  await withServer(async ({ server, open }) => {
    const page = await openLive(server, open, '?decoder=broadway');
    await waitText(page, 'size', '640 × 480');
    await waitText(page, 'decoder', 'Broadway');
    await waitText(page, 'viewers', '1');
    await waitInPage(page, () => /^\d+ ms$/.test(document.getElementById('latency').textContent));
    await waitInPage(page, () => Math.abs(document.getElementById('fps').textContent - 25) <= 5);
    const data = await page.evaluate(() => ({ ...document.documentElement.dataset }));
    assert.deepEqual(data,
      { state: 'live', decoder: 'broadway', renderer: '2d', size: '640x480' });
  });
});

test('other cameras are links in the header, and one alone is none', async () => {
  await withServer(async ({ server, open }) => {
    const alone = await openLive(server, open);
    assert.equal(await alone.locator('#cameras').isVisible(), false);
    server.cameras = ['garden', 'main'];
    const page = await openLive(server, open);
    const links = page.getByRole('navigation', { name: 'Cameras' }).getByRole('link');
    assert.deepEqual(await links.allTextContents(), ['garden', 'main']);
    assert.equal(await links.nth(0).evaluate((link) => link.href), `${server.url}garden/`);
    assert.equal(await links.nth(0).getAttribute('aria-current'), null);
    assert.equal(await links.nth(1).getAttribute('aria-current'), 'page');
    await page.keyboard.press('Tab');
    const focused = await page.evaluate(() => [document.activeElement.textContent,
      getComputedStyle(document.activeElement).outlineStyle]);
    assert.deepEqual(focused, ['garden', 'solid']);
    assert.deepEqual(page.problems, []);
  });
});

test('everything is reached by keyboard, has a name and shows its focus', async () => {
  await withServer(async ({ server, open }) => {
    const page = await openLive(server, open);
    const names = [];
    for (let i = 0; i < 3; i += 1) {
      await page.keyboard.press('Tab');
      names.push(await page.evaluate(() => {
        const { activeElement: element } = document;
        const ring = getComputedStyle(element).outlineStyle;
        return `${element.id} ${ring}`;
      }));
    }
    assert.deepEqual(names, ['toggle solid', 'resolution solid', 'fullscreen solid']);
    assert.equal(await page.getByRole('img', { name: 'Live picture of the camera' }).count(), 1);
    for (const id of ['notice', 'message']) {
      assert.equal(await page.locator(`#${id}`).getAttribute('aria-live'), 'polite');
    }
  });
});

test('the picture can fill the screen', async () => {
  await withServer(async ({ server, open }) => {
    const page = await openLive(server, open);
    await page.getByRole('button', { name: 'Fullscreen' }).click();
    await waitInPage(page, () => document.fullscreenElement?.id === 'stage');
    await page.evaluate(() => document.exitFullscreen());
    await waitInPage(page, () => document.fullscreenElement === null);
  });
});

test('the page works under any prefix and asks for nothing outside it', async () => {
  for (const prefix of ['/', '/a/b/c/']) {
    await withServer(async ({ server, open }) => {
      const outside = [];
      const page = await openLive(server, open, '?decoder=broadway');
      page.on('request', (request) => {
        if (!request.url().startsWith(server.url)) outside.push(request.url());
      });
      await page.reload();
      await waitState(page, 'live');
      assert.deepEqual(outside, []);
      assert.deepEqual(page.problems, []);
    }, { prefix });
  }
});

test('nothing overflows on a telephone, with a few cameras to choose from', async () => {
  await withServer(async ({ server, open }) => {
    server.cameras = ['garden', 'main', 'porch', 'printer-in-the-cellar'];
    server.onViewer = plays(await patternUnits({}));
    const page = await open('', { viewport: { width: 360, height: 640 } });
    await waitState(page, 'live');
    await page.getByRole('link', { name: 'porch' }).waitFor();
    const box = await page.evaluate(() => {
      const { scrollWidth, clientWidth, scrollHeight, clientHeight } = document.documentElement;
      return { wide: scrollWidth - clientWidth, high: scrollHeight - clientHeight };
    });
    assert.deepEqual(box, { wide: 0, high: 0 });
    const stage = await page.locator('#stage').boundingBox();
    assert.ok(stage.height > 240, `${stage.height} px are left for the picture`);
  });
});
