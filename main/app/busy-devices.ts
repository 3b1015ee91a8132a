// What runs ask for, and what other runs train on, whoever follows them.
import type { StoredRun } from '../store/runs.ts';
import type { JobDevice } from '../training/job.ts';
import type { App } from './app.ts';
import { isUnderWay, withTrueStatus } from './find-run.ts';

/** What the recipe of a run names: "auto", "cuda:1". */
export const deviceAsked = ({ recipe: { device } }: Pick<StoredRun, 'recipe'>): string =>
  typeof device === 'string' ? device : 'auto';

/** A GPU that is given to a run whose recipe leaves open which one. */
export const freeGpu = (name: string): JobDevice => ({ name, reason: 'the first GPU that no other run trains on' });

/** Device -> words on who has it, in the form that says why it is not taken. `id` is the run that asks. */
export function busyDevices({ history }: Pick<App, 'history'>, id: string): ReadonlyMap<string, string> {
  const others = history.runs.underWay().filter((run) => run.id !== id && isUnderWay(withTrueStatus(run)));
  return new Map(
    others.flatMap((run) => (run.device === undefined ? [] : [[run.device, `the run ${run.id} trains on it`]])),
  );
}
