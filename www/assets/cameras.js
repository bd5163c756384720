/*
 * The other cameras behind the same mount point, as links in the header. Camera main's page is
 * the mount point itself, another's is NAME/ below it.
 */

const MAIN = 'main';

/* The last folder of a page's address: its camera's name, if it is not the mount point. */
function folderOf(base) {
  return new URL('.', base).pathname.split('/').at(-2);
}

/*
 * [{ name, href, current }] for the page at `base`, none where there is nothing to choose.
 * current: its camera, where that is known; otherwise the address has to say.
 */
export function linksOf(names, base, current) {
  const guess = names.includes(folderOf(base)) ? folderOf(base) : MAIN;
  const here = current ?? guess;
  const up = here === MAIN ? './' : '../';
  if (names.length < 2) return [];
  return names.map((name) => ({
    name, href: name === MAIN ? up : `${up}${name}/`, current: name === here,
  }));
}

export class Cameras {
  #api;
  #element;
  #names = [];
  #current = null;

  constructor(api, element) {
    this.#api = api;
    this.#element = element;
  }

  /* Asks which there are; a page that may not ask, or an old server, shows none. */
  async load() {
    try {
      const cameras = await this.#api.get('cameras');
      this.#names = cameras.map(({ name }) => name);
    } catch {
      return;
    }
    this.#show();
  }

  /* What the stream says whose it is. */
  watching(name) {
    if (name === this.#current) return;
    this.#current = name;
    this.#show();
  }

  #show() {
    const links = linksOf(this.#names, document.baseURI, this.#current);
    this.#element.hidden = links.length === 0;
    this.#element.replaceChildren(...links.map(({ name, href, current }) => {
      const link = document.createElement('a');
      link.href = href;
      link.textContent = name;
      if (current) link.setAttribute('aria-current', 'page');
      return link;
    }));
  }
}
