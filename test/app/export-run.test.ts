import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openApp, type App } from '../../main/app/app.ts';
import { exportRun } from '../../main/app/export-run.ts';
import { findRun } from '../../main/app/find-run.ts';
import { thisProcess } from '../../main/app/process-identity.ts';
import { listRuns, runTrends, showRun } from '../../main/app/show-runs.ts';
import { readAdapter } from '../../main/checkpoints/adapter.ts';
import { openModelFolder } from '../../main/checkpoints/model-folder.ts';
import { writeCheckpoint } from '../../main/checkpoints/run-state.ts';
import type { UserError } from '../../main/errors.ts';
import { parseRecipe } from '../../main/recipe/parse.ts';
import { goldensFolder } from '../support/goldens.ts';
import { writeModelStub } from '../support/model-stub.ts';

let folder: string;
let app: App;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lorelei-export-'));
  app = openApp(
    {
      launchJob: () => {
        throw new Error('no job is started here');
      },
    },
    join(folder, 'home'),
  );
  writeModelStub(join(folder, 'model'));
  writeFileSync(join(folder, 'model/tokenizer.json'), '{}');
});
afterEach(() => {
  app.history.close();
  rmSync(folder, { recursive: true });
});

const key = 'base_model.model.model.layers.0.self_attn.q_proj.lora_';

/** A run with checkpoints at steps 2, 4 and 6, told apart by a number in their tensors, and best at step 4. */
function run(id: string, status: 'completed' | 'interrupted' = 'interrupted'): void {
  const { recipe } = parseRecipe('sft', {
    model_name_or_path: join(folder, 'model'),
    dataset_name: 'd.jsonl',
    lora_r: 1,
  });
  const runDir = join(app.home.runs, id);
  app.history.runs.insert({
    id,
    method: 'sft',
    name: undefined,
    recipe,
    outputDir: join(runDir, 'adapter'),
    createdAt: app.history.runs.list().length,
    host: thisProcess(),
  });
  mkdirSync(runDir);
  for (const step of [2, 4, 6]) {
    const tensor = (shape: number[]) => ({ shape, data: Float32Array.of(step, step) });
    const path = writeCheckpoint(runDir, {
      step,
      adapter: {
        config: {
          r: 1,
          lora_alpha: 2,
          lora_dropout: 0,
          target_modules: ['q_proj'],
          use_rslora: false,
          base_model_name_or_path: recipe.model_name_or_path,
          revision: null,
        },
        tensors: new Map([
          [`${key}A.weight`, tensor([1, 2])],
          [`${key}B.weight`, tensor([2, 1])],
        ]),
      },
      optimizer: new Map(),
      state: {},
    });
    app.history.checkpoints.add(id, { step, path, recordedAt: step });
    const metrics = { eval_loss: Math.abs(step - 4) + 1 };
    app.history.metrics.addEvaluation(id, { step, recordedAt: step, metrics });
    const timing = { recordedAt: step, stepMs: 1, tokensPerSecond: 1 };
    app.history.metrics.addStep(id, { ...timing, step, loss: 3, logged: { loss: 3 } });
  }
  app.history.runs.update(id, { status, lastStep: 6, totalSteps: 6, metrics: { loss: 3 }, host: null });
}

const exported = (changes: Partial<Parameters<typeof exportRun>[1]> = {}) =>
  exportRun(app, {
    run: 'calm-otter',
    format: 'peft',
    outputDir: join(folder, 'out'),
    checkpoint: 'last',
    overwrite: false,
    ...changes,
  });

const stepOf = (adapter: string): number | undefined => readAdapter(adapter).tensors.get(`${key}A.weight`)?.data[0];

test.each([
  ['last', 6],
  ['best', 4],
  ['2', 2],
])(
  '--checkpoint %s exports step %d with tokenizer files and a card, and the history knows',
  async (checkpoint, step) => {
    run('calm-otter');
    const outputDir = join(folder, 'out');
    expect(await exported({ checkpoint })).toEqual({
      run: 'calm-otter',
      target: 'peft',
      step,
      outputDir,
      warnings: [],
    });
    expect(stepOf(join(folder, 'out'))).toBe(step);
    expect(readdirSync(join(folder, 'out')).sort()).toEqual([
      'README.md',
      'adapter_config.json',
      'adapter_model.safetensors',
      // One loss is no curve.
      ...(step > 2 ? ['loss.png'] : []),
      'tokenizer.json',
    ]);
    const card = readFileSync(join(folder, 'out/README.md'), 'utf8');
    expect(card).toContain('library_name: peft');
    expect(card).not.toContain(folder);
    expect(showRun(app, 'calm-otter').exports).toMatchObject([{ target: 'peft', step, path: join(folder, 'out') }]);
  },
);

test('the last checkpoint counts more than an output folder that may hold something else by now', async () => {
  run('calm-otter', 'completed');
  mkdirSync(join(app.home.runs, 'calm-otter/adapter'));
  expect((await exported()).step).toBe(6);
});

test('what cannot be exported is refused, and nothing is written', async () => {
  run('calm-otter');
  const out = join(folder, 'out');
  await expect(exported({ checkpoint: '3' })).rejects.toThrow(/no checkpoint 3/);
  await expect(exported({ format: 'gguf' })).rejects.toThrow(/no export format gguf/);
  await expect(exported({ run: 'calm-oter' })).rejects.toThrow(/Did you mean calm-otter/);
  expect(existsSync(out)).toBe(false);
  mkdirSync(out);
  writeFileSync(join(out, 'thesis.docx'), '');
  await expect(exported()).rejects.toThrow(/holds thesis\.docx/);
  await expect(exported({ overwrite: true })).rejects.toThrow(/holds thesis\.docx/);
  expect(readdirSync(out)).toEqual(['thesis.docx']);
});

