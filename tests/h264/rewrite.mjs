/*
 * Makes of a stream of x264's, which is always alike, what other encoders make: another
 * pic_order_cnt_type, another VUI, a second PPS. The pictures stay what they are. Written from the
 * standard (H.264 7.3), and on purpose without anything of nalcastd's.
 */

const START = Buffer.of(0, 0, 0, 1);
const TYPE_SLICE = 1;
const TYPE_IDR = 5;
const TYPE_SPS = 7;
const TYPE_PPS = 8;

const LOG2_MAX_POC_LSB = 8;

/* Bits as text: slow, and all that small streams need. */
class Bits {
  #text;
  #at = 0;

  constructor(text) {
    this.#text = text;
  }

  u(count) {
    this.#at += count;
    return Number.parseInt(this.#text.slice(this.#at - count, this.#at), 2);
  }

  /* ue(v), 9.1 */
  ue() {
    const zeros = this.#text.indexOf('1', this.#at) - this.#at;
    this.#at += zeros;
    return this.u(zeros + 1) - 1;
  }

  get rest() {
    return this.#text.slice(this.#at);
  }

  /* The bits that read() takes. */
  taken(read) {
    const from = this.#at;
    read(this);
    return this.#text.slice(from, this.#at);
  }
}

export function u(count, value) {
  return value.toString(2).padStart(count, '0');
}

export function ue(value) {
  const binary = (value + 1).toString(2);
  return '0'.repeat(binary.length - 1) + binary;
}

export function se(value) {
  return ue(value > 0 ? 2 * value - 1 : -2 * value);
}

/* The NAL units of Annex B (B.1), without start codes and trailing zeros. */
export function nalsOf(bytes) {
  const starts = [];
  for (let at = bytes.indexOf('000001', 0, 'hex'); at >= 0;
    at = bytes.indexOf('000001', at + 3, 'hex')) starts.push(at);
  return starts.map((start, i) => {
    let end = starts[i + 1] ?? bytes.length;
    while (end > start + 3 && bytes[end - 1] === 0) end -= 1;
    return bytes.subarray(start + 3, end);
  });
}

export function annexB(nals, start = START) {
  return Buffer.concat(nals.flatMap((nal) => [start, nal]));
}

/* What follows the NAL unit's header, without emulation prevention (7.4.1) and trailing bits. */
function payloadOf(nal) {
  let bits = '';
  let zeros = 0;
  for (const byte of nal.subarray(1)) {
    const prevention = zeros >= 2 && byte === 3;
    if (!prevention) bits += u(8, byte);
    zeros = byte === 0 && !prevention ? zeros + 1 : 0;
  }
  return bits.slice(0, bits.lastIndexOf('1'));
}

function nalWith(header, payload) {
  const bits = `${payload}1`;
  const padded = bits.padEnd(Math.ceil(bits.length / 8) * 8, '0');
  const out = [header];
  let zeros = 0;
  for (let at = 0; at < padded.length; at += 8) {
    const byte = Number.parseInt(padded.slice(at, at + 8), 2);
    if (zeros >= 2 && byte <= 3) {
      out.push(3);
      zeros = 0;
    }
    out.push(byte);
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return Buffer.from(out);
}

/* An SPS of Baseline profile (7.3.2.1.1). */
function readSps(nal) {
  const bits = new Bits(payloadOf(nal));
  const head = bits.taken((b) => { b.u(24); b.ue(); });
  const log2MaxFrameNum = bits.ue() + 4;
  const pocType = bits.ue();
  if (pocType === 0) bits.ue();
  if (pocType === 1) throw new Error('this pic_order_cnt_type is not expected here');
  let refs;
  const picture = bits.taken((b) => {
    refs = b.ue();
    b.u(1);
    b.ue();
    b.ue();
    b.u(2);
    if (b.u(1)) for (let i = 0; i < 4; i += 1) b.ue();
  });
  return { head, log2MaxFrameNum, picture, refs };
}

/* The frame_num of each access unit's picture (7.3.3): [{ frameNum, idr, isRef }]. */
export function frameNumsOf(units) {
  let sps;
  return units.map((unit) => {
    const nals = nalsOf(unit);
    for (const nal of nals) if ((nal[0] & 31) === TYPE_SPS) sps = readSps(nal);
    const slice = nals.find((nal) => isSlice(nal[0] & 31));
    const bits = new Bits(payloadOf(slice));
    for (let i = 0; i < 3; i += 1) bits.ue();
    return {
      frameNum: bits.u(sps.log2MaxFrameNum),
      max: 2 ** sps.log2MaxFrameNum,
      idr: (slice[0] & 31) === TYPE_IDR,
      isRef: slice[0] >> 5 !== 0,
    };
  });
}

/* One reference picture after the other, two apart: what pic_order_cnt_type 2 says as well. */
const POC_FIELDS = [
  ue(0) + ue(LOG2_MAX_POC_LSB - 4),
  ue(1) + u(1, 1) + se(0) + se(0) + ue(1) + se(2),
  ue(2),
];

const UNSAID = u(5, 0); /* aspect ratio, overscan, video signal, chroma position, timing */
const NO_HRD = u(3, 0); /* and no pic_struct */

function restriction(reorder, buffering) {
  return u(1, 1) + u(1, 1) + ue(0) + ue(0) + ue(10) + ue(10) + ue(reorder) + ue(buffering);
}

/* vui_parameters() as encoders write them (E.1.1), for so many reference pictures. */
export const VUIS = {
  'no VUI': () => u(1, 0),
  'a VUI without restriction': () => u(1, 1) + UNSAID + NO_HRD + u(1, 0),
  'a VUI that allows reordering': (refs) =>
    u(1, 1) + UNSAID + NO_HRD + restriction(2, Math.max(refs, 4)),
  'a VUI that forbids reordering': (refs) => u(1, 1) + UNSAID + NO_HRD + restriction(0, refs),
};

/* slice_header() up to where pic_order_cnt_lsb belongs (7.3.3). */
function sliceWith(nal, sps, change) {
  const bits = new Bits(payloadOf(nal));
  const begin = bits.taken((b) => { b.ue(); b.ue(); });
  const pps = bits.ue();
  const between = bits.taken((b) => {
    b.u(sps.log2MaxFrameNum);
    if ((nal[0] & 31) === TYPE_IDR) b.ue();
  });
  return nalWith(nal[0], begin + ue(change.pps ?? pps) + between + (change.poc ?? '') + bits.rest);
}

function isSlice(type) {
  return type === TYPE_SLICE || type === TYPE_IDR;
}

/* The stream with this pic_order_cnt_type and VUI; one slice a picture. */
export function withPicOrder(bytes, pocType, vui) {
  let sps;
  let picture;
  return annexB(nalsOf(bytes).map((nal) => {
    const type = nal[0] & 31;
    if (type === TYPE_SPS) {
      sps = readSps(nal);
      return nalWith(nal[0],
        sps.head + ue(sps.log2MaxFrameNum - 4) + POC_FIELDS[pocType] + sps.picture + vui(sps.refs));
    }
    if (!isSlice(type) || pocType !== 0) return nal;
    picture = type === TYPE_IDR ? 0 : picture + 1;
    const lsb = (2 * picture) % 2 ** LOG2_MAX_POC_LSB;
    return sliceWith(nal, sps, { poc: u(LOG2_MAX_POC_LSB, lsb) });
  }));
}

/* The stream with its PPS twice, ids 0 and 1, which the pictures use in turn; one slice each. */
export function withTwoPps(bytes) {
  let sps;
  let picture = 0;
  return annexB(nalsOf(bytes).flatMap((nal) => {
    const type = nal[0] & 31;
    if (type === TYPE_SPS) sps = readSps(nal);
    if (type === TYPE_PPS) {
      const bits = new Bits(payloadOf(nal));
      bits.ue();
      return [nal, nalWith(nal[0], ue(1) + bits.rest)];
    }
    if (!isSlice(type)) return [nal];
    picture += 1;
    return [sliceWith(nal, sps, { pps: picture % 2 })];
  }));
}

/* The stream with the shortest start codes there are, or with zeros behind every NAL unit. */
export function withShortStartCodes(bytes) {
  return annexB(nalsOf(bytes), START.subarray(1));
}

export function withTrailingZeros(bytes) {
  return annexB(nalsOf(bytes).map((nal) => Buffer.concat([nal, Buffer.alloc(3)])));
}
