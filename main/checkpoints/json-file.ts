// Reads the small JSON files of model and adapter folders.
import { readFileSync } from 'node:fs';
import { messageOf, UserError } from '../errors.ts';
import { withFileProblems } from './file-problem.ts';

/** The object in a JSON file. `code` is that of the UserError for anything else: "config-invalid". */
export function readJsonObject(path: string, code: string): Record<string, unknown> {
  const text = withFileProblems(path, 'read', () => readFileSync(path, 'utf8'));
  const wrong = (what: string, cause?: unknown): UserError =>
    new UserError({ code, message: `${path} ${what}.`, fix: 'Download or copy the file again.' }, { cause });
  if (text.startsWith('version https://git-lfs')) throw wrong('is a Git LFS pointer, not JSON');
  if (text.trim() === '') throw wrong('is empty');
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw wrong(`is not valid JSON: ${messageOf(error)}`, error);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong('does not hold a JSON object');
  return value as Record<string, unknown>;
}
