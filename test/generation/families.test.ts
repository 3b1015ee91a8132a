// Greedy answers of every family under an adapter, token by token with a cache, against transformers and PEFT. Answers
// grow beyond every window and, for LongRoPE, beyond the original context.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadTokenizer } from '../../main/data/tokenizer.ts';
import { openRuntime } from '../../main/engine/runtime/onnxruntime-node.ts';
import { Generator } from '../../main/generation/generator.ts';
import { loadModel } from '../../main/training/load-model.ts';
import { adapterOn } from '../../main/training/lora-start.ts';
import { familyGoldens, goldensFolder, readJson } from '../support/goldens.ts';
import { idOf, letter, writeLetters } from '../support/letters.ts';

const runtime = await openRuntime({ device: 'cpu' });

const letters = mkdtempSync(join(tmpdir(), 'lorelei-letters-'));
writeLetters(letters);
const tokenizer = loadTokenizer(letters);
afterAll(() => {
  rmSync(letters, { recursive: true });
});

// transformers changes the base of dynamic RoPE with every token: there is no answer to compare with.
const withAnswer = familyGoldens.filter((name) => name !== 'families/qwen3-dynamic');

test.each(withAnswer)('%s', async (name) => {
  const golden = `${goldensFolder}/${name}`;
  const { prompt, tokens } = readJson(`${golden}/greedy.json`) as { prompt: number[]; tokens: number[] };
  const { folder, ...rest } = loadModel(golden);
  // These answers go on behind an end token.
  const loaded = { ...rest, folder: { ...folder, config: { ...folder.config, eos_token_id: null } } };
  const adapter = adapterOn(loaded.model, `${golden}/adapter`);
  const generator = await Generator.around({ loaded, tokenizer, runtime, adapter, memory: 'fast' });
  const answer = generator.generate({
    prompt: prompt.map(letter).join(''),
    maxNewTokens: tokens.length,
    temperature: 0,
    topP: 1,
    seed: 0,
  });
  let text = '';
  for await (const piece of answer) text += piece;
  expect(Array.from(text).map(idOf)).toEqual(tokens);
  await generator.dispose();
});
