// How a typed prompt is put to a model: the way its training rows were written.
import { chatmlTemplate, type TemplateName, writeAlpaca } from '../data/templates.ts';
import type { TextTokenizer } from '../data/tokenizer.ts';
import type { Message } from '../data/types.ts';

/**
 * model: a user's message where the model has a chat template, else the text as it is; chatml: a user's message in
 * ChatML; alpaca: an instruction; none, or nothing typed: the text to continue. A system prompt becomes a message, with
 * Alpaca the words before the instruction; there is no place for it in a text to continue.
 */
export function promptText(
  prompt: string,
  template: TemplateName,
  tokenizer: TextTokenizer,
  system = '',
): string | Message[] {
  if (prompt === '') return prompt;
  const asMessage: Message[] = [{ role: 'user', content: prompt }];
  if (system !== '') asMessage.unshift({ role: 'system', content: system });
  switch (template) {
    case 'model':
      return tokenizer.chatTemplate === undefined ? prompt : asMessage;
    case 'chatml':
      return tokenizer.compile(chatmlTemplate(tokenizer)).render(asMessage, { addGenerationPrompt: true });
    case 'alpaca':
      return writeAlpaca({ ...(system !== '' && { system }), history: [], instruction: prompt, output: '' }, '').text;
    case 'none':
      return prompt;
  }
}
