/*
 * Acknowledgements: the server sends no further than what was acknowledged recently, so they go
 * out from the message handler itself, but at most one in 50 ms, and the last one wins. A server
 * with a crowd of viewers asks for fewer: of messages that come on time. Those that come late, by
 * what the last seconds took from the server to here, are acknowledged every 50 ms all the same.
 */

export const ACK_INTERVAL_MS = 50;
const INTERVAL_MAX_MS = 2000;
const LATE_MS = 30;
const PERIOD_MS = 10000; // of which the quickest messages count, in this and the one before

export class Acks {
  #send;
  #env;
  #seq = 0;
  #sentAt = -Infinity;
  #timer = null;
  #dueAt = Infinity;
  #calmMs = ACK_INTERVAL_MS;
  #periodAt = -Infinity;
  #quickest = Infinity;
  #quickestBefore = Infinity;

  /* send(seq) is called at most once in 50 ms; env has now, setTimeout and clearTimeout. */
  constructor(send, env) {
    this.#send = send;
    this.#env = env;
  }

  /* How often the server wants to hear of messages that come on time; what is no such number, or
   * was not said, is 50. */
  setInterval(ms) {
    this.#calmMs = Number.isInteger(ms) && ms > 0 && ms <= INTERVAL_MAX_MS ? ms : ACK_INTERVAL_MS;
  }

  /* publishUs: when it left, by the server's clock. */
  received(seq, publishUs) {
    this.#seq = seq;
    const now = this.#env.now();
    const late = this.#isLate(now - publishUs / 1000, now);
    const intervalMs = late ? Math.min(ACK_INTERVAL_MS, this.#calmMs) : this.#calmMs;
    this.#flushAt(Math.max(this.#sentAt + intervalMs, now), now);
  }

  /* The two clocks differ by a constant: what matters is how much longer than usual it took. */
  #isLate(tookMs, now) {
    if (now - this.#periodAt > PERIOD_MS) {
      this.#periodAt = now;
      this.#quickestBefore = this.#quickest;
      this.#quickest = Infinity;
    }
    this.#quickest = Math.min(this.#quickest, tookMs);
    return tookMs > Math.min(this.#quickest, this.#quickestBefore) + LATE_MS;
  }

  #flushAt(at, now) {
    if (at >= this.#dueAt) return;
    this.#env.clearTimeout(this.#timer);
    this.#dueAt = at;
    if (at <= now) this.#flush();
    else this.#timer = this.#env.setTimeout(() => this.#flush(), at - now);
  }

  #flush() {
    this.#dueAt = Infinity;
    this.#sentAt = this.#env.now();
    this.#send(this.#seq);
  }

  /* The connection is gone. */
  cancel() {
    this.#env.clearTimeout(this.#timer);
    this.#dueAt = this.#quickest = this.#quickestBefore = Infinity;
    this.#sentAt = this.#periodAt = -Infinity;
    this.#calmMs = ACK_INTERVAL_MS;
  }
}
