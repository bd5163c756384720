/*
 * What browser tests share: Debian's Chromium under playwright-core, and reading the picture
 * back from the page's canvas. Works on our page (window.nalcast) and, with a selector, on any
 * canvas that can be read.
 */

import assert from 'node:assert/strict';

import { chromium } from 'playwright-core';

import { clockOf, patchRects, patchRgb } from './pattern.mjs';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

export function launchBrowser() {
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}

/* Runs in the page, before its scripts: functions of window.nalcastTest. Refers to nothing here. */
function installReaders() {
  const copy = document.createElement('canvas').getContext('2d', { willReadFrequently: true });

  function canvasOf(selector) {
    return selector ? document.querySelector(selector) : window.nalcast.canvas;
  }

  function pixels(canvas, [x, y, width, height]) {
    copy.canvas.width = width;
    copy.canvas.height = height;
    copy.drawImage(canvas, x, y, width, height, 0, 0, width, height);
    return copy.getImageData(0, 0, width, height).data;
  }

  function mean(canvas, rect) {
    const data = pixels(canvas, rect);
    const sums = [0, 0, 0];
    for (let i = 0; i < data.length; i += 1) if (i % 4 < 3) sums[i % 4] += data[i];
    return sums.map((sum) => sum / (data.length / 4));
  }

  /* protocol.md 7: mean of a cell's central third (both ways) against the middle. */
  function clockBits(canvas) {
    const { width, height } = canvas;
    const bytes = new Array(8).fill(0);
    for (let bit = 0; bit < 64; bit += 1) {
      const band = Math.floor(bit / 32);
      const left = Math.floor(((bit % 32) * width) / 32);
      const right = Math.floor((((bit % 32) + 1) * width) / 32);
      const top = Math.floor((band * height) / 24);
      const bottom = Math.floor(((band + 1) * height) / 24);
      const [r, g, b] = mean(canvas, [
        left + Math.floor((right - left) / 3), top + Math.floor((bottom - top) / 3),
        Math.max(1, Math.floor((right - left) / 3)), Math.max(1, Math.floor((bottom - top) / 3)),
      ]);
      if (0.299 * r + 0.587 * g + 0.114 * b >= 128) bytes[bit >> 3] |= 0x80 >> (bit & 7);
    }
    return bytes;
  }

  function snapshot(selector) {
    const canvas = canvasOf(selector);
    const { lastSeq = null, lastCaptureUs = null } = window.nalcast?.stats ?? {};
    return {
      bytes: clockBits(canvas), seq: lastSeq, captureUs: lastCaptureUs,
      width: canvas.width, height: canvas.height,
    };
  }

  function colours(rects, selector) {
    const canvas = canvasOf(selector);
    return rects.map((rect) => mean(canvas, rect).map(Math.round));
  }

  function collect(count, rects) {
    return new Promise((resolve) => {
      const found = [];
      const onPainted = () => {
        found.push({ ...snapshot(), colours: colours(rects) });
        if (found.length < count) return;
        window.nalcast.removeEventListener('painted', onPainted);
        resolve(found);
      };
      window.nalcast.addEventListener('painted', onPainted);
    });
  }

  window.nalcastTest = { canvasOf, pixels, mean, snapshot, collect, colours };
}

