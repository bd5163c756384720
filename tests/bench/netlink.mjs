// A slow link for the benches: a network namespace joined to ours by a veth pair, with a token
// bucket (tbf) on our end; and a relay that makes the round trip longer. Needs root.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import net from 'node:net';

const PREFIX = 'nalcast-bench-';
const BURST_BYTES = 3200;   // two packets: else a silent link saves up tokens for an IDR
const BUFFER_MS = 100;      // that the router in front of the link may hold...
const BUFFER_BYTES = 32768; // ...or this, where that is more

function ip(...args) {
  return execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function tc(...args) {
  execFileSync('tc', args, { stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Those of benches that were killed hard. */
function removeStale() {
  for (const [, name, pid] of ip('netns', 'list').matchAll(/^(nalcast-bench-(\d+))/gm))
    if (!existsSync(`/proc/${pid}`)) ip('netns', 'del', name);
}

export class Link {
  constructor() {
    const { pid } = process;
    this.namespace = `${PREFIX}${pid}`;
    this.device = `nb${pid}`;
    const subnet = `10.213.${pid % 256}`;
    this.address = `${subnet}.1`;
    removeStale();
    process.on('exit', () => this.remove());
    ip('netns', 'add', this.namespace);
    ip('link', 'add', this.device, 'type', 'veth', 'peer', 'name', 'bench', 'netns',
      this.namespace);
    ip('addr', 'add', `${this.address}/24`, 'dev', this.device);
    ip('link', 'set', this.device, 'up');
    ip('-n', this.namespace, 'addr', 'add', `${subnet}.2/24`, 'dev', 'bench');
    ip('-n', this.namespace, 'link', 'set', 'bench', 'up');
  }

  /** Towards the viewer, in bits a second. */
  setRate(bps) {
    const bytesMs = bps / 8000;
    const burst = Math.round(Math.max(BURST_BYTES, 5 * bytesMs));
    const limit = Math.round(Math.max(BUFFER_BYTES, BUFFER_MS * bytesMs));
    tc('qdisc', 'replace', 'dev', this.device, 'root', 'tbf', 'rate', `${Math.round(bps)}bit`,
      'burst', String(burst), 'limit', String(limit));
  }

  remove() {
    for (const args of [['link', 'del', this.device], ['netns', 'del', this.namespace]]) {
      try {
        ip(...args);
      } catch { /* it never came to be */ }
    }
  }
}

/** A link, or the reason why there can be none. */
export function tryLink() {
  if (process.getuid() !== 0) return { reason: 'network namespaces need root' };
  let link = null;
  try {
    link = new Link();
    link.setRate(1e6);
    return { link };
  } catch (error) {
    link?.remove();
    return { reason: String(error.stderr ?? error.message).trim() };
  }
}

function passOn(from, to, delayMs) {
  const later = (act) => setTimeout(() => to.destroyed || act(), delayMs);
  from.on('data', (chunk) => later(() => to.write(chunk)));
  from.on('end', () => later(() => to.end()));
  from.on('error', () => to.destroy());
  from.on('close', () => later(() => to.destroy()));
}

/** A TCP relay to target whose every chunk is late, both ways. Gives its port. */
export function startRelay(target, roundTripMs) {
  const server = net.createServer({ noDelay: true }, (near) => {
    const far = net.connect({ ...target, noDelay: true });
    passOn(near, far, roundTripMs / 2);
    passOn(far, near, roundTripMs / 2);
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server.address().port));
  });
}
