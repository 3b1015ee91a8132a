// The table of runs as one looks at it: what is filtered, how it is ordered, which rows are selected and where one stands.
// It outlives the screen, so that a way to a run and back leads to the same place.
import { SvelteSet } from 'svelte/reactivity';
import type { RunSummary } from '../../preload/contract.ts';
import { runs } from '../state/runs.svelte.ts';
import { filterRuns, newestFirst, noFilter, orderRuns, type Column, type Filter, type Order } from './run-order.ts';

/** Text is read from A, numbers from the best or newest. */
const descendsAtFirst: readonly Column[] = ['created', 'duration', 'progress'];

class RunTable {
  filter = $state<Filter>({ ...noFilter });
  order = $state.raw<Order>(newestFirst);
  /** The run that keys act on. */
  current = $state<string | null>(null);
  readonly selected = new SvelteSet<string>();

  readonly rows = $derived(orderRuns(filterRuns(runs.value ?? [], this.filter), this.order));
  readonly methods = $derived([...new Set((runs.value ?? []).map(({ method }) => method))].sort());
  readonly tags = $derived([...new Set((runs.value ?? []).flatMap(({ tags }) => tags))].sort());
  readonly archivedCount = $derived((runs.value ?? []).filter(({ archived }) => archived).length);
  readonly queue = $derived(
    (runs.value ?? [])
      .filter(({ queuePlace }) => queuePlace !== null)
      .sort((a, b) => (a.queuePlace ?? 0) - (b.queuePlace ?? 0)),
  );
  readonly interrupted = $derived(
    (runs.value ?? []).filter(({ status, archived }) => status === 'interrupted' && !archived),
  );
  /** Selected rows that are in sight of the filter, in the order of the table. */
  readonly selectedRows = $derived(this.rows.filter(({ id }) => this.selected.has(id)));
  readonly currentIndex = $derived(this.rows.findIndex(({ id }) => id === this.current));

  get filtered(): boolean {
    const { search, status, method, tag } = this.filter;
    return [search, status, method, tag].some((value) => value !== '');
  }

  /** What keys and buttons act on: the selected rows, else the one where one stands. */
  get subjects(): RunSummary[] {
    if (this.selectedRows.length > 0) return this.selectedRows;
    const row = this.rows[this.currentIndex];
    return row === undefined ? [] : [row];
  }

  showAll(): void {
    this.filter = { ...noFilter, archived: this.filter.archived };
  }

  /** Turns to what was put away, or back. What was selected there is not meant here. */
  showArchived(archived: boolean): void {
    this.filter.archived = archived;
    this.selected.clear();
  }

  orderBy(column: Column): void {
    const same = this.order.column === column;
    this.order = { column, descending: same ? !this.order.descending : descendsAtFirst.includes(column) };
  }

  /** Goes to the row at `index`, or the nearest there is. With `selecting`, it is selected together with where one was. */
  stand(index: number, selecting = false): void {
    const row = this.rows[Math.max(0, Math.min(index, this.rows.length - 1))];
    if (row === undefined) return;
    if (selecting && this.current !== null) this.selected.add(this.current);
    this.current = row.id;
    if (selecting) this.selected.add(row.id);
  }

  toggle(id: string): void {
    if (!this.selected.delete(id)) this.selected.add(id);
  }

  /** Selects all rows from where one stands to `index`. */
  selectUpTo(index: number): void {
    const from = Math.max(0, this.currentIndex);
    for (const { id } of this.rows.slice(Math.min(from, index), Math.max(from, index) + 1)) this.selected.add(id);
  }

  selectAll(): void {
    for (const { id } of this.rows) this.selected.add(id);
  }

  /** Stands on the row after those that are about to go. */
  stepOff(going: readonly RunSummary[]): void {
    const gone = new Set(going.map(({ id }) => id));
    if (this.current === null || !gone.has(this.current)) return;
    const rest = this.rows.slice(this.currentIndex).find(({ id }) => !gone.has(id));
    this.current = rest?.id ?? this.rows.findLast(({ id }) => !gone.has(id))?.id ?? null;
  }
}

export const table = new RunTable();
