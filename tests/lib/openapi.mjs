// fcgi/openapi.json as a judge: holds an answer of the API against what is written there, and
// keeps which operations and statuses it has seen.
//
//   checkAnswer('PUT', '/camera/api/v1/resolution?dry_run=1', answer);
//
// An answer is { status, headers, text }, as tests/lib/stack.mjs gives it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import Ajv from 'ajv/dist/2020.js';

const file = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../fcgi/openapi.json');

export const openapi = JSON.parse(readFileSync(file, 'utf8'));

const METHODS = ['get', 'put', 'post', 'patch', 'delete'];
// What an answer has whatever was asked (openapi.json, info.description).
const CACHE = /^no-(store|cache)\b/;

const ajv = new Ajv({ strict: true, allowUnionTypes: true, strictRequired: false,
  strictTypes: false, validateSchema: false, allErrors: true });
// The rest of the document stands around its schemas.
ajv.addVocabulary(Object.keys(openapi));
ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
ajv.addSchema({ ...openapi, $id: 'openapi' });

/** One key of a JSON pointer (RFC 6901), in a URI's fragment. */
const escape = (key) => encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'));

/** { value, pointer } behind the $ref that stands at a pointer, or what stands there itself. */
export function follow(pointer) {
  const keys = pointer.split('/').slice(1);
  const value = keys.reduce((at, key) => at?.[
    decodeURIComponent(key).replaceAll('~1', '/').replaceAll('~0', '~')], openapi);
  assert.notEqual(value, undefined, `openapi.json has nothing at #${pointer}`);
  return value.$ref && Object.keys(value).length === 1 ? follow(value.$ref.slice(1))
    : { value, pointer };
}

/** Says what is wrong with a value, by the schema at a pointer. */
export function schemaErrors(pointer, value) {
  const validate = ajv.getSchema(`openapi#${pointer}`);
  assert.ok(validate, `openapi.json has no schema at #${pointer}`);
  return validate(value) ? [] : validate.errors.map(({ instancePath, message, params }) =>
    `${instancePath || '/'} ${message} ${JSON.stringify(params)}`);
}

/** Every operation: { id, method, path, statuses, pointer }. */
export const operations = Object.entries(openapi.paths).flatMap(([at, item]) =>
  METHODS.filter((method) => item[method]).map((method) => ({
    id: item[method].operationId, method: method.toUpperCase(), path: at,
    statuses: Object.keys(item[method].responses).map(Number),
    pointer: `/paths/${escape(at)}/${method}`,
  })));

/** The path below the API's root, without query, camera and escapes; null: none of the API's. */
export function pathOf(url) {
  const found = new URL(url, 'https://localhost').pathname.match(/^.*\/api\/v1(\/.*)?$/);
  if (!found) return null;
  return (found[1] ?? '').replace(/^\/cameras\/[^/]+(?=\/)/, '');
}

function matches(template, at) {
  const parts = template.split('/');
  const words = at.split('/');
  return parts.length === words.length
    && parts.every((part, i) => (part.startsWith('{') ? words[i] !== '' : part === words[i]));
}

const common = (name) => ({ response: `/components/responses/${name}`, operation: null });

/** Where the document says what the answer is: { response (a pointer), operation or null }. */
function placeOf(method, url, status) {
  const at = pathOf(url);
  if (status === 308 && /^(\/cameras\/[^/]+)?$/.test(at)) return common('Moved');
  const here = operations.filter((one) => matches(one.path, at));
  if (status === 404 && here.length === 0) return common('NotFound');
  assert.ok(here.length > 0, `openapi.json has no path for ${url}`);
  if (method === 'OPTIONS' && status === 204) return common('Allowed');
  if (method === 'OPTIONS') method = here[0].method;
  const operation = here.find((one) => one.method === (method === 'HEAD' ? 'GET' : method));
  // What the web server refuses, it refuses whatever the method.
  if (!operation && status !== 405)
    return { ...placeOf(here[0].method, url, status), operation: null };
  if (!operation) return common('MethodNotAllowed');
  assert.ok(operation.statuses.includes(status),
    `openapi.json: ${operation.id} has no ${status}`);
  return { response: `${operation.pointer}/responses/${status}`, operation };
}

function checkHeaders({ value }, pointer, headers) {
  for (const name of Object.keys(value.headers ?? {})) {
    const at = follow(`${pointer}/headers/${escape(name)}`);
    const sent = headers[name.toLowerCase()];
    assert.ok(sent !== undefined || !at.value.required, `the header ${name} is missing`);
    if (sent !== undefined)
      assert.deepEqual(schemaErrors(`${at.pointer}/schema`, sent), [], `${name}: ${sent}`);
  }
}

function checkBody({ value, pointer }, { headers, text }) {
  if (!value.content) {
    assert.equal(text, '', 'there is to be no body');
    return;
  }
  const type = (headers['content-type'] ?? '').split(';')[0];
  const wanted = Object.keys(value.content);
  assert.ok(wanted.includes(type), `Content-Type is '${type}', not ${wanted.join(' or ')}`);
  const body = /json$/.test(type) ? JSON.parse(text) : text;
  const at = follow(`${pointer}/content/${escape(type)}`).pointer;
  assert.deepEqual(schemaErrors(`${at}/schema`, body), []);
}

/** "operationId status", of all the answers that were held against the document. */
export const seen = new Set();

/** Fails with what is wrong about an answer; a URL that is none of the API's is not looked at. */
export function checkAnswer(method, url, { status, headers, text }) {
  if (pathOf(url) === null) return;
  try {
    const { response, operation } = placeOf(method, url, status);
    const found = follow(response);
    assert.match(headers['cache-control'] ?? '', CACHE);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    checkHeaders(found, found.pointer, headers);
    if (method === 'HEAD') assert.equal(text, '', 'HEAD has a body');
    else checkBody(found, { headers, text });
    if (operation && !['HEAD', 'OPTIONS'].includes(method)) seen.add(`${operation.id} ${status}`);
  } catch (error) {
    error.message = `${method} ${url}: ${status} ${text.slice(0, 2000)}\n${error.message}`;
    throw error;
  }
}
