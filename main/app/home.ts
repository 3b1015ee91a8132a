// The home folder: the history, the folders of runs, caches. LORELEI_HOME moves it.
import { accessSync, constants, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { messageOf, UserError } from '../errors.ts';

export type Home = {
  folder: string;
  /** The SQLite file. */
  history: string;
  settings: string;
  /** Holds one folder per run. */
  runs: string;
  /** May be deleted at any time while nothing runs. */
  cache: string;
  /** Files that browsers handed over. */
  uploads: string;
  /** Reports for whoever is to mend a problem. */
  diagnostics: string;
  /** Paths that a person has let windows use. */
  grantedPaths: string;
  /** Encrypted by the desktop app; the command line uses the system's keychain. */
  secrets: string;
  /** What Chromium keeps. */
  windowProfile: string;
};

type Environment = Readonly<Record<string, string | undefined>>;

/** The home folder that the environment asks for, else the platform's place for the data of programs. */
export function homeFolder(environment: Environment, platform: NodeJS.Platform = process.platform): string {
  const { LORELEI_HOME, APPDATA, XDG_DATA_HOME } = environment;
  if (LORELEI_HOME !== undefined && LORELEI_HOME !== '') return resolve(LORELEI_HOME);
  if (platform === 'win32') return join(APPDATA ?? join(homedir(), 'AppData', 'Roaming'), 'lorelei');
  if (platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'Lorelei');
  // The XDG specification says to ignore relative paths.
  return join(XDG_DATA_HOME?.startsWith('/') ? XDG_DATA_HOME : join(homedir(), '.local', 'share'), 'lorelei');
}

/** What lies where in a home folder. Creates nothing. */
export function placesIn(folder: string): Home {
  return {
    folder,
    history: join(folder, 'lorelei.db'),
    settings: join(folder, 'settings.json'),
    runs: join(folder, 'runs'),
    cache: join(folder, 'cache'),
    uploads: join(folder, 'uploads'),
    diagnostics: join(folder, 'diagnostics'),
    grantedPaths: join(folder, 'granted-paths.json'),
    secrets: join(folder, 'secrets.json'),
    windowProfile: join(folder, 'window'),
  };
}

/** The home folder with its subfolders, created where missing. Throws UserError "home-not-writable". */
export function openHome(folder: string): Home {
  const home = placesIn(folder);
  try {
    for (const path of [home.runs, home.cache]) mkdirSync(path, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw new UserError(
      {
        code: 'home-not-writable',
        message: `Lorelei keeps runs in ${folder}, and this folder cannot be written (${messageOf(error)}).`,
        fix: 'Make it writable, or set LORELEI_HOME to another folder.',
      },
      { cause: error },
    );
  }
  return home;
}
