/*
 * Makes the files of Broadway.js from two npm packages, each pinned by hash:
 *
 *   node build-assets.mjs NODE_MODULES OUTDIR
 *
 * No package has upstream's WebAssembly build as files. broadway-player has Player.js and
 * YUVCanvas.js; ws-avc-player has Decoder.js with avc.wasm inside, as a data: URI that a strict
 * Content-Security-Policy refuses. It is taken out, and fetched from beside Decoder.js instead,
 * wherever that is mounted, in a worker as on a page.
 */

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { argv, exit, stderr } from 'node:process';

const SHA256 = {
  'broadway-player/Player/Player.js':
    '084c4786a5c89d6f6bb2b637d1a3a1676fdbc5e3e42086ebb835a34bd29eff38',
  'broadway-player/Player/YUVCanvas.js':
    'b10d102266a4bb28b1662ed49dd862c23c8c81b620c1b23b120c699cc644020b',
  'broadway-player/LICENSE':
    '6036423385b27a4bd435306f4ba25c6c21fc0cea38113bb1a19fe67339ab9424',
  'ws-avc-player/lib/Decoder.js':
    'fce87ce2efe35535a302d56a3e9151757fea43bf9ee6d587fd026dac4b526620',
  'ws-avc-player/LICENSE':
    '5038254cc6370c084db13d4c62f2140e6559a0f21d13538818c784342296b8ae',
  'avc.wasm': 'f05e959033da0e40f3b91943b3cf5a5119316728bfdc9dab90e712a2aded6420',
};

const WASM_MODULE = /"data:application\/wasm;base64,([A-Za-z0-9+/=]+)"/g;

/* On a page the script's own address is known only while it is loaded: hence the wrapping. */
const WASM_URL = 'new URL("avc.wasm","undefined"!=typeof document&&document.currentScript'
  + '?document.currentScript.src:self.location.href).href';

function checked(name, bytes) {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== SHA256[name]) {
    throw new Error(`${name} has sha256 ${sha256}, expected ${SHA256[name]}`);
  }
  return bytes;
}

function split(source) {
  const hits = [...source.matchAll(WASM_MODULE)];
  if (hits.length !== 1) throw new Error(`Decoder.js has ${hits.length} WebAssembly modules`);
  const [[literal, base64]] = hits;
  return {
    wasm: checked('avc.wasm', Buffer.from(base64, 'base64')),
    script: `(function(wasmUrl){${source.replace(literal, 'wasmUrl')}\n}).call(this,${WASM_URL});\n`,
  };
}

function build(nodeModules, outDir) {
  const input = (name) => checked(name, readFileSync(join(nodeModules, name)));
  const { wasm, script } = split(input('ws-avc-player/lib/Decoder.js').toString());
  const files = {
    'Player.js': input('broadway-player/Player/Player.js'),
    'YUVCanvas.js': input('broadway-player/Player/YUVCanvas.js'),
    'Decoder.js': script,
    'avc.wasm': wasm,
    'LICENSE.broadway-player': input('broadway-player/LICENSE'),
    'LICENSE.ws-avc-player': input('ws-avc-player/LICENSE'),
  };
  mkdirSync(outDir, { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(outDir, name), content);
}

const [nodeModules, outDir] = argv.slice(2);
if (!outDir) {
  stderr.write('usage: build-assets.mjs NODE_MODULES OUTDIR\n');
  exit(2);
}
try {
  build(nodeModules, outDir);
} catch (error) {
  stderr.write(`build-assets.mjs: ${error.message}\n`);
  exit(1);
}
