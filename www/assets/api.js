/*
 * nalcast's HTTP API, as far as the page uses it (nalcast-api(7)). Errors become ApiError, whose
 * message is a sentence for people: the detail of the problem document (RFC 9457) where there is
 * one.
 */

const ANSWER_MAX_MS = 25000;

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
  }
}

/* The words of a problem document; its pointers name what was wrong where there are several. */
function problemWords(problem, status) {
  const details = (problem?.errors ?? []).map((error) => error.detail).filter(Boolean);
  const main = problem?.detail ?? problem?.title;
  const words = [main, ...details.filter((detail) => detail !== main)].filter(Boolean);
  return words.length > 0 ? words.join(' ') : `The server answered with status ${status}.`;
}

async function bodyOf(response) {
  try {
    return await response.json();
  } catch {
    return null;
  }
}

export class Api {
  #base;
  #fetch;

  /* base: URL of `api/v1/`, with the slash. */
  constructor(base, fetcher = (...args) => fetch(...args)) {
    this.#base = base;
    this.#fetch = fetcher;
  }

  get(path) {
    return this.#call('GET', path);
  }

  post(path) {
    return this.#call('POST', path);
  }

  put(path, value) {
    return this.#call('PUT', path, value);
  }

  async #call(method, path, value) {
    const request = { method, cache: 'no-store', signal: AbortSignal.timeout(ANSWER_MAX_MS) };
    if (value !== undefined) {
      request.headers = { 'Content-Type': 'application/json' };
      request.body = JSON.stringify(value);
    }
    let response;
    try {
      response = await this.#fetch(new URL(path, this.#base).href, request);
    } catch (error) {
      const late = error.name === 'TimeoutError';
      throw new ApiError(0, `The server ${late ? 'did not answer in time' : 'is unreachable'}.`);
    }
    const body = await bodyOf(response);
    if (!response.ok) throw new ApiError(response.status, problemWords(body, response.status));
    return body;
  }
}
