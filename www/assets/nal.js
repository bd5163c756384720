/*
 * NAL units of an access unit in Annex B (H.264 7.3.1 and B.1).
 */

export const NAL_SLICE = 1;
export const NAL_IDR = 5;
export const NAL_SEI = 6;
export const NAL_SPS = 7;
export const NAL_PPS = 8;
export const NAL_AUD = 9;

export function nalType(nal) {
  return nal[0] & 31;
}

/* Where the next 00 00 01 begins, at or after from; -1 when there is none. */
function startCode(bytes, from) {
  for (let i = from; i + 2 < bytes.length; ) {
    if (bytes[i + 2] > 1) i += 3;
    else if (bytes[i + 2] === 1 && bytes[i] === 0 && bytes[i + 1] === 0) return i;
    else i += 1;
  }
  return -1;
}

function withoutTrailingZeros(nal) {
  let end = nal.length;
  while (end > 0 && nal[end - 1] === 0) end -= 1;
  return nal.subarray(0, end);
}

/* Yields each NAL unit without its start code; lazily, so that a caller may stop at the slices. */
export function* nalUnits(bytes) {
  let at = startCode(bytes, 0);
  while (at >= 0) {
    const next = startCode(bytes, at + 3);
    const nal = withoutTrailingZeros(bytes.subarray(at + 3, next < 0 ? bytes.length : next));
    if (nal.length > 0) yield nal;
    at = next;
  }
}

/* The SPS before the first slice, or null. Stops there: a picture is never searched through. */
export function findSps(au) {
  for (let at = startCode(au, 0); at >= 0; at = startCode(au, at + 3)) {
    const type = au[at + 3] & 31;
    if (type >= NAL_SLICE && type <= NAL_IDR) return null;
    if (type === NAL_SPS) return nalUnits(au.subarray(at)).next().value ?? null;
  }
  return null;
}
