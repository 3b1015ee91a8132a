// Where one is, kept in the address so that back, forward and reload work: "#/runs", "#/runs/ID", "#/new/data",
// "#/compare?runs=a,b".
import { SvelteURLSearchParams } from 'svelte/reactivity';

class Route {
  #hash = $state(location.hash);
  readonly #path = $derived(this.#hash.replace(/^#\/?/, '').split('?')[0] ?? '');
  readonly #parts = $derived(this.#path.split('/').map(decoded));
  readonly #query = $derived(new URLSearchParams(this.#hash.split('?')[1] ?? ''));

  constructor() {
    window.addEventListener('hashchange', () => (this.#hash = location.hash));
  }

  /** The screen: "runs", "new", "compare", "try", "settings". */
  get screen(): string {
    return this.#parts[0] === '' ? 'runs' : (this.#parts[0] ?? 'runs');
  }

  /** What comes behind the screen, part by part. */
  get rest(): string[] {
    return this.#parts.slice(1).filter((part) => part !== '');
  }

  get query(): URLSearchParams {
    return this.#query;
  }

  /** The run that is open, or null. */
  get runId(): string | null {
    return this.screen === 'runs' ? (this.rest[0] ?? null) : null;
  }

  /** Goes to a link of this file without a click. */
  go(link: string): void {
    location.hash = link;
  }

  /** The same, in place of where one is: back leads to where one was before. */
  replace(link: string): void {
    history.replaceState(null, '', link);
    this.#hash = location.hash;
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // typed by hand
  }
}

export const route = new Route();

/** linkTo(['runs', id]) or linkTo(['compare'], { runs: 'a,b' }). */
export function linkTo(path: readonly string[], query: Readonly<Record<string, string>> = {}): string {
  const search = new SvelteURLSearchParams(query).toString();
  return `#/${path.map(encodeURIComponent).join('/')}${search === '' ? '' : `?${search}`}`;
}

export const linkToRun = (id: string): string => linkTo(['runs', id]);

export const linkToRuns = linkTo(['runs']);
