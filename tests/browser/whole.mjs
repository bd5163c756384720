/*
 * What the tests of the whole chain share: nalcastd, nalcast-fcgi and nginx with TLS
 * (lib/stack.mjs), and Chromium in front of them.
 */

import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';

import { launchBrowser, openPage } from '../lib/page.mjs';
import { startStack } from '../lib/stack.mjs';

let browser;

export function useBrowser() {
  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());
}

/* A page in a context of its own; whoever opens it closes it. */
export function open(url) {
  return openPage(browser, url);
}

/* Runs body({ stack, open }) and takes everything down; open(query) gives a page. */
export async function withStack(body, options) {
  const stack = await startStack(options);
  const pages = [];
  const open = async (query = '', prefix = stack.prefixes[0]) => {
    const page = await openPage(browser, `${stack.origin}${prefix}${query}`);
    pages.push(page);
    return page;
  };
  try {
    await body({ stack, open });
  } finally {
    await Promise.all(pages.map((page) => page.context().close()));
    await stack.stop();
  }
}

/* Puts a file of this folder beside the page. */
export function addToPage(stack, ...names) {
  const here = fileURLToPath(new URL('.', import.meta.url));
  for (const name of names) cpSync(join(here, name), join(stack.dir, 'www', name));
}

/* Two busy cores are no slow link: nobody is to be resumed at an IDR for them. */
const PATIENCE = '--viewer-lag-max-ms=10000';

export function sized(width, height, fps, ...more) {
  return {
    nalcastdArgs: ['--source=test', `--size=${width}x${height}`, `--fps=${fps}`, PATIENCE, ...more],
  };
}
