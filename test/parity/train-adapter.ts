// Trains an adapter with LoRA settings given as JSON, for adapter_check.py to load with PEFT.
// Usage: node test/parity/train-adapter.ts OUTPUT_FOLDER '{"model_name_or_path": …, "dataset_name": …, …}' '{"use_dora": true, …}'
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseRecipe } from '../../main/recipe/parse.ts';
import type { LoraRecipe } from '../../main/training/lora-start.ts';
import { train } from '../../main/training/run.ts';

async function main(output: string, keys: string, lora: string): Promise<void> {
  const { recipe } = parseRecipe('sft', JSON.parse(keys) as Record<string, unknown>);
  const work = mkdtempSync(join(tmpdir(), 'lorelei-parity-run-'));
  const job = {
    runId: 'parity',
    recipe: Object.assign(recipe, JSON.parse(lora) as Partial<LoraRecipe>),
    runDir: join(work, 'run'),
    outputDir: resolve(output),
    cacheDir: join(work, 'cache'),
  };
  try {
    const control = { post: () => undefined, stopRequested: () => false, signal: new AbortController().signal };
    const { status, metrics } = await train(job, control);
    console.log(`${status}: ${JSON.stringify(metrics)}`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

const [output, keys, lora] = process.argv.slice(2);
if (!output || !keys || !lora)
  throw new Error('Usage: node test/parity/train-adapter.ts OUTPUT_FOLDER KEYS_JSON LORA_JSON');
await main(output, keys, lora);
