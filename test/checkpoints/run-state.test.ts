import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { readAdapter } from '../../main/checkpoints/adapter.ts';
import {
  listCheckpoints,
  pruneCheckpoints,
  readCheckpoint,
  writeCheckpoint,
} from '../../main/checkpoints/run-state.ts';
import { userErrorOf } from '../support/user-error.ts';
import { checkpointOfStep } from './checkpoint-of-step.ts';
import { scratchFolder } from './scratch.ts';

const stepsIn = (runDir: string): number[] => listCheckpoints(runDir).map(({ step }) => step);

function runWith(...steps: number[]): string {
  const runDir = scratchFolder();
  for (const step of steps) writeCheckpoint(runDir, checkpointOfStep(step));
  return runDir;
}

test('comes back bit for bit: subnormals, negative zero, NaN, and any number that JSON takes', () => {
  const runDir = scratchFolder();
  const bits = Uint32Array.of(1, 0x80000000, 0x7fc00001, 0xff800000, 0x3f800001, 0x7f7fffff);
  const checkpoint = checkpointOfStep(7);
  checkpoint.optimizer.set('odd', { shape: [2, 3], data: new Float32Array(bits.buffer) });
  checkpoint.optimizer.set('bytes', { shape: [5], data: Uint8Array.of(0, 1, 127, 128, 255) });
  checkpoint.state.numbers = [0.1, 1e-300, 2 ** 53 - 1, 1.7976931348623157e308, 5e-324];
  const path = writeCheckpoint(runDir, checkpoint);
  expect(path).toBe(join(runDir, 'checkpoint-7'));
  const read = readCheckpoint(path);
  expect(read).toEqual(checkpoint);
  expect(new Uint32Array(read.optimizer.get('odd')?.data.buffer ?? new ArrayBuffer())).toEqual(bits);
});

test('a checkpoint is also an adapter that PEFT can load', () => {
  const path = writeCheckpoint(scratchFolder(), checkpointOfStep(3));
  expect(readAdapter(path)).toEqual(checkpointOfStep(3).adapter);
});

test('a state that JSON would change is a bug, and leaves nothing behind', () => {
  const runDir = scratchFolder();
  expect(() => writeCheckpoint(runDir, { ...checkpointOfStep(1), state: { best: NaN } })).toThrow('"best" is NaN');
  expect(readdirSync(runDir)).toEqual([]);
});

test('lists in order of steps, and only what is complete', () => {
  const runDir = runWith(100, 20, 3);
  expect(stepsIn(runDir)).toEqual([3, 20, 100]);
  expect(listCheckpoints(join(runDir, 'none'))).toEqual([]);
  for (const name of ['checkpoint-4', 'checkpoint-x', 'logs', '.checkpoint-5.partial-1-aa'])
    mkdirSync(join(runDir, name));
  writeFileSync(join(runDir, 'checkpoint-6'), 'a file');
  expect(stepsIn(runDir)).toEqual([3, 20, 100]);
});

test.each<[what: string, harm: (path: string) => void, words: RegExp]>([
  ['a missing state', (path) => rmSync(join(path, 'state.json')), /it has no state.json/],
  ['a state cut off', (path) => truncateSync(join(path, 'state.json'), 40), /state.json is not valid JSON/],
  ['an empty state', (path) => truncateSync(join(path, 'state.json')), /state.json is empty/],
  ['a state of something else', (path) => writeFileSync(join(path, 'state.json'), '{"step": 2}'), /lacks format/],
  [
    'tensors cut off',
    (path) => truncateSync(join(path, 'optimizer.safetensors'), 99),
    /optimizer.safetensors has 99 bytes instead of \d+/,
  ],
  [
    'a missing adapter',
    (path) => rmSync(join(path, 'adapter_model.safetensors')),
    /adapter_model.safetensors is missing/,
  ],
])('a checkpoint with %s is not listed, and refused with the reason', (_, harm, words) => {
  const runDir = runWith(1, 2);
  harm(join(runDir, 'checkpoint-2'));
  expect(stepsIn(runDir)).toEqual([1]);
  const error = userErrorOf(() => readCheckpoint(join(runDir, 'checkpoint-2')));
  expect(error.code).toBe('checkpoint-incomplete');
  expect(error.message).toMatch(words);
});

