// The history: a SQLite database that only a host process writes. Opens it, keeps its layout current, and gathers
// the tables. What the rows mean is for app/ to say.
import DatabaseConstructor, { type Database } from 'better-sqlite3';
import { checkpointTable, eventTable, exportTable, sampleTable } from './journal.ts';
import { metricTable } from './metrics.ts';
import { migrate } from './migrate.ts';
import { historyProblem } from './problems.ts';
import { runLineTable } from './run-lines.ts';
import { runTable } from './runs.ts';

/** The open history. Every call is synchronous and takes well under a millisecond, lists excepted. */
export type History = ReturnType<typeof tables>;

function tables(database: Database) {
  return {
    runs: runTable(database),
    lines: runLineTable(database),
    metrics: metricTable(database),
    events: eventTable(database),
    checkpoints: checkpointTable(database),
    exports: exportTable(database),
    samples: sampleTable(database),
    /** Runs `work` in one transaction that no other process can write into; all of it is kept, or none. */
    transaction: <Result>(work: () => Result): Result => database.transaction(work).immediate(),
    /** Differs from the last call's answer when any process has written since. */
    version(): string {
      const byOthers = database.pragma('data_version', { simple: true });
      const byUs = database.prepare('select total_changes()').pluck().get();
      return `${String(byOthers)}.${String(byUs)}`;
    },
    /** False once it was closed. */
    get isOpen(): boolean {
      return database.open;
    },
    close(): void {
      database.close();
    },
  };
}

/**
 * Opens the history at `file` and creates it where it is missing (its folder must exist). `migrations` is the folder
 * of numbered SQL files. Throws UserError "history-damaged", "history-too-new", "history-busy", "home-not-writable"
 * or "disk-full".
 */
export function openHistory(file: string, migrations: string): History {
  let database: Database | undefined;
  try {
    database = new DatabaseConstructor(file, { timeout: 10_000 });
    database.pragma('journal_mode = wal');
    // With WAL this survives a crash of the program; only a power cut may lose the last moment.
    database.pragma('synchronous = normal');
    database.pragma('foreign_keys = on');
    migrate(database, migrations);
    return tables(database);
  } catch (error) {
    database?.close();
    throw historyProblem(error, file) ?? error;
  }
}
