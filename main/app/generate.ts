// Answers a prompt with a model and, if wanted, an adapter on it.
import { resolve } from 'node:path';
import { loadTokenizer } from '../data/tokenizer.ts';
import { generateText } from '../generation/generate.ts';
import { promptText } from '../generation/prompt-text.ts';
import { checkRanges, type GenerateRequest } from './generate-request.ts';

/** The text of the answer, piece by piece. Throws UserError for options, model, adapter and device. */
export async function* generate(request: GenerateRequest): AsyncGenerator<string, void> {
  checkRanges(request);
  const { template, prompt, adapter, ...settings } = request;
  const modelPath = resolve(request.model);
  yield* generateText({
    ...settings,
    modelPath,
    adapterPath: adapter === undefined ? undefined : resolve(adapter),
    prompt: promptText(prompt, template, loadTokenizer(modelPath)),
  });
}
