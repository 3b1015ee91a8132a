// Which runs a list shows, and in which order.
import type { RunStatus, RunSummary } from '../../preload/contract.ts';

export type Filter = {
  /** Words; each must stand somewhere in the run's names, tags, model or data. */
  search: string;
  status: RunStatus | '';
  method: string;
  tag: string;
  archived: boolean;
};

export const noFilter: Filter = { search: '', status: '', method: '', tag: '', archived: false };

const byWhat = {
  name: (run) => (run.name ?? run.id).toLowerCase(),
  status: (run) => statusOrder.indexOf(run.status),
  method: (run) => run.method,
  model: (run) => run.modelName.toLowerCase(),
  data: (run) => run.dataName.toLowerCase(),
  progress: (run) => (run.totalSteps ? run.step / run.totalSteps : null),
  bestEvalLoss: (run) => run.bestEvalLoss,
  loss: (run) => run.loss,
  duration: (run) => run.durationMs,
  created: (run) => run.createdAt,
} satisfies Record<string, (run: RunSummary) => string | number | null>;

export type Column = keyof typeof byWhat;
export type Order = { column: Column; descending: boolean };

/** What is going on first, then what needs a person. */
const statusOrder: readonly RunStatus[] = [
  'training',
  'preparing',
  'queued',
  'interrupted',
  'failed',
  'stopped',
  'completed',
];

export const newestFirst: Order = { column: 'created', descending: true };

export function filterRuns(runs: readonly RunSummary[], filter: Filter): RunSummary[] {
  const words = filter.search.toLowerCase().split(/\s+/).filter(Boolean);
  return runs.filter(
    (run) =>
      run.archived === filter.archived &&
      (filter.status === '' || run.status === filter.status) &&
      (filter.method === '' || run.method === filter.method) &&
      (filter.tag === '' || run.tags.includes(filter.tag)) &&
      (words.length === 0 || hasWords(run, words)),
  );
}

function hasWords(run: RunSummary, words: readonly string[]): boolean {
  const { id, name, method, modelName, dataName, tags } = run;
  const text = [id, name ?? '', method, modelName, dataName, ...tags].join('\n').toLowerCase();
  return words.every((word) => text.includes(word));
}

/** `runs` come newest first and stay so among equals. What has no value stands last, whichever way. */
export function orderRuns(runs: readonly RunSummary[], { column, descending }: Order): RunSummary[] {
  const keyed = runs.map((run) => ({ run, key: byWhat[column](run) }));
  keyed.sort((a, b) => {
    if (a.key === b.key) return 0;
    if (a.key === null) return 1;
    if (b.key === null) return -1;
    return a.key < b.key === descending ? 1 : -1;
  });
  return keyed.map(({ run }) => run);
}
