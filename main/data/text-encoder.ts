// Text -> ids for BPE tokenizers, many times faster than the library: words are remembered, merges are integers.
// Normalizers and pre-tokenizers are the library's; special tokens are cut out first, as it does.
import { Tokenizer } from '@huggingface/tokenizers';
import { bpeOf } from './bpe.ts';
import { isRecord } from './readers/reader.ts';
import { byteAlphabet } from './token-bytes.ts';

export type TextEncoderParts = {
  /** The library's tokenizer, for decoding and the vocabulary. */
  inner: Tokenizer;
  /** Ids of a text without special tokens around it. */
  encode: (text: string) => number[];
};

const WORDS_REMEMBERED = 200_000;
const LONGEST_REMEMBERED = 64;

/** `json` is a tokenizer.json; `config` what the library wants to know besides. Throws what the library throws. */
export function textEncoder(json: Record<string, unknown>, config: object): TextEncoderParts {
  const found = bpeOf(json.model);
  if (!found || !isRecord(json.model)) {
    const inner = new Tokenizer(json, config);
    return { inner, encode: (text) => inner.encode(text, { add_special_tokens: false }).ids };
  }
  const { bpe, vocab } = found;
  const { preTokenizer, bytes } = withoutByteLevel(json.pre_tokenizer);
  // The library's own merge table is not needed and takes most of its memory.
  const inner = new Tokenizer({ ...json, pre_tokenizer: preTokenizer, model: { ...json.model, merges: [] } }, config);
  const idOf = (piece: string): number | undefined => {
    const id = vocab[piece];
    return typeof id === 'number' ? id : undefined;
  };
  const unknown = typeof json.model.unk_token === 'string' ? inner.token_to_id(json.model.unk_token) : undefined;
  const ignoreMerges = json.model.ignore_merges === true;
  const byteIds = bytes ? byteAlphabet.map((character) => idOf(character) ?? -1) : [];
  const fallbackIds = json.model.byte_fallback === true ? byteFallbackIds(idOf) : undefined;

  const encodeWord = (word: string): number[] => {
    if (ignoreMerges) {
      const whole = idOf(bytes ? Array.from(Buffer.from(word), (byte) => byteAlphabet[byte]).join('') : word);
      if (whole !== undefined) return [whole];
    }
    if (bytes) return bpe.merge(Array.from(Buffer.from(word), (byte) => byteIds[byte] ?? -1)).flatMap(known);
    const characters = Array.from(word);
    const symbols = characters.map((character) => idOf(character) ?? -1);
    if (!symbols.includes(-1)) return bpe.merge(symbols);
    // Unknown characters part the word; each is written as its bytes, or as the unknown token.
    const ids: number[] = [];
    let run: number[] = [];
    for (const [i, symbol] of symbols.entries()) {
      if (symbol >= 0) {
        run.push(symbol);
        continue;
      }
      ids.push(...bpe.merge(run), ...fallback(characters[i] ?? ''));
      run = [];
    }
    return [...ids, ...bpe.merge(run)];
  };
  const known = (id: number): number[] => (id >= 0 ? [id] : unknown === undefined ? [] : [unknown]);
  const fallback = (character: string): number[] => {
    const ids = fallbackIds ? Array.from(Buffer.from(character), (byte) => fallbackIds[byte]) : [undefined];
    if (ids.every((id) => id !== undefined)) return ids;
    return unknown === undefined ? [] : [unknown];
  };

  let words = new Map<string, number[]>();
  const wordIds = (word: string): number[] => {
    const remembered = words.get(word);
    if (remembered) return remembered;
    const ids = encodeWord(word);
    if (word.length <= LONGEST_REMEMBERED) {
      if (words.size >= WORDS_REMEMBERED) words = new Map();
      words.set(ownCopy(word), ids);
    }
    return ids;
  };
  const sections = sectionReader(inner);
  const fuseUnknown = json.model.fuse_unk === true;
  return {
    inner,
    encode(text) {
      const ids: number[] = [];
      for (const section of sections(text)) {
        if (typeof section === 'number') {
          ids.push(section);
          continue;
        }
        const start = ids.length;
        for (const word of section) {
          for (const id of wordIds(word)) {
            const fused = fuseUnknown && id === unknown && ids.length > start && ids.at(-1) === unknown;
            if (!fused) ids.push(id);
          }
        }
      }
      return ids;
    },
  };
}

