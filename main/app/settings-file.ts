// settings.json in the home folder. A file that cannot be used is set aside, never overwritten.
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { settings as settingsShape, type Settings } from '../../preload/contract.ts';
import { writeFileAtomically } from '../checkpoints/atomic.ts';
import { withFileProblems } from '../checkpoints/file-problem.ts';
import { messageOf, UserError } from '../errors.ts';
import type { Home } from './home.ts';

export type SettingsFile = {
  path: string;
  /** As the file has them now: another program may have written it. Throws UserError where it cannot be read. */
  read(): Settings;
  change(changes: Partial<Settings>): Settings;
  /** What became of a file that could not be used; undefined where all was well. */
  readonly problem: UserError | undefined;
};

export function openSettings(home: Pick<Home, 'folder' | 'settings'>): SettingsFile {
  const path = home.settings;
  let problem: UserError | undefined;

  function read(): Settings {
    if (!existsSync(path)) return settingsShape.parse({});
    const text = withFileProblems(path, 'read', () => readFileSync(path, 'utf8'));
    const reason = readText(text);
    if (typeof reason !== 'string') return reason;
    const aside = join(home.folder, `settings.damaged-${Date.now()}.json`);
    withFileProblems(path, 'written', () => renameSync(path, aside));
    problem = new UserError({
      code: 'settings-damaged',
      message: `The settings could not be used (${reason}), so all are as at the beginning.`,
      fix: `What was in the file is kept in ${aside}.`,
    });
    return settingsShape.parse({});
  }

  return {
    path,
    read,
    change(changes) {
      const changed = settingsShape.parse({ ...read(), ...changes });
      writeFileAtomically(path, (write) => write(Buffer.from(`${JSON.stringify(changed, null, 2)}\n`)));
      return changed;
    },
    get problem() {
      return problem;
    },
  };
}

/** The settings, or why the text holds none. */
function readText(text: string): Settings | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return messageOf(error);
  }
  const parsed = settingsShape.safeParse(value);
  if (parsed.success) return parsed.data;
  return parsed.error.issues.map(({ path, message }) => [...path, message].join(' ')).join('; ');
}
