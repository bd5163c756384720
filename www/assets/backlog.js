/*
 * The units that a decoder was given and has not given back, oldest first; and whether they are
 * so many, or so old, that waiting for the next IDR is better than decoding them all.
 *
 * Age is what counts: after the page was busy for a moment many units arrive at once, and a
 * decoder that keeps up is through them long before the next IDR would come. Before its first
 * picture a decoder is still loading, and only the number counts.
 */

const COUNT_MAX = 90;
const AGE_MAX_MS = 500;
const AGED_COUNT_MIN = 3;

export class Backlog {
  #units = new Map();
  #started = false;

  get size() {
    return this.#units.size;
  }

  /* ids rise. */
  add(id, unit, nowMs) {
    this.#units.set(id, { unit, givenMs: nowMs });
  }

  /* The unit of this id, or undefined; those before it are through as well. */
  take(id) {
    const taken = this.#units.get(id);
    for (const known of this.#units.keys()) {
      if (known > id) break;
      this.#units.delete(known);
    }
    this.#started = true;
    return taken?.unit;
  }

  clear() {
    this.#units.clear();
  }

  /* A new decoder loads anew. */
  restart() {
    this.clear();
    this.#started = false;
  }

  isTooLong(nowMs) {
    if (this.size > COUNT_MAX) return true;
    if (!this.#started || this.size < AGED_COUNT_MIN) return false;
    const [oldest] = this.#units.values();
    return nowMs - oldest.givenMs > AGE_MAX_MS;
  }
}
