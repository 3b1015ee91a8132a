// A disk that fills up or refuses, at every single call that could meet it: nothing half-written may be left.
import { execFileSync } from 'node:child_process';
import type * as NodeFs from 'node:fs';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { writeAdapter } from '../../main/checkpoints/adapter.ts';
import { fourBitModel } from '../../main/checkpoints/four-bit-model.ts';
import { openModelFolder } from '../../main/checkpoints/model-folder.ts';
import { listCheckpoints, readCheckpoint, writeCheckpoint } from '../../main/checkpoints/run-state.ts';
import { readSafetensorsHeader, writeSafetensors } from '../../main/checkpoints/safetensors.ts';
import { modelFor } from '../../main/engine/models/registry.ts';
import { UserError } from '../../main/errors.ts';
import { goldensFolder } from '../support/goldens.ts';
import { userErrorOf } from '../support/user-error.ts';
import { checkpointOfStep } from './checkpoint-of-step.ts';
import { scratchFolder } from './scratch.ts';

const trouble = vi.hoisted(() => {
  const state = { code: 'ENOSPC', callsLeft: Infinity };
  const fails = <A extends unknown[], R>(name: string, real: (...args: A) => R) => {
    return (...args: A): R => {
      if (state.callsLeft-- > 0) return real(...args);
      throw Object.assign(new Error(`${state.code}: ${name}`), { code: state.code });
    };
  };
  return { state, fails };
});

vi.mock('node:fs', async (load) => {
  const real = await load<typeof NodeFs>();
  const { fails } = trouble;
  return {
    ...real,
    writeSync: fails('write', real.writeSync as (...args: unknown[]) => number),
    writeFileSync: fails('write', real.writeFileSync),
    fsyncSync: fails('fsync', real.fsyncSync),
    mkdirSync: fails('mkdir', real.mkdirSync),
    renameSync: fails('rename', real.renameSync),
  };
});

afterEach(() => {
  trouble.state.callsLeft = Infinity;
});

/** Runs `work` with trouble from the n-th call on, for n = 0, 1, …, until it passes. Returns how often it failed. */
function atEveryCall(
  code: string,
  work: (n: number) => void,
  afterFailure: (error: UserError, n: number) => void,
): number {
  for (let n = 0; ; n++) {
    Object.assign(trouble.state, { code, callsLeft: n });
    try {
      work(n);
      return n;
    } catch (error) {
      trouble.state.callsLeft = Infinity;
      if (!(error instanceof UserError)) throw error;
      afterFailure(error, n);
    }
  }
}

const tensors = [{ name: 'x', dtype: 'F32' as const, shape: [2], data: Float32Array.of(1, 2) }];

test.each([
  ['ENOSPC', 'disk-full', /the disk is full, [\d.]+ MiB are free/],
  ['EDQUOT', 'disk-full', /quota is used up/],
  ['EACCES', 'permission-denied', /no permission/],
  ['EROFS', 'read-only', /read-only disk/],
  ['EIO', 'disk-error', /reports an error/],
])('a file meets %s', (code, ours, words) => {
  const folder = scratchFolder({ 'a.safetensors': 'the old one' });
  const failures = atEveryCall(
    code,
    () => writeSafetensors(join(folder, 'a.safetensors'), tensors),
    (error, n) => {
      expect(error.code).toBe(ours);
      expect(error.message).toMatch(words);
      expect(error.message).toContain(join(folder, 'a.safetensors'));
      expect(readdirSync(folder)).toEqual(['a.safetensors']);
      // The last call only makes the rename last: the new file is whole by then.
      if (n < 4) expect(readFileSync(join(folder, 'a.safetensors'), 'utf8')).toBe('the old one');
    },
  );
  expect(failures).toBe(5); // header, data, flush, rename, flush of the folder
  expect(readSafetensorsHeader(join(folder, 'a.safetensors')).tensors.size).toBe(1);
});

test('an adapter meets a full disk: the folder is not there, or is whole', () => {
  const folder = scratchFolder();
  const { adapter } = checkpointOfStep(1);
  const failures = atEveryCall(
    'ENOSPC',
    (n) => writeAdapter(join(folder, `out-${n}`), { ...adapter, card: 'card' }),
    (error, n) => {
      expect(error.code).toBe('disk-full');
      expect(error.message).toContain(join(folder, `out-${n}`));
      expect(error.message).not.toContain('.partial-');
      expect(readdirSync(folder).filter((name) => name.startsWith('.'))).toEqual([]);
      if (existsSync(join(folder, `out-${n}`))) expect(readdirSync(join(folder, `out-${n}`))).toHaveLength(3);
    },
  );
  expect(failures).toBeGreaterThan(10);
});

test('a checkpoint meets a full disk: the earlier ones stay as they are', () => {
  const runDir = scratchFolder();
  writeCheckpoint(runDir, checkpointOfStep(1));
  const failures = atEveryCall(
    'ENOSPC',
    (n) => writeCheckpoint(runDir, checkpointOfStep(n + 2)),
    (error) => {
      expect(error.code).toBe('disk-full');
      expect(readdirSync(runDir).filter((name) => name.startsWith('.'))).toEqual([]);
      for (const { step, path } of listCheckpoints(runDir))
        expect(readCheckpoint(path)).toEqual(checkpointOfStep(step));
      expect(listCheckpoints(runDir)[0]?.step).toBe(1);
    },
  );
  expect(failures).toBeGreaterThan(10);
});

test('rounding to four bits meets a full disk: nothing is left, and the next time it is made', async () => {
  const base = openModelFolder(`${goldensFolder}/llama-gqa-tied`);
  const model = modelFor(base.config);
  const cache = scratchFolder();
  const settings = { type: 'nf4', nested: true } as const;
  let failures = 0;
  for (;;) {
    Object.assign(trouble.state, { code: 'ENOSPC', callsLeft: failures });
    const error: unknown = await fourBitModel(base, model, settings, cache).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    trouble.state.callsLeft = Infinity;
    if (error === undefined) break;
    failures += 1;
    if (!(error instanceof UserError)) throw new Error('no UserError', { cause: error });
    expect(error.code).toBe('disk-full');
    expect(error.message).not.toContain('.partial-');
    const left = existsSync(join(cache, '4bit')) ? readdirSync(join(cache, '4bit')) : [];
    // The last call only makes the rename last: the folder is whole by then.
    if (left.length > 0) break;
  }
  expect(failures).toBeGreaterThan(10);
  const { dir } = await fourBitModel(base, model, settings, cache);
  expect(readdirSync(dir).sort()).toEqual(['check.json', 'model.safetensors']);
});

test('a disk that is really full', ({ skip }) => {
  const run = (command: string, ...words: string[]) => void execFileSync(command, words, { stdio: 'ignore' });
  const disk = join(scratchFolder(), 'disk');
  mkdirSync(disk);
  try {
    run('mount', '-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk);
  } catch {
    skip('only root can mount a small disk here; the tests above stand in for it');
  }
  onTestFinished(() => run('umount', disk));
  writeCheckpoint(disk, checkpointOfStep(1));
  const large = checkpointOfStep(2);
  large.optimizer.set('huge', { shape: [100_000], data: new Float32Array(100_000) });
  const error = userErrorOf(() => writeCheckpoint(disk, large));
  expect(error.code).toBe('disk-full');
  expect(error.message).toContain(join(disk, 'checkpoint-2'));
  expect(readdirSync(disk)).toEqual(['checkpoint-1']);
  writeCheckpoint(disk, checkpointOfStep(3));
  expect(listCheckpoints(disk).map(({ step }) => step)).toEqual([1, 3]);
});
