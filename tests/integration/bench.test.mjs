// What `make bench` measures with does what it says: counts only, no times.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { build, measure, unfit, ways } from '../bench/servers.mjs';

const header = { acks: 24 }; // of nalcast.v1, before each access unit
const scene = { viewers: 5, bytes: 3000, fps: 30 };

describe('the benches\' servers give every viewer messages of the exact size', () => {
  for (const [way, { title, missing }] of Object.entries(ways))
    test(title, { skip: missing?.() ?? false }, async () => {
      const result = await measure(way, scene, { windowMs: 500, warmMs: 0 });
      assert.equal(result.viewers, 5);
      assert.equal(result.lost, 0);
      assert.equal(result.expected, 5 * 15);
      assert.ok(result.messages > 0);
      assert.equal(result.bytes, result.messages * (scene.bytes + (header[way] ?? 0)));
      assert.equal(result.acks > 0, way === 'acks' || way === 'hear');
      assert.ok(result.cpu_us_per_message > 0);
    });
});

test('a build with sanitizers is not measured', () => {
  const program = readFileSync(path.join(build, 'streamer/nalcastd'));
  const sanitized = program.includes('__asan_init') || program.includes('__tsan_init');
  assert.equal(unfit() === 'it is built with sanitizers', sanitized);
});
