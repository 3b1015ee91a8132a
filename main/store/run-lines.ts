// Runs as lists show them: everything but the recipe, whose reading is what makes ten thousand of them slow.
import type { Database } from 'better-sqlite3';
import type { RunStatus } from '../../preload/contract.ts';
import type { StoredRun } from './runs.ts';

export type RunLine = Pick<
  StoredRun,
  | 'id'
  | 'method'
  | 'name'
  | 'status'
  | 'createdAt'
  | 'startedAt'
  | 'endedAt'
  | 'totalSteps'
  | 'lastStep'
  | 'lastLoss'
  | 'bestEvalLoss'
  | 'tags'
  | 'host'
  | 'device'
> & {
  /** model_name_or_path. */
  model: string;
  /** dataset_name: a text or a list of them. */
  data: unknown;
  hasNotes: boolean;
  archived: boolean;
  deleted: boolean;
};

type Columns = {
  id: string;
  method: string;
  name: string | null;
  status: RunStatus;
  model: string;
  data: string;
  created_at: number;
  started_at: number | null;
  ended_at: number | null;
  total_steps: number | null;
  last_step: number;
  last_loss: number | null;
  best_eval_loss: number | null;
  host_pid: number | null;
  host_identity: string | null;
  device: string | null;
  tags: string;
  has_notes: number;
  archived: number;
  deleted: number;
};

const columns = `id, method, name, status, model, data, created_at, started_at, ended_at, total_steps, last_step,
  last_loss, best_eval_loss, host_pid, host_identity, device, tags, notes <> '' as has_notes,
  archived_at is not null as archived, deleted_at is not null as deleted`;

function fromColumns(row: Columns): RunLine {
  return {
    id: row.id,
    method: row.method,
    status: row.status,
    model: row.model,
    data: JSON.parse(row.data),
    createdAt: row.created_at,
    lastStep: row.last_step,
    tags: row.tags === '[]' ? [] : (JSON.parse(row.tags) as string[]),
    hasNotes: row.has_notes === 1,
    archived: row.archived === 1,
    deleted: row.deleted === 1,
    ...(row.name !== null && { name: row.name }),
    ...(row.started_at !== null && { startedAt: row.started_at }),
    ...(row.ended_at !== null && { endedAt: row.ended_at }),
    ...(row.total_steps !== null && { totalSteps: row.total_steps }),
    ...(row.last_loss !== null && { lastLoss: row.last_loss }),
    ...(row.best_eval_loss !== null && { bestEvalLoss: row.best_eval_loss }),
    ...(row.device !== null && { device: row.device }),
    ...(row.host_pid !== null && { host: { pid: row.host_pid, identity: row.host_identity ?? '' } }),
  };
}

/** Questions that lists ask of the table of runs. */
export function runLineTable(database: Database) {
  const list = database.prepare<[], Columns>(
    `select ${columns} from runs where deleted_at is null order by created_at desc, rowid desc`,
  );
  const get = database.prepare<[string], Columns>(`select ${columns} from runs where id = ?`);
  // Those that wait or train are told each time: their place and whether their host lives are not in their row.
  const changed = database.prepare<[number], Columns>(
    `select ${columns} from runs where revision > ? or status in ('queued', 'preparing', 'training')`,
  );
  const revision = database.prepare<[], number>('select last from run_revision').pluck();

  return {
    /** All runs but deleted ones, newest first. */
    list: (): RunLine[] => list.all().map(fromColumns),
    get(id: string): RunLine | undefined {
      const row = get.get(id);
      return row && fromColumns(row);
    },
    /** Runs that changed after `revision`, deleted ones too, and all that wait or train. */
    changedAfter: (revision: number): RunLine[] => changed.all(revision).map(fromColumns),
    /** Grows with each change to any run. */
    revision: (): number => revision.get() ?? 0,
  };
}
