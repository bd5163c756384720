// Main and High: refused by name, or let through untouched.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { decodeWithFfmpeg } from '../lib/ffmpeg.mjs';
import { waitFor } from '../lib/stack.mjs';
import { nalsOf } from './rewrite.mjs';
import { OTHER_PROFILES, encode, sample } from './streams.mjs';
import { folderFor, playing, readable, watchedFromTheBeginning } from './watch.mjs';

const SAMPLES = OTHER_PROFILES.map(([name, profile]) => ({
  ...sample(name), profile, find: (t) => readable(t, sample(name).path),
}));

const GENERATED = [
  ['Main', { profile: 'main', options: 'keyint=20:bframes=2' }],
  ['High', { profile: 'high', options: 'keyint=20:bframes=2' }],
].map(([profile, settings]) => ({
  name: `x264's ${profile} with B pictures`, profile, skip: false,
  find: (t) => encode(`${folderFor(t)}/stream.h264`, settings),
}));

async function isRefused(t, path, profile) {
  const stack = await playing(t, `file:${path}`);
  const { modern } = await watchedFromTheBeginning(t, stack);
  const said = new RegExp(`\\b${profile} profile\\b.*--profiles=any`);
  const { reason } = await modern.text('source', (text) => text.online === false);
  assert.match(reason, said);
  const { source } = await waitFor('the state', () => {
    const state = stack.ctl('state').result;
    return state.source.last_error && state;
  });
  assert.match(source.last_error, said);
  assert.equal(modern.units.length, 0);
}

const spsesOf = (bytes) => nalsOf(bytes).filter((nal) => (nal[0] & 31) === 7)
  .map((nal) => nal.toString('hex'));

async function passes(t, path) {
  const reference = await decodeWithFfmpeg(path);
  const count = reference.pictures.length;
  const stack = await playing(t, `file:${path}`, '--profiles=any', '--fps=240');
  const { raw, modern } = await watchedFromTheBeginning(t, stack);
  await Promise.all([raw, modern].map((viewer) => viewer.upTo(count + 1, 60000)));
  const units = raw.units.slice(0, count);
  assert.deepEqual(modern.units.slice(0, count), units);
  assert.ok(raw.units[count].equals(units[0]), 'the next round begins like the first');
  assert.equal(modern.texts.find((text) => text.type === 'format').broadway, false);
  const received = await decodeWithFfmpeg(Buffer.concat(units));
  assert.deepEqual(received.pictures, reference.pictures);
  return units;
}

for (const { name, profile, skip, find } of [...GENERATED, ...SAMPLES]) {
  test(`${name} is refused as ${profile}`, { skip }, async (t) =>
    isRefused(t, await find(t), profile));

  test(`${name} passes with --profiles=any`, { skip }, async (t) => {
    const path = await find(t);
    const units = await passes(t, path);
    const [own] = spsesOf(readFileSync(path));
    for (const sps of spsesOf(Buffer.concat(units))) assert.equal(sps, own);
  });
}