test('a checkpoint of a later version is refused in these words', () => {
  const path = join(runWith(1), 'checkpoint-1');
  const state = readFileSync(join(path, 'state.json'), 'utf8');
  writeFileSync(join(path, 'state.json'), state.replace('"format": 1', '"format": 2'));
  expect(userErrorOf(() => readCheckpoint(path)).code).toBe('checkpoint-too-new');
});

test('a checkpoint can be read from anywhere', () => {
  const elsewhere = join(scratchFolder(), 'copy');
  cpSync(join(runWith(5), 'checkpoint-5'), elsewhere, { recursive: true });
  expect(readCheckpoint(elsewhere)).toEqual(checkpointOfStep(5));
});

test('a checkpoint of the same step is replaced, and leftovers of a killed writer go', () => {
  const runDir = runWith(1, 2);
  mkdirSync(join(runDir, '.checkpoint-3.partial-1-aa'));
  const changed = checkpointOfStep(2);
  changed.state.loss = 42;
  writeCheckpoint(runDir, changed);
  expect(readCheckpoint(join(runDir, 'checkpoint-2')).state.loss).toBe(42);
  expect(readdirSync(runDir).sort()).toEqual(['checkpoint-1', 'checkpoint-2']);
});

test.each<[limit: number | undefined, protect: number[], left: number[]]>([
  [undefined, [], [1, 2, 3, 10]],
  [9, [], [1, 2, 3, 10]],
  [2, [], [3, 10]],
  [1, [], [10]],
  [0, [], [10]],
  [2, [1], [1, 10]],
  [1, [1], [1, 10]],
  [1, [2, 3, 10], [2, 3, 10]],
])('save_total_limit %s, protecting %j, leaves %j', (limit, protect, left) => {
  const runDir = runWith(1, 2, 3, 10);
  const removed = pruneCheckpoints(runDir, limit, {
    protect: protect.map((step) => join(runDir, `checkpoint-${step}`)),
  });
  expect(stepsIn(runDir)).toEqual(left);
  expect(removed).toEqual(
    [1, 2, 3, 10].filter((step) => !left.includes(step)).map((step) => join(runDir, `checkpoint-${step}`)),
  );
  expect(readdirSync(runDir)).toHaveLength(left.length);
});

test('pruning counts complete checkpoints only: a broken one is no newest one', () => {
  const runDir = runWith(1, 2);
  mkdirSync(join(runDir, 'checkpoint-3'));
  pruneCheckpoints(runDir, 1);
  expect(stepsIn(runDir)).toEqual([2]);
});

test('killed at any moment, a writer leaves only complete checkpoints', async () => {
  const runDir = scratchFolder();
  const script = fileURLToPath(new URL('write-checkpoints.ts', import.meta.url));
  const isHalfWritten = (): boolean => readdirSync(runDir).some((name) => name.startsWith('.'));
  let killedWhileWriting = 0;
  for (let round = 0; round < 8; round++) {
    const child = spawn(process.execPath, [script, runDir], { stdio: ['ignore', 'pipe', 'inherit'] });
    let finished = 0;
    child.stdout.on(
      'data',
      (text: Buffer) => (finished = Math.max(finished, ...text.toString().trim().split('\n').map(Number))),
    );
    await once(child.stdout, 'data'); // it writes by now
    // Half of the kills come at any time, the others as soon as something half-written is there.
    if (round % 2) await wait(3 + round * 9);
    else while (!isHalfWritten()) await nextTurn();
    child.kill('SIGKILL');
    await once(child, 'close');

    if (isHalfWritten()) killedWhileWriting++;
    const found = listCheckpoints(runDir);
    const readable = readdirSync(runDir).filter((name) => name.startsWith('checkpoint-'));
    expect(found).toHaveLength(readable.length);
    for (const { step, path } of found) expect(readCheckpoint(path)).toEqual(checkpointOfStep(step, 20_000));
    expect(found.at(-1)?.step).toBeGreaterThanOrEqual(finished);
    for (const { path } of found) rmSync(path, { recursive: true });
  }
  expect(killedWhileWriting).toBeGreaterThan(0);
});
