/*
 * Reads a sequence parameter set (H.264 7.3.2.1.1 and E.1.1): what a decoder string, a crop and
 * the question whether Broadway can play it need.
 */

const EXTENDED_SAR = 255;

/* Profiles whose SPS carries chroma format, bit depth and scaling lists. */
const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);

/* MaxDpbMbs by level_idc (H.264 table A-1). */
const MAX_DPB_MBS = new Map([
  [9, 396], [10, 396], [11, 900], [12, 2376], [13, 2376], [20, 2376], [21, 4752], [22, 8100],
  [30, 8100], [31, 18000], [32, 20480], [40, 32768], [41, 32768], [42, 34816],
  [50, 110400], [51, 184320], [52, 184320], [60, 696320], [61, 696320], [62, 696320],
]);

/* The build of Broadway has a heap of 50 MiB; asking for more aborts it for good. */
const BROADWAY_PICTURE_BYTES_MAX = 40e6;

class BitReader {
  #bytes;
  #bit = 0;

  constructor(bytes) {
    this.#bytes = bytes;
  }

  flag() {
    const byte = this.#bytes[this.#bit >> 3];
    if (byte === undefined) throw new RangeError('the SPS is cut short');
    const value = (byte >> (7 - (this.#bit & 7))) & 1;
    this.#bit += 1;
    return value;
  }

  bits(count) {
    let value = 0;
    for (let i = 0; i < count; i += 1) value = value * 2 + this.flag();
    return value;
  }

  /* ue(v), H.264 9.1 */
  unsigned() {
    let zeros = 0;
    while (!this.flag()) {
      zeros += 1;
      if (zeros > 31) throw new RangeError('the SPS has a number past 32 bits');
    }
    return 2 ** zeros - 1 + this.bits(zeros);
  }

  /* se(v), H.264 9.1.1 */
  signed() {
    const code = this.unsigned();
    return code & 1 ? (code + 1) / 2 : -code / 2;
  }
}

/* Takes the emulation prevention bytes out (H.264 7.4.1). */
function rbspOf(nal) {
  const out = [];
  let zeros = 0;
  for (const byte of nal) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    out.push(byte);
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return out;
}

function skipScalingList(bits, size) {
  let last = 8;
  let next = 8;
  for (let i = 0; i < size; i += 1) {
    if (next !== 0) next = (last + bits.signed() + 256) % 256;
    if (next !== 0) last = next;
  }
}

/* Returns chroma_format_idc. */
function readHighPart(bits) {
  const chroma = bits.unsigned();
  if (chroma === 3) bits.flag();
  bits.unsigned();
  bits.unsigned();
  bits.flag();
  if (bits.flag()) {
    const lists = chroma === 3 ? 12 : 8;
    for (let i = 0; i < lists; i += 1) if (bits.flag()) skipScalingList(bits, i < 6 ? 16 : 64);
  }
  return chroma;
}

/* Returns pic_order_cnt_type. */
function readPicOrder(bits) {
  const type = bits.unsigned();
  if (type === 0) bits.unsigned();
  if (type === 1) {
    bits.flag();
    bits.signed();
    bits.signed();
    const cycle = bits.unsigned();
    if (cycle > 255) throw new RangeError('the SPS has an impossible picture order cycle');
    for (let i = 0; i < cycle; i += 1) bits.signed();
  }
  return type;
}

function skipHrd(bits) {
  const count = bits.unsigned() + 1;
  if (count > 32) throw new RangeError('the SPS has an impossible HRD count');
  bits.bits(8);
  for (let i = 0; i < count; i += 1) {
    bits.unsigned();
    bits.unsigned();
    bits.flag();
  }
  bits.bits(20);
}

/* H.264 E.1.1: colours, and how many pictures a decoder may hold back for reordering. */
function readVui(bits, sps) {
  if (bits.flag() && bits.bits(8) === EXTENDED_SAR) bits.bits(32);
  if (bits.flag()) bits.flag();
  if (bits.flag()) {
    bits.bits(3);
    sps.fullRange = bits.flag() === 1;
    if (bits.flag()) {
      bits.bits(16);
      sps.matrix = bits.bits(8);
    }
  }
  if (bits.flag()) {
    bits.unsigned();
    bits.unsigned();
  }
  if (bits.flag()) bits.bits(65);
  const nalHrd = bits.flag();
  if (nalHrd) skipHrd(bits);
  const vclHrd = bits.flag();
  if (vclHrd) skipHrd(bits);
  if (nalHrd || vclHrd) bits.flag();
  bits.flag();
  if (bits.flag()) {
    bits.flag();
    for (let i = 0; i < 4; i += 1) bits.unsigned();
    sps.reorderFrames = bits.unsigned();
    bits.unsigned();
  }
}

/* Samples that one unit of frame cropping stands for (H.264 7.4.2.1.1, table 6-1). */
function cropUnit(chroma, frameMbsOnly) {
  const x = chroma === 1 || chroma === 2 ? 2 : 1;
  const y = chroma === 1 ? 2 : 1;
  return [x, y * (2 - frameMbsOnly)];
}

function readCrop(bits, chroma, frameMbsOnly) {
  const crop = { left: 0, right: 0, top: 0, bottom: 0 };
  if (!bits.flag()) return crop;
  const [x, y] = cropUnit(chroma, frameMbsOnly);
  crop.left = bits.unsigned() * x;
  crop.right = bits.unsigned() * x;
  crop.top = bits.unsigned() * y;
  crop.bottom = bits.unsigned() * y;
  return crop;
}

function hexByte(value) {
  return value.toString(16).padStart(2, '0').toUpperCase();
}

/* Throws RangeError, with words, for what is no SPS. */
export function parseSps(nal) {
  const rbsp = rbspOf(nal);
  if (rbsp.length < 5 || (rbsp[0] & 31) !== 7) throw new RangeError('not an SPS');
  const [, profile, constraints, level] = rbsp;
  const bits = new BitReader(rbsp.slice(4));
  bits.unsigned();
  const chroma = HIGH_PROFILES.has(profile) ? readHighPart(bits) : 1;
  bits.unsigned();
  const pocType = readPicOrder(bits);
  const refs = bits.unsigned();
  bits.flag();
  const widthMbs = bits.unsigned() + 1;
  const heightUnits = bits.unsigned() + 1;
  const frameMbsOnly = bits.flag();
  if (!frameMbsOnly) bits.flag();
  bits.flag();
  const codedWidth = widthMbs * 16;
  const codedHeight = heightUnits * 16 * (2 - frameMbsOnly);
  const crop = readCrop(bits, chroma, frameMbsOnly);
  const sps = {
    profile, constraints, level, pocType, refs, codedWidth, codedHeight, crop,
    codec: `avc1.${hexByte(profile)}${hexByte(constraints)}${hexByte(level)}`,
    progressive: frameMbsOnly === 1,
    width: codedWidth - crop.left - crop.right,
    height: codedHeight - crop.top - crop.bottom,
    fullRange: false,
    matrix: 2,
    reorderFrames: null,
  };
  if (sps.width <= 0 || sps.height <= 0) throw new RangeError('the SPS crops everything away');
  if (bits.flag()) readVui(bits, sps);
  return sps;
}

/* MaxDpbFrames (H.264 A.3.1). An unknown level counts as the largest. */
export function dpbFramesMax(sps) {
  const level1b = sps.level === 11 && sps.constraints & 0x10;
  const mbs = MAX_DPB_MBS.get(level1b ? 9 : sps.level) ?? 696320;
  return Math.min(16, Math.floor((mbs * 256) / (sps.codedWidth * sps.codedHeight)));
}

/*
 * What Broadway would allocate. It keeps the reference pictures when pictures leave in decoding
 * order, otherwise as many as the level allows; and two more.
 */
export function broadwayBytes(sps) {
  const inOrder = sps.pocType === 2 || sps.reorderFrames === 0;
  const frames = inOrder ? sps.refs : Math.max(sps.refs, dpbFramesMax(sps));
  return (frames + 2) * sps.codedWidth * sps.codedHeight * 1.5;
}

const PROFILE_NAMES = new Map([
  [66, 'Baseline'], [77, 'Main'], [88, 'Extended'], [100, 'High'], [110, 'High 10'],
]);

/* Why Broadway cannot play this, as a sentence; null when it can. It would not say so itself. */
export function broadwayRefusal(sps) {
  const baseline = sps.profile === 66 || (sps.constraints & 0x80) !== 0;
  if (!baseline) {
    const name = PROFILE_NAMES.get(sps.profile) ?? `number ${sps.profile}`;
    return `The stream has H.264 profile ${name}: this needs WebCodecs.`;
  }
  if (!sps.progressive) return 'The stream is interlaced: this needs WebCodecs.';
  if (broadwayBytes(sps) > BROADWAY_PICTURE_BYTES_MAX) {
    return `${sps.width}x${sps.height} with ${sps.refs} reference pictures is too large for `
      + 'Broadway: this needs WebCodecs.';
  }
  return null;
}
