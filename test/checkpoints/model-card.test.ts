import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { modelCard } from '../../main/checkpoints/model-card.ts';

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
