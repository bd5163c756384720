/*
 * What ffmpeg makes of a stream: one checksum a picture, to hold other decoders' pictures and
 * other copies of the stream against.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';

/*
 * { pictures, complaints }: the MD5 of each picture, in the order they are shown, and what ffmpeg
 * had to say. input: a path, or the bytes. uncropped: pictures of whole macroblocks.
 */
export async function decodeWithFfmpeg(input, { uncropped = false } = {}) {
  const bytes = Buffer.isBuffer(input) ? input : null;
  const ffmpeg = spawn('ffmpeg', [
    '-hide_banner', '-v', 'warning', ...(bytes ? [] : ['-nostdin']),
    ...(uncropped ? ['-flags2', '+ignorecrop'] : []), '-f', 'h264', '-i', bytes ? '-' : input,
    '-fps_mode', 'passthrough', '-f', 'framemd5', '-',
  ], { stdio: ['pipe', 'pipe', 'pipe'] });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'])
    ffmpeg[name].setEncoding('utf8').on('data', (text) => (said[name] += text));
  ffmpeg.stdin.on('error', () => { /* it ended, and says why */ });
  ffmpeg.stdin.end(bytes ?? undefined);
  const [status] = await once(ffmpeg, 'close');
  if (status !== 0) throw new Error(`ffmpeg ended with status ${status}: ${said.stderr}`);
  const lines = said.stdout.split('\n').filter((line) => line && !line.startsWith('#'));
  return { pictures: lines.map((line) => line.split(/, */).at(-1)), complaints: said.stderr };
}
