// From what a person types to a run, and what its status really is.
import { closest, distance } from 'fastest-levenshtein';
import { UserError } from '../errors.ts';
import { isMethod, METHODS, type Method } from '../recipe/recipe.ts';
import type { StoredRun } from '../store/runs.ts';
import type { App } from './app.ts';
import { isAlive } from './process-identity.ts';

/** Preparing or training, as the history has it. */
export function isUnderWay(run: Pick<StoredRun, 'status'>): boolean {
  return run.status === 'preparing' || run.status === 'training';
}

/** The run with its true status: one that nobody follows any more is interrupted. */
export function withTrueStatus<Run extends Pick<StoredRun, 'status' | 'host'>>(run: Run): Run {
  return isUnderWay(run) && (run.host === undefined || !isAlive(run.host)) ? { ...run, status: 'interrupted' } : run;
}

const undeleted = (run: StoredRun | undefined): StoredRun | undefined =>
  run?.deletedAt === undefined ? run : undefined;

/** How the run trains. Throws UserError "run-recipe-outdated" for a method that only another version knows. */
export function methodOf(run: Pick<StoredRun, 'id' | 'method'>): Method {
  if (isMethod(run.method)) return run.method;
  throw new UserError({
    code: 'run-recipe-outdated',
    message: `The run ${run.id} trains by ${run.method}, which this version of Lorelei does not know; it knows ${METHODS.join(', ')}.`,
    fix: 'Use the version that started it.',
  });
}

/**
 * The run with this name, the only run whose name begins with it, or, for "latest", the newest. Throws UserError
 * "run-not-found" or "run-ambiguous"; `where` begins their message: "model_name_or_path is run:x, and ".
 */
export function findRun(app: App, name: string, where = ''): StoredRun {
  const { runs } = app.history;
  const exact = name === 'latest' ? runs.newest(1)[0] : undeleted(runs.get(name));
  const found = exact === undefined ? (name === '' ? [] : runs.startingWith(name)) : [exact];
  const [run, ...others] = found;
  if (run !== undefined && others.length === 0) return withTrueStatus(run);
  if (run !== undefined) {
    throw new UserError({
      code: 'run-ambiguous',
      message: `${where}${name} may mean any of these runs: ${found.map(({ id }) => id).join(', ')}.`,
      fix: 'Type more of the name.',
    });
  }
  const names = app.history.lines.list().map(({ id }) => id);
  const nearest = names.length === 0 ? '' : closest(name, names);
  const isNear = distance(name, nearest) <= name.length / 2;
  const noRun = `${where}${where === '' ? 'There' : 'there'} is no run "${name}"`;
  throw new UserError({
    code: 'run-not-found',
    message:
      names.length === 0
        ? `${noRun}: the history in ${app.home.folder} is empty.`
        : `${noRun}.${isNear ? ` Did you mean ${nearest}?` : ''}`,
    fix: names.length === 0 ? 'Start one.' : 'Look for it in the list of runs.',
    commandLine: names.length === 0 ? 'Start one with lorelei sft.' : 'lorelei runs lists all of them.',
  });
}
