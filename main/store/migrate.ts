// Brings a database to the newest layout: numbered SQL files, each applied once, in order, in a transaction.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { UserError } from '../errors.ts';

const NAME = /^(\d+)-[a-z0-9-]+\.sql$/;

/** The SQL files of a folder by the version they lead to: 1, 2, 3 … without gaps. */
function readMigrations(folder: string): string[] {
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort();
  return names.map((name, index) => {
    const version = Number(NAME.exec(name)?.[1]);
    if (version !== index + 1) throw new Error(`${join(folder, name)}: expected migration number ${index + 1}`);
    return readFileSync(join(folder, name), 'utf8');
  });
}

const versionOf = (database: Database): number => Number(database.pragma('user_version', { simple: true }));

/**
 * Applies the migrations that `database` has not seen; its user_version counts them. Throws UserError
 * "history-too-new" for a database that a newer version of Lorelei has written.
 */
export function migrate(database: Database, folder: string): void {
  const migrations = readMigrations(folder);
  // Immediate: two processes that start at once must not both apply the same file.
  const applyMissing = database.transaction(() => {
    for (let version = versionOf(database); version < migrations.length; version += 1) {
      database.exec(migrations[version] ?? '');
      database.pragma(`user_version = ${version + 1}`);
    }
  });
  if (versionOf(database) < migrations.length) applyMissing.immediate();
  const version = versionOf(database);
  if (version > migrations.length) {
    throw new UserError({
      code: 'history-too-new',
      message: `The history ${database.name} was written by a newer version of Lorelei (layout ${version}; this version knows ${migrations.length}).`,
      fix: 'Update Lorelei, or set LORELEI_HOME to another folder.',
    });
  }
}
