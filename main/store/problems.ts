// What SQLite's errors mean to a person.
import { dirname } from 'node:path';
import { SqliteError } from 'better-sqlite3';
import { UserError } from '../errors.ts';

/** The UserError behind an error of SQLite on `file`, or undefined where it is no fault of the user's machine. */
export function historyProblem(error: unknown, file: string): UserError | undefined {
  if (!(error instanceof SqliteError)) return undefined;
  const [code, message, fix] = wordsFor(error.code, file) ?? [];
  if (code === undefined || message === undefined || fix === undefined) return undefined;
  return new UserError({ code, message: `${message} (${error.message}).`, fix }, { cause: error });
}

function wordsFor(sqliteCode: string, file: string): [code: string, message: string, fix: string] | undefined {
  if (sqliteCode === 'SQLITE_NOTADB' || sqliteCode.startsWith('SQLITE_CORRUPT')) {
    return [
      'history-damaged',
      `The history ${file} is damaged and cannot be read`,
      `Move this file (and ${file}-wal, ${file}-shm) away and start again; adapters and checkpoints in ${dirname(file)} are not touched by this.`,
    ];
  }
  if (sqliteCode === 'SQLITE_FULL') {
    return ['disk-full', `The disk is full: the history ${file} cannot grow`, 'Free some space, then run it again.'];
  }
  if (sqliteCode.startsWith('SQLITE_CANTOPEN') || sqliteCode.startsWith('SQLITE_READONLY')) {
    return [
      'home-not-writable',
      `The history ${file} cannot be opened for writing`,
      'Make this folder writable, or set LORELEI_HOME to another one.',
    ];
  }
  if (sqliteCode.startsWith('SQLITE_BUSY')) {
    return [
      'history-busy',
      `Another process keeps the history ${file} locked`,
      'Close other programs that have it open, then run it again.',
    ];
  }
  return undefined;
}
