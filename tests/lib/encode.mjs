/*
 * H.264 for the tests that have no nalcastd: the test pattern through ffmpeg and x264, as a list
 * of access units { au, idr }.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { NAL_AUD, NAL_IDR, NAL_PPS, NAL_SEI, NAL_SLICE, NAL_SPS, nalType, nalUnits }
  from '../../www/assets/nal.js';
import { drawFrame } from './pattern.mjs';

const START_CODE = Uint8Array.of(0, 0, 0, 1);

function isSlice(type) {
  return type >= NAL_SLICE && type <= NAL_IDR;
}

/* H.264 7.4.1.2.3, as far as needed: first_mb_in_slice is 0, or a NAL unit that leads. */
function beginsUnit(nal) {
  const type = nalType(nal);
  if (isSlice(type)) return (nal[1] & 0x80) !== 0;
  return [NAL_SPS, NAL_PPS, NAL_SEI, NAL_AUD].includes(type);
}

function joined(nals) {
  return new Uint8Array(Buffer.concat(nals.flatMap((nal) => [START_CODE, nal])));
}

export function splitUnits(bytes) {
  const units = [];
  let nals = [];
  let hasSlice = false;
  const finish = () => {
    if (hasSlice) units.push({ au: joined(nals), idr: nals.some((n) => nalType(n) === NAL_IDR) });
    nals = [];
    hasSlice = false;
  };
  for (const nal of nalUnits(bytes)) {
    if (hasSlice && beginsUnit(nal)) finish();
    if (nalType(nal) !== NAL_AUD) nals.push(nal);
    hasSlice ||= isSlice(nalType(nal));
  }
  finish();
  return units;
}

const cache = new Map();

/* The clock of picture n shows frame n and n * 40 ms. Encoded once per process and settings. */
export function patternUnits({ width = 640, height = 480, frames = 60, gop = 30,
  profile = 'baseline' } = {}) {
  const key = JSON.stringify([width, height, frames, gop, profile]);
  if (!cache.has(key)) cache.set(key, encode({ width, height, frames, gop, profile }));
  return cache.get(key);
}

async function encode({ width, height, frames, gop, profile }) {
  const ffmpeg = spawn('ffmpeg', [
    '-hide_banner', '-loglevel', 'error', '-f', 'rawvideo', '-pix_fmt', 'yuv420p',
    '-s', `${width}x${height}`, '-r', '25', '-i', '-', '-c:v', 'libx264',
    '-profile:v', profile, '-preset', 'superfast', '-tune', 'zerolatency', '-bf', '0',
    '-g', `${gop}`, '-keyint_min', `${gop}`, '-sc_threshold', '0', '-color_range', 'tv',
    '-colorspace', 'smpte170m', '-color_primaries', 'smpte170m', '-color_trc', 'smpte170m',
    '-f', 'h264', '-',
  ], { stdio: ['pipe', 'pipe', 'inherit'] });
  const chunks = [];
  ffmpeg.stdout.on('data', (chunk) => chunks.push(chunk));
  const ended = once(ffmpeg, 'close');
  for (let n = 0; n < frames; n += 1) {
    const room = ffmpeg.stdin.write(drawFrame(width, height, n * 40, n));
    if (!room) await once(ffmpeg.stdin, 'drain');
  }
  ffmpeg.stdin.end();
  const [status] = await ended;
  if (status !== 0) throw new Error(`ffmpeg ended with status ${status}`);
  return splitUnits(Buffer.concat(chunks));
}
