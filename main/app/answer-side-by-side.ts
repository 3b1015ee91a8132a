// Opens a model with an adapter and lets both answer one prompt. Which folders are meant was found out before.
import type { Side, SideAnswer } from '../../preload/contract.ts';
import { TemplateRefusal } from '../data/chat-template.ts';
import { UserError } from '../errors.ts';
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

/** The base alone where there is no adapter. Throws UserError of model, adapter, prompt and template. */
export async function answerSideBySide(
  request: SideBySideRequest,
  tell: ErrandHooks['onProgress'],
): Promise<{ answers: SideAnswer[] }> {
  const { model, adapter, chatTemplate, device, prompt, system, template, ...settings } = request;
  tell({ phase: 'Loading the model', done: 0 });
  const generator = await Generator.open({ modelPath: model, adapterPath: adapter, chatTemplate, device });
  try {
    const base = { side: 'base' as Side, withoutAdapter: true };
    const adapted = { side: 'adapter' as Side, withoutAdapter: false };
    const asked = promptText(prompt, template, generator.tokenizer, system);
    const answers = await sideBySide(
      generator,
      { ...settings, prompt: asked },
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
  } finally {
    await generator.dispose();
  }
}
