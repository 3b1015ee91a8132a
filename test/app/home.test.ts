import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import { expect, test } from 'vitest';
import { homeFolder, openHome } from '../../main/app/home.ts';
import { isAlive, knownProcess, thisProcess } from '../../main/app/process-identity.ts';
import { newRunName } from '../../main/app/run-names.ts';

test('LORELEI_HOME wins; else the platform says where programs keep data', () => {
  expect(homeFolder({ LORELEI_HOME: '/x/y' }, 'linux')).toBe(join(sep, 'x', 'y'));
  expect(homeFolder({}, 'linux')).toBe(join(homedir(), '.local/share/lorelei'));
  expect(homeFolder({ XDG_DATA_HOME: '/data' }, 'linux')).toBe('/data/lorelei');
  expect(homeFolder({ XDG_DATA_HOME: 'relative' }, 'linux')).toBe(join(homedir(), '.local/share/lorelei'));
  expect(homeFolder({ LORELEI_HOME: '' }, 'darwin')).toBe(join(homedir(), 'Library/Application Support/Lorelei'));
  expect(homeFolder({ APPDATA: '/roaming' }, 'win32')).toBe(join('/roaming', 'lorelei'));
});

test('a home that cannot be made is refused', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lorelei-home-'));
  writeFileSync(join(folder, 'file'), '');
  expect(() => openHome(join(folder, 'file', 'home'))).toThrow(/cannot be written/);
  rmSync(folder, { recursive: true });
});

test('this process is alive; one with its number but another start is not; one that ended is not', async () => {
  const own = thisProcess();
  expect(isAlive(own)).toBe(true);
  expect(isAlive({ ...own, identity: 'an earlier start' })).toBe(false);
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)']);
  const known = knownProcess(child.pid ?? 0);
  expect(isAlive(known)).toBe(true);
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
  expect(isAlive(known)).toBe(false);
});

test('a run gets a free name of two words, or of two words and a number', () => {
  expect(newRunName(() => false)).toMatch(/^[a-z]+-[a-z]+$/);
  const taken = new Set<string>();
  for (let i = 0; i < 200; i += 1) taken.add(newRunName((name) => taken.has(name)));
  expect(taken.size).toBe(200);
  expect(newRunName((name) => /^[a-z]+-[a-z]+$/.test(name))).toMatch(/^[a-z]+-[a-z]+-\d+$/);
});
