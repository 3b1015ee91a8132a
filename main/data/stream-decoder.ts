// Decodes generated tokens one at a time, giving out only text that later tokens cannot change.
import type { TextTokenizer } from './tokenizer.ts';

export type StreamDecoder = {
  /** Text that this token completes; '' while a character is unfinished. */
  push(id: number): string;
  /** What is left at the end, unfinished characters as U+FFFD. */
  end(): string;
};

/** `context` are tokens that stand before (the prompt); they decide about leading spaces and are not given out. */
export function streamDecoder(
  tokenizer: TextTokenizer,
  context: ArrayLike<number> = [],
  skipSpecial = true,
): StreamDecoder {
  // Decoders strip the space of a first token, so some tokens before the new ones are always decoded with them.
  let ids = Array.from(context).slice(-4);
  let known = tokenizer.decode(ids, { skipSpecial });
  const step = (final: boolean) => {
    const text = tokenizer.decode(ids, { skipSpecial });
    if (!final && text.endsWith('\uFFFD')) return '';
    const fresh = text.slice(known.length);
    if (ids.length > 16) {
      ids = ids.slice(-4);
      known = tokenizer.decode(ids, { skipSpecial });
    } else known = text;
    return fresh;
  };
  return {
    push(id) {
      ids.push(id);
      return step(false);
    },
    end: () => step(true),
  };
}
