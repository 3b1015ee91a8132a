// What `npm run test:cuda` says on a machine without a card, with one that it cannot use, and of runs that differ.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fakeNvidiaSmi } from '../support/fake-nvidia-smi.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { largestDifference, loggedStep, passes, tableOf, tokensPerSecond } from './card-report.ts';

const scratch = tempFolder();
const card = {
  ...{ index: 0, name: 'NVIDIA Card', driver: '580.95.05', total: 8192, used: 100, utilization: 0, capability: '8.9' },
};

function testCuda(words: readonly string[], path: string): { status: number | null; stdout: string } {
  const script = join(import.meta.dirname, 'on-a-card.ts');
  const env = { ...process.env, PATH: path, LORELEI_HOME: join(scratch.path, 'nobody') };
  return spawnSync(process.execPath, [script, ...words], { env, encoding: 'utf8' });
}

test('without a card it says that nothing ran, and is no failure', () => {
  const { status, stdout } = testCuda([], join(scratch.path, 'empty'));
  expect(stdout).toMatch(/^Nothing ran: .*not verified by this machine\.\n$/);
  expect(status).toBe(0);
});

test.skipIf(process.platform !== 'linux' || process.arch !== 'x64')('a card without CUDA support is a failure', () => {
  fakeNvidiaSmi(join(scratch.path, 'bin'), [card]);
  const words = ['--home', join(scratch.path, 'home'), '--package', join(scratch.path, 'none.nupkg')];
  const { status, stdout } = testCuda(words, `${join(scratch.path, 'bin')}:/usr/bin:/bin`);
  expect(stdout).toContain('GPU 0: NVIDIA Card');
  expect(stdout).toContain('FAILED: CUDA support could not be installed.');
  expect(status).toBe(1);
});

const line = (step: number, loss: number): string =>
  JSON.stringify({ step, loss, grad_norm: 2, num_tokens: 100 * step, gpu_memory_peak_megabytes: 321.4 });
const run = (losses: readonly number[], msPerStep = 500) =>
  losses.flatMap((loss, i) => loggedStep(line(i + 1, loss), 5000 + msPerStep * i) ?? []);

test('runs are compared step by step, in losses, norms and speed', () => {
  const onProcessor = run([3, 2.5, 2]);
  const onCard = run([3, 2.5001, 2], 100);
  expect(largestDifference(onCard, onProcessor)).toBeCloseTo(4e-5, 7);
  expect(tokensPerSecond(onProcessor)).toBeCloseTo(200);
  expect(tableOf([{ title: 'SFT', tolerance: 1e-3, onCard, onProcessor }])[1]).toMatch(
    /^ok +SFT +3\.0000 to 2\.0000 +3\.0000 to 2\.0000 +4\.0e-5 +1e-3 +200 +1000 +5\.00 x +321 MB$/,
  );
  const other = { title: 'SFT', tolerance: 1e-3, onProcessor, onCard: run([3, 2.52, 2]) };
  expect(passes(other)).toBe(false);
  expect(tableOf([other])[1]).toMatch(/^FAILED +SFT/);
});

test.each([
  ['a step is missing', run([3, 2.5])],
  ['none came', []],
  ['a loss is no number', run([3, 2.5, 2]).map((step) => ({ ...step, loss: Number.NaN }))],
])('they differ where %s', (_, onCard) => {
  expect(passes({ title: 'SFT', tolerance: 1e-3, onCard, onProcessor: run([3, 2.5, 2]) })).toBe(false);
});

test('other lines of a run are no steps', () => {
  expect(loggedStep('{"event":"end","status":"completed"}', 1)).toBeUndefined();
  expect(loggedStep('{"step":2,"eval_loss":1.5}', 1)).toBeUndefined();
});
