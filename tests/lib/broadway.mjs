/*
 * Broadway's decoder in node: the page's own Decoder.js and avc.wasm, with the few things of a
 * worker that they ask for.
 */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';

const AUD = Buffer.of(0, 0, 0, 1, 9, 0xf0);

/* The folder of the page's Broadway, or null where the page was built without it. */
export function broadwayDir(page) {
  const dir = page && join(page, 'assets/broadway');
  return dir && existsSync(join(dir, 'avc.wasm')) ? dir : null;
}

/* What a worker has, as far as Decoder.js looks; its module comes from the file. */
function workerGlobals(dir) {
  const wasm = readFileSync(join(dir, 'avc.wasm'));
  return {
    self: { location: { href: 'https://localhost/Decoder.js' }, addEventListener() {} },
    importScripts() {},
    fetch: async () => new Response(wasm, { headers: { 'Content-Type': 'application/wasm' } }),
    console: { log() {}, warn() {}, error() {} },
    URL,
    performance,
    setTimeout,
    clearTimeout,
  };
}

export async function openBroadway(dir) {
  const globals = workerGlobals(dir);
  const module = { exports: {} };
  runInNewContext(readFileSync(join(dir, 'Decoder.js'), 'utf8'),
    Object.assign(globals, { module, exports: module.exports }), { filename: 'Decoder.js' });
  const decoder = new module.exports({ rgb: false });
  await new Promise((resolve) => (decoder.onDecoderReady = resolve));
  return decoder;
}

/*
 * Gives Broadway one access unit after the other, as the page does, each with a delimiter behind
 * it. onPicture(i420, width, height, fed): fed counts the access units given so far.
 */
export async function decodeWithBroadway(dir, units, onPicture) {
  const decoder = await openBroadway(dir);
  let fed = 0;
  decoder.onPictureDecoded = (i420, width, height) => onPicture(i420, width, height, fed);
  for (const unit of units) {
    fed += 1;
    decoder.decode(Buffer.concat([unit, AUD]));
  }
}
