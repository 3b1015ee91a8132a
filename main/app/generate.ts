// Answers a prompt with a model and, if wanted, an adapter on it.
import { resolve } from 'node:path';
import { writeAlpaca } from '../data/templates.ts';
import { loadTokenizer } from '../data/tokenizer.ts';
import type { Message } from '../data/types.ts';
import { generateText } from '../generation/generate.ts';
import { checkRanges, type GenerateRequest } from './generate-request.ts';

/** The text of the answer, piece by piece. Throws UserError for options, model, adapter and device. */
export async function* generate(request: GenerateRequest): AsyncGenerator<string, void> {
  checkRanges(request);
  const { template, prompt, adapter, ...settings } = request;
  const modelPath = resolve(request.model);
  const asked = (): string | Message[] => {
    if (template === 'alpaca') return writeAlpaca({ history: [], instruction: prompt, output: '' }, '').text;
    const isChat = template === 'model' && prompt !== '' && loadTokenizer(modelPath).chatTemplate !== undefined;
    return isChat ? [{ role: 'user', content: prompt }] : prompt;
  };
  yield* generateText({
    ...settings,
    modelPath,
    adapterPath: adapter === undefined ? undefined : resolve(adapter),
    prompt: asked(),
  });
}
