import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { licenceFields } from '../../main/checkpoints/front-matter.ts';
import { cardFiles, modelCard } from '../../main/checkpoints/model-card.ts';
import { tempFolder } from '../support/temp-folder.ts';

const content = {
  name: 'support-bot',
  baseModel: 'meta-llama/Llama-3.2-1B',
  method: 'Supervised fine-tuning (SFT)',
  settings: {
    learning_rate: 2e-5,
    lora_target_modules: ['q_proj', 'v_proj'],
    seed: 42,
    max_length: null,
    eos_token: undefined,
  },
  results: { train_loss: 1.23456789, num_tokens: 123456 },
  data: {
    files: ['/home/ada/secret project/mails.jsonl'],
    shape: 'prompt-completion',
    template: 'chatml',
    rows: 1200,
    usable: 1180,
    truncated: 12,
    tokens: 200_000,
    trainedTokens: 50_000,
    lengthPercentiles: { p50: 150, max: 1024 },
  },
};

const frontMatterOf = (card: string): unknown => parse(card.split('---\n')[1] ?? '');

test('front matter says what the Hub and PEFT look for', () => {
  expect(frontMatterOf(modelCard(content))).toEqual({
    base_model: 'meta-llama/Llama-3.2-1B',
    library_name: 'peft',
    pipeline_tag: 'text-generation',
    tags: ['base_model:adapter:meta-llama/Llama-3.2-1B', 'lora', 'transformers'],
  });
});

test('a base model on this machine is named without its path', () => {
  const card = modelCard({ ...content, baseModel: '/home/ada/models/my llama' });
  expect(frontMatterOf(card)).toEqual({
    library_name: 'peft',
    pipeline_tag: 'text-generation',
    tags: ['lora', 'transformers'],
  });
  expect(card).toContain('`my llama`');
  expect(card).not.toContain('/home/ada');
});

test('tables tell data, settings and results', () => {
  const lines = modelCard(content).split('\n');
  for (const line of [
    '| files | mails.jsonl |',
    '| rows | 1,200, 1,180 used, 12 of them truncated |',
    '| tokens | 200,000, 50,000 (25.0 %) with loss |',
    '| tokens a row | p50 150, max 1,024 |',
    '| `learning_rate` | 0.00002 |',
    '| `lora_target_modules` | q_proj, v_proj |',
    '| `max_length` | null |',
    '| `train_loss` | 1.2346 |',
    '| `num_tokens` | 123,456 |',
  ])
    expect(lines).toContain(line);
  expect(lines.some((line) => line.includes('eos_token'))).toBe(false);
});

test('names cannot break out of headings and tables', () => {
  const card = modelCard({ ...content, name: 'a\n# b', settings: { eos_token: 'x|\ny' } });
  expect(card).toContain('# a # b\n');
  expect(card).toContain('| `eos_token` | x\\| y |');
});

const history = {
  losses: [1, 2, 3].map((step) => ({ step, loss: 4 - step })),
  evaluations: Array.from({ length: 45 }, (_, i) => ({
    step: (i + 1) * 10,
    metrics: { eval_loss: 2 - i / 100, eval_runtime: 1.2, epoch: i, 'eval_rewards/margins': i },
  })),
};

test('with a history the card shows its curve, and at most twenty evaluations up to the last', () => {
  const files = cardFiles({ ...content, history });
  expect([...files.keys()]).toEqual(['README.md', 'loss.png']);
  const lines = String(files.get('README.md')).split('\n');
  expect(lines).toContain('![Loss by step](loss.png)');
  const start = lines.indexOf('| step | `eval_loss` | `eval_rewards/margins` |');
  const rows = lines.slice(start + 2).filter((line) => line.startsWith('| '));
  expect(rows).toHaveLength(15);
  expect(rows.at(-1)).toBe('| 450 | 1.56 | 44 |');
  const without = cardFiles({ ...content, history: { ...history, losses: [] } });
  expect([...without.keys()]).toEqual(['README.md']);
  expect(without.get('README.md')).not.toContain('loss.png');
});

test('a merged model is one of transformers, finetuned from its base', () => {
  const card = modelCard({ ...content, isMerged: true, tags: ['dpo', 'sigmoid'] });
  expect(frontMatterOf(card)).toEqual({
    base_model: 'meta-llama/Llama-3.2-1B',
    base_model_relation: 'finetune',
    library_name: 'transformers',
    pipeline_tag: 'text-generation',
    tags: ['transformers', 'dpo', 'sigmoid'],
  });
  expect(card).not.toContain('PeftModel');
});

test('what was merged before is told, and an adapter on it is not listed under the model on the Hub', () => {
  const baseRun = { run: 'calm-otter', step: 1200, baseModel: 'meta-llama/Llama-3.2-1B' };
  const chained = { ...content, baseModel: '/home/ada/cache/merged/calm-otter-step-1200-abc', baseRun };
  const adapter = modelCard(chained);
  expect(frontMatterOf(adapter)).not.toHaveProperty('base_model');
  expect(adapter).toContain('the run `calm-otter` (step 1,200)');
  expect(adapter).toContain('[meta-llama/Llama-3.2-1B](');
  expect(adapter).not.toContain('/home/ada');
  expect(frontMatterOf(modelCard({ ...chained, isMerged: true }))).toHaveProperty('base_model', baseRun.baseModel);
});

const scratch = tempFolder();

test('the licence of the base model holds for what was made of it', () => {
  const cache = join(scratch.path, 'models--meta-llama--Llama-3.2-1B/snapshots/abc');
  mkdirSync(cache, { recursive: true });
  const front = 'license: other\nlicense_name: llama3.2\nlicense_link: LICENSE.txt\ntags: [x]';
  writeFileSync(join(cache, 'README.md'), `---\n${front}\n---\n# Llama\n`);
  expect(frontMatterOf(modelCard({ ...content, licence: licenceFields(cache) }))).toMatchObject({
    license: 'other',
    license_name: 'llama3.2',
    license_link: 'https://huggingface.co/meta-llama/Llama-3.2-1B/blob/main/LICENSE.txt',
  });
  expect(licenceFields(dirname(cache))).toEqual({});
});

test('on the Hub it is loaded by its name there', () => {
  const card = modelCard({ ...content, hubId: 'ada/otter' });
  expect(card).toContain('PeftModel.from_pretrained(model, "ada/otter")');
  expect(modelCard({ ...content, hubId: 'ada/otter', isMerged: true })).toContain('from_pretrained("ada/otter", dtype');
  expect(card).not.toContain('path/to');
});

test('the recipe cannot end its block early', () => {
  const card = modelCard({ ...content, recipe: 'eos_token: "````"\nseed: 1\n' });
  expect(card).toContain(
    '<details>\n<summary>The whole recipe</summary>\n\n`````yaml\neos_token: "````"\nseed: 1\n`````\n\n</details>',
  );
});
