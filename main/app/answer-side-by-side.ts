// Lets a model and an adapter on it answer one prompt. Which folders are meant was found out before; what was loaded
// stays for the next question, as long as the process does.
import type { Side, SideAnswer } from '../../preload/contract.ts';
import { TemplateRefusal } from '../data/chat-template.ts';
import { UserError } from '../errors.ts';
import { readyModel } from '../checkpoints/gguf/ready-model.ts';
import { Generator } from '../generation/generator.ts';
import { promptText } from '../generation/prompt-text.ts';
import { sideBySide } from '../generation/side-by-side.ts';
import type { ErrandHooks } from './errand.ts';
import type { GenerateRequest } from './generate-request.ts';

export type SideBySideRequest = Omit<GenerateRequest, 'signal'> & {
  system: string;
  /** Source of the chat template that a run wrote its rows with, where that is known. */
  chatTemplate?: string | undefined;
};

type Surroundings = {
  /** For the model of a GGUF file. */
  cache: string;
  tell: ErrandHooks['onProgress'];
  signal: AbortSignal;
};

/** The model that this process has loaded last, for the next question. */
let loaded: { what: string; generator: Generator } | undefined;

async function generatorFor(
  { model, adapter, chatTemplate, device, rounded }: SideBySideRequest,
  { cache, tell, signal }: Surroundings,
): Promise<Generator> {
  const what = JSON.stringify([model, adapter, chatTemplate, device, rounded]);
  if (loaded?.what === what) return loaded.generator;
  tell({ phase: 'Loading the model', done: 0 });
  await loaded?.generator.dispose();
  loaded = undefined;
  const generator = await Generator.open({
    modelPath: await readyModel(model, cache, {
      onProgress: (progress) => tell({ phase: 'Converting the GGUF file', ...progress }),
      signal,
    }),
    adapterPath: adapter,
    chatTemplate,
    device,
    rounded,
    onRounding: ({ phase, done, total }) => {
      tell({ phase: phase === 'rounding' ? 'Rounding the model to 4 bits' : 'Checking the 4-bit model', done, total });
    },
    signal,
  });
  loaded = { what, generator };
  return generator;
}

/** The base alone where there is no adapter. Throws UserError of model, adapter, prompt and template. */
export async function answerSideBySide(
  request: SideBySideRequest,
  surroundings: Surroundings,
): Promise<{ answers: SideAnswer[] }> {
  const { adapter, prompt, system, template, temperature, topP, maxNewTokens, seed } = request;
  const { tell, signal } = surroundings;
  const generator = await generatorFor(request, surroundings);
  try {
    const base = { side: 'base' as Side, withoutAdapter: true };
    const adapted = { side: 'adapter' as Side, withoutAdapter: false };
    const asked = promptText(prompt, template, generator.tokenizer, system);
    const answers = await sideBySide(
      generator,
      { prompt: asked, temperature, topP, maxNewTokens, seed, signal },
      adapter === undefined ? [base] : [base, adapted],
      (part, text, tokens) => tell({ phase: 'Answering', done: tokens, part, text }),
    );
    return { answers };
  } catch (error) {
    if (!(error instanceof TemplateRefusal)) throw error;
    throw new UserError(
      {
        code: 'prompt-refused',
        message: `The chat template cannot write this prompt: ${error.message}`,
        fix: system === '' ? 'Choose another template.' : 'Leave the system prompt out, or choose another template.',
      },
      { cause: error },
    );
  }
}
