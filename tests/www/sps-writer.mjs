/*
 * Makes sequence parameter sets for the tests of their reader.
 */

/* Writes bits as H.264 7.2 and 9.1 read them. */
class BitWriter {
  bits = '';

  u(count, value) {
    this.bits += value.toString(2).padStart(count, '0');
    return this;
  }

  ue(value) {
    const binary = (value + 1).toString(2);
    this.bits += '0'.repeat(binary.length - 1) + binary;
    return this;
  }

  se(value) {
    return this.ue(value > 0 ? 2 * value - 1 : -2 * value);
  }

  bytes() {
    const padded = `${this.bits}1`.padEnd(Math.ceil((this.bits.length + 1) / 8) * 8, '0');
    return padded.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2));
  }
}

/* Puts the emulation prevention bytes in (H.264 7.4.1). */
function escaped(bytes) {
  const out = [];
  for (const byte of bytes) {
    if (byte <= 3 && out.at(-1) === 0 && out.at(-2) === 0) out.push(3);
    out.push(byte);
  }
  return Uint8Array.from(out);
}

/* Eight lists, of which the first and the last are said to be the default (H.264 7.3.2.1.1.1). */
function scalingLists(w) {
  w.u(1, 1).u(1, 1).se(-8).u(6, 0).u(1, 1).se(-8);
}

/* bitstream_restriction of the VUI (H.264 E.1.1), with the flag before it. */
export function restriction(w, reorder, buffering) {
  w.u(1, 1).u(1, 1);
  for (let i = 0; i < 4; i += 1) w.ue(i);
  w.ue(reorder).ue(buffering);
}

export function sps({ profile = 66, constraints = 0xc0, level = 30, pocType = 2, refs = 1, width = 640,
  height = 480, crop = null, progressive = 1, chroma = null, vui = null } = {}) {
  const w = new BitWriter();
  w.ue(0);
  if (chroma !== null) scalingLists(w.ue(chroma).ue(0).ue(0).u(1, 0));
  w.ue(0).ue(pocType);
  if (pocType === 0) w.ue(2);
  if (pocType === 1) w.u(1, 0).se(-3).se(4).ue(2).se(1).se(-1);
  w.ue(refs).u(1, 0);
  w.ue(width / 16 - 1).ue(height / 16 / (2 - progressive) - 1).u(1, progressive);
  if (!progressive) w.u(1, 0);
  w.u(1, 1);
  w.u(1, crop ? 1 : 0);
  if (crop) crop.forEach((value) => w.ue(value));
  w.u(1, vui ? 1 : 0);
  vui?.(w);
  return escaped([0x67, profile, constraints, level, ...w.bytes()]);
}