/** A part of a string keeps the whole of it in memory; a remembered word must not hold on to its row. */
function ownCopy(word: string): string {
  return Buffer.from(word, 'utf16le').toString('utf16le');
}

/** GPT-2's byte alphabet makes one string out of each word's bytes; here the bytes are taken as they are. */
function withoutByteLevel(preTokenizer: unknown): { preTokenizer: unknown; bytes: boolean } {
  if (isRecord(preTokenizer) && preTokenizer.type === 'Sequence' && Array.isArray(preTokenizer.pretokenizers)) {
    const steps = preTokenizer.pretokenizers as unknown[];
    const last = steps.at(-1);
    if (isRecord(last) && last.type === 'ByteLevel' && last.use_regex === false && last.add_prefix_space === false) {
      return { preTokenizer: { ...preTokenizer, pretokenizers: steps.slice(0, -1) }, bytes: true };
    }
  }
  return { preTokenizer, bytes: false };
}

/** [256] the tokens <0x00> to <0xFF>. Gemma 2 lacks a few, which are tokens by themselves. */
function byteFallbackIds(idOf: (piece: string) => number | undefined): (number | undefined)[] {
  return Array.from({ length: 256 }, (_, byte) => idOf(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`));
}

/** Cuts added tokens out of a text (as their ids); what lies between comes as the words of the pre-tokenizer. */
function sectionReader(inner: Tokenizer): (text: string) => (number | string[])[] {
  const added = [...inner.get_added_tokens_decoder().values()];
  const { normalizer, pre_tokenizer: preTokenizer } = inner;
  const normalized = normalizer ? added.filter((token) => token.normalized) : [];
  const splitRaw = splitter(
    added.filter((token) => !normalized.includes(token)).map((token) => addedText(token, token.content)),
  );
  const splitNormalized = splitter(
    normalized.map((token) => addedText(token, normalizer?.normalize(token.content) ?? token.content)),
  );
  return (text) =>
    splitRaw(text).flatMap((part, index): (number | string[])[] => {
      if (typeof part === 'number') return [part];
      const normal = normalizer ? normalizer.normalize(part) : part;
      return splitNormalized(normal).map((piece) => {
        if (typeof piece === 'number') return piece;
        return preTokenizer ? preTokenizer.pre_tokenize(piece, { section_index: index }) : [piece];
      });
    });
}

type AddedText = { id: number; text: string; lstrip: boolean; rstrip: boolean; single_word: boolean };

function addedText({ id, lstrip, rstrip, single_word }: Omit<AddedText, 'text'>, text: string): AddedText {
  return { id, text, lstrip, rstrip, single_word };
}

/** As \w of the Rust library: a letter, a digit, or what joins them. */
const endsInWord = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u;
const beginsWithWord = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;

/**
 * The longest token wins where several begin at a place. lstrip and rstrip swallow blanks beside a token; one for single
 * words is none within another.
 */
function splitter(tokens: AddedText[]): (text: string) => (number | string)[] {
  const byText = new Map(tokens.filter((token) => token.text !== '').map((token) => [token.text, token]));
  if (byText.size === 0) return (text) => (text === '' ? [] : [text]);
  const longestFirst = [...byText.keys()].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(longestFirst.map((text) => RegExp.escape(text)).join('|'), 'g');
  return (text) => {
    const parts: (number | string)[] = [];
    let from = 0;
    let stripStart = false;
    const between = (end: number, stripEnd: boolean) => {
      let part = text.slice(from, end);
      if (stripStart) part = part.trimStart();
      if (stripEnd) part = part.trimEnd();
      if (part !== '') parts.push(part);
    };
    for (const match of text.matchAll(pattern)) {
      const token = byText.get(match[0]);
      if (!token) continue;
      const end = match.index + match[0].length;
      // Two UTF-16 units hold any character.
      if (
        token.single_word &&
        (endsInWord.test(text.slice(Math.max(0, match.index - 2), match.index)) ||
          beginsWithWord.test(text.slice(end, end + 2)))
      )
        continue;
      between(match.index, token.lstrip);
      parts.push(token.id);
      from = end;
      stripStart = token.rstrip;
    }
    between(text.length, false);
    return parts;
  };
}
