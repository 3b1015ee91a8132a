// Finds the Chrome, Chromium or Edge of a machine, where each system and each installer puts it, and tries it.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { posix, win32 } from 'node:path';

export type Machine = {
  platform: NodeJS.Platform;
  env: Readonly<Record<string, string | undefined>>;
  home: string;
  /** Whether there is a file. */
  has: (path: string) => boolean;
  /** Whether a program starts and says that it is a browser. */
  runs: (path: string) => boolean;
};

/** Names of the programs on a PATH, the ones that update least first: tests should not change by themselves. */
const names = [
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
  'chrome',
  'microsoft-edge',
  'microsoft-edge-stable',
  'msedge',
];

const linuxPlaces = [
  '/usr/bin',
  '/usr/local/bin',
  '/snap/bin',
  '/opt/google/chrome',
  '/opt/microsoft/msedge',
  '/usr/lib/chromium',
];

const macPrograms = ['Chromium', 'Google Chrome', 'Microsoft Edge', 'Google Chrome Canary'];

const windowsPrograms = [
  'Chromium\\Application\\chrome.exe',
  'Google\\Chrome\\Application\\chrome.exe',
  'Microsoft\\Edge\\Application\\msedge.exe',
];

/** Where a browser may be, the best place first. CHROMIUM names the only one. */
export function browserPlaces({ platform, env, home }: Pick<Machine, 'platform' | 'env' | 'home'>): string[] {
  if (env.CHROMIUM) return [env.CHROMIUM];
  if (platform === 'win32') {
    const roots = [env.PROGRAMFILES, env['PROGRAMFILES(X86)'], env.LOCALAPPDATA].filter((root) => root !== undefined);
    return windowsPrograms.flatMap((program) => roots.map((root) => win32.join(root, program)));
  }
  if (platform === 'darwin') {
    const roots = ['/Applications', posix.join(home, 'Applications')];
    const inBundle = macPrograms.flatMap((name) =>
      roots.map((root) => posix.join(root, `${name}.app/Contents/MacOS/${name}`)),
    );
    return [...inBundle, ...onPath(env)];
  }
  return [
    ...new Set([...onPath(env), ...names.flatMap((name) => linuxPlaces.map((place) => posix.join(place, name)))]),
  ];
}

function onPath({ PATH = '' }: Machine['env']): string[] {
  const folders = PATH.split(':').filter((folder) => folder.startsWith('/'));
  return names.flatMap((name) => folders.map((folder) => posix.join(folder, name)));
}

/** Path of the first browser that is there and runs. */
export function findBrowser(machine: Machine = thisMachine): string | undefined {
  return browserPlaces(machine).find((path) => machine.has(path) && machine.runs(path));
}

export const thisMachine: Machine = {
  platform: process.platform,
  env: process.env,
  home: homedir(),
  has: existsSync,
  runs: saysItsVersion,
};

/** A stub that only offers to install the browser is none: it fails here. On Windows the question would open a window. */
function saysItsVersion(path: string): boolean {
  if (process.platform === 'win32') return true;
  const { status, stdout } = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 20_000, stdio: 'pipe' });
  return status === 0 && /chrom|edge/i.test(stdout);
}