/* An evaluate() that waits for something has no deadline of its own. */
export async function within(what, promise, timeoutMs = 30000) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${timeoutMs} ms for ${what}`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function withClock({ bytes, ...rest }) {
  return { clock: clockOf(Uint8Array.from(bytes)), ...rest };
}

/*
 * A page in a context of its own. What its console calls errors is kept in page.problems, as is
 * every violation of the CSP.
 */
export async function openPage(browser, url, { viewport = { width: 1280, height: 800 } } = {}) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport });
  const page = await context.newPage();
  page.problems = [];
  page.on('pageerror', (error) => page.problems.push(`uncaught: ${error.message}`));
  page.on('console', (message) => {
    if (/Content Security Policy/i.test(message.text())) page.problems.push(message.text());
  });
  await page.addInitScript(installReaders);
  await page.goto(url);
  return page;
}

/* Polls in the page until test(argument) is true there; test refers to nothing outside itself. */
export function waitInPage(page, test, argument, timeoutMs = 20000) {
  return page.waitForFunction(test, argument, { timeout: timeoutMs, polling: 20 });
}

export function waitState(page, state, timeoutMs) {
  return waitInPage(page, (want) => document.documentElement.dataset.state === want, state,
    timeoutMs);
}

/* Keeps the states of our page from now on, for reasonOf(). */
export function recordStates(page) {
  return page.evaluate(() => {
    window.statesSeen = {};
    window.nalcast.addEventListener('state', () => {
      window.statesSeen[window.nalcast.state] ??= {
        reason: window.nalcast.reason, notice: document.getElementById('notice').textContent,
      };
    });
  });
}

/* { reason, notice } when the page first was in this state, since recordStates(). */
export async function reasonOf(page, state) {
  await waitInPage(page, (want) => want in window.statesSeen, state);
  return page.evaluate((want) => window.statesSeen[want], state);
}

/* Waits until `more` pictures have been painted from now on. */
export async function waitDrawn(page, more, timeoutMs) {
  const count = (await stats(page)).drawn + more;
  await waitInPage(page, (want) => window.nalcast.stats.drawn >= want, count, timeoutMs);
}

export function stats(page) {
  return page.evaluate(() => ({
    ...window.nalcast.stats,
    state: window.nalcast.state,
    reason: window.nalcast.reason,
    renderer: window.nalcast.renderer,
    queue: window.nalcast.queue,
    fps: window.nalcast.fps,
  }));
}

/* { clock: { timeMs, frame } or null, seq, captureUs, width, height } of what shows now. */
export async function readClock(page, selector) {
  return withClock(await page.evaluate((s) => window.nalcastTest.snapshot(s), selector));
}

/*
 * The same for each of the next `count` pictures, read in the task that painted it, with the mean
 * colours of the rectangles.
 */
export async function collectClocks(page, count, rects = []) {
  const found = await within(`${count} pictures`,
    page.evaluate(([n, r]) => window.nalcastTest.collect(n, r), [count, rects]));
  return found.map(withClock);
}

/* Holds the means of patchRects() against what follows from the frame's number. */
export function assertPatches(colours, width, height, frame, tolerance) {
  const wanted = patchRgb(width, height, frame);
  const wrong = colours.flatMap((rgb, i) => (colourDistance(rgb, wanted[i]) <= tolerance
    ? [] : [`patch ${i} is ${rgb}, expected ${wanted[i]}`]));
  assert.deepEqual(wrong, [], `frame ${frame}`);
}

/*
 * Says of the next `count` pictures that each is whole: clock, all patches as they follow from
 * its frame number, size. Gives them as collectClocks() does.
 */
export async function assertPattern(page, width, height, { count = 5, tolerance = 12 } = {}) {
  const pictures = await collectClocks(page, count, patchRects(width, height));
  for (const { clock, colours, ...size } of pictures) {
    assert.deepEqual([size.width, size.height], [width, height]);
    assert.ok(clock, 'the clock cannot be read');
    assertPatches(colours, width, height, clock.frame, tolerance);
  }
  return pictures;
}

/* One picture of a canvas: { clock, colours, ... }, with the means of the rectangles. */
export async function readPicture(page, selector, rects) {
  return withClock(await page.evaluate(([s, r]) => ({
    ...window.nalcastTest.snapshot(s), colours: window.nalcastTest.colours(r, s),
  }), [selector, rects]));
}

export function colourDistance(a, b) {
  return Math.max(...a.map((value, i) => Math.abs(value - b[i])));
}