test('an export is only written over when asked', async () => {
  run('calm-otter');
  await exported({ checkpoint: '2' });
  try {
    await exported();
    expect.unreachable();
  } catch (error) {
    expect((error as UserError).fix).toMatch(/allow it to replace what is in it|allow it to replace the adapter/);
  }
  await exported({ overwrite: true });
  expect(stepOf(join(folder, 'out'))).toBe(6);
});

test('a run without a checkpoint has nothing to export', async () => {
  run('calm-otter');
  rmSync(join(app.home.runs, 'calm-otter'), { recursive: true });
  await expect(exported()).rejects.toThrow(/has no adapter/);
  expect(showRun(app, 'calm-otter').checkpoints).toEqual([]);
});

test('runs are found by the beginning of their name, or as the latest', () => {
  run('calm-otter');
  run('calm-owl');
  run('wise-newt');
  expect(findRun(app, 'wise').id).toBe('wise-newt');
  expect(findRun(app, 'calm-ot').id).toBe('calm-otter');
  expect(findRun(app, 'latest').id).toBe('wise-newt');
  expect(() => findRun(app, 'calm')).toThrow(/may mean any of these runs: calm-owl, calm-otter/);
  expect(() => findRun(app, '')).toThrow(/no run/);
});

test('a run that is under way belongs to its living host; without one it is interrupted', () => {
  run('calm-otter');
  app.history.runs.update('calm-otter', { status: 'training', host: thisProcess() });
  const [running] = listRuns(app);
  expect(running?.status).toBe('training');
  expect(runTrends(app, [running?.id ?? ''])).toEqual({ [running?.id ?? '']: [3, 3, 3, 3, 3, 3] });
  app.history.runs.update('calm-otter', { host: { ...thisProcess(), identity: 'before the last boot' } });
  expect(showRun(app, 'calm-otter')).toMatchObject({ status: 'interrupted', step: 6 });
});

/** In the place of the stub, a model that can be merged, and runs whose adapters fit it. */
function mergeable(): void {
  const golden = join(goldensFolder, 'llama-gqa-tied');
  cpSync(golden, join(folder, 'model'), { recursive: true });
  run('calm-otter');
  for (const name of ['adapter_config.json', 'adapter_model.safetensors'])
    cpSync(join(golden, 'adapter', name), join(app.home.runs, 'calm-otter/checkpoint-6', name));
  // Checkpoints know the sizes of their files.
  const state = join(app.home.runs, 'calm-otter/checkpoint-6/state.json');
  writeFileSync(state, JSON.stringify({ format: 1, step: 6, files: {}, state: {} }));
}

test('--format merged writes a model folder with tokenizer and card', async () => {
  mergeable();
  const done: number[] = [];
  const outputDir = join(folder, 'out');
  const request = { run: 'calm', format: 'merged', outputDir, checkpoint: 'last', overwrite: false };
  const onProgress = (progress: { done: number; total: number }): void =>
    void done.push(progress.done / progress.total);
  const settings = { dtype: 'bfloat16', maxShardSize: '20KB' };
  expect(await exportRun(app, { ...request, ...settings }, { onProgress })).toMatchObject({ step: 6, warnings: [] });
  expect(done.at(-1)).toBe(1);
  expect(readdirSync(outputDir).sort()).toEqual([
    'README.md',
    'config.json',
    'loss.png',
    'model-00001-of-00002.safetensors',
    'model-00002-of-00002.safetensors',
    'model.safetensors.index.json',
    'tokenizer.json',
  ]);
  expect(openModelFolder(outputDir).config).toMatchObject({ torch_dtype: 'bfloat16', tie_word_embeddings: true });
  const card = readFileSync(join(outputDir, 'README.md'), 'utf8');
  expect(card).toContain('library_name: transformers');
  expect(card).toContain('<summary>The whole recipe</summary>');
  expect(card).toContain('| 6 | 3 |');
  expect(showRun(app, 'calm-otter').exports).toMatchObject([{ target: 'merged', step: 6, path: outputDir }]);
});

test('a merged model is only written over another one, not over an adapter', async () => {
  mergeable();
  await exported();
  await expect(exported({ format: 'merged', overwrite: true })).rejects.toThrow(/holds adapter_config\.json/);
  const outputDir = join(folder, 'whole');
  await exported({ format: 'merged', outputDir, maxShardSize: '20KB' });
  await exported({ format: 'merged', outputDir, overwrite: true });
  expect(readdirSync(outputDir).filter((name) => name.startsWith('model'))).toEqual(['model.safetensors']);
  await expect(exported({ outputDir, overwrite: true })).rejects.toThrow(/holds config\.json/);
});

test('wrong options, an abort and a lost model leave nothing', async () => {
  mergeable();
  const merged = { format: 'merged' };
  await expect(exported({ ...merged, dtype: 'int8' })).rejects.toThrow(
    /dtype is int8; it must be one of auto, float32/,
  );
  await expect(exported({ ...merged, maxShardSize: 'big' })).rejects.toThrow(/"big"/);
  const stopping = new AbortController();
  const request = { run: 'calm', outputDir: join(folder, 'out'), checkpoint: 'last', overwrite: false, ...merged };
  const onProgress = (): void => {
    stopping.abort(new Error('enough'));
  };
  await expect(exportRun(app, request, { onProgress, signal: stopping.signal })).rejects.toThrow('enough');
  rmSync(join(folder, 'model'), { recursive: true });
  await expect(exported(merged)).rejects.toThrow(/does not exist/);
  expect(readdirSync(folder)).toEqual(['home']);
  expect(showRun(app, 'calm-otter').exports).toEqual([]);
});
