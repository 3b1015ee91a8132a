// The vocabulary in a GGUF file's metadata: tokens with their kinds, and which of them begin and end texts.
import type { Metadata } from './metadata.ts';
import { ggufUnsupported } from './problems.ts';

/** llama.cpp's token types, by number from 1. */
const kinds = ['normal', 'unknown', 'control', 'user-defined', 'unused', 'byte'] as const;
export type TokenKind = (typeof kinds)[number];

export type Vocabulary = {
  tokens: readonly string[];
  kindOf: (id: number) => TokenKind;
  bos: number | undefined;
  eos: number | undefined;
  pad: number | undefined;
  unknown: number | undefined;
  /** Ends of a turn, beside eos. */
  otherEnds: number[];
};

/** Tokens that end an answer wherever they occur, by their texts: files often name only one of several. */
const endTexts = new Set(['<|eot_id|>', '<|im_end|>', '<|end|>', '<end_of_turn>', '<|endoftext|>', '<|eom_id|>']);

/** @throws UserError "gguf-unsupported" where the metadata contradicts itself */
export function readVocabulary(metadata: Metadata): Vocabulary {
  const key = (name: string): string => `tokenizer.ggml.${name}`;
  const wrong = (what: string): Error => ggufUnsupported(metadata.path, what);
  const tokens = metadata.texts(key('tokens'));
  if (!tokens || tokens.length === 0) throw wrong('it has no vocabulary (tokenizer.ggml.tokens)');
  const types = metadata.numbers(key('token_type'));
  if (types && types.length !== tokens.length)
    throw wrong(`it has ${types.length} token types for ${tokens.length} tokens`);
  const special = (name: string): number | undefined => {
    const id = metadata.number(key(name));
    // Some files have -1 in 32 bits for none.
    if (id === undefined || id === 0xffffffff || id === -1) return undefined;
    if (Number.isInteger(id) && id >= 0 && id < tokens.length) return id;
    throw wrong(`${key(name)} is ${id}, and there are ${tokens.length} tokens`);
  };
  const kindOf = (id: number): TokenKind => kinds[(types?.[id] ?? 1) - 1] ?? 'normal';
  const eos = special('eos_token_id');
  const named = [special('eot_token_id'), special('eom_token_id')].filter((id) => id !== undefined);
  const byText = tokens.flatMap((token, id) => (kindOf(id) === 'control' && endTexts.has(token) ? [id] : []));
  return {
    tokens,
    kindOf,
    bos: special('bos_token_id'),
    eos,
    pad: special('padding_token_id'),
    unknown: special('unknown_token_id'),
    otherEnds: [...new Set([...named, ...byText])].filter((id) => id !== eos),
  };
}
