// A base model in 4 bits from the built command line: the preset and its cache, the merged export, and settings that
// contradict each other.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { jsonRows, startLorelei, type Outcome } from '../support/lorelei-process.ts';

const resources = join(import.meta.dirname, '../../resources');
const model = join(resources, 'starter-model');
let folder: string;
let home: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lorelei-4bit-'));
  home = join(folder, 'home');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const lorelei = (...words: string[]): Promise<Outcome> =>
  startLorelei('../../out/main/cli.js', words, { folder, home }).ended;
const data = ['--dataset_name', join(resources, 'sample-data/sft.jsonl')];
const short = [
  '--max_steps',
  '2',
  '--gradient_accumulation_steps',
  '2',
  '--eval_strategy',
  'no',
  '--test_split_size',
  '4',
];
const sft = (...words: string[]): Promise<Outcome> =>
  lorelei('sft', '--preset', 'qlora', '--model_name_or_path', model, ...data, ...short, ...words);

test('the preset trains on rounded weights, which the next run and the answers use again', async () => {
  const first = await sft('--json');
  expect(first.stderr).not.toMatch(/Error/);
  expect(first.code).toBe(0);
  expect(first.stderr).toContain(
    'The base model is in 4 bits: NF4 in blocks of 64, as bitsandbytes rounds them, their scales rounded too.',
  );
  const cache = join(home, 'cache', '4bit');
  const [made = ''] = readdirSync(cache);
  const written = readFileSync(join(cache, made, 'check.json'), 'utf8');
  const second = await sft('--json');
  const losses = (outcome: Outcome): unknown[] =>
    jsonRows(outcome).flatMap(({ loss }) => (loss === undefined ? [] : [loss]));
  expect(losses(second)).toEqual(losses(first));
  expect(losses(first).length).toBeGreaterThan(0);
  expect(readdirSync(cache)).toEqual([made]);
  expect(readFileSync(join(cache, made, 'check.json'), 'utf8')).toBe(written);

  const answer = await lorelei(
    'generate',
    '--model',
    'run:latest',
    '--prompt',
    'Who are you?',
    '--max_new_tokens',
    '8',
  );
  expect(answer).toMatchObject({ code: 0, stderr: '' });
  expect(answer.stdout.trim()).not.toBe('');
  expect(readdirSync(cache)).toEqual([made]);
});

test('a merged export says that the weights it merged into are not those that were trained on', async () => {
  const exported = await lorelei('export', 'latest', '--format', 'merged', '--output-dir', 'merged');
  expect(exported.code).toBe(0);
  expect(exported.stdout + exported.stderr).toMatch(/base model in 4 bits.*merged into the weights as they are stored/);
  const chained = await lorelei('sft', '--model_name_or_path', 'run:latest', ...data, '--max_steps', '1', '--json');
  expect(chained.code).toBe(0);
  expect(chained.stderr).toContain('trained its adapter on a base model in 4 bits');
});

test('what cannot go together is refused before anything is loaded', async () => {
  const refused = async (...words: string[]): Promise<string> => {
    const { code, stderr } = await sft(...words);
    expect(code).toBe(2);
    return stderr;
  };
  expect(await refused('--init_lora_weights', 'pissa')).toMatch(/load_in_4bit and init_lora_weights: pissa/);
  expect(await refused('--use_peft', 'false')).toMatch(/weights in four bits cannot be trained themselves/);
  expect(await refused('--bnb_4bit_quant_type', 'int8')).toMatch(/nf4, fp4/);
  expect(await refused('--load_in_8bit', 'true', '--load_in_4bit', 'false')).toMatch(/load_in_4bit: true/);
  // A checkpoint that somebody else has rounded already.
  const gptq = join(folder, 'gptq');
  cpSync(model, gptq, { recursive: true });
  const config = JSON.parse(readFileSync(join(gptq, 'config.json'), 'utf8')) as Record<string, unknown>;
  writeFileSync(
    join(gptq, 'config.json'),
    JSON.stringify({ ...config, quantization_config: { quant_method: 'gptq', bits: 4 } }),
  );
  const { code, stderr } = await lorelei('sft', '--preset', 'qlora', '--model_name_or_path', gptq, ...data, ...short);
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/gptq/);
  expect(stderr).toMatch(/original model/);
});
