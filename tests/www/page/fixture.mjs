/*
 * What the tests of the page under the fake server share. One browser for a whole test file.
 */

import { after, before } from 'node:test';

import { FakeServer } from '../../lib/fake-server.mjs';
import { launchBrowser, openPage } from '../../lib/page.mjs';

let browser;

export function useBrowser() {
  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());
}

/* Runs body({ server, open }) and takes everything down; open(query) gives a page. */
export async function withServer(body, options) {
  const server = await FakeServer.start(options);
  const pages = [];
  const open = async (query = '', pageOptions = {}) => {
    const page = await openPage(browser, server.url + query, pageOptions);
    pages.push(page);
    return page;
  };
  try {
    await body({ server, open });
  } finally {
    await Promise.all(pages.map((page) => page.context().close()));
    await server.stop();
  }
}

/* Every viewer gets hello and these units. */
export function plays(units, options) {
  return (viewer) => {
    if (!viewer.raw) viewer.hello();
    viewer.play(units, options);
  };
}
