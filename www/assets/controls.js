/*
 * The controls below the picture: start and stop, resolution, how many watch. They speak to the
 * API and say its answers in words; whether the picture shows is not their business.
 */

import { choicesOf } from './modes.js';

const POLL_MS = 5000;

export class Controls {
  #api;
  #elements;
  #onRunning;
  #running = null;
  #timer = null;
  #busy = false;
  #hasModes = false;

  /*
   * elements: { toggle, resolution, viewers, message }.
   * onRunning(running) is told what the API says of the stream.
   */
  constructor(api, elements, onRunning = () => {}) {
    this.#api = api;
    this.#elements = elements;
    this.#onRunning = onRunning;
    elements.toggle.addEventListener('click', () => this.#toggle());
    elements.resolution.addEventListener('change', () => this.#resize());
    document.addEventListener('visibilitychange', () => this.poll());
  }

  /* Asks now and every few seconds while the page is seen. */
  async poll() {
    clearTimeout(this.#timer);
    if (document.hidden) return;
    if (!this.#busy) await this.#refresh();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.poll(), POLL_MS);
  }

  /* A change seen elsewhere, on the stream itself. */
  streamRunning(running) {
    this.#setRunning(running);
  }

  async #refresh() {
    try {
      const state = await this.#api.get('state');
      this.#setRunning(state.stream.running);
      this.#setViewers(state.viewers);
      if (!this.#hasModes) await this.#loadModes();
    } catch {
      this.#setViewers(null);
    }
  }

  async #loadModes() {
    this.#setModes(await this.#api.get('resolution'));
  }

  #setRunning(running) {
    if (typeof running !== 'boolean') return;
    this.#running = running;
    const { toggle } = this.#elements;
    toggle.textContent = running ? 'Stop' : 'Start';
    toggle.dataset.action = running ? 'stop' : 'start';
    toggle.disabled = this.#busy;
    this.#onRunning(running);
  }

  #setViewers(viewers) {
    const count = viewers?.count;
    this.#elements.viewers.textContent = Number.isInteger(count) ? String(count) : '–';
  }

  #setModes(resolution) {
    const { resolution: select } = this.#elements;
    const choices = choicesOf(resolution);
    select.replaceChildren(...choices.map(({ width, height, label }) => {
      const chosen = width === resolution.width && height === resolution.height;
      return new Option(label, `${width}x${height}`, chosen, chosen);
    }));
    this.#hasModes = choices.length > 0;
    select.disabled = !this.#hasModes || this.#busy;
  }

  #say(text, isError = false) {
    const { message } = this.#elements;
    message.textContent = text;
    message.classList.toggle('error', isError);
  }

  /* One change at a time; the page shows that it is under way. */
  async #change(doing, call) {
    if (this.#busy) return;
    this.#setBusy(true);
    this.#say(doing);
    try {
      this.#say(await call());
    } catch (error) {
      this.#say(error.message, true);
      this.#hasModes = false;
    }
    this.#setBusy(false);
    this.poll();
  }

  #setBusy(busy) {
    this.#busy = busy;
    this.#elements.toggle.disabled = busy || this.#running === null;
    this.#elements.resolution.disabled = busy || !this.#hasModes;
  }

  #toggle() {
    const stopping = this.#running;
    this.#change(stopping ? 'Stopping…' : 'Starting…', async () => {
      const answer = await this.#api.post(stopping ? 'stop' : 'start');
      this.#setRunning(answer.running);
      return answer.running ? 'The stream is on.' : 'The stream is stopped.';
    });
  }

  #resize() {
    const [width, height] = this.#elements.resolution.value.split('x').map(Number);
    this.#change(`Changing to ${width} × ${height}…`, async () => {
      const answer = await this.#api.put('resolution', { width, height });
      this.#hasModes = false;
      const got = answer.effective ?? { width, height };
      const when = answer.applied === 'next-start' ? ' from the next start on' : '';
      return `The picture is ${got.width} × ${got.height}${when}.`;
    });
  }
}
