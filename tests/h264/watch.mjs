/*
 * One nalcastd with a stream as its source, and everybody who can watch it on its own socket: a raw
 * viewer, one of nalcast.v1 and one of stream.h264. Nobody joins late: the source begins when all
 * are there.
 */

import { chmodSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startStack, waitFor } from '../lib/stack.mjs';
import { Viewer } from '../lib/viewer.mjs';

/* Nobody is to be resumed at an IDR because two cores are busy. */
const PATIENCE = '--viewer-lag-max-ms=10000';

/* A folder that the user nobody may look into, and that goes with the test. */
export function folderFor(t) {
  const dir = mkdtempSync(join(tmpdir(), 'nc-'));
  chmodSync(dir, 0o755);
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/* A copy of the file that the user nobody may read. */
export function readable(t, path) {
  const copy = join(folderFor(t), 'stream.h264');
  cpSync(path, copy);
  chmodSync(copy, 0o644);
  return copy;
}

/* nalcastd alone with this source, until the test ends. It insists on a clean end. */
export async function playing(t, source, ...args) {
  const stack = await startStack({
    fcgi: false, nginx: false, www: null, nalcastdArgs: [`--source=${source}`, PATIENCE, ...args],
  });
  t.after(() => stack.stop());
  return stack;
}

/* The one who reads stream.h264: what came, as one Buffer after the other. */
class Reader {
  constructor(stack) {
    this.chunks = [];
    this.size = 0;
    this.request = http.get({
      socketPath: stack.sockets.stream, path: '/stream.h264', agent: false,
    }, (response) => {
      this.status = response.statusCode;
      response.on('error', () => { /* we end it */ });
      response.on('data', (chunk) => {
        this.chunks.push(chunk);
        this.size += chunk.length;
      });
    });
    this.request.on('error', (error) => (this.error = error));
  }

  get bytes() {
    return Buffer.concat(this.chunks);
  }

  close() {
    this.request.destroy();
  }
}

/*
 * All three, from the stream's first access unit on. The stream is stopped while they join, so the
 * answer of stream.h264 begins with its first picture only.
 */
export async function watchedFromTheBeginning(t, stack) {
  stack.ctl('stop');
  const raw = await new Viewer(stack, { protocols: [], direct: true }).opened();
  const modern = await new Viewer(stack, { direct: true }).opened();
  const reader = new Reader(stack);
  t.after(() => {
    for (const viewer of [raw, modern]) viewer.socket.terminate();
    reader.close();
  });
  await waitFor('three viewers',
    () => stack.ctl('state').result.viewers.count === 3);
  stack.ctl('start', { timeout_ms: 0 });
  return { raw, modern, reader };
}
