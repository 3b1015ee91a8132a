// What a window's export leaves behind: a note where it was written, nothing where it was cancelled.
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openApp } from '../../main/app/app.ts';
import type { LaunchErrand } from '../../main/app/errand.ts';
import { exportForWindow } from '../../main/app/export-for-window.ts';
import { exportFolder, planExport } from '../../main/app/export-plan.ts';
import { partialName } from '../../main/checkpoints/atomic.ts';
import { writeCheckpoint } from '../../main/checkpoints/run-state.ts';
import { checkpointOfStep } from '../checkpoints/checkpoint-of-step.ts';
import { tempFolder } from '../support/temp-folder.ts';

const folder = tempFolder().path;
let errand: (output: string) => Promise<unknown>;
const app = openApp(
  {
    launchJob: () => expect.unreachable(),
    launchErrand: ((_name: string, input: { outputDir: string }) => errand(input.outputDir)) as unknown as LaunchErrand,
  },
  join(folder, 'home'),
);
afterAll(() => app.history.close());

const id = 'calm-otter';
app.history.runs.insert({ id, method: 'sft', recipe: { model_name_or_path: '/m' }, outputDir: '/o', createdAt: 1 });
app.history.runs.update(id, { status: 'stopped', lastStep: 4 });
mkdirSync(join(app.home.runs, id));
writeCheckpoint(join(app.home.runs, id), checkpointOfStep(4));

const request = { run: id, format: 'peft', outputDir: join(folder, 'out'), checkpoint: 'last', overwrite: false };
const hooks = { onProgress: () => undefined, signal: new AbortController().signal };

test('a cancelled export is cleared away, and nobody else’s files are', async () => {
  const foreign = join(folder, partialName('out'));
  mkdirSync(foreign);
  errand = () => {
    mkdirSync(join(folder, partialName('out')));
    return Promise.reject(new Error('cancelled'));
  };
  await expect(exportForWindow(app, request, hooks)).rejects.toThrow('cancelled');
  expect(
    readdirSync(folder)
      .filter((name) => name.includes('.partial-'))
      .map((name) => join(folder, name)),
  ).toEqual([foreign]);
  expect(app.history.exports.list(id)).toEqual([]);
});

test('a written one is noted', async () => {
  errand = (outputDir) => Promise.resolve({ run: id, target: 'peft', step: 4, outputDir, warnings: [] });
  await exportForWindow(app, request, hooks);
  expect(app.history.exports.list(id)).toMatchObject([{ target: 'peft', step: 4, path: request.outputDir }]);
});

test('what is in the way is refused without a process', async () => {
  errand = () => expect.unreachable();
  mkdirSync(request.outputDir);
  writeFileSync(join(request.outputDir, 'diary.txt'), '');
  await expect(exportForWindow(app, request, hooks)).rejects.toMatchObject({ code: 'output-not-empty' });
  await expect(exportForWindow(app, { ...request, checkpoint: '3' }, hooks)).rejects.toMatchObject({
    code: 'checkpoint-not-found',
  });
});

test('a plan suggests a folder that is free', () => {
  const asked = { id, checkpoint: 'last', format: 'peft', dtype: 'auto', folder: '' } as const;
  const plan = planExport(app, asked);
  expect(plan).toMatchObject({
    step: 4,
    isTaken: false,
    folder: join(app.home.folder, 'exports/calm-otter-step-4-peft'),
  });
  expect(plan.neededBytes).toBeGreaterThan(0);
  mkdirSync(plan.folder, { recursive: true });
  expect(planExport(app, asked).folder).toBe(`${plan.folder}-2`);
  expect(planExport(app, { ...asked, folder: request.outputDir }).isTaken).toBe(true);
  expect(exportFolder(' ~/models ')).toBe(join(homedir(), 'models'));
  expect(existsSync(`${plan.folder}-2`)).toBe(false);
});
