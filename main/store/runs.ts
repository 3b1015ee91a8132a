// The table of runs: one row each, from the first request to the end.
import type { Database } from 'better-sqlite3';
import type { ErrorDetails } from '../errors.ts';
import type { Metrics, RunStatus } from '../../preload/contract.ts';

/** A process. `identity` tells it from a later process with the same number. */
export type KnownProcess = { pid: number; identity: string };

/** What the history keeps of a run. Times are milliseconds since 1970. */
export type StoredRun = {
  id: string;
  method: string;
  name?: string;
  status: RunStatus;
  /** The checked recipe, paths absolute. */
  recipe: Record<string, unknown>;
  outputDir: string;
  createdAt: number;
  startedAt?: number;
  endedAt?: number;
  totalSteps?: number;
  lastStep: number;
  /** Loss of the last step; absent before the first and where it was not a number. */
  lastLoss?: number;
  /** The process that follows the run. */
  host?: KnownProcess;
  /** The process that trains; it may outlive its host by one step. */
  job?: KnownProcess;
  /** Final metrics. */
  metrics: Metrics;
  error?: ErrorDetails;
};

export type NewRun = Pick<StoredRun, 'id' | 'method' | 'name' | 'recipe' | 'outputDir' | 'createdAt' | 'host'>;

/** `null` clears a value. */
export type RunChanges = {
  [Key in 'startedAt' | 'endedAt' | 'totalSteps' | 'lastLoss' | 'host' | 'job' | 'error']?: StoredRun[Key] | null;
} & Partial<Pick<StoredRun, 'status' | 'lastStep' | 'metrics'>>;

type Columns = {
  id: string;
  method: string;
  name: string | null;
  status: RunStatus;
  recipe: string;
  output_dir: string;
  created_at: number;
  started_at: number | null;
  ended_at: number | null;
  total_steps: number | null;
  last_step: number;
  last_loss: number | null;
  host_pid: number | null;
  host_identity: string | null;
  job_pid: number | null;
  job_identity: string | null;
  metrics: string;
  error: string | null;
};

function fromColumns(row: Columns): StoredRun {
  return {
    id: row.id,
    method: row.method,
    status: row.status,
    recipe: JSON.parse(row.recipe) as Record<string, unknown>,
    outputDir: row.output_dir,
    createdAt: row.created_at,
    lastStep: row.last_step,
    metrics: JSON.parse(row.metrics) as Metrics,
    ...(row.name !== null && { name: row.name }),
    ...(row.started_at !== null && { startedAt: row.started_at }),
    ...(row.ended_at !== null && { endedAt: row.ended_at }),
    ...(row.total_steps !== null && { totalSteps: row.total_steps }),
    ...(row.last_loss !== null && { lastLoss: row.last_loss }),
    ...(row.host_pid !== null && { host: { pid: row.host_pid, identity: row.host_identity ?? '' } }),
    ...(row.job_pid !== null && { job: { pid: row.job_pid, identity: row.job_identity ?? '' } }),
    ...(row.error !== null && { error: JSON.parse(row.error) as ErrorDetails }),
  };
}

/** Changes as columns. A key that is absent stays out; null stays null. */
function toColumns(changes: RunChanges): Record<string, unknown> {
  const { host, job, error } = changes;
  const columns: Record<string, unknown> = {
    status: changes.status,
    started_at: changes.startedAt,
    ended_at: changes.endedAt,
    total_steps: changes.totalSteps,
    last_step: changes.lastStep,
    last_loss: changes.lastLoss,
    metrics: changes.metrics && JSON.stringify(changes.metrics),
    error: error && JSON.stringify(error),
    host_pid: host && host.pid,
    host_identity: host && host.identity,
    job_pid: job && job.pid,
    job_identity: job && job.identity,
  };
  return Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined));
}

/** Statements on the table of runs. */
export function runTable(database: Database) {
  const insert = database.prepare(`
    insert into runs (id, method, name, status, recipe, output_dir, created_at, host_pid, host_identity)
    values (@id, @method, @name, 'preparing', @recipe, @outputDir, @createdAt, @pid, @identity)`);
  const get = database.prepare<[string], Columns>('select * from runs where id = ?');
  const startingWith = database.prepare<[string, string], Columns>(
    'select * from runs where substr(id, 1, length(?)) = ? order by created_at desc',
  );
  const list = database.prepare<[], Columns>('select * from runs order by created_at desc, rowid desc');
  const remove = database.prepare('delete from runs where id = ?');

  return {
    /** Adds a run with status "preparing". */
    insert(run: NewRun): void {
      insert.run({
        id: run.id,
        method: run.method,
        name: run.name ?? null,
        recipe: JSON.stringify(run.recipe),
        outputDir: run.outputDir,
        createdAt: run.createdAt,
        pid: run.host?.pid ?? null,
        identity: run.host?.identity ?? null,
      });
    },
    get(id: string): StoredRun | undefined {
      const row = get.get(id);
      return row && fromColumns(row);
    },
    /** Runs whose id begins with `prefix`, newest first. */
    startingWith: (prefix: string): StoredRun[] => startingWith.all(prefix, prefix).map(fromColumns),
    /** All runs, newest first. */
    list: (): StoredRun[] => list.all().map(fromColumns),
    update(id: string, changes: RunChanges): void {
      const columns = toColumns(changes);
      const names = Object.keys(columns);
      if (names.length === 0) return;
      const assignments = names.map((name) => `${name} = @${name}`).join(', ');
      database.prepare(`update runs set ${assignments} where id = @id`).run({ ...columns, id });
    },
    /** Forgets a run with all that belongs to it. Files are left alone. */
    remove(id: string): void {
      remove.run(id);
    },
  };
}
