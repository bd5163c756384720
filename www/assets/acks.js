/*
 * Acknowledgements: the server sends no further than what was acknowledged recently, so they go
 * out from the message handler itself, but at most one in 50 ms, and the last one wins.
 */

export const ACK_INTERVAL_MS = 50;

export class Acks {
  #send;
  #env;
  #seq = 0;
  #sentAt = -Infinity;
  #timer = null;

  /* send(seq) is called at most once in 50 ms; env has now, setTimeout and clearTimeout. */
  constructor(send, env) {
    this.#send = send;
    this.#env = env;
  }

  received(seq) {
    this.#seq = seq;
    if (this.#timer !== null) return;
    const waitMs = this.#sentAt + ACK_INTERVAL_MS - this.#env.now();
    if (waitMs <= 0) this.#flush();
    else this.#timer = this.#env.setTimeout(() => this.#flush(), waitMs);
  }

  #flush() {
    this.#timer = null;
    this.#sentAt = this.#env.now();
    this.#send(this.#seq);
  }

  cancel() {
    if (this.#timer !== null) this.#env.clearTimeout(this.#timer);
    this.#timer = null;
    this.#sentAt = -Infinity;
  }
}
