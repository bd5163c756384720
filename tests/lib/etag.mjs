// common/etag.h, written a second time.
import { createHash } from 'node:crypto';

function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]));
}

/** The entity tag of a body. */
export function etagOf(body) {
  const digest = createHash('sha256').update(JSON.stringify(sorted(body))).digest('hex');
  return `"${digest.slice(0, 32)}"`;
}
