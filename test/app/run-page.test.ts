import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openApp } from '../../main/app/app.ts';
import { knownProcess } from '../../main/app/process-identity.ts';
import { curvesOf } from '../../main/app/run-curves.ts';
import { readLogEnd } from '../../main/app/run-log.ts';
import { draftOfRun, recipeText } from '../../main/app/run-recipe.ts';
import { sizesOnDisk } from '../../main/app/run-sizes.ts';
import { parsePs, usageOfRun } from '../../main/app/run-usage.ts';
import { parseRecipe } from '../../main/recipe/parse.ts';
import { tempFolder } from '../support/temp-folder.ts';

const recipe = {
  ...parseRecipe('dpo', {
    model_name_or_path: '/models/a',
    dataset_name: 'pairs.jsonl',
    learning_rate: 3e-4,
    beta: 0.1, // the default
    run_name: 'first try',
    output_dir: '/adapters/a',
  }).recipe,
};
const run = { id: 'calm-otter', method: 'dpo', recipe };

test('another run begins with what this one set, but for its name and folder', () => {
  const draft = draftOfRun(run);
  expect(draft).toEqual({
    method: 'dpo',
    preset: null,
    values: { model_name_or_path: '/models/a', dataset_name: ['pairs.jsonl'], learning_rate: 3e-4 },
  });
  const again = parseRecipe('dpo', draft.values).recipe;
  expect({ ...again, run_name: recipe.run_name, output_dir: recipe.output_dir }).toEqual(recipe);
});

test('a recipe of another version is shown as it was kept', () => {
  expect(recipeText(run)).toContain('learning_rate: 0.0003\n');
  expect(recipeText({ ...run, method: 'future', recipe: { warp: 9 } })).toBe('warp: 9\n');
});

const folder = tempFolder().path;
const app = openApp({ launchJob: () => expect.unreachable() }, folder);
afterAll(() => app.history.close());

test('of a long log the end is read, from the beginning of a line', async () => {
  expect(await readLogEnd(app, run)).toMatchObject({ text: '', isWhole: true });
  mkdirSync(join(folder, 'runs', run.id), { recursive: true });
  const path = join(folder, 'runs', run.id, 'job.log');
  writeFileSync(path, 'short\n');
  expect(await readLogEnd(app, run)).toEqual({ text: 'short\n', path, isWhole: true });
  writeFileSync(path, Array.from({ length: 20_000 }, (_, i) => `line ${String(i)} é\n`).join(''));
  const { text, isWhole } = await readLogEnd(app, run);
  expect(isWhole).toBe(false);
  expect(text.length).toBeLessThanOrEqual(65_536);
  expect(text).toMatch(/^line \d+ é\n/);
  expect(text.endsWith('line 19999 é\n')).toBe(true);
});

test('folders are as large as their files', async () => {
  const outputDir = join(folder, 'adapter');
  mkdirSync(join(outputDir, 'deep'), { recursive: true });
  writeFileSync(join(outputDir, 'a'), Buffer.alloc(1000));
  writeFileSync(join(outputDir, 'deep/b'), Buffer.alloc(234));
  expect(await sizesOnDisk(app, { id: run.id, outputDir })).toEqual({ [outputDir]: 1234 });
  expect(await sizesOnDisk(app, { id: run.id, outputDir: join(folder, 'gone') })).toEqual({});
});

test.skipIf(process.platform === 'win32')('a busy process is seen to be busy, a dead one not at all', async () => {
  const job = knownProcess(process.pid);
  const first = await usageOfRun(app, { id: run.id, job });
  expect(first?.busyCores).toBeNull();
  expect(first?.memoryBytes).toBeGreaterThan(process.memoryUsage().rss / 4);
  const until = performance.now() + 300;
  while (performance.now() < until);
  const busy = (await usageOfRun(app, { id: run.id, job }))?.busyCores;
  // Other tests may take the processor away for a while; an idle process has about 0.
  expect(busy).toBeGreaterThan(0.1);
  expect(await usageOfRun(app, { id: run.id, job: { pid: process.pid, identity: 'another' } })).toBeNull();
  expect(await usageOfRun(app, { id: run.id })).toBeNull();
});

test('what ps prints is read', () => {
  expect(parsePs(' 183456   1:02.50\n')).toEqual({ memoryBytes: 183_456 * 1024, cpuMs: 62_500 });
  expect(parsePs('')).toBeNull();
});

test('of what was measured a window gets what it lacks, with null for what is no number', () => {
  const id = 'misty-reed';
  app.history.runs.insert({ id, method: 'sft', name: undefined, recipe: {}, outputDir: '/x', createdAt: 1 });
  for (const step of [1, 2, 3]) {
    const logged = step === 2 ? { logged: { grad_norm: 0.5 } } : {};
    const loss = step === 3 ? Number.NaN : 4 - step;
    app.history.metrics.addStep(id, { step, recordedAt: step, loss, stepMs: 10, tokensPerSecond: 7, ...logged });
  }
  app.history.metrics.addEvaluation(id, { step: 2, recordedAt: 2, metrics: { eval_loss: 1.5 } });
  expect(curvesOf(app, { id, lastStep: 3 }, { after: 1, evaluatedAfter: -1 })).toEqual({
    lastStep: 3,
    train: { step: [2, 3], columns: { loss: [2, null], step_ms: [10, 10], tokens_per_second: [7, 7] } },
    logged: { step: [2], columns: { grad_norm: [0.5] } },
    evaluation: { step: [2], columns: { eval_loss: [1.5] } },
  });
  expect(curvesOf(app, { id, lastStep: 3 }, { after: 3, evaluatedAfter: 2 }).evaluation.step).toEqual([]);
});
