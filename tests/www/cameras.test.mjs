import assert from 'node:assert/strict';
import { test } from 'node:test';

import { linksOf } from '../../www/assets/cameras.js';

const NAMES = ['garden', 'main', 'porch'];
const hrefs = (...args) => linksOf(...args).map(({ href }) => href);
const current = (...args) => linksOf(...args).filter((link) => link.current).map(({ name }) => name);

test('one camera is no choice', () => {
  assert.deepEqual(linksOf(['main'], 'https://a.example/camera/', 'main'), []);
  assert.deepEqual(linksOf([], 'https://a.example/camera/', 'main'), []);
});

test('the links lead from the mount point down, and from a camera up first', () => {
  const base = 'https://a.example/deep/er/';
  assert.deepEqual(hrefs(NAMES, base, 'main'), ['./garden/', './', './porch/']);
  assert.deepEqual(hrefs(NAMES, `${base}garden/?decoder=broadway`, 'garden'),
    ['../garden/', '../', '../porch/']);
});

test('a mount point called like a camera is told from it by what the stream says', () => {
  assert.deepEqual(hrefs(NAMES, 'https://a.example/garden/', 'main'), ['./garden/', './', './porch/']);
  assert.deepEqual(current(NAMES, 'https://a.example/garden/', 'main'), ['main']);
});

test('while the camera says nothing, the address tells', () => {
  for (const [address, name] of [['/camera/', 'main'], ['/camera/porch/', 'porch'], ['/', 'main'],
    ['/camera/porch/index.html', 'porch']])
    assert.deepEqual(current(NAMES, `https://a.example${address}`, null), [name]);
});
