// Ids, decoded text and rendered conversations against Hugging Face's tokenizers and transformers
// (test/parity/tokenizer_goldens.py).
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadTokenizer } from '../../main/data/tokenizer.ts';
import type { Message } from '../../main/data/types.ts';
import { tokenizerFolders } from '../support/real-tokenizers.ts';

type Golden = {
  texts: { text: string; ids: number[]; plain: number[]; decoded: string; decoded_without_special: string }[];
  long_text: { tokens: number; sha256: string };
  chats: { name: string; messages: Message[]; tools?: unknown[]; rendered: string; opening: string; ids: number[] }[];
};

/** The same text as long_text() in the script. */
function longText(): string {
  const words = 'the quick brown fox jumps over a lazy dog while counting numbers and naming colours'.split(' ');
  return Array.from(
    { length: 6000 },
    (_, i) => `${words[(i * i + 3 * i) % words.length] ?? ''}${i % 11 === 0 ? '.' : ''}`,
  ).join(' ');
}

for (const [name, folder] of Object.entries(tokenizerFolders)) {
  if (folder === undefined) {
    test.skip(name);
    continue;
  }
  describe(name, () => {
    const golden = JSON.parse(
      readFileSync(join(import.meta.dirname, '..', 'goldens', 'tokenizers', `${name}.json`), 'utf8'),
    ) as Golden;
    const tokenizer = loadTokenizer(folder);

    test.each(golden.texts)('ids of $text', ({ text, ids, plain }) => {
      expect(tokenizer.encode(text, { specialTokens: false })).toEqual(plain);
      // A text that begins with BOS itself must not get a second one, whatever the library does.
      const doubled = ids.length > 1 && ids[0] === tokenizer.bosId && ids[1] === tokenizer.bosId;
      expect(tokenizer.encode(text)).toEqual(doubled ? ids.slice(1) : ids);
    });

    test.each(golden.texts)('text of the ids of $text', ({ ids, decoded, decoded_without_special }) => {
      // The library drops U+FEFF where it decodes bytes one token each.
      const expected = (text: string) => (name === 'stories260K' ? text.replaceAll('\uFEFF', '') : text);
      expect(tokenizer.decode(ids)).toBe(expected(decoded));
      expect(tokenizer.decode(ids, { skipSpecial: true })).toBe(expected(decoded_without_special));
    });

    test('a long text has the same ids, in little time', () => {
      const start = performance.now();
      const ids = tokenizer.encode(longText());
      expect(performance.now() - start).toBeLessThan(5000);
      expect(ids.length).toBe(golden.long_text.tokens);
      expect(createHash('sha256').update(ids.join(' ')).digest('hex')).toBe(golden.long_text.sha256);
    });

    if (golden.chats.length > 0) {
      test.each(golden.chats)('conversation: $name', ({ messages, tools, rendered, opening, ids }) => {
        const options = tools ? { tools } : {};
        expect(tokenizer.renderChat(messages, options)).toBe(rendered);
        expect(tokenizer.renderChat(messages.slice(0, 1), { ...options, addGenerationPrompt: true })).toBe(opening);
        expect(tokenizer.encode(rendered, { specialTokens: false })).toEqual(ids);
      });
    }
  });
}
