// What a person does to runs in the table. Each says what was done and offers the way back.
import type { CommandInput, CommandName, ErrorDetails, RunSummary } from '../../preload/contract.ts';
import { host } from '../state/host.ts';
import { linkTo } from '../state/route.svelte.ts';
import { runs } from '../state/runs.svelte.ts';
import { toasts } from '../state/toasts.svelte.ts';
import { table } from './run-table.svelte.ts';

const MOST_COMPARED = 8;

/** Calls at a time: a browser keeps the others waiting anyway. */
const AT_ONCE = 20;

type Outcome = { done: RunSummary[]; refusals: ErrorDetails[] };

async function each<C extends CommandName>(
  subjects: readonly RunSummary[],
  command: C,
  inputOf: (run: RunSummary) => CommandInput<C>,
): Promise<Outcome> {
  const outcome: Outcome = { done: [], refusals: [] };
  for (let start = 0; start < subjects.length; start += AT_ONCE) {
    const some = subjects.slice(start, start + AT_ONCE);
    const results = await Promise.all(some.map((run) => host.call(command, inputOf(run))));
    results.forEach((result, i) => {
      const run = some[i];
      if (!result.ok) outcome.refusals.push(result.error);
      else if (run !== undefined) outcome.done.push(run);
    });
  }
  runs.refresh();
  return outcome;
}

/** "calm-otter", "calm-otter and swift-trout", "12 runs". */
export function namesOf(some: readonly RunSummary[]): string {
  const names = some.map(nameOf);
  return names.length <= 2 ? names.join(' and ') : `${names.length} runs`;
}

export const nameOf = ({ name, id }: RunSummary): string => name ?? id;

export const isUnderWay = ({ status }: RunSummary): boolean => status === 'preparing' || status === 'training';

export const canResume = ({ status }: RunSummary): boolean =>
  status === 'interrupted' || status === 'stopped' || status === 'failed';

/** Where two to eight runs are looked at together; null for fewer or more. */
export function linkToComparison(some: readonly RunSummary[]): string | null {
  if (some.length < 2 || some.length > MOST_COMPARED) return null;
  return linkTo(['compare'], { runs: some.map(({ id }) => id).join(',') });
}

function sayRefusals(refusals: readonly ErrorDetails[]): void {
  const [first, ...others] = refusals;
  if (first === undefined) return;
  toasts.show(
    `${first.message} ${first.fix}${others.length === 0 ? '' : ` The same holds for ${others.length} more.`}`,
  );
}

/** Puts them away, or, where all of them are put away, brings them back. */
export async function archive(subjects: readonly RunSummary[]): Promise<void> {
  const archived = !subjects.every((run) => run.archived);
  const going = subjects.filter((run) => run.archived !== archived);
  table.stepOff(going);
  const { done, refusals } = await each(going, 'run.change', ({ id }) => ({ id, archived }));
  forget(done);
  if (done.length > 0) {
    toasts.show(`${archived ? 'Archived' : 'Brought back'} ${namesOf(done)}`, {
      text: 'Undo',
      run: () => void each(done, 'run.change', ({ id }) => ({ id, archived: !archived })),
    });
  }
  sayRefusals(refusals);
}

export async function remove(subjects: readonly RunSummary[]): Promise<void> {
  const going = subjects.filter((run) => !isUnderWay(run) && run.status !== 'queued');
  const staying = subjects.length - going.length;
  table.stepOff(going);
  const { done, refusals } = await each(going, 'run.delete', ({ id }) => ({ id }));
  forget(done);
  if (done.length > 0) {
    const stay = staying === 0 ? '' : `; ${staying} that train or wait ${staying === 1 ? 'stays' : 'stay'}`;
    toasts.show(`Deleted ${namesOf(done)}${stay}`, {
      text: 'Undo',
      run: () => void each(done, 'run.restore', ({ id }) => ({ id })).then((back) => sayRefusals(back.refusals)),
    });
  } else if (staying > 0) {
    toasts.show(
      `${namesOf(subjects)} ${staying === 1 ? 'trains or waits' : 'train or wait'}: stop first, then delete.`,
    );
  }
  sayRefusals(refusals);
}

export async function resume(subjects: readonly RunSummary[]): Promise<void> {
  const { done, refusals } = await each(subjects.filter(canResume), 'run.resume', ({ id }) => ({ id }));
  if (done.length > 0) {
    toasts.show(
      `${namesOf(done)} ${done.length === 1 ? 'goes' : 'go'} on from the last checkpoint when it is its turn`,
    );
  }
  sayRefusals(refusals);
}

/** Stops what trains after its step, and takes what waits out of the queue. */
export async function stop(subjects: readonly RunSummary[]): Promise<void> {
  const going = subjects.filter((run) => isUnderWay(run) || run.status === 'queued');
  const { refusals } = await each(going, 'run.stop', ({ id }) => ({ id }));
  sayRefusals(refusals);
}

/** Puts a waiting run at a place, 0 being next. */
export async function moveInQueue(id: string, to: number): Promise<void> {
  const result = await host.call('queue.move', { id, to });
  runs.refresh();
  if (!result.ok) sayRefusals([result.error]);
}

export async function describe(run: RunSummary, name: string, tags: readonly string[]): Promise<ErrorDetails | null> {
  const result = await host.call('run.change', { id: run.id, name: name === '' ? null : name, tags: [...tags] });
  runs.refresh();
  return result.ok ? null : result.error;
}

function forget(some: readonly RunSummary[]): void {
  for (const { id } of some) table.selected.delete(id);
}
