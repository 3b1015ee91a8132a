// Whole SFT runs against TRL's SFTTrainer on a real checkpoint: what every step logs, from files to metrics.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { loadDataset } from '../../main/data/load-dataset.ts';
import { loadTokenizer } from '../../main/data/tokenizer.ts';
import { parseRecipe } from '../../main/recipe/parse.ts';
import { sftDataOptions } from '../../main/training/methods/sft.ts';
import { train } from '../../main/training/run.ts';
import type { JobRecord, Metrics } from '../../preload/contract.ts';
import { goldensFolder, readJson } from '../support/goldens.ts';
import { sharedData } from '../support/shared-data.ts';

type Golden = { recipe: Record<string, unknown>; log: Metrics[] };

const goldens = join(goldensFolder, 'trl-sft');
const model = join(sharedData ?? '', 'models', 'stories260K-hf');
const work = mkdtempSync(join(tmpdir(), 'lorelei-trl-'));
afterAll(() => {
  rmSync(work, { recursive: true });
});

const runs = ['full', 'full-accumulation-8', 'completion', 'completion-accumulation-8', 'completion-all-tokens'];

function recipeOf(name: string) {
  const { recipe } = readJson(join(goldens, `${name}.json`)) as Golden;
  const absolute = Object.entries(recipe).map(([key, value]) =>
    typeof value === 'string' && /(dataset_name|adapter_name_or_path)$/.test(key)
      ? [key, join(goldens, value)]
      : [key, value],
  );
  const ours = { model_name_or_path: model, lora_dropout: 0, save_strategy: 'no', device: 'cpu' };
  return parseRecipe('sft', { ...(Object.fromEntries(absolute) as Record<string, unknown>), ...ours }).recipe;
}

describe.skipIf(sharedData === undefined)('like TRL', () => {
  test.each(runs)('%s: every logged step', { timeout: 120_000 }, async (name) => {
    const outputDir = join(work, name);
    const job = { runId: name, recipe: recipeOf(name), runDir: outputDir, outputDir, cacheDir: join(work, 'cache') };
    const records: JobRecord[] = [];
    const end = await train(job, {
      post: (record) => records.push(record),
      stopRequested: () => false,
      signal: new AbortController().signal,
    });
    expect(end.status).toBe('completed');

    const { log } = readJson(join(goldens, `${name}.json`)) as Golden;
    for (const row of log) {
      const wanted = 'eval_loss' in row ? 'evaluation' : 'step';
      const found = records.find((record) => record.type === wanted && record.step === row.step && record.metrics);
      const ours = found && 'metrics' in found ? found.metrics : undefined;
      for (const [key, value] of Object.entries(row)) {
        if (key === 'step') continue;
        // Counts and schedules agree to the digit. Losses differ by rounding, 1e-5 where this was written;
        // a guess can tip over where two logits are level.
        const tolerance = /accuracy/.test(key)
          ? 0.02
          : /loss|grad_norm|entropy/.test(key)
            ? 1e-4 * Math.max(1, value)
            : 1e-9;
        const difference = Math.abs((ours?.[key] ?? Number.NaN) - value);
        expect(difference, `${key} at step ${row.step}: ${ours?.[key]}, TRL ${value}`).toBeLessThanOrEqual(tolerance);
      }
    }
  });

  test.each(['full', 'completion'])('%s: the same tokens and targets', async (name) => {
    const recipe = recipeOf(name);
    const tokenizer = loadTokenizer(model);
    const { dataset } = await loadDataset(
      sftDataOptions(recipe, recipe.dataset_name, join(work, 'tokens')),
      tokenizer,
      {
        onProgress: () => undefined,
        signal: new AbortController().signal,
      },
    );
    const expected = JSON.parse(readFileSync(join(goldens, `${name}-tokens.json`), 'utf8')) as {
      input_ids: number[];
      trained: number[];
    }[];
    const ours = Array.from({ length: dataset.length }, (_, i) => dataset.read(i));
    expect(ours.map(({ inputIds }) => [...inputIds])).toEqual(expected.map((row) => row.input_ids));
    // The first token has nothing before it to be predicted from; TRL labels it and drops it in the shift.
    expect(ours.map(({ trained }) => [...trained.subarray(1)])).toEqual(expected.map((row) => row.trained.slice(1)));
  });
});
