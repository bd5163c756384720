/*
 * How long to wait before the next attempt: doubling, with jitter, so that a hundred viewers do
 * not come back in the same instant.
 */
export class Backoff {
  #firstMs;
  #maxMs;
  #random;
  #failures = 0;

  constructor({ firstMs = 500, maxMs = 15000, random = Math.random } = {}) {
    this.#firstMs = firstMs;
    this.#maxMs = maxMs;
    this.#random = random;
  }

  /* Between half of the step and all of it; floorMs raises the step when more patience is asked. */
  nextMs(floorMs = 0) {
    const step = Math.min(this.#maxMs, this.#firstMs * 2 ** Math.min(this.#failures, 16));
    this.#failures += 1;
    const waitMs = Math.max(step, floorMs);
    return waitMs / 2 + (this.#random() * waitMs) / 2;
  }

  reset() {
    this.#failures = 0;
  }
}
