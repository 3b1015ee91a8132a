// Two answers in turns: a fixed model stands in for the real one, which test/app/generation.test.ts asks.
import { expect, test } from 'vitest';
import type { Ending, GenerateOptions } from '../../main/generation/generator.ts';
import { promptText } from '../../main/generation/prompt-text.ts';
import { sideBySide } from '../../main/generation/side-by-side.ts';
import { loadTokenizer } from '../../main/data/tokenizer.ts';
import { resourcePath } from '../../main/app/resources.ts';

async function* says(words: string[], ending: Ending, onToken?: () => void): AsyncGenerator<string, Ending> {
  for (const word of words) {
    await Promise.resolve();
    onToken?.();
    yield word;
  }
  return ending;
}

test('both answers come in turns, the longer one goes on alone', async () => {
  const generator = {
    generate: ({ withoutAdapter, onToken }: GenerateOptions) =>
      withoutAdapter === true ? says(['a', 'b', 'c'], 'length', onToken) : says(['x'], 'end', onToken),
  };
  const heard: string[] = [];
  const options = { prompt: '', maxNewTokens: 3, temperature: 0, topP: 1, seed: 0 };
  const sides = [
    { side: 'base', withoutAdapter: true },
    { side: 'adapter', withoutAdapter: false },
  ];
  const answers = await sideBySide(generator, options, sides, (side, text, tokens) =>
    heard.push(`${side} ${text} ${tokens}`),
  );
  expect(heard).toEqual(['base a 1', 'adapter x 1', 'base b 2', 'base c 3']);
  expect(answers).toMatchObject([
    { side: 'base', text: 'abc', tokens: 3, ending: 'length' },
    { side: 'adapter', text: 'x', tokens: 1, ending: 'end' },
  ]);
});

test('a system prompt stands where the template has a place for it', () => {
  const tokenizer = loadTokenizer(resourcePath('starter-model'));
  expect(promptText('Hi', 'model', tokenizer, 'Be brief.')).toEqual([
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Hi' },
  ]);
  expect(promptText('Hi', 'alpaca', tokenizer, 'Be brief.')).toBe(
    'Be brief.\n\n### Instruction:\nHi\n\n### Response:\n',
  );
  expect(promptText('Hi', 'chatml', tokenizer, 'Be brief.')).toContain('<|im_start|>system\nBe brief.');
  expect(promptText('Hi', 'none', tokenizer, 'Be brief.')).toBe('Hi');
});
