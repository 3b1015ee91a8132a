// The set-up of a fresh clone, with a stand-in for npm that only says that it was called.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const script = 'test/support/ensure-installed.mjs';
let clone = '';

beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), 'lorelei-clone-'));
  mkdirSync(join(clone, dirname(script)), { recursive: true });
  cpSync(resolve(script), join(clone, script));
  write('package-lock.json', {
    packages: {
      '': { name: 'lorelei' },
      'node_modules/a': { version: '1.0.0' },
      'node_modules/b': { version: '2.0.0', optional: true },
    },
  });
  write('npm.mjs', "import { writeFileSync } from 'node:fs'; writeFileSync('called', process.argv[2]);");
});

afterEach(() => rmSync(clone, { recursive: true, force: true }));

test('a fresh clone is installed', () => {
  expect(setUp()).toMatchObject({ status: 0 });
  expect(existsSync(join(clone, 'called'))).toBe(true);
});

test('an installation that agrees with the lockfile is left alone, in silence; optional packages may be absent', () => {
  write('node_modules/.package-lock.json', { packages: { 'node_modules/a': { version: '1.0.0' } } });
  expect(setUp()).toMatchObject({ status: 0, stderr: '', stdout: '' });
  expect(existsSync(join(clone, 'called'))).toBe(false);
});

test.each([
  ['another version', { 'node_modules/a': { version: '0.9.0' } }],
  ['a missing package', {}],
  [
    'another version of an optional package',
    { 'node_modules/a': { version: '1.0.0' }, 'node_modules/b': { version: '1.0.0' } },
  ],
])('%s is mended', (_what, packages) => {
  write('node_modules/.package-lock.json', { packages });
  expect(setUp().status).toBe(0);
  expect(existsSync(join(clone, 'called'))).toBe(true);
});

test('where npm fails its words are shown, and what to do', () => {
  write('npm.mjs', "console.error('ENOTFOUND, no network'); process.exit(1);");
  const { status, stderr } = setUp();
  expect(status).toBe(1);
  expect(stderr).toContain('ENOTFOUND, no network');
  expect(stderr).toContain('run the same command again');
});

test.skipIf(process.platform === 'win32')('a Node that is too old is named, with the way out', () => {
  write('node_modules/.package-lock.json', { packages: { 'node_modules/a': { version: '1.0.0' } } });
  write('node_modules/.bin/node', '#!/bin/sh\necho v22.13.1\n', 0o755);
  const { status, stderr } = setUp();
  expect(status).toBe(2);
  expect(stderr).toMatch(/needs Node 22\.14 or newer, and this is v22\.13\.1 .*Install the current LTS/);

  write('node_modules/.bin/node', '#!/bin/sh\necho v22.14.0\n', 0o755);
  expect(setUp().status).toBe(0);
});

function setUp(): { status: number | null; stdout: string; stderr: string } {
  const env = { ...process.env, npm_execpath: join(clone, 'npm.mjs') };
  return spawnSync(process.execPath, [join(clone, script)], { encoding: 'utf8', env });
}

function write(path: string, content: unknown, mode?: number): void {
  mkdirSync(dirname(join(clone, path)), { recursive: true });
  writeFileSync(join(clone, path), typeof content === 'string' ? content : JSON.stringify(content), { mode });
}
