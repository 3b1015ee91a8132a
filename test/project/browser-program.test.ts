// Where a browser for the tests of the window is looked for, and what happens where there is none: folders and programs
// of this test stand in for those of a machine.
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { browserPlaces, findBrowser, thisMachine } from '../support/browser-program.ts';
import { adviceFor, installChromium } from '../support/ensure-browser.ts';
import { tempFolder } from '../support/temp-folder.ts';

const folder = tempFolder();

/** A program that does what a shell line says. */
function program(name: string, line: string): string {
  const path = folder.write(name, `#!/bin/sh\n${line}\n`);
  chmodSync(path, 0o755);
  return path;
}

describe.skipIf(process.platform === 'win32')('programs on a PATH', () => {
  const has = (path: string): boolean => path.startsWith(folder.path) && thisMachine.has(path);
  const machine = { ...thisMachine, platform: 'linux', has } as const;

  test('a stub and a program that is something else are passed over', () => {
    program('stub/chromium', 'echo "Command chromium requires the chromium snap to be installed." >&2; exit 1');
    program('other/google-chrome', 'echo "A clock 1.0"');
    const edge = program('edge/microsoft-edge', 'echo "Microsoft Edge 140.0.1"');
    const PATH = ['stub', 'other', 'edge'].map((name) => join(folder.path, name)).join(':');
    expect(findBrowser({ ...machine, env: { PATH } })).toBe(edge);
    const chrome = program('edge/google-chrome', 'echo "Google Chrome 140.0.1"');
    expect(findBrowser({ ...machine, env: { PATH } })).toBe(chrome);
    expect(findBrowser({ ...machine, env: { PATH: `.:${join(folder.path, 'stub')}` } })).toBeUndefined();
  });

  test('the one that CHROMIUM names is the only one', () => {
    const named = program('mine/browser', 'echo "Chromium 1.2"');
    const PATH = join(folder.path, 'edge');
    expect(findBrowser({ ...machine, env: { PATH, CHROMIUM: named } })).toBe(named);
    expect(findBrowser({ ...machine, env: { PATH, CHROMIUM: 'none' } })).toBeUndefined();
  });
});

test('each system has its own places', () => {
  const found = (platform: NodeJS.Platform, env: Record<string, string>, here: string): string | undefined =>
    findBrowser({ platform, env, home: '/Users/ann', has: (path) => path === here, runs: () => true });
  const windows = { PROGRAMFILES: 'C:\\Program Files', LOCALAPPDATA: 'C:\\Users\\ann\\AppData\\Local' };
  for (const [platform, env, here] of [
    ['linux', {}, '/usr/bin/chromium'],
    ['linux', {}, '/usr/bin/google-chrome-stable'],
    ['linux', {}, '/snap/bin/chromium'],
    ['linux', {}, '/opt/google/chrome/chrome'],
    ['linux', {}, '/opt/microsoft/msedge/msedge'],
    ['darwin', {}, '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'],
    ['darwin', {}, '/Users/ann/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge'],
    ['darwin', { PATH: '/opt/homebrew/bin' }, '/opt/homebrew/bin/chromium'],
    ['win32', windows, 'C:\\Users\\ann\\AppData\\Local\\Google\\Chrome\\Application\\chrome.exe'],
    ['win32', windows, 'C:\\Program Files\\Microsoft\\Edge\\Application\\msedge.exe'],
  ] as const) {
    expect([here, found(platform, env, here)]).toEqual([here, here]);
    expect(found(platform, { ...env, CHROMIUM: '/nowhere' }, here)).toBeUndefined();
  }
  expect(browserPlaces({ platform: 'win32', env: {}, home: 'C:\\' })).toEqual([]);
});

describe('where there is none', () => {
  const debian = 'PRETTY_NAME="Debian GNU/Linux 12"\nID=debian\n';
  const mint = 'NAME=Mint\nID=linuxmint\nID_LIKE="ubuntu debian"\n';

  type Situation = { release?: string; isRoot?: boolean; env?: Record<string, string>; platform?: NodeJS.Platform };

  /** Which commands were run, without their options, and what came of it. `allowed` says which of them succeed. */
  function install(allowed: (line: string) => boolean, situation: Situation = {}) {
    const lines: string[] = [];
    const said: string[] = [];
    const isDone = installChromium({
      platform: 'linux',
      env: {},
      release: debian,
      isRoot: true,
      ...situation,
      say: (line) => said.push(line),
      run(name, words) {
        lines.push([name, ...words].join(' '));
        return allowed(lines.at(-1) ?? '');
      },
    });
    return { isDone, lines, said };
  }

  test('root on Debian gets it from apt, which never asks; once more when its lists are old', () => {
    const { isDone, lines, said } = install(() => true);
    expect(isDone).toBe(true);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^env DEBIAN_FRONTEND=noninteractive apt-get .*-y .*install .*chromium$/);
    expect(said).toHaveLength(1);
    let updated = false;
    const later = install((line) => (updated ||= line.endsWith(' update')));
    expect(later.isDone).toBe(true);
    expect(later.lines.map((line) => /(install|update)\b/.exec(line)?.[0])).toEqual(['install', 'update', 'install']);
    expect(install(() => false).isDone).toBe(false);
  });

  test('others need a sudo that does not ask', () => {
    const { isDone, lines } = install(() => true, { isRoot: false, release: mint });
    expect(isDone).toBe(true);
    expect(lines[0]).toBe('sudo -n true');
    for (const line of lines) expect(line).toMatch(/^sudo -n /);
    expect(install(() => false, { isRoot: false })).toEqual({ isDone: false, lines: ['sudo -n true'], said: [] });
  });

  test.each<[string, Situation]>([
    ['another Linux', { release: 'ID=fedora\n' }],
    ['macOS', { platform: 'darwin', release: '' }],
    ['a browser that was named', { env: { CHROMIUM: 'none' } }],
  ])('%s is left alone', (_what, situation) => {
    expect(install(() => true, situation)).toEqual({ isDone: false, lines: [], said: [] });
  });

  test('one line says what to install', () => {
    const lines = [
      [adviceFor({ platform: 'linux', env: {} }, debian), 'sudo apt-get install chromium'],
      [adviceFor({ platform: 'linux', env: {} }, mint), 'https://www.google.com/chrome'],
      [adviceFor({ platform: 'darwin', env: {} }, ''), 'brew install --cask google-chrome'],
      [adviceFor({ platform: 'win32', env: {} }, ''), 'winget install Google.Chrome'],
      [adviceFor({ platform: 'linux', env: { CHROMIUM: '/x' } }, debian), 'CHROMIUM names /x'],
    ] as const;
    for (const [line, word] of lines) {
      expect(line).toContain(word);
      expect(line).not.toContain('\n');
    }
  });
});
