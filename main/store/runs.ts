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
  tags: string[];
  notes: string;
  archivedAt?: number;
  deletedAt?: number;
  /** Place among the runs that wait, which are started in this order. */
  queuePlace?: number;
  /** The status that a waiting run had before; absent for one that never ran. */
  queuedFrom?: RunStatus;
  /** Lowest eval_loss so far. */
  bestEvalLoss?: number;
  /** What it trains on or last trained on: "cuda:1". */
  device?: string;
};

/** Without a place in the queue it is added with status "preparing", with one as "queued". */
export type NewRun = Pick<
  StoredRun,
  'id' | 'method' | 'name' | 'recipe' | 'outputDir' | 'createdAt' | 'host' | 'queuePlace'
>;

/** `null` clears a value. */
export type RunChanges = {
  [
    Key in
      | 'name'
      | 'startedAt'
      | 'endedAt'
      | 'totalSteps'
      | 'lastLoss'
      | 'host'
      | 'job'
      | 'error'
      | 'archivedAt'
      | 'deletedAt'
      | 'queuePlace'
      | 'queuedFrom'
      | 'bestEvalLoss'
      | 'device'
  ]?: StoredRun[Key] | null;
} & Partial<Pick<StoredRun, 'status' | 'lastStep' | 'metrics' | 'tags' | 'notes'>>;

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
  tags: string;
  notes: string;
  archived_at: number | null;
  deleted_at: number | null;
  queue_place: number | null;
  queued_from: RunStatus | null;
  best_eval_loss: number | null;
  device: string | null;
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
    tags: JSON.parse(row.tags) as string[],
    notes: row.notes,
    ...(row.name !== null && { name: row.name }),
    ...(row.started_at !== null && { startedAt: row.started_at }),
    ...(row.ended_at !== null && { endedAt: row.ended_at }),
    ...(row.total_steps !== null && { totalSteps: row.total_steps }),
    ...(row.last_loss !== null && { lastLoss: row.last_loss }),
    ...(row.host_pid !== null && { host: { pid: row.host_pid, identity: row.host_identity ?? '' } }),
    ...(row.job_pid !== null && { job: { pid: row.job_pid, identity: row.job_identity ?? '' } }),
    ...(row.error !== null && { error: JSON.parse(row.error) as ErrorDetails }),
    ...(row.archived_at !== null && { archivedAt: row.archived_at }),
    ...(row.deleted_at !== null && { deletedAt: row.deleted_at }),
    ...(row.queue_place !== null && { queuePlace: row.queue_place }),
    ...(row.queued_from !== null && { queuedFrom: row.queued_from }),
    ...(row.best_eval_loss !== null && { bestEvalLoss: row.best_eval_loss }),
    ...(row.device !== null && { device: row.device }),
  };
}

/** Changes as columns. A key that is absent stays out; null stays null. */
function toColumns(changes: RunChanges): Record<string, unknown> {
  const { host, job, error } = changes;
  const columns: Record<string, unknown> = {
    status: changes.status,
    name: changes.name,
    tags: changes.tags && JSON.stringify(changes.tags),
    notes: changes.notes,
    archived_at: changes.archivedAt,
    deleted_at: changes.deletedAt,
    queue_place: changes.queuePlace,
    queued_from: changes.queuedFrom,
    best_eval_loss: changes.bestEvalLoss,
    device: changes.device,
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
    insert into runs (id, method, name, status, recipe, output_dir, created_at, host_pid, host_identity, queue_place)
    values (@id, @method, @name, @status, @recipe, @outputDir, @createdAt, @pid, @identity, @queuePlace)`);
  const get = database.prepare<[string], Columns>('select * from runs where id = ?');
  const startingWith = database.prepare<[string, string], Columns>(
    'select * from runs where substr(id, 1, length(?)) = ? and deleted_at is null order by created_at desc',
  );
  const list = database.prepare<[], Columns>(
    'select * from runs where deleted_at is null order by created_at desc, rowid desc',
  );
  const newest = database.prepare<[number], Columns>(
    'select * from runs where deleted_at is null order by created_at desc, rowid desc limit ?',
  );
  const deleted = database.prepare<[number], Columns>('select * from runs where deleted_at <= ?');
  const queue = database.prepare<[], Columns>(
    'select * from runs where queue_place is not null and deleted_at is null order by queue_place',
  );
  const underWay = database.prepare<[], Columns>(
    "select * from runs where status in ('preparing', 'training') and deleted_at is null",
  );
  const remove = database.prepare('delete from runs where id = ?');
  const pathKeys = ['model_name_or_path', 'adapter_name_or_path', 'chat_template_path', 'logging_dir'];
  const listKeys = ['dataset_name', 'eval_dataset_name'];
  const paths = database
    .prepare<[], string>(
      `select output_dir as path from runs
      ${pathKeys.map((key) => `union select json_extract(recipe, '$.${key}') from runs`).join(' ')}
      ${listKeys.map((key) => `union select value from runs, json_each(recipe, '$.${key}')`).join(' ')}`,
    )
    .pluck();
  const pathsVersion = database
    .prepare<[], string>("select count(*) || ' ' || coalesce(max(created_at), 0) from runs")
    .pluck();

  return {
    insert(run: NewRun): void {
      insert.run({
        id: run.id,
        method: run.method,
        name: run.name ?? null,
        recipe: JSON.stringify(run.recipe),
        outputDir: run.outputDir,
        createdAt: run.createdAt,
        status: run.queuePlace === undefined ? 'preparing' : 'queued',
        queuePlace: run.queuePlace ?? null,
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
    /** All runs but deleted ones, newest first. */
    list: (): StoredRun[] => list.all().map(fromColumns),
    /** The first of that list. */
    newest: (count: number): StoredRun[] => newest.all(count).map(fromColumns),
    /** Runs that were deleted at `before` or earlier. */
    deleted: (before: number): StoredRun[] => deleted.all(before).map(fromColumns),
    /** Runs that wait, in order. */
    queue: (): StoredRun[] => queue.all().map(fromColumns),
    /** Runs that are preparing or training, as the history has it. */
    underWay: (): StoredRun[] => underWay.all().map(fromColumns),
    /** Models, data and outputs of all runs, as their recipes have them, each once. */
    paths: (): string[] => paths.all().filter((path) => typeof path === 'string'),
    /** Differs where runs have come or gone, and so paths may have. */
    pathsVersion: (): string => pathsVersion.get() ?? '',
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
