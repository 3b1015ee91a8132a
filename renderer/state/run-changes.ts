// A list of runs, brought up to date by what changed since.
import type { RunSummary } from '../../preload/contract.ts';

/** The list with what changed; runs of the same time stay in the order they came. */
export function withChanges(
  list: readonly RunSummary[],
  changed: readonly RunSummary[],
  gone: readonly string[],
): RunSummary[] {
  const isGone = new Set(gone);
  const news = new Map(changed.map((run) => [run.id, run]));
  const kept = list
    .filter(({ id }) => !isGone.has(id))
    .map((run) => {
      const now = news.get(run.id) ?? run;
      news.delete(run.id);
      return now;
    });
  if (news.size === 0) return kept;
  return [...news.values(), ...kept].sort((a, b) => b.createdAt - a.createdAt);
}
