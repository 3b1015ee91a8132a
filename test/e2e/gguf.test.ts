// A GGUF file as the base model, from the built command line: asked, trained on, exported, and made again where the
// cache was emptied in between.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readAdapter } from '../../main/checkpoints/adapter.ts';
import { openModelFolder } from '../../main/checkpoints/model-folder.ts';
import { goldensFolder } from '../support/goldens.ts';
import { jsonRows, startLorelei, type Outcome } from '../support/lorelei-process.ts';

const file = join(goldensFolder, 'gguf', 'llama.gguf');
let folder: string;
let home: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lorelei-gguf-'));
  home = join(folder, 'home');
  const rows = Array.from({ length: 8 }, (_, i) => ({
    messages: [
      { role: 'user', content: `Where is the cat ${i}?` },
      { role: 'assistant', content: 'the cat and the dog went to the house' },
    ],
  }));
  writeFileSync(join(folder, 'rows.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function lorelei(...words: string[]): Promise<Outcome> {
  const outcome = await startLorelei('../../out/main/cli.js', words, { folder, home }).ended;
  if (outcome.code !== 0) throw new Error(outcome.stderr);
  return outcome;
}

const converted = (): string[] => (existsSync(join(home, 'cache/gguf')) ? readdirSync(join(home, 'cache/gguf')) : []);

test('it answers, learns and is exported, and its adapter names the file', async () => {
  const said = await lorelei('generate', '--model', file, '--prompt', 'hello', '--max-new-tokens', '4');
  expect(said.stderr).toContain('Converted llama.gguf');
  expect(converted()).toEqual([expect.stringMatching(/^llama-[0-9a-f]{12}$/)]);

  rmSync(join(home, 'cache'), { recursive: true });
  const keys = ['--dataset_name', 'rows.jsonl', '--max_steps', '60', '--learning_rate', '2e-2', '--logging_steps', '1'];
  const lora = ['--lora_target_modules', 'all-linear', '--lora_r', '8', '--output_dir', 'adapter'];
  const run = await lorelei('sft', '--model_name_or_path', file, ...keys, ...lora, '--json');
  expect(converted()).toHaveLength(1);
  const losses = jsonRows(run).flatMap(({ loss, event }) =>
    event === undefined && loss !== undefined ? [Number(loss)] : [],
  );
  expect(losses).toHaveLength(60);
  expect(losses.at(-1)).toBeLessThan(0.8 * (losses[0] ?? 0));

  const adapter = readAdapter(join(folder, 'adapter'));
  expect(adapter.config.base_model_name_or_path).toBe(file);
  const card = readFileSync(join(folder, 'adapter/README.md'), 'utf8');
  expect(card).toContain('license: apache-2.0');
  expect(card).toContain('It was trained on the weights of `llama.gguf` (Q8_0)');
  expect(card).toContain('gguf_file="llama.gguf"');
  expect(card).not.toContain(folder);

  rmSync(join(home, 'cache'), { recursive: true });
  await lorelei('export', 'latest', '--format', 'merged', '--output-dir', 'merged');
  const merged = openModelFolder(join(folder, 'merged'));
  expect(merged.config.model_type).toBe('llama');
  expect(merged.weights.size).toBe(20);
  expect(existsSync(join(folder, 'merged/tokenizer.json'))).toBe(true);

  // A run on top of what the run has learned: the file is merged with the adapter first.
  const next = [...keys, '--max_steps', '1', '--output_dir', 'second'];
  const second = await lorelei('sft', '--model_name_or_path', 'run:latest', ...next, '--json');
  expect(jsonRows(second).some(({ loss }) => Number(loss) > 0)).toBe(true);
  const cards = readFileSync(join(folder, 'second/README.md'), 'utf8');
  expect(cards).toContain('is merged into that model first');
});
