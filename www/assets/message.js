/*
 * The binary messages of nalcast.v1: a 24-byte header, big-endian, then one access unit in
 * Annex B (nalcast-stream(7)). Nothing here keeps state.
 */

export const HEADER_SIZE = 24;

const VERSION = 1;
const FLAG_IDR = 1;
const FLAG_DISCONTINUITY = 2;

/* Times have 64 bits on the wire; microseconds since 1970 stay exact in a Number until 2255. */
function timeUs(view, offset) {
  return view.getUint32(offset) * 2 ** 32 + view.getUint32(offset + 4);
}

/* Returns null for what is not a message of this version. */
export function parseMessage(buffer) {
  if (buffer.byteLength <= HEADER_SIZE) return null;
  const view = new DataView(buffer, 0, HEADER_SIZE);
  if (view.getUint8(0) !== VERSION) return null;
  const flags = view.getUint8(1);
  return {
    idr: (flags & FLAG_IDR) !== 0,
    discontinuity: (flags & FLAG_DISCONTINUITY) !== 0,
    seq: view.getUint32(4),
    captureUs: timeUs(view, 8),
    publishUs: timeUs(view, 16),
    au: new Uint8Array(buffer, HEADER_SIZE),
  };
}

export function seqNext(seq) {
  return (seq + 1) >>> 0;
}

/* How far b is ahead of a; negative when it is behind. seq wraps at 32 bits. */
export function seqDistance(a, b) {
  return (b - a) | 0;
}
