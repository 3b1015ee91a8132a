// Where one is, kept in the address so that back, forward and reload work: "#/runs" or "#/runs/ID".

class Route {
  #hash = $state(location.hash);

  constructor() {
    window.addEventListener('hashchange', () => (this.#hash = location.hash));
  }

  /** The run that is open, or null on the list. */
  get runId(): string | null {
    const match = /^#\/runs\/(.+)$/.exec(this.#hash);
    return match?.[1] === undefined ? null : decodeURIComponent(match[1]);
  }
}

export const route = new Route();

export function linkToRun(id: string): string {
  return `#/runs/${encodeURIComponent(id)}`;
}

export const linkToRuns = '#/runs';
