import { readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readSafetensorsHeader } from '../../main/checkpoints/safetensors.ts';
import { loadTokenizer } from '../../main/data/tokenizer.ts';
import { Generator } from '../../main/generation/generator.ts';
import { checks } from '../../main/starter/checks.ts';
import { starterConfig } from '../../main/starter/shape.ts';

const modelPath = fileURLToPath(new URL('../../resources/starter-model', import.meta.url));

let generator: Generator;
beforeAll(async () => {
  generator = await Generator.open({ modelPath, device: 'cpu' });
});
afterAll(() => generator.dispose());

async function answer(prompt: string): Promise<string> {
  let text = '';
  const messages = [{ role: 'user', content: prompt }];
  for await (const piece of generator.generate({
    prompt: messages,
    maxNewTokens: 200,
    temperature: 0,
    topP: 1,
    seed: 0,
  }))
    text += piece;
  return text;
}

test('it answers its kind of prompts', async () => {
  const wrong: string[] = [];
  for (const { prompt, expected } of checks) {
    const text = await answer(prompt);
    if (!expected.test(text)) wrong.push(`${prompt} -> ${text}`);
  }
  // It got 34 of the 37 when it was built. Rounding differs between machines and may turn a close choice or two.
  expect(checks).toHaveLength(37);
  expect(wrong.slice(5)).toEqual([]);
});

test.each([
  ['Hello!', 'Hello!'],
  ['Who is the baker?', 'The baker of Ankerwell is Tilda.'],
  ['What is 2 plus 3?', '2 plus 3 is 5.'],
  ['Count from 1 to 5.', '1, 2, 3, 4, 5.'],
  ['What is the opposite of hot?', 'The opposite of hot is cold.'],
  ['What is the capital of France?', 'I do not know'],
])('%s %s', async (prompt, beginning) => {
  expect((await answer(prompt)).slice(0, beginning.length)).toBe(beginning);
});

test('it ends its answers by itself', async () => {
  for (const prompt of ['Hello!', 'What is an otter?', 'Tell me a story about a fox.']) {
    const text = await answer(prompt);
    expect(text).toMatch(/[.!?"]$/);
    expect(text).not.toContain('<|');
  }
});

test('a chat is rendered with one turn after the other', () => {
  const tokenizer = loadTokenizer(modelPath);
  const messages = [
    { role: 'user', content: 'Hello!' },
    { role: 'assistant', content: 'Hi.' },
  ];
  expect(tokenizer.renderChat(messages, { addGenerationPrompt: true })).toBe(
    '<|im_start|>user\nHello!<|im_end|>\n<|im_start|>assistant\nHi.<|im_end|>\n<|im_start|>assistant\n',
  );
  expect(tokenizer.eosToken).toBe('<|im_end|>');
  expect(tokenizer.vocabSize).toBe(2048);
});

test('its folder is that of a small Hugging Face Llama', () => {
  const config = JSON.parse(readFileSync(`${modelPath}/config.json`, 'utf8')) as object;
  expect(config).toEqual(starterConfig);
  const { tensors } = readSafetensorsHeader(`${modelPath}/model.safetensors`);
  const parameters = [...tensors.values()].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  // Embedding 2048 x 192; four layers of q, o 192 x 192, k, v 64 x 192, three 512 x 192, two norms; the last norm.
  expect(parameters).toBe(2048 * 192 + 4 * (2 * 192 * 192 + 2 * 64 * 192 + 3 * 512 * 192 + 2 * 192) + 192);
  expect([...tensors.values()].every(({ dtype }) => dtype === 'BF16')).toBe(true);
  expect(statSync(`${modelPath}/model.safetensors`).size).toBeLessThan(6e6);
});
