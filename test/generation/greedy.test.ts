// Generation on a real checkpoint: greedy decoding continues as another implementation of the model does.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { generateText } from '../../main/generation/generate.ts';
import { sharedData } from '../support/shared-data.ts';

test.skipIf(sharedData === undefined)('stories260K continues from BOS to the letter', async () => {
  const modelPath = `${sharedData ?? ''}/models/stories260K-hf`;
  const pieces: string[] = [];
  const options = { modelPath, prompt: '', maxNewTokens: 400, temperature: 0, topP: 1, seed: 0 };
  for await (const piece of generateText(options)) pieces.push(piece);
  const expected = readFileSync(`${modelPath}/greedy.txt`, 'utf8');
  const text = pieces.join('');
  expect(text.trimStart().slice(0, expected.trim().length)).toBe(expected.trim());
  expect(pieces.length).toBeGreaterThan(50);
});
