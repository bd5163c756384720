/*
 * The streams that the tests play: made here with x264, and other people's, which are no part of
 * the tree (their licences): NALCAST_SAMPLES names their folder.
 */

import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { VUIS, annexB, nalsOf, withPicOrder, withShortStartCodes, withTrailingZeros, withTwoPps }
  from './rewrite.mjs';

const run = promisify(execFile);

const SAMPLES = process.env.NALCAST_SAMPLES
  ?? fileURLToPath(new URL('../../../shared/samples/', import.meta.url));

/* A sample as { name, path, skip }: why it cannot be played here, or false. */
export function sample(name) {
  const path = join(SAMPLES, name);
  return { name, path, skip: existsSync(path) ? false : `${name} is not here` };
}

/* Whole and of Baseline profile. */
export const BASELINE = [
  'BA1_FT_C.264', 'BA1_Sony_D.jsv', 'BANM_MW_D.264', 'CVFC1_Sony_C.jsv', 'LS_SVA_D.264',
  'MPS_MW_A.264', 'MR1_BT_A.h264', 'SVA_Base_B.264', 'SarVui.264', 'Static.264',
  'Zhling_1280x720.264', 'h264bsd_test_1920x1080.h264', 'h264bsd_test_640x360.h264',
];

export const DAMAGED = ['BA_MW_D_IDR_LOST.264', 'BA_MW_D_P_LOST.264', 'Error_I_P.264'];

export const OTHER_PROFILES = [
  ['Cisco_Men_whisper_640x320_CAVLC_Bframe_9.264', 'Main'],
  ['camera-streamer_capture.h264', 'Main'],
  ['openipc_smolrtsp_video.h264', 'High'],
  ['test_qcif_cabac.264', 'Main'],
];

/* ffmpeg's moving test picture through x264; options: those of x264. */
export async function encode(path, { size = '320x240', frames = 60, fps = 30, profile = 'baseline',
  options = 'keyint=25' } = {}) {
  await run('ffmpeg', ['-nostdin', '-v', 'error', '-y', '-f', 'lavfi', '-i',
    `testsrc2=size=${size}:rate=${fps}`, '-frames:v', `${frames}`, '-pix_fmt', 'yuv420p',
    '-c:v', 'libx264', '-preset', 'veryfast', '-profile:v', profile,
    '-x264-params', `scenecut=0:${options}`, '-f', 'h264', path]);
  return path;
}

/* What x264 can be asked for: name, settings. */
const ENCODED = [
  ['one slice', {}],
  ['eight slices', { options: 'keyint=25:slices=8' }],
  ['slices of 400 bytes', { options: 'keyint=25:slice-max-size=400' }],
  ['sliced threads', { options: 'keyint=25:threads=4:sliced-threads=1' }],
  ['4 references', { options: 'keyint=25:ref=4' }],
  ['16 references', { size: '176x144', options: 'keyint=25:ref=16' }],
  ['intra refresh', { options: 'intra-refresh=1:keyint=12' }],
  ['cropping', { size: '642x482', frames: 40 }],
  ['delimiters', { options: 'keyint=25:aud=1' }],
  ['SEI and HRD', {
    options: 'keyint=25:nal-hrd=vbr:vbv-maxrate=800:vbv-bufsize=800:pic-struct=1',
  }],
  ['IDR pictures only', { frames: 20, options: 'keyint=1' }],
  ['one picture', { frames: 1 }],
];

const REWRITTEN = [
  ['start codes of 3 bytes', withShortStartCodes, 'keyint=25:slices=4'],
  ['trailing zeros', withTrailingZeros, 'keyint=25:slices=4'],
  ['two PPS in turn', withTwoPps, 'keyint=25:ref=2'],
  ...[0, 1, 2].flatMap((poc) => Object.entries(VUIS).map(([name, vui]) => [
    `POC type ${poc}, ${name}`, (bytes) => withPicOrder(bytes, poc, vui), 'keyint=25:ref=2',
  ])),
];

function isSlice(nal) {
  return [1, 5].includes(nal[0] & 31);
}

/* xorshift32: the same numbers in every run. */
export function* random(seed) {
  for (let state = seed; ;) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    yield state >>> 0;
  }
}

/* A NAL unit of any type, full of anything. */
function garbage(numbers) {
  const size = 1 + (numbers.next().value % 300);
  return Buffer.from(Array.from({ length: size }, () => numbers.next().value & 255));
}

/* What may happen to four slices a picture, an IDR every 20 pictures: name, damage(nals). */
const ACCIDENTS = [
  ['begins without an IDR', (nals) => nals.filter((nal, i) => !isSlice(nal) || i > 20)],
  ['begins without parameter sets', (nals) => nals.slice(nals.findIndex(isSlice))],
  ['has lost an IDR', (nals) => nals.filter((nal, i) =>
    (nal[0] & 31) !== 5 || i < nals.length / 2)],
  ['has lost slices', (nals) => nals.filter((nal, i) => !isSlice(nal) || i % 23 !== 0)],
  ['has lost pictures', (nals) => nals.filter((nal, i) => !isSlice(nal) || i % 100 > 6)],
  ['is cut off', (nals) => {
    const last = nals.findLastIndex(isSlice);
    return [...nals.slice(0, last), nals[last].subarray(0, nals[last].length / 2)];
  }],
  ['has garbage in it', (nals) => {
    const numbers = random(20240608);
    return nals.flatMap((nal, i) => (i % 11 === 10 ? [nal, garbage(numbers)] : [nal]));
  }],
];

export const GARBAGE = 'a stream that has garbage in it';

/* Each as { name, make(dir) }. */
export const BROKEN = ACCIDENTS.map(([name, damage]) => ({
  name: `a stream that ${name}`,
  make: async (dir) => {
    const original = await encode(join(dir, 'original.h264'),
      { size: '176x144', options: 'keyint=20:slices=4' });
    const path = join(dir, 'stream.h264');
    writeFileSync(path, annexB(damage(nalsOf(readFileSync(original)))));
    return path;
  },
}));

/* Each as { name, make(dir) }: make() gives the path of the stream, and where it was rewritten
 * that of the stream it was made of, whose pictures it has. */
export const GENERATED = [
  ...ENCODED.map(([name, settings]) => ({
    name, make: async (dir) => ({ path: await encode(join(dir, 'stream.h264'), settings) }),
  })),
  ...REWRITTEN.map(([name, rewrite, options]) => ({
    name,
    make: async (dir) => {
      const original = await encode(join(dir, 'original.h264'), { size: '176x144', options });
      const path = join(dir, 'stream.h264');
      writeFileSync(path, rewrite(readFileSync(original)));
      return { path, original };
    },
  })),
];
