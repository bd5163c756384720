/*
 * The server's clock as seen from here, from `time` messages: the four stamps of NTP, and of the
 * last eight answers the one with the shortest round trip, which is the one that lies least.
 */

const SAMPLES_MAX = 8;

export class ServerClock {
  #nowUs;
  #samples = [];

  /* nowUs: our own clock, microseconds since 1970. */
  constructor(nowUs) {
    this.#nowUs = nowUs;
  }

  reset() {
    this.#samples = [];
  }

  query() {
    return { type: 'time', t0: Math.round(this.#nowUs()) };
  }

  answer({ t0, t1, t2 }) {
    const t3 = this.#nowUs();
    if (![t0, t1, t2].every(Number.isFinite) || t0 > t3) return;
    this.#samples.push({ offsetUs: (t1 - t0 + t2 - t3) / 2, rttUs: t3 - t0 - (t2 - t1) });
    if (this.#samples.length > SAMPLES_MAX) this.#samples.shift();
  }

  #best() {
    return this.#samples.reduce((a, b) => (a && a.rttUs <= b.rttUs ? a : b), null);
  }

  get rttMs() {
    const best = this.#best();
    return best ? best.rttUs / 1000 : null;
  }

  /* How long ago the server's clock showed timeUs; null until it has answered. */
  ageMs(timeUs) {
    const best = this.#best();
    return best ? (this.#nowUs() + best.offsetUs - timeUs) / 1000 : null;
  }
}
