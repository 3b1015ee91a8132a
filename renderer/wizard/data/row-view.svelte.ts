// The row that is looked at, and pages of rows around it from the token cache.
import type { CommandInput, ErrorDetails, ShownRow, TokenizedData } from '../../../preload/contract.ts';
import { host } from '../../state/host.ts';

export type RowFilter = CommandInput<'data.rows'>['filter'];

const PAGE = 20;
/** Of a longer part the beginning and the end are shown, until all is asked for. */
const TOKENS = 600;
const ALL_TOKENS = 100_000;

class RowView {
  filter = $state<RowFilter>('all');
  /** Among the rows that pass the filter, from 0. */
  at = $state(0);
  /** Null before the first answer. */
  total = $state<number | null>(null);
  row = $state.raw<ShownRow | null>(null);
  failure = $state.raw<ErrorDetails | null>(null);
  #data: TokenizedData | null = null;
  #pages = new Map<number, Promise<readonly ShownRow[]>>();
  #asked = 0;

  /** Looks at other data, from the same row where it has as many. */
  show(data: TokenizedData | null): void {
    if (data === this.#data) return;
    this.#data = data;
    this.#pages = new Map();
    if (data === null) this.row = null;
    else void this.go(this.at);
  }

  look(filter: RowFilter): void {
    this.filter = filter;
    this.#pages = new Map();
    void this.go(0);
  }

  /** To the row at this place; what is outside leads to the nearest. */
  async go(place: number): Promise<void> {
    const asked = ++this.#asked;
    const at = Math.max(0, this.total === null ? place : Math.min(place, this.total - 1));
    const page = Math.floor(at / PAGE);
    const rows = await this.#page(page);
    if (asked !== this.#asked) return;
    const row = rows[at - page * PAGE];
    if (!row && this.total !== null && this.total > 0 && at >= this.total) return this.go(this.total - 1);
    this.at = at;
    this.row = row ?? null;
    // What the arrow keys lead to next.
    const near = Math.floor((at + (at % PAGE > PAGE / 2 ? PAGE / 2 : -PAGE / 2)) / PAGE);
    if (near !== page && near >= 0 && near * PAGE < (this.total ?? 0)) void this.#page(near);
  }

  /** The row with all of its tokens. */
  async showWhole(): Promise<void> {
    const asked = ++this.#asked;
    const rows = await this.#ask(this.at, 1, ALL_TOKENS);
    if (asked === this.#asked && rows[0]) this.row = rows[0];
  }

  #page(page: number): Promise<readonly ShownRow[]> {
    const known = this.#pages.get(page);
    if (known) return known;
    const rows = this.#ask(page * PAGE, PAGE, TOKENS);
    this.#pages.set(page, rows);
    return rows;
  }

  async #ask(offset: number, limit: number, tokens: number): Promise<readonly ShownRow[]> {
    const data = this.#data;
    if (!data) return [];
    const { filter } = this;
    const { maxLength } = data;
    const result = await host.call('data.rows', { ...data.rows, offset, limit, filter, tokens, maxLength });
    if (data !== this.#data || filter !== this.filter) return [];
    this.failure = result.ok ? null : result.error;
    if (!result.ok) return [];
    this.total = result.value.total;
    return result.value.rows;
  }
}

export const rowView = new RowView();
