// fcgi/openapi.json: a valid document, whole in itself, with examples that are what they show,
// and the same paths and methods as nalcast-fcgi's table.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { checkAnswer, follow, openapi, operations, schemaErrors } from '../lib/openapi.mjs';

const source = (name) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');

/** Every value of the document: visit(value, pointer). */
function walk(visit, value = openapi, pointer = '') {
  visit(value, pointer);
  if (value === null || typeof value !== 'object') return;
  for (const [key, inner] of Object.entries(value))
    walk(visit, inner, `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`);
}

const uri = (pointer) => pointer.split('/').map(encodeURIComponent).join('/');

describe('openapi.json', () => {
  test('is valid OpenAPI 3.1', async () => {
    const validator = new Validator();
    const { valid, errors } = await validator.validate(structuredClone(openapi));
    assert.ok(valid, JSON.stringify(errors, null, 1));
    assert.equal(validator.version, '3.1');
  });

  test('has the version of the program', () => {
    const [, version] = source('configure.ac').match(/AC_INIT\(\[nalcast\], \[([^\]]+)\]/);
    assert.equal(openapi.info.version, version);
  });

  test('refers to what is there, and to all that is there', () => {
    const used = new Set();
    walk((value, pointer) => {
      if (pointer.endsWith('/$ref') && typeof value === 'string') {
        follow(value.slice(1));
        used.add(value);
      }
    });
    for (const kind of ['parameters', 'requestBodies', 'headers', 'responses', 'schemas'])
      for (const name of Object.keys(openapi.components[kind])) {
        // These three belong to no operation: info.description names them.
        if (['Allowed', 'Moved', 'MethodNotAllowed'].includes(name)) continue;
        assert.ok(used.has(`#/components/${kind}/${name}`), `nobody uses ${kind}/${name}`);
      }
  });

  test('has examples that fit their schemas', () => {
    let count = 0;
    const hold = (example, pointer) => {
      count += 1;
      assert.deepEqual(schemaErrors(uri(pointer), example), [], `the example at ${pointer}`);
    };
    walk((value, pointer) => {
      if (value?.schema && 'example' in value) hold(value.example, `${pointer}/schema`);
      if (!/^\/components\/schemas\/[^/]+$/.test(pointer)) return;
      for (const example of value.examples ?? []) hold(example, pointer);
    });
    assert.ok(count > 30, `${count} examples`);
  });

  test('shows an example of every answer and every body', () => {
    walk((value, pointer) => {
      if (!/\/content\/[^/]+$/.test(pointer)) return;
      const examples = value.example ?? follow(uri(`${pointer}/schema`)).value.examples;
      assert.ok(examples, `no example at ${pointer}`);
    });
  });

  test('names and explains each operation', () => {
    const ids = operations.map((one) => one.id);
    assert.equal(new Set(ids).size, ids.length, 'an operationId stands twice');
    for (const { id, pointer, path } of operations) {
      const { value } = follow(pointer);
      assert.match(id, /^[a-z][A-Za-z]+$/);
      assert.ok(value.summary, id);
      for (const tag of value.tags) assert.ok(openapi.tags.some(({ name }) => name === tag), tag);
      const named = (value.parameters ?? []).map((_, i) => follow(`${pointer}/parameters/${i}`).value)
        .filter((one) => one.in === 'path').map((one) => `{${one.name}}`);
      assert.deepEqual(path.match(/\{[^}]+\}/g) ?? [], named, `${id}: parameters of the path`);
    }
  });

  test('takes no further keys where objects are ours', () => {
    const open = ['Controls', 'ControlsPatch'];
    for (const [name, schema] of Object.entries(openapi.components.schemas))
      if (schema.type === 'object' && !open.includes(name))
        assert.equal(schema.additionalProperties, false, name);
  });

  test('has the methods and paths of nalcast-fcgi, no more and no fewer', () => {
    const rows = [...source('fcgi/endpoints.c')
      .matchAll(/\{\.path = "([^"]*)", \.method = REQUEST_([A-Z]+)/g)]
      .map(([, path, method]) => `${method} /${path}`);
    const documented = operations.map(({ method, path }) => `${method} ${path}`);
    assert.deepEqual(rows.sort(), documented.sort());
  });

  test('has the problems of nalcast-api(7) and of the web server', () => {
    const list = source('man/nalcast-api.7').match(/\.It Em name Ta([\s\S]*?)\n\.El/)[1];
    const known = new Set([...list.matchAll(/^\.It ([a-z-]+) Ta \d+/gm)].map(([, type]) => type));
    for (const [, type] of source('nginx/nalcast-server.conf.in').matchAll(/"problems\/([a-z-]+)"/g))
      known.add(type);
    const inDocument = new Set();
    for (const { content } of Object.values(openapi.components.responses))
      for (const type of content?.['application/problem+json'].schema.properties.type.enum ?? [])
        inDocument.add(type.replace('problems/', ''));
    assert.deepEqual([...inDocument].sort(), [...known].sort());
  });
});

describe('an answer', () => {
  const good = { status: 200, text: '{"status":"ok"}',
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store',
      'x-content-type-options': 'nosniff' } };
  const problem = (status, type, title) => ({ ...good, status,
    headers: { ...good.headers, 'content-type': 'application/problem+json' },
    text: JSON.stringify({ type: `problems/${type}`, title, status, detail: 'Words.' }) });
  const check = (more, method = 'GET', url = '/camera/api/v1/health') =>
    checkAnswer(method, url, { ...good, ...more });

  test('passes as documented, below any camera, and elsewhere unseen', () => {
    check({});
    check({}, 'GET', '/a/b/api/v1/cameras/main/health?ready=1');
    check({ text: '' }, 'HEAD');
    check({ status: 999 }, 'GET', '/camera/');
    check(problem(404, 'not-found', 'Not Found'), 'GET', '/api/v1/nothing/at/all');
    check({ ...problem(308, 'moved', 'Permanent Redirect'),
      headers: { ...problem(308).headers, location: 'v1/' } }, 'GET', '/api/v1');
    check({ ...problem(308, 'moved', 'Permanent Redirect'),
      headers: { ...problem(308).headers, location: 'main/' } }, 'GET', '/api/v1/cameras/main');
    check({ status: 204, text: '', headers: { ...good.headers, allow: 'GET, OPTIONS' } }, 'OPTIONS');
  });

  test('fails for status, type, headers, keys and values that are not documented', () => {
    for (const [more, method, url, words] of [
      [{ status: 201 }, 'GET', undefined, /has no 201/],
      [{ text: '{"status":"ok","more":1}' }, 'GET', undefined, /additional/],
      [{ text: '{"status":"fine"}' }, 'GET', undefined, /constant/],
      [{ text: '{}' }, 'GET', undefined, /required/],
      [{ text: '{' }, 'GET', undefined, /JSON/],
      [{ text: 'x' }, 'HEAD', undefined, /HEAD has a body/],
      [{ headers: { ...good.headers, 'content-type': 'text/html' } }, 'GET', undefined, /text\/html/],
      [{ headers: { ...good.headers, 'cache-control': undefined } }, 'GET', undefined, /match/],
      [problem(404, 'gone', 'Not Found'), 'GET', undefined, /allowed values/],
      [problem(405, 'method-not-allowed', 'Method Not Allowed'), 'PUT', undefined, /Allow is missing/],
      [problem(503, 'unavailable', 'Service Unavailable'), 'GET', undefined, /Retry-After is missing/],
      [{}, 'GET', '/api/v1/nothing', /no path/],
    ])
      assert.throws(() => check(more, method, url), words, `${method} ${JSON.stringify(more)}`);
  });
});
